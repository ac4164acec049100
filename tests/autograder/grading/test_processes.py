"""Cores and memory of the processes of a run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def said_by(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()


def test_workers_take_one_core_each_in_turn() -> None:
    code = (
        "import os, sys\nfrom autograder.grading.processes import take_core\n"
        "take_core(int(sys.argv[1]))\nprint(*os.sched_getaffinity(0))"
    )
    cores = sorted(os.sched_getaffinity(0))
    for number in range(len(cores) + 1):
        assert said_by(code, str(number)) == str(cores[number % len(cores)])


def test_memory_moves_into_huge_pages_and_holds_what_it_held() -> None:
    code = (
        "from autograder.sandboxed.huge_pages import use_huge_pages\n"
        "data = bytearray(range(256)) * 2**17\nbefore = hash(bytes(data))\nuse_huge_pages()\n"
        "assert hash(bytes(data)) == before\nprint(open('/proc/self/smaps_rollup').read())"
    )
    release = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
    if release >= (6, 1) and Path("/sys/kernel/mm/transparent_hugepage").exists():
        huge = (int(re.search(r"AnonHugePages: +(\d+) kB", said_by(code))[1]) for _ in range(20))
        assert any(kib >= 16 * 1024 for kib in huge), (
            "a busy computer has no such pages to give now and then, but not always"
        )
    else:
        said_by(code)
