"""A long class run with mishaps in it: does it leak processes, file handles, memory or files, and is anybody touched?

    python benchmarks/soak.py [--students 1000] [--every 5] [--workers N]

The class is the small assignment of the tests (`logsumexp`, `log_sigmoid`), for which the red team's mishaps are written:
every fifth submission is one of them in turn; the others are right answers and misconceptions from the exercise bank. `course
grade` runs as a command of its own and is looked at twice a second.

Exit code 1 where
- an honest submission's points differ from those it gets without mishaps around it, or a mishap costs points it should not;
- between the second and the last quarter of the submissions the median of a kind of process grows by more than 4 processes,
  4 file handles, or 15 % and 16 MiB of resident memory (student processes come and go: of them only the number counts);
- a process, a file in the temporary folder or one of the command's semaphores in /dev/shm is left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import nbformat
import psutil
from classes import HONEST, ROOT, students
from processes import adopt_orphans, by_kind, course_grade, left_behind

from autograder.commands.simulated_class import notebooks_of
from autograder.course.attention import reasons_for_a_ta
from autograder.course.classroom import Classroom

sys.path += [str(ROOT / "tests" / "autograder"), str(ROOT / "tests" / "attacks")]
import courses
from mishaps import MISHAPS, Mishap, lay, shares

BANK = "hw1_log_probabilities"  # where the bank keeps the two exercises
SETTINGS = "c.Limits.cpu_seconds = 2.0\nc.Limits.notebook_seconds = 20.0\nc.Limits.memory_mib = 1024\n"
PERIOD = 0.5  # seconds between two looks
PROCESSES, HANDLES, RESIDENT, SHARE = "processes", "file handles", "resident MiB", "proportional MiB"
QUANTITIES = (PROCESSES, HANDLES, RESIDENT, SHARE)


# The class ----------------------------------------------------------------------------------------------------------


def make_class(root: Path, number: int, every: int, mishaps: bool) -> tuple[Classroom, dict[str, Mishap]]:
    """The course folder, and who of the class had which mishap; they hand in nothing where mishaps are left out."""
    course = courses.make(root, SETTINGS)
    release = {courses.NOTEBOOK: courses.release_of(course)}
    solved = courses.solved(course)
    happens = cycle(MISHAPS.values())
    unlucky = {}
    for index, student in enumerate(students(release, number, HONEST)):
        folder = course.folder("submitted", courses.ASSIGNMENT, student.name)
        if index % every == every - 1:
            unlucky[student.name] = next(happens)
            if mishaps:
                lay(folder, unlucky[student.name], solved)
            continue
        folder.mkdir(parents=True)
        for name, nb in (notebooks_of(student, BANK, release) or {}).items():
            nbformat.write(nb, folder / f"{name}.ipynb")
    return course, unlucky


# The run ------------------------------------------------------------------------------------------------------------


@dataclass
class Sample:
    """One look at a run: (quantity, kind of process) -> amount."""

    graded: int
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass
class Run:
    """What was seen of one run."""

    code: int = 0
    output: str = ""
    seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def look(pid: int, graded: int) -> Sample:
    sample = Sample(graded)
    for kind, processes in by_kind(pid).items():
        sample.seen[PROCESSES, kind] = len(processes)
        for process in processes:
            with contextlib.suppress(psutil.Error):  # gone since; or behind the wall, and we are not root
                sample.seen[HANDLES, kind] += process.num_fds()
                memory = process.memory_full_info()
                sample.seen[RESIDENT, kind] += memory.rss / 2**20
                sample.seen[SHARE, kind] += memory.pss / 2**20
    return sample


def semaphores(pid: int) -> set[str]:
    """What the command itself has in shared memory: on a machine that others use too, /dev/shm holds theirs as well."""
    try:
        return {one.path for one in psutil.Process(pid).memory_maps() if one.path.startswith("/dev/shm/")}
    except psutil.Error:
        return set()


def run_class(course: Classroom, workers: int) -> Run:
    """`course grade` with a temporary folder of its own, looked at until it ends."""
    done, shared = Run(), set()
    with tempfile.TemporaryDirectory(prefix="soak-tmp-") as name, tempfile.TemporaryFile() as output:
        start = time.monotonic()
        command = subprocess.Popen(
            course_grade(courses.ASSIGNMENT, workers),
            cwd=course.root,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": name},
        )
        while command.poll() is None:
            done.samples.append(look(command.pid, len(list(course.root.glob("autograded/*")))))
            shared |= semaphores(command.pid)
            time.sleep(PERIOD)
        done.code, done.seconds = command.wait(), time.monotonic() - start
        done.left = [f"process {one}" for one in left_behind()]
        done.left += sorted(path for path in shared if Path(path).exists())
        done.left += sorted(str(path) for path in Path(name).iterdir())
        output.seek(0)
        done.output = output.read().decode(errors="replace")
    return done


# What was seen ------------------------------------------------------------------------------------------------------


def median(samples: list[Sample], quantity: str, kind: str) -> float:
    return statistics.median(sample.seen[quantity, kind] for sample in samples)


def growth(samples: list[Sample], total: int) -> list[str]:
    """What grows between the second and the last quarter of the class, in words."""
    second = [sample for sample in samples if 0.25 <= sample.graded / total < 0.5]
    last = [sample for sample in samples if 0.75 <= sample.graded / total < 1]
    if not second or not last:
        return ["the class is too small to see a leak"]
    found = []
    for quantity, kind in sorted(set().union(*(sample.seen for sample in samples))):
        if quantity == SHARE or (kind == "student" and quantity != PROCESSES):
            continue  # the share of a fork server depends on how many students share with it
        before, after = median(second, quantity, kind), median(last, quantity, kind)
        if after > (max(1.15 * before, before + 16) if quantity == RESIDENT else before + 4):
            found.append(f"{quantity} of {kind}: {before:.0f} in the second quarter, {after:.0f} in the last")
    return found


def show(samples: list[Sample], total: int) -> None:
    """The four quantities of each kind around 10 %, 50 % and 100 % of the class."""
    columns = [sorted(samples, key=lambda one: abs(one.graded - share * total))[:5] for share in (0.1, 0.5, 1)]
    print(" " * 18 + "".join(f"{quantity:^24}" for quantity in QUANTITIES))
    print(" " * 18 + "".join(f"{share:>7}" for share in ("10 %", "50 %", "100 %")).ljust(24) * len(QUANTITIES))
    for kind in sorted({kind for sample in samples for _, kind in sample.seen}):
        cells = [[median(column, quantity, kind) for column in columns] for quantity in QUANTITIES]
        if not any(cells[0]):
            continue  # seen once, between two states
        print(f"  {kind:16}" + "".join("".join(f"{cell:7.0f}" for cell in three).ljust(24) for three in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--every", type=int, default=5, help="every so many-th submission is a mishap")
    parser.add_argument("--workers", type=int, default=0, help="0: one per core")
    options = parser.parse_args()
    total = options.students
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        alone, unlucky = make_class(Path(name) / "alone", total, options.every, mishaps=False)
        course, _ = make_class(Path(name) / "class", total, options.every, mishaps=True)
        quiet = run_class(alone, options.workers)
        wanted = {one.student: shares(one) for one in alone.results(courses.ASSIGNMENT)}
        if quiet.code:
            sys.exit(f"without mishaps course grade ended with {quiet.code}:\n{quiet.output[-2000:]}")
        print(f"{len(wanted)} honest submissions alone: {quiet.seconds:.0f} s", flush=True)
        run = run_class(course, options.workers)
        results = course.results(courses.ASSIGNMENT)
        ungraded = course.ungraded(courses.ASSIGNMENT, results)
    found = {one.student: shares(one) for one in results}
    problems = [f"course grade ended with {run.code}: {run.output[-500:]}"] if run.code else []
    problems += [f"{student} was not graded" for student in ungraded]
    problems += [
        f"{student}: {found.get(student)}, alone {want}"
        for student, want in wanted.items()
        if found.get(student) != want
    ]
    for student, mishap in unlucky.items():
        full = {exercise for exercise, share in found.get(student, {}).items() if share == 1}
        if full != mishap.full:
            what = next(name for name, one in MISHAPS.items() if one is mishap)
            problems.append(
                f"{student} ({what}): full points for {full or 'nothing'}, wanted {mishap.full or 'nothing'}"
            )
    grading = [sample for sample in run.samples if 0 < sample.graded < total]
    problems += growth(grading, total)
    problems += [f"left behind: {one}" for one in run.left]
    statuses = Counter(one.status for one in results)
    print(f"{total} submissions, {len(unlucky)} of them mishaps: {run.seconds:.0f} s, {len(run.samples)} looks")
    print("  " + ", ".join(f"{count} {status}" for status, count in statuses.most_common()))
    reasons = reasons_for_a_ta(results, ungraded, {})
    print("  for the TA: " + (", ".join(f"{len(reason.rows)} {reason.title}" for reason in reasons) or "nobody"))
    show(grading, total)
    print("\n".join(problems) or "no leak, nothing left behind, nobody touched")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
