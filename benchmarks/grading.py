"""Grading speed: stock nbgrader, the engine by configuration alone, `course grade`, and the bare limit, in one run.

    python benchmarks/grading.py [--assignment hw3_optimizers] [--students 30] [--stock 3] [--sizes 10 100] [--plot PNG]

Everybody of the class handed in a right solution. Stock nbgrader grades a few of them only, because it is slow. A
command's own start-up (the same command when everyone is graded) is taken off stock's time and counted in the engine's.
The bare limit is the same notebooks, tests included, by plain `exec` in a forked process that has everything imported:
what no grader can undercut. Memory is the largest sum of proportional set sizes of the command and all it started.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import nbformat

from autograder.classroom import Classroom
from autograder.engine import read_templates
from autograder.job import Job, grade, stop_fork_server
from autograder.prove import make_course
from autograder.simulated import read_notebooks, reference_answers, solve
from autograder.submission import read_cells, rebuild
from exercises import exercises_of
from exercises.grading import sitting

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


# Commands -----------------------------------------------------------------------------------------------------------


class Memory(threading.Thread):
    """The largest sum of proportional set sizes (MiB) of a process and all its descendants."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid, self.peak, self.over = pid, 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(1.0):
            self.peak = max(self.peak, sum(map(_pss, _family(self.pid))))


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children.get(one, [])
    return found


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def timed(command: list[str], root: Path, engine: str) -> tuple[float, float]:
    """Seconds of one command over whoever is not graded yet, and its peak memory (MiB)."""
    start = time.monotonic()
    environment = {**os.environ, "COURSE_ENGINE": engine}
    run = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    memory = Memory(run.pid)
    memory.start()
    output, _ = run.communicate()
    seconds = time.monotonic() - start
    memory.over.set()
    if run.returncode:
        sys.exit(output.decode()[-2000:])
    return seconds, memory.peak


def nbgrader_autograde(assignment: str) -> list[str]:
    return [sys.executable, "-m", "nbgrader", "autograde", assignment]


def course_grade(assignment: str) -> list[str]:
    return [sys.executable, "-m", "autograder", "grade", assignment, "--unsandboxed"]


