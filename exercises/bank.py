"""The exercise bank's vocabulary: `Exercise`, `Check`, `Misconception`.

One `Exercise` per graded function. It is used four times: by the hidden tests, by the proof that the hidden tests
are good, by the feedback, and by the simulated class of `course demo`. `docs/write_an_exercise.md` writes one, step by
step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, overload

import numpy as np

from exercises import grading
from exercises.observation import Answer, Observation
from exercises.seeds import generator
from exercises.sources import edited
from exercises.verdict import Verdict

Observe = Callable[[Answer, np.random.Generator], Observation]
Expect = Callable[[np.random.Generator], Observation]
AnObserve = TypeVar("AnObserve", bound=Observe)
AnAnswer = TypeVar("AnAnswer", bound=Answer)


@dataclass(frozen=True)
class Check:
    """One property of an answer, observed as data. It is written down with `Exercise.check`.

    name: the property in a student's words, as the statement names it ("shift invariance"); shown when it fails.
    observe: `observe(answer, rng)` -> observation. It makes its inputs from `rng` (fresh per student), calls the
        answer, and returns what it saw. It never compares.
    points: what the property is worth.
    rtol, atol: an observation within `atol + rtol·|wanted|` passes.
    expect: `expect(rng)` -> the wanted observation, from theory, for answers that are random by nature; by default the
        reference's own observation is wanted.
    hint: one sentence for a student who fails this check, where no misconception is recognised; no number of the test.
    """

    name: str
    observe: Observe
    points: float
    rtol: float = 1e-9
    atol: float = 1e-12
    expect: Expect | None = None
    hint: str = ""


@dataclass(frozen=True)
class Misconception:
    """A wrong answer which students really write. It is written down with `Exercise.mistake`.

    answer: the wrong function, self-contained.
    hint: 80-160 simple words: the idea and where to look, one way only, no solution code, no number of a hidden test.
    core: it must fail a visible test too.
    source: where it was seen.
    """

    answer: Answer
    hint: str
    core: bool = False
    source: str = ""


def plain(text: str) -> str:
    """The text in one line, each white space one blank: hints are written in paragraphs of triple quotes.

    >>> plain('''
    ...     Count again.
    ...     Then look.
    ... ''')
    'Count again. Then look.'
    """
    return " ".join(text.split())


@dataclass(eq=False)
class Exercise:
    """One graded function: its reference, other right answers, wrong answers, and the checks that tell them apart.

    reference: the slow, obvious version, named `_` + the function's name.
    accepted: other right ways; full marks. Each is self-contained: only `np`, `torch`, `math` and its own imports.
    witnesses: library one-liners (`torch.logsumexp`) which `grade()` must accept because the numbers are right, but
        which a student may not hand in (see `banned`).
    banned: dotted names ("torch.logsumexp", "scipy.special") that a solution may not use; enforced by the engine,
        never by `grade()`.
    bonus: its points come on top of the assignment's: they count in the score, not in the maximum that students and
        LMSs are told. (nbgrader's own maximum counts them; it knows no bonus.)
    checks, misconceptions: filled by `check` and `mistake`, in the order in which they are written down.

    >>> def _double(x):
    ...     return 2 * x
    >>> double = Exercise(reference=_double, accepted={"a sum": lambda x: x + x})

    >>> @double.check("twice the number", points=1, hint="Try a 1.")
    ... def _any_number(f, rng):
    ...     return f(rng.uniform(1, 2))

    >>> @double.check("arrays too", points=0.5)
    ... def _arrays(f, rng):
    ...     return f(rng.normal(size=3))

    >>> @double.mistake("squared", core=True, hint="You multiply the number with itself.")
    ... def _squared(x):
    ...     return x * x

    >>> print(double.grade(_double, student="ada").report())
    double: 1.5 of 1.5 points (passed)
      ok  twice the number
      ok  arrays too
    >>> print(double.grade(lambda x: x**2, student="ada").report())
    double: 0 of 1.5 points (wrong)
      NO  twice the number - Try a 1.
      NO  arrays too
    <BLANKLINE>
    You multiply the number with itself.
    """

    reference: Answer
    accepted: Mapping[str, Answer] = field(default_factory=dict)
    witnesses: Mapping[str, Answer] = field(default_factory=dict)
    banned: Sequence[str] = ()
    bonus: bool = False
    checks: Sequence[Check] = ()
    misconceptions: Mapping[str, Misconception] = field(default_factory=dict)

    @cached_property
    def name(self) -> str:
        """The function's name, as students write it."""
        return self.reference.__name__.removeprefix("_")

    @property
    def points(self) -> float:
        """What all checks are worth together."""
        return float(sum(check.points for check in self.checks))

    def check(
        self,
        name: str,
        *,
        points: float,
        rtol: float = 1e-9,
        atol: float = 1e-12,
        expect: Expect | None = None,
        hint: str = "",
    ) -> Callable[[AnObserve], AnObserve]:
        """Write down a check, above the function `observe(answer, rng)` that looks: see `Check`.

        Raises ValueError where the exercise has a check of this name already.
        """

        def add(observe: AnObserve) -> AnObserve:
            self._must_be_new("check", name, [check.name for check in self.checks])
            self.checks = (*self.checks, Check(name, observe, points, rtol, atol, expect, plain(hint)))
            return observe

        return add

    @overload
    def mistake(
        self, name: str, *, core: bool = False, hint: str, source: str = ""
    ) -> Callable[[AnAnswer], AnAnswer]: ...

    @overload
    def mistake(
        self,
        name: str,
        *,
        edits: Sequence[tuple[str, str]],
        of: Answer | None = None,
        core: bool = False,
        hint: str,
        source: str = "",
    ) -> Answer: ...

    def mistake(
        self,
        name: str,
        *,
        edits: Sequence[tuple[str, str]] = (),
        of: Answer | None = None,
        core: bool = False,
        hint: str,
        source: str = "",
    ) -> Answer:
        """Write down a misconception: above the wrong function, or as `edits` of a right one. See `Misconception`.

        edits: `(old, new)` texts. The wrong answer is the reference with each `old` replaced; it must occur exactly once.
        of: the function that is edited, where it is not the reference.

        Returns the wrong answer that was made by edits, or else the decorator. Raises ValueError where the exercise has
        a misconception of this name already, and where an edit does not fit.

        >>> def _double(x):
        ...     return 2 * x
        >>> double = Exercise(reference=_double)
        >>> tripled = double.mistake("tripled", edits=[("2 *", "3 *")], hint="Count again.")
        >>> tripled(5)
        15
        >>> double.mistake("halved", edits=[("x / 2", "2 * x")], hint="The other way round.")
        Traceback (most recent call last):
        ValueError: edited(_double): 'x / 2' occurs 0 times, wanted once
        """

        def add(answer: AnAnswer) -> AnAnswer:
            self._must_be_new("misconception", name, self.misconceptions)
            self.misconceptions = {**self.misconceptions, name: Misconception(answer, plain(hint), core, source)}
            return answer

        if edits:
            return add(edited(of or self.reference, *edits))
        if of is not None:
            raise ValueError(f"{self.name}: {name!r} says what is edited (of=), and there are no edits")
        return add

    def _must_be_new(self, kind: str, name: str, taken: Collection[str]) -> None:
        if name in taken:
            raise ValueError(f"{self.name}: there is a {kind} named {name!r} already")

    def rng(self, check: Check, student: str) -> np.random.Generator:
        """The generator of one check for one student: fresh per student, the same at every regrade."""
        return generator(self.name, check.name, student)

    def grade(self, answer: Answer, student: str | None = None) -> Verdict:
        """Grade any callable, local or behind a proxy."""
        return grading.grade(self, answer, student)
