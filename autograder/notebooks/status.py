"""Every status there is, in one table: how bad it is, how it is shown, what it tells the student, what the TA does.

Whoever needs to know something about a status asks it: `status.open`, `status.needs_ta`, `worst(statuses)`. A new
status is one entry here, at its place between better and worse; pages, report and exports then know it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, Never

Colour = Literal["good", "half", "bad"]  # the classes of page.css
About = Literal["question", "notebook"]
Standing = Literal["settled", "open"]


class UnknownStatusError(ValueError):
    """A word, out of a file, that is no status of this version. Its message is one line."""


class Status(StrEnum):
    """What became of a question, a notebook or a submission, from best to worst. Files hold the word itself.

    rank: the larger, the worse. badge, colour: how the feedback page shows it. about: one question, or a whole notebook
    of which nothing was seen. standing: "settled" where the points may be told; "open" where nobody knows them before a
    person has looked. sentence: for the student. todo: for the TA; "" where there is nothing to do.
    """

    rank: int
    badge: str
    colour: Colour
    about: About
    standing: Standing
    sentence: str
    todo: str

    # fmt: off
    # The word, its badge, the badge's colour, what it is about, its standing;
    # the sentence for the student;
    # what the TA does.
    PASSED = ("passed", "passed", "good", "question", "settled",
              "Everything that was asked for is there.",
              "")
    # The points are nbgrader's or another engine's: nothing else is known of the question.
    GRADED = ("graded", "graded", "good", "question", "settled",
              "",
              "")
    BY_HAND = ("by hand", "graded by a person", "good", "question", "settled",
               "",
               "")
    PARTLY = ("partly", "partly right", "half", "question", "settled",
              "Some of what was asked for is there.",
              "")
    NOT_ATTEMPTED = ("not attempted", "not attempted", "half", "question", "settled",
                     "Not attempted yet: the function still raises NotImplementedError.",
                     "")
    PENDING = ("pending", "not graded yet", "half", "question", "open",
               "A person reads this answer; the points follow.",
               "Open nbgrader's formgrader and read them.")
    WRONG = ("wrong", "not right yet", "bad", "question", "settled",
             "Your code ran, but what it returned is not what was asked for.",
             "")
    ERROR = ("error", "stopped with an error", "bad", "question", "settled",
             "Your code stopped with an error.",
             "")
    TIMED_OUT = ("timed out", "over the time limit", "bad", "question", "settled",
                 "Your code went over its time limit. Is there a loop that never ends?",
                 "Over the time limit: look at the cell.")
    OUT_OF_MEMORY = ("out of memory", "over the memory limit", "bad", "question", "settled",
                     "Your code asked for more memory than it may have.",
                     "Over the memory limit: look at the cell.")
    CRASHED = ("crashed", "ended its process", "bad", "question", "open",
               "Your code ended its process: an exit, or a crash.",
               "Ended the process: look at the cell.")
    UNREADABLE = ("unreadable", "file not readable", "bad", "notebook", "open",
                  "Your notebook could not be read, so nothing could be graded.",
                  "The file could not be read: ask for it again.")
    MISSING = ("missing", "not handed in", "bad", "notebook", "open",
               "This notebook was not handed in.",
               "A notebook is not there: ask for it, or enter the 0 yourself.")
    NOT_HANDED_IN = ("not handed in", "not handed in", "bad", "notebook", "open",
                     "Nothing was handed in.",
                     "Nothing was handed in: ask for it, or enter the 0 yourself.")
    NOT_GRADED = ("not graded", "not graded", "half", "notebook", "open",
                  "Your notebook is there, and has not been graded yet.",
                  "Handed in, and not graded: grade it.")
    INFRASTRUCTURE = ("infrastructure", "not graded", "half", "notebook", "open",
                      "The grader failed here, not you. Your TA knows.",
                      "Not graded, through no fault of theirs: grade them again.")
    # fmt: on

    def __new__(
        cls,
        word: str,
        badge: str = "",
        colour: Colour = "good",
        about: About = "question",
        standing: Standing = "settled",
        sentence: str = "",
        todo: str = "",
    ) -> Status:
        """Make a member from its entry. The defaults are for `Status(word)`: mypy types the look-up by this."""
        status = str.__new__(cls, word)
        status._value_ = word
        status.rank = len(cls.__members__)
        status.badge, status.colour = badge, colour
        status.about, status.standing = about, standing
        status.sentence, status.todo = sentence, todo
        return status

    @classmethod
    def _missing_(cls, value: object) -> Never:
        raise UnknownStatusError(f"{value!r} is no status that this version knows")

    @property
    def open(self) -> bool:
        """Nobody knows the points: a person has to look first."""
        return self.standing == "open"

    @property
    def needs_ta(self) -> bool:
        """There is something for a TA to do; `todo` says what."""
        return self.todo != ""

    @property
    def no_attempt(self) -> bool:
        """Nothing of the notebook was seen: this says nothing about any of its questions, the written ones too."""
        return self.about == "notebook"


def worst(statuses: Iterable[Status]) -> Status:
    """The status that says most about what went wrong; `Status.PASSED` where there is none."""
    return max(statuses, key=lambda status: status.rank, default=Status.PASSED)


def by_points(points: float, max_points: float) -> Status:
    """The status of a question of which nothing but the points is known."""
    if points >= max_points:
        return Status.PASSED
    return Status.PARTLY if points > 0 else Status.WRONG
