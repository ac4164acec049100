"""Grading speed beside stock nbgrader, on the same class, in one run.

    python benchmarks/grading.py [--students 30] [--stock 5] [--assignment hw1_log_probabilities]

Both are plain `nbgrader autograde`, started as a command; COURSE_ENGINE=off is stock nbgrader. Stock grades only the first few
students, because it is slow; its seconds are given per submission, start-up taken off (a run on nobody new).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from autograder.classroom import Classroom
from autograder.prove import make_course
from autograder.simulated import read_notebooks, reference_answers, solve

ROOT = Path(__file__).parents[1]


def make_class(root: Path, assignment: str, students: int) -> Classroom:
    """A course folder in which so many students handed in right solutions."""
    make_course(root, ROOT / "source" / assignment, settings="c.EngineExporter.unsandboxed = True\n")
    course = Classroom(root)
    course.generate(assignment)
    solved = solve(read_notebooks(course.folder("release", assignment)), reference_answers(assignment))
    for number in range(students):
        folder = course.folder("submitted", assignment, f"s{number:04}")
        folder.mkdir(parents=True)
        for name, nb in solved.items():
            nbformat.write(nb, folder / f"{name}.ipynb")
    return course


def autograde(course: Classroom, assignment: str, engine: str) -> float:
    """Seconds of one `nbgrader autograde` over whoever is not graded yet."""
    start = time.monotonic()
    command = [sys.executable, "-m", "nbgrader", "autograde", assignment]
    done = subprocess.run(command, cwd=course.root, capture_output=True, env={**os.environ, "COURSE_ENGINE": engine})
    if done.returncode:
        sys.exit(done.stderr.decode()[-2000:])
    return time.monotonic() - start


def seconds_each(assignment: str, students: int, engine: str) -> float:
    """Seconds per submission, the command's own start-up taken off."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        course = make_class(Path(name), assignment, students)
        graded = autograde(course, assignment, engine)
        start_up = autograde(course, assignment, engine)  # everyone is graded: only the start is left
        shutil.rmtree(course.root / "autograded")
    return (graded - start_up) / students


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=30, help="class size for the engine")
    parser.add_argument("--stock", type=int, default=5, help="class size for stock nbgrader")
    parser.add_argument("--assignment", default="hw1_log_probabilities")
    options = parser.parse_args()
    stock = seconds_each(options.assignment, options.stock, "off")
    engine = seconds_each(options.assignment, options.students, "on")
    print(f"{options.assignment}: seconds per submission, {os.cpu_count()} cores")
    print(f"  stock nbgrader  {stock:7.2f}   ({options.stock} submissions)")
    print(f"  engine          {engine:7.2f}   ({options.students} submissions, fork servers' start included)")
    print(f"  ratio           {stock / engine:7.1f}")


if __name__ == "__main__":
    main()
