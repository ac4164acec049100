"""Grading speed: stock nbgrader, the engine by configuration alone, `course grade`, and the bare limit, in one run.

    python benchmarks/grading.py [--assignment hw3_optimizers] [--students 30] [--stock 1] [--sizes 10 100 1000 --plot [PNG]]

Everybody of the class handed in a right solution. Stock nbgrader grades a few of them only, because it is slow: some before, some
after and some between the other measurements, because a virtual machine's speed changes within minutes. The median counts. A
command's own start-up (the same command when everyone is graded) is taken off stock's time and counted in the engine's.
The bare limit is the same notebooks, tests included, by plain `exec` in a forked process that has everything imported:
what no grader can undercut. Memory is the largest sum of proportional set sizes of the command and all it started.
"""

from __future__ import annotations

import argparse
import contextlib
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
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import nbformat
import psutil
from classes import RIGHT, ROOT, make_class
from processes import by_kind, course_grade

from autograder.commands.simulated_class import read_notebooks, reference_answers, solve
from autograder.grading.job import Job, grade_submission, stop_fork_server
from autograder.notebooks.read import read_cells
from autograder.notebooks.rebuild import rebuild
from autograder.notebooks.template import read_templates
from exercises import exercises_of
from exercises.grading import sitting

PLOT = ROOT / "docs" / "grading_speed.png"
STOCK = "stock nbgrader"
LIMIT = "one submission, plain exec"

# Commands -----------------------------------------------------------------------------------------------------------


class Memory(threading.Thread):
    """The largest sum of proportional set sizes (MiB) of a process and all its descendants."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid, self.peak, self.over = pid, 0.0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(2.0):
            shares = 0.0
            for process in chain.from_iterable(by_kind(self.pid).values()):
                with contextlib.suppress(psutil.Error):  # gone since; or behind the wall, and we are not root
                    shares += process.memory_full_info().pss / 2**20
            self.peak = max(self.peak, shares)


class Run(NamedTuple):
    """One command: its seconds, its peak memory (MiB), and the share of the cores' time that the host gave to others."""

    seconds: float
    peak: float
    stolen: float


def timed(command: list[str], root: Path, engine: str) -> Run:
    """One command over whoever is not graded yet."""
    start, before = time.monotonic(), psutil.cpu_times()
    environment = {**os.environ, "COURSE_ENGINE": engine}
    run = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    memory = Memory(run.pid)
    memory.start()
    output, _ = run.communicate()
    seconds, after = time.monotonic() - start, psutil.cpu_times()
    memory.over.set()
    if run.returncode:
        sys.exit(output.decode()[-2000:])
    stolen = (after.steal - before.steal) / (sum(after[:8]) - sum(before[:8]))  # guests are counted in user
    return Run(seconds, memory.peak, stolen)


def nbgrader_autograde(assignment: str) -> list[str]:
    return [sys.executable, "-m", "nbgrader", "autograde", assignment]


