"""The tests of autograder/ stand in its folders: tests/autograder/wall/test_ladder.py is about autograder/wall/ladder.py.

A module without a file of its own is tested through those that use it; a file of tests without its module has lost it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path.relative_to(ROOT / "tests") for path in (ROOT / "tests" / "autograder").rglob("test_*.py"))


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_of_tests_has_its_module(path: Path) -> None:
    module = path.with_name(path.name.removeprefix("test_"))
    assert (ROOT / module).is_file(), f"tests/{path} is named for {module}, which is not there"


def test_there_are_files_to_look_at() -> None:
    assert len({path.parent for path in FILES}) >= 6