def run_class(assignment: str, students: int, command: list[str], engine: str) -> tuple[float, float, float]:
    """(seconds of the command on a fresh class, seconds on a graded one, peak MiB)."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        course = make_class(Path(name), assignment, students)
        seconds, peak = timed(command, course.root, engine)
        again, _ = timed(command, course.root, engine)
        shutil.rmtree(course.root / "autograded")
    return seconds, again, peak


# One submission -----------------------------------------------------------------------------------------------------


def execution(assignment: str, repeats: int = 5) -> tuple[float, float]:
    """Median seconds of one submission: by plain exec in a forked process, and by the engine in one process."""
    solved = solve(read_notebooks(ROOT / "release" / assignment), reference_answers(assignment))
    data = {name: nbformat.writes(nb).encode() for name, nb in solved.items()}
    templates = read_templates(ROOT / "source" / assignment)
    built = [rebuild(nbformat.reads(templates[name], 4), read_cells(data[name]))[0] for name in sorted(templates)]
    sources = [[cell.source for cell in nb.cells if cell.cell_type == "code"] for nb in built]
    exercises_of(assignment)  # imported before the fork, as everything is
    import matplotlib.pyplot
    import sklearn.datasets
    import torch

    torch.set_num_threads(1)
    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    matplotlib.pyplot.close("all")
    sklearn.datasets.load_digits()
    bare, engine = [], []
    for number in range(repeats + 1):
        start = time.monotonic()
        for cells in sources:
            _fork_and_exec(cells)
        bare.append(time.monotonic() - start)
        start = time.monotonic()
        result = grade(Job(f"s{number}", assignment, dict(data), templates, unsandboxed=True))
        engine.append(time.monotonic() - start)
        assert result.points == result.max_points, result
    stop_fork_server()
    return statistics.median(bare[1:]), statistics.median(engine[1:])


def _fork_and_exec(cells: list[str]) -> None:
    pid = os.fork()
    if pid == 0:
        namespace = {"__name__": "__main__"}
        try:
            os.chdir(tempfile.gettempdir())
            with (
                warnings.catch_warnings(),
                redirect_stdout(io.StringIO()),
                redirect_stderr(io.StringIO()),
                sitting("s"),
            ):
                warnings.simplefilter("ignore")
                for source in cells:
                    exec(compile(source, "<cell>", "exec"), namespace)
            os._exit(0)
        except BaseException as error:
            os.write(2, f"bare: {error!r}\n".encode())
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    if status:
        sys.exit("a cell failed under plain exec")


# Report -------------------------------------------------------------------------------------------------------------


def plot(path: Path, assignment: str, growth: dict[int, tuple[float, float]], stock: float) -> None:
    """Seconds and memory against class size, beside stock nbgrader's line."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sizes = sorted(growth)
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), width_ratios=(1.6, 1))
    left.loglog(sizes, [growth[size][0] for size in sizes], "o-", color="#0072B2")
    left.loglog(sizes, [stock * size for size in sizes], "--", color="#444444")
    left.annotate("course grade", (sizes[-1], growth[sizes[-1]][0]), (-8, -16), textcoords="offset points", ha="right")
    left.annotate(
        "stock nbgrader, measured × size",
        (sizes[-1], stock * sizes[-1]),
        (-8, 4),
        textcoords="offset points",
        ha="right",
    )
    left.set(title=f"{assignment}: seconds for a class", xlabel="submissions", ylabel="seconds")
    right.semilogx(sizes, [growth[size][1] for size in sizes], "o-", color="#0072B2")
    right.set(title="Peak memory", xlabel="submissions", ylabel="MiB", ylim=(0, None))
    for ax in (left, right):
        ax.grid(alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    fig.tight_layout()
    fig.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assignment", default="hw3_optimizers")
    parser.add_argument("--students", type=int, default=30, help="class size")
    parser.add_argument("--stock", type=int, default=3, help="how many of them stock nbgrader grades")
    parser.add_argument("--sizes", type=int, nargs="*", default=[], help="class sizes for growth, `course grade` only")
    parser.add_argument("--plot", type=Path, help="write the growth as a PNG")
    options = parser.parse_args()
    name = options.assignment
    print(f"{name}: seconds per submission, {os.cpu_count()} cores, {options.students} submissions")
    graded, start_up, _ = run_class(name, options.stock, nbgrader_autograde(name), "off")
    stock = (graded - start_up) / options.stock
    print(
        f"  stock nbgrader                    {stock:7.2f}   ({options.stock} submissions, start-up taken off)",
        flush=True,
    )
    configured, _, _ = run_class(name, options.students, nbgrader_autograde(name), "on")
    each = configured / options.students
    print(f"  nbgrader autograde, engine on     {each:7.2f}   {stock / each:6.1f} times faster", flush=True)
    whole, _, peak = run_class(name, options.students, course_grade(name), "on")
    each = whole / options.students
    print(
        f"  course grade                      {each:7.2f}   {stock / each:6.1f} times faster, peak {peak:.0f} MiB",
        flush=True,
    )
    bare, engine = execution(name)
    print(f"  one submission, plain exec        {bare:7.2f}   (forked, all imported: the limit of one process)")
    print(f"  one submission, engine            {engine:7.2f}   {engine / bare:6.2f} times the limit", flush=True)
    growth = {}
    for size in options.sizes:
        seconds, _, peak = run_class(name, size, course_grade(name), "on")
        growth[size] = seconds, peak
        print(
            f"  {size:5} submissions {seconds:8.1f} s, {seconds / size:6.3f} s each, peak {peak:5.0f} MiB", flush=True
        )
    if options.plot and growth:
        plot(options.plot, name, growth, stock)


if __name__ == "__main__":
    main()
