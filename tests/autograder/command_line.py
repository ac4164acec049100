"""The command `course` as a person starts it, and what a mistake at the keyboard looks like."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def course(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("course")
    return subprocess.run([str(program), *arguments], cwd=cwd, capture_output=True, text=True, timeout=600)


def is_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr
