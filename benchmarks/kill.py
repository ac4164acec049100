"""Kill a class run at random moments, run it again, and compare the gradebook with an undisturbed one.

    python benchmarks/kill.py [--moments 50] [--students 12] [--seed 1]

Each moment: `course grade` is started, and after a random time one of its processes (the command itself, a worker, a fork
server) gets SIGKILL. If the run is over by then, that is counted. The command is then run to its end. Exit code 1 where any
gradebook differs, or a process is left behind.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nbformat

from autograder.classroom import Classroom
from autograder.prove import make_course
from autograder.simulated import read_notebooks, reference_answers, solve

ROOT = Path(__file__).parents[1]
ASSIGNMENT = "hw0_warmup"
TARGETS = ("command", "worker", "fork server")
GRADES = """
SELECT student.id, base_cell.name, grade.auto_score, grade.needs_manual_grade FROM grade
JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN student ON submitted_assignment.student_id = student.id
JOIN base_cell ON grade.cell_id = base_cell.id ORDER BY 1, 2
"""


def make_class(root: Path, students: int) -> Classroom:
    """Half of the class solved it, the other half handed in the stubs."""
    make_course(root, ROOT / "source" / ASSIGNMENT, settings="c.EngineExporter.unsandboxed = True\n")
    course = Classroom(root)
    course.generate(ASSIGNMENT)
    release = read_notebooks(course.folder("release", ASSIGNMENT))
    solved = solve(release, reference_answers(ASSIGNMENT))
    for number in range(students):
        folder = course.folder("submitted", ASSIGNMENT, f"s{number:03}")
        folder.mkdir(parents=True)
        for name, nb in (solved if number % 2 else release).items():
            nbformat.write(nb, folder / f"{name}.ipynb")
    return course


def command(root: Path) -> list[str]:
    return [sys.executable, "-m", "autograder", "grade", ASSIGNMENT, "--course", str(root), "--unsandboxed"]


def grades(root: Path) -> list[tuple]:
    """Every grade in the gradebook."""
    with sqlite3.connect(root / "gradebook.db") as db:
        return db.execute(GRADES).fetchall()


def family(pid: int) -> dict[int, str]:
    """All descendants of a process: id -> command line."""
    parents: dict[int, int] = {}
    lines: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
                lines[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\\0", b" ").decode(errors="replace")
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    found: dict[int, str] = {}
    for one in lines:
        above, steps = one, 0
        while above in parents and above != pid and steps < 50:
            above, steps = parents[above], steps + 1
        if above == pid and one != pid:
            found[one] = lines[one]
    return found


def victims(pid: int, target: str) -> list[int]:
    """Process ids of one kind in this run."""
    if target == "command":
        return [pid]
    mark = "forkserver.py" if target == "fork server" else "multiprocessing"
    return [one for one, line in family(pid).items() if mark in line and "resource_tracker" not in line]


def disturb(root: Path, target: str, after: float) -> tuple[str, list[int]]:
    """Start a run and kill one of its processes; returns what happened, and who was there at that moment."""
    run = subprocess.Popen(command(root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run.wait(after)
    except subprocess.TimeoutExpired:
        everyone = [run.pid, *family(run.pid)]
        candidates = victims(run.pid, target)
        if not candidates:
            run.wait()
            return f"no {target} yet", everyone
        os.kill(random.choice(candidates), signal.SIGKILL)
        run.wait()
        return f"{target} killed", everyone
    return "over before", []


def alive(pids: list[int]) -> list[int]:
    """Those that still run after a short while."""
    for _ in range(100):
        left = [pid for pid in pids if (Path("/proc") / str(pid)).exists() and not _zombie(pid)]
        if not left:
            return []
        time.sleep(0.05)
    return left


def _zombie(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--students", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    happened: Counter[str] = Counter()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="kill-") as name:
        clean = Path(name) / "clean"
        clean.mkdir()
        make_class(clean, options.students)
        undisturbed = Path(name) / "undisturbed"
        shutil.copytree(clean, undisturbed)
        start = time.monotonic()
        subprocess.run(command(undisturbed), check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        want = grades(undisturbed)
        for number in range(options.moments):
            root = Path(name) / f"run-{number}"
            shutil.copytree(clean, root)
            what, everyone = disturb(root, TARGETS[number % 3], random.uniform(0.2, 1.1) * seconds)
            happened[what] += 1
            left = alive(everyone)
            subprocess.run(command(root), check=True, stdout=subprocess.DEVNULL)
            same = grades(root) == want
            wrong += not same or bool(left)
            print(
                f"{number + 1:3} {what:20} gradebook {'equal' if same else 'DIFFERS'}, left behind: {left or 'nobody'}"
            )
            shutil.rmtree(root)
    print(f"{options.moments} moments, {options.students} students, {seconds:.1f} s undisturbed: {dict(happened)}")
    print(f"{wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
