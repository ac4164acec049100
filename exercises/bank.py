"""The exercise bank's vocabulary: `Exercise`, `Check`, `Misconception`.

One `Exercise` per graded function. It is used four times: by the hidden tests, by the proof that the hidden tests
are good, by the feedback, and by the simulated class of `course demo`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from exercises import grading
from exercises.observation import Answer, Observation
from exercises.seeds import generator
from exercises.verdict import Verdict


@dataclass(frozen=True)
class Check:
    """One property of an answer, observed as data.

    name: the property in a student's words, as the statement names it ("shift invariance"); shown when it fails.
    observe: `observe(answer, rng)` -> observation. It makes its inputs from `rng` (fresh per student), calls the
    answer,
        and returns what it saw. It never compares.
    points: what the property is worth.
    rtol, atol: an observation within `atol + rtol·|wanted|` passes.
    expect: `expect(rng)` -> the wanted observation, from theory, for answers that are random by nature; by default the
        reference's own observation is wanted.
    hint: one sentence for a student who fails this check and no misconception is recognised; no number of the test.
    """

    name: str
    observe: Callable[[Answer, np.random.Generator], Observation]
    points: float
    rtol: float = 1e-9
    atol: float = 1e-12
    expect: Callable[[np.random.Generator], Observation] | None = None
    hint: str = ""


@dataclass(frozen=True)
class Misconception:
    """A wrong answer which students really write.

    answer: the wrong function (a `def`, or `edited(reference, ...)`), self-contained.
    hint: 80-160 simple words: the idea and where to look, one way only, no solution code, no number of a hidden test.
    core: it must fail a visible test too.
    source: where it was seen.
    """

    answer: Answer
    hint: str
    core: bool = False
    source: str = ""


@dataclass(frozen=True)
class Exercise:
    """One graded function: its reference, other right answers, wrong answers, and the checks that tell them apart.

    reference: the slow, obvious version, named `_` + the function's name.
    accepted: other right ways; full marks. Each is self-contained: only `np`, `torch`, `math` and its own imports.
    witnesses: library one-liners (`torch.logsumexp`) which `grade()` must accept because the numbers are right, but
    which
        a student may not hand in (see `banned`).
    misconceptions: name -> Misconception.
    banned: dotted names ("torch.logsumexp", "scipy.special") that a solution may not use; enforced by the engine,
        never by `grade()`.
    bonus: its points come on top of the assignment's: they count in the score, not in the maximum that students and
        LMSs are told. (nbgrader's own maximum counts them; it knows no bonus.)
    """

    reference: Answer
    checks: Sequence[Check]
    misconceptions: Mapping[str, Misconception]
    accepted: Mapping[str, Answer] = field(default_factory=dict)
    witnesses: Mapping[str, Answer] = field(default_factory=dict)
    banned: Sequence[str] = ()
    bonus: bool = False

    @cached_property
    def name(self) -> str:
        return self.reference.__name__.removeprefix("_")

    @cached_property
    def points(self) -> float:
        return float(sum(check.points for check in self.checks))

    def rng(self, check: Check, student: str) -> np.random.Generator:
        """The generator of one check for one student: fresh per student, the same at every regrade."""
        return generator(self.name, check.name, student)

    def grade(self, answer: Answer, student: str | None = None) -> Verdict:
        """Grade any callable, local or behind a proxy."""
        return grading.grade(self, answer, student)
