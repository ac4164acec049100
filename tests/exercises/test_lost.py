"""What is raised where an answer gives no observation: whose business it is, and what a check may catch."""

from __future__ import annotations

import pytest

from exercises.lost import AnswerCrashed, AnswerLost, AnswerOutOfMemory, AnswerTimedOut, InfrastructureError


@pytest.mark.parametrize(
    ("lost", "status"),
    [(AnswerCrashed, "crashed"), (AnswerTimedOut, "timed out"), (AnswerOutOfMemory, "out of memory")],
)
def test_a_lost_answer_has_the_status_of_its_verdict(lost, status):
    assert lost.status == status
    assert issubclass(lost, AnswerLost)


def test_our_own_failure_slips_through_whatever_a_check_catches():
    def careless():
        try:
            raise InfrastructureError("no fork server")
        except Exception:
            return "caught"

    with pytest.raises(InfrastructureError):
        careless()
