"""Kill a class run at random moments, run it again, and compare the gradebook and the graded files with an undisturbed run's.

    python benchmarks/kill.py [--moments 50] [--students 60] [--seed 1]

Each moment: `course grade` is started, and at a random time one of its processes (the command itself, a worker, the warm
process that workers are forked from, the fork server) gets SIGKILL: one time in five before the first submission is
graded, else after it. Where the run has no such process then, or is over, another time is drawn. After the kill the command is
run to its end. Exit code 1 where a gradebook or a file differs, or a process is left behind.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from classes import HONEST, make_class
from processes import adopt_orphans, by_kind, course_grade, left_behind

ASSIGNMENT = "hw0_warmup"
TARGETS = ("command", "worker", "warm process", "fork server")

# What a gradebook says, without the ids that each run draws for its rows.
OF_A_CELL = """
JOIN submitted_notebook ON row.notebook_id = submitted_notebook.id
JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN base_cell ON row.cell_id = base_cell.id
"""
AS_MADE = (
    "student",
    "assignment",
    "notebook",
    "base_cell",
    "source_cell",
    "grade_cells",
    "solution_cells",
    "task_cells",
)
QUERIES = {
    **{table: f"SELECT * FROM {table}" for table in AS_MADE},
    "submitted_assignment": "SELECT student_id, timestamp, extension FROM submitted_assignment",
    "submitted_notebook": "SELECT student_id, row.notebook_id, flagged, late_submission_penalty "
    "FROM submitted_notebook AS row JOIN submitted_assignment ON row.assignment_id = submitted_assignment.id",
    "grade": "SELECT student_id, base_cell.name, auto_score, manual_score, extra_credit, needs_manual_grade "
    "FROM grade AS row" + OF_A_CELL,
    "comment": "SELECT student_id, base_cell.name, auto_comment, manual_comment FROM comment AS row" + OF_A_CELL,
}
SECONDS = re.compile(rb'"seconds": [\d.e+-]+')  # the only part of a graded notebook that differs between two runs


def gradebook(root: Path) -> dict[str, list[tuple]]:
    """Table -> its rows."""
    with sqlite3.connect(root / "gradebook.db") as db:
        return {table: sorted(db.execute(query), key=repr) for table, query in QUERIES.items()}


def files(root: Path) -> dict[str, tuple[int, bytes]]:
    """Path -> permissions and bytes of each file in autograded/, but for the seconds that grading took."""
    return {
        str(path.relative_to(root)): (path.stat().st_mode, SECONDS.sub(b"", path.read_bytes()))
        for path in (root / "autograded").rglob("*")
        if path.is_file()
    }


def different(have: dict, want: dict) -> list[str]:
    """What is not the same, with the first place where it is not."""
    found = []
    for key in sorted(have.keys() | want.keys()):
        one, other = repr(have.get(key)), repr(want.get(key))
        if one != other:
            equal = next((at for at, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) == 2), 0)
            at = max(0, equal - 40)
            found.append(f"{key}: {one[at : at + 100]} and undisturbed {other[at : at + 100]}")
    return found


def in_gradebook(root: Path) -> int:
    """How many submissions are in the gradebook now."""
    with sqlite3.connect(f"file:{root / 'gradebook.db'}?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM submitted_assignment").fetchone()[0]


def start(root: Path) -> subprocess.Popen:
    return subprocess.Popen(course_grade(ASSIGNMENT), cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_a_grade(root: Path, run: subprocess.Popen) -> None:
    while run.poll() is None and not (root / "autograded").exists():
        time.sleep(0.01)


def undisturbed(root: Path) -> tuple[float, float]:
    """A run to its end: seconds up to the first grade, and from there on."""
    began = time.monotonic()
    run = start(root)
    wait_for_a_grade(root, run)
    first = time.monotonic()
    if run.wait():
        sys.exit(f"course grade failed: see {root}")
    return first - began, time.monotonic() - first


def disturb(root: Path, target: str, wait: float, after_a_grade: bool) -> int | None:
    """Start a run and kill one of its processes that long after its start, or after its first grade.

    Returns how many submissions were in the gradebook by then; None where there was nothing to kill.
    """
    run = start(root)
    if after_a_grade:
        wait_for_a_grade(root, run)
    time.sleep(wait)
    candidates = by_kind(run.pid)[target] if run.poll() is None else []
    if not candidates:
        run.kill()
        run.wait()
        return None
    graded = in_gradebook(root)
    random.choice(candidates).kill()
    run.wait()
    return graded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--students", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    adopt_orphans()
    killed: Counter[str] = Counter()
    progress: list[int] = []
    missed = wrong = 0
    with tempfile.TemporaryDirectory(prefix="kill-") as name:
        os.environ["TMPDIR"] = name  # a killed command cannot clean up after itself
        clean, run = Path(name) / "clean", Path(name) / "run"
        make_class(clean, ASSIGNMENT, options.students, HONEST)
        shutil.copytree(clean, run)
        start_up, grading = undisturbed(run)
        want = gradebook(run), files(run)
        print(
            f"{options.students} submissions, undisturbed: first grade after {start_up:.1f} s, end {grading:.1f} s later"
        )
        while len(progress) < options.moments:
            number = len(progress)
            target, after_a_grade = TARGETS[number % len(TARGETS)], number % 5 > 0
            shutil.rmtree(run)
            shutil.copytree(clean, run)
            graded = disturb(run, target, random.uniform(0, grading if after_a_grade else start_up), after_a_grade)
            left = left_behind()
            if graded is None:
                missed += 1
                continue
            subprocess.run(course_grade(ASSIGNMENT), cwd=run, check=True, stdout=subprocess.DEVNULL)
            left += left_behind()
            problems = [f"left behind: {one}" for one in left]
            problems += different(gradebook(run), want[0]) + different(files(run), want[1])
            progress.append(graded)
            killed[target] += 1
            wrong += bool(problems)
            verdict = "WRONG" if problems else "gradebook and files equal, nobody left behind"
            print(f"{number + 1:3} {target:12} killed, {graded:3} in the gradebook; after the rerun: {verdict}")
            print("".join(f"      {problem}\n" for problem in problems), end="", flush=True)
    midway = sum(0 < graded < options.students for graded in progress)
    print(f"{len(progress)} kills: {dict(killed)}; {missed} more draws found nothing to kill")
    print(
        f"in the gradebook at the kill: median {statistics.median(progress):g} of {options.students}; {midway} kills in between"
    )
    print(f"{wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