def run_class(assignment: str, students: int, command: list[str], engine: str) -> tuple[Run, float]:
    """The command on a fresh class, and its seconds on a graded one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        course = make_class(Path(name), assignment, students, RIGHT)
        run = timed(command, course.root, engine)
        again = timed(command, course.root, engine).seconds
        shutil.rmtree(course.root / "autograded")
    return run, again


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
        result = grade_submission(Job(f"s{number}", assignment, dict(data), templates, unsandboxed=True))
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


def plot(path: Path, assignment: str, each: dict[str, float], growth: dict[int, tuple[float, float]]) -> None:
    """Seconds and peak memory against class size, and the seconds of one submission by each way of grading."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    plt.style.use(ROOT / "lecture5" / "lecture5.mplstyle")
    sizes = np.array(sorted(growth))
    seconds, memory = np.array([growth[size] for size in sizes]).T
    one, start_up = np.polyfit(sizes, seconds, 1, w=1 / seconds)
    rest = np.log(seconds[-2:] - start_up)
    slope = (rest[1] - rest[0]) / np.log(sizes[-1] / sizes[-2])
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(13.5, 4.2), width_ratios=(1.5, 1, 1.3))

    line = np.geomspace(sizes[0], sizes[-1])
    left.loglog(line, each[STOCK] * line, "--", color="C5", label=f"stock nbgrader: {each[STOCK]:.1f} s × submissions")
    left.loglog(
        line, start_up + one * line, "-", color="C0", label=f"{start_up:.1f} s start-up + {one:.2f} s × submissions"
    )
    left.loglog(sizes, seconds, "o", color="C0", label=f"course grade; slope after start-up {slope:.2f}")
    left.set(title=f"{assignment}: seconds for a class", xlabel="submissions", ylabel="seconds")
    left.legend(loc="upper left")
    left.set_ylim(top=each[STOCK] * sizes[-1] * 20)  # room for the legend

    middle.semilogx(sizes, memory, "o-", color="C0")
    middle.set(title="Peak memory of all processes", xlabel="submissions", ylabel="MiB", ylim=(0, 1.3 * max(memory)))
    for size, value in zip(sizes, memory, strict=True):
        middle.annotate(f"{value:.0f}", (size, value), (0, 8), textcoords="offset points", ha="center")
    for ax in (left, middle):
        ax.set_xticks(sizes, [f"{size}" for size in sizes])
        ax.set_xticks([], minor=True)
        ax.margins(x=0.12)

    names = list(each)[::-1]
    colors = {STOCK: "C5", LIMIT: "C4"}
    bars = right.barh(names, [each[name] for name in names], color=[colors.get(name, "C0") for name in names])
    right.bar_label(bars, [f"{each[name]:.2f}" for name in names], padding=4)
    right.set(title="Seconds for one submission", xlabel="seconds")
    right.margins(x=0.15)
    right.grid(axis="y", visible=False)
    fig.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assignment", default="hw3_optimizers")
    parser.add_argument("--students", type=int, default=30, help="class size")
    parser.add_argument(
        "--stock", type=int, default=1, help="how many of them stock nbgrader grades, each of four times"
    )
    parser.add_argument("--sizes", type=int, nargs="*", default=[], help="class sizes for growth, `course grade` only")
    parser.add_argument("--plot", type=Path, nargs="?", const=PLOT, help=f"write a PNG (default: docs/{PLOT.name})")
    options = parser.parse_args()
    name = options.assignment
    if options.plot and len(options.sizes) < 2:
        parser.error("--plot shows growth: give it some --sizes, such as 10 100 1000")
    print(f"{name}: seconds per submission, {os.cpu_count()} cores, {options.students} submissions", flush=True)
    stock_times: list[float] = []

    def stock() -> None:
        run, start_up = run_class(name, options.stock, nbgrader_autograde(name), "off")
        stock_times.append((run.seconds - start_up) / options.stock)
        print(f"  ... {STOCK}: {stock_times[-1]:.2f}", flush=True)

    stock()
    configured, _ = run_class(name, options.students, nbgrader_autograde(name), "on")
    stock()
    whole, _ = run_class(name, options.students, course_grade(name), "on")
    stock()
    bare, engine = execution(name)
    stock()
    each = {
        STOCK: statistics.median(stock_times),
        "nbgrader autograde, engine on": configured.seconds / options.students,
        "course grade": whole.seconds / options.students,
        "one submission, engine": engine,
        LIMIT: bare,
    }
    more = {
        STOCK: "start-up taken off",
        "nbgrader autograde, engine on": f"{configured.stolen:.0%} of the cores' time taken by the host",
        "course grade": f"{whole.stolen:.0%} of the cores' time taken by the host, peak {whole.peak:.0f} MiB",
        "one submission, engine": f"{engine / bare:.2f} times the limit",
        LIMIT: "forked, all imported: the limit of one process",
    }
    for what, seconds in each.items():
        note = f" ({more[what]})" if what in more else ""
        print(f"  {what:32} {seconds:7.2f}   {each[STOCK] / seconds:6.1f} times as fast{note}", flush=True)
    growth = {}
    for size in options.sizes:
        run, _ = run_class(name, size, course_grade(name), "on")
        growth[size] = run.seconds, run.peak
        print(
            f"  {size:5} submissions {run.seconds:8.1f} s, {run.seconds / size:6.3f} s each, "
            f"{run.stolen:.0%} taken by the host, peak {run.peak:5.0f} MiB",
            flush=True,
        )
    if options.plot:
        plot(options.plot, name, each, growth)


if __name__ == "__main__":
    main()
