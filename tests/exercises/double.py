"""A small exercise for the tests of the grader, and answers to it that fail."""

from __future__ import annotations

import numpy as np

from exercises import Check, Exercise, Misconception, edited
from exercises.observation import untouched


def _double(x):
    return 2.0 * x


def _double_in_place(x):
    x *= 2.0
    return x


def _values(f, rng):
    return f(rng.uniform(1, 2, size=3))


def _zero(f, rng):
    return [f(0.0), f(rng.uniform(3, 4))]


def _purity(f, rng):
    x = rng.uniform(1, 2, size=2)
    return [untouched(f, x.copy()), f(x.copy())]


double = Exercise(
    reference=_double,
    accepted={"added to itself": lambda x: x + x},
    checks=[
        Check("ordinary values", _values, points=1.5, hint="Try a 1."),
        Check("zero stays zero", _zero, points=0.5),
        Check("the input is left as it was", _purity, points=1),
    ],
    misconceptions={
        "tripled": Misconception(edited(_double, ("2.0 * x", "3.0 * x")), hint="Count again.", core=True),
        "in place": Misconception(_double_in_place, hint="Make a new array."),
        "one added": Misconception(edited(_double, ("2.0 * x", "2.0 * x + 1")), hint="Twice, and nothing more."),
    },
)


def raiser(error):
    def answer(*args, **kwargs):
        raise error

    return answer


def only_for_arrays(error):
    """Right for numbers, and `error` for arrays: one check of three survives."""

    def answer(x):
        if isinstance(x, np.ndarray):
            raise error
        return 2.0 * x

    return answer
