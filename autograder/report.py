"""The class report."""

from pathlib import Path


def write_report(classroom, assignment) -> Path:
    return Path("x")
