"""What is raised where an answer gives no observation at all: its process was lost, or something of ours failed.

AnswerLost                   the student's business: a status of the verdict
├── AnswerTimedOut
├── AnswerOutOfMemory
└── AnswerCrashed
InfrastructureError          ours: no grade comes of it
"""

from __future__ import annotations


class AnswerLost(Exception):
    """The answer's process was lost during a call. `status` is the verdict's word for it."""

    status = "crashed"


class AnswerTimedOut(AnswerLost):
    """The call went over its CPU or wall-clock deadline."""

    status = "timed out"


class AnswerOutOfMemory(AnswerLost):
    """The call went over its memory limit."""

    status = "out of memory"


class AnswerCrashed(AnswerLost):
    """The process died (exit, segmentation fault, kill) or broke the protocol."""


class InfrastructureError(BaseException):
    """Our own failure (no fork server, no memory left on the host): never a grade. Not caught by checks."""
