"""Which questions are a bonus: their points count in the score, and not in the maximum that people and LMSs are told.

nbgrader knows no bonus: its `max_score` counts every cell. The bank says which exercise is one (`Exercise.bonus`).
"""

from __future__ import annotations

from functools import cache

from exercises import find


@cache
def is_bonus(question: str) -> bool:
    """Does the bank say that this question's points come on top? A question that is not in the bank is none."""
    try:
        return find(question).bonus
    except KeyError:
        return False
