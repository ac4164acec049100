"""The handle on a student's process: values, calls, copy-back, callbacks, deadlines and crashes."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
import torch

from autograder.grading.processes import on_one_core
from autograder.wall.fork_server import ForkServer
from autograder.wall.limits import LimitValues
from autograder.wall.process import StudentProcess
from autograder.wall.student import Proxy, Student
from autograder.wall.student_errors import StudentError
from exercises.lost import AnswerCrashed, AnswerOutOfMemory, AnswerTimedOut
from exercises.observation import probe, several, typed, untouched

pytestmark = pytest.mark.slow(40)


def define(student: Student, source: str) -> None:
    run = student.run_cell("import numpy as np, torch, os, time\n" + source, "cell")
    assert run.error is None, run.outputs


# Cells --------------------------------------------------------------------------------------------------------------------


def test_a_cell_gives_its_outputs(student: Student) -> None:
    run = student.run_cell("print('hello')\nimport sys; print('careful', file=sys.stderr)\n1 + 1", "a")
    assert [output["output_type"] for output in run.outputs] == ["stream", "stream", "execute_result"]
    assert run.outputs[0]["text"] == "hello\n"
    assert run.outputs[2]["data"] == {"text/plain": "2"}


def test_a_figure_arrives_as_png_and_html_does_not(student: Student) -> None:
    run = student.run_cell(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
        "from IPython.display import HTML, display\ndisplay(HTML('<script>alert(1)</script>'))",
        "a",
    )
    data = [output["data"] for output in run.outputs if "data" in output]
    assert any(one.get("image/png", "").startswith("iVBOR") for one in data)
    assert "<script>" not in str(run.outputs)


def test_an_error_is_told_with_the_students_own_line(student: Student) -> None:
    run = student.run_cell("x = 1\nx / 0", "a")
    assert run.error == "ZeroDivisionError"
    assert "----> 2 x / 0" in "\n".join(run.outputs[-1]["traceback"])


@pytest.mark.parametrize("source", ["exit()", "%time 1", "!echo shell", "%%time\n2", "%matplotlib inline"])
def test_notebook_manners_work(student: Student, source: str) -> None:
    assert student.run_cell(source, "a").error is None


def test_input_and_unknown_backends_fail_that_cell_only(student: Student) -> None:
    assert student.run_cell("input('name?')", "a").error == "RuntimeError"
    assert student.run_cell("%matplotlib widget", "b").lost is None
    assert student.run_cell("1", "c").error is None


def test_a_flood_of_output_is_cut_with_a_note(fork_server: ForkServer) -> None:
    with Student(fork_server, LimitValues()) as student:
        run = student.run_cell("for i in range(300_000):\n    print('line', i)", "a")
    assert run.error is None
    assert len(run.outputs[0]["text"]) <= 2**20
    assert "were printed and cut" in run.outputs[-1]["text"]


# Values and calls -----------------------------------------------------------------------------------------------------------


def test_values_come_as_data_and_functions_as_proxies(student: Student) -> None:
    define(student, "x = np.arange(3); t = torch.ones(2); f = lambda: 1; class C: pass\n".replace("; class", "\nclass"))
    assert student.fetch("x").tolist() == [0, 1, 2]
    assert torch.equal(student.fetch("t"), torch.ones(2))
    assert isinstance(student.fetch("f"), Proxy)
    with pytest.raises(NameError, match="nothing"):
        student.fetch("nothing")


def test_a_call_keeps_types_and_keywords(student: Student) -> None:
    define(student, "def f(x, *, scale=1):\n    return {'y': x * scale, 'shape': x.shape, 't': torch.tensor([1.5])}")
    result = student.fetch("f")(np.ones((2, 3), np.float32), scale=2)
    assert typed(result["y"])["dtype"] == "float32"
    assert result["shape"] == (2, 3)
    assert result["t"].dtype == torch.float32


def test_changed_arguments_are_changed_here_too(student: Student) -> None:
    define(
        student, "def polite(x): return x + 1\ndef rude(x):\n    x += 1\n    return x\ndef grow(items): items.append(4)"
    )
    assert untouched(student.fetch("polite"), np.zeros(3)) == [True]
    assert untouched(student.fetch("rude"), np.zeros(3)) == [False]
    tensor, items = torch.zeros(2), [1]
    student.fetch("rude")(tensor)
    student.fetch("grow")(items)
    assert tensor.tolist() == [1, 1]
    assert items == [1, 4]


def test_read_only_and_strided_arguments_arrive_as_such(student: Student) -> None:
    define(student, "def flags(x): return x.flags.writeable, x.flags.c_contiguous")
    frozen = np.zeros(4)
    frozen.flags.writeable = False
    assert student.fetch("flags")(frozen) == (False, True)
    assert student.fetch("flags")(np.zeros((4, 4))[:, ::2]) == (True, False)


def test_callbacks_come_back_and_can_be_counted(student: Student) -> None:
    define(student, "def search(f):\n    return [f(np.float64(x)) for x in (1, 2, 3)]")
    seen: list[float] = []

    def loss(x: float) -> float:
        seen.append(float(x))
        return x * x

    assert student.fetch("search")(loss) == [1, 4, 9]
    assert seen == [1, 2, 3]


def test_an_exception_in_a_callback_reaches_the_student(student: Student) -> None:
    define(student, "def safe(f):\n    try:\n        f()\n    except ValueError as error:\n        return str(error)")

    def fails() -> None:
        raise ValueError("no such point")

    assert student.fetch("safe")(fails) == "no such point"


def test_generators_and_iterators_cross_lazily(student: Student) -> None:
    define(student, "def count(stream):\n    for n, x in enumerate(stream):\n        yield n, x")
    result = student.fetch("count")(iter("ab"))
    assert next(result) == (0, "a")
    assert list(result) == [(1, "b")]


def test_a_random_generator_is_advanced_here_too(student: Student) -> None:
    define(student, "def draw(rng): return rng.normal(size=3)")
    here, there = np.random.default_rng(0), np.random.default_rng(0)
    expected = here.normal(size=3)
    assert np.array_equal(student.fetch("draw")(there), expected)
    assert there.normal() == here.normal()


def test_objects_are_handles(student: Student) -> None:
    define(
        student,
        "class Counter:\n    def __init__(self, n=0): self.n = n\n    def step(self, by):\n        self.n += by\n"
        "        return self.n\n    def __len__(self): return self.n\n    def __getitem__(self, i): return i * 10",
    )
    counter = student.fetch("Counter")(n=2)
    assert counter.step(3) == 5
    assert (counter.n, len(counter), counter[4]) == (5, 5, 40)
    counter.n = 7
    assert counter.step(0) == 7


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("raise ValueError('bad')", ValueError), ("return {}['a']", KeyError), ("return undefined", NameError),
        ("raise NotImplementedError()", NotImplementedError), ("raise type('Own', (Exception,), {})('x')", StudentError),
        ("raise SystemExit(1)", StudentError), ("raise KeyboardInterrupt()", StudentError), ("return f()", RecursionError),
        ("import bdb; raise bdb.BdbQuit", StudentError), ("raise type('Own', (TypeError,), {})('x')", TypeError),
        ("open('/nothing')", FileNotFoundError),
    ],
)  # fmt: skip
def test_exceptions_arrive_by_their_type(student: Student, source: str, kind: type[Exception]) -> None:
    define(student, f"def f():\n    {source}")
    with pytest.raises(kind):
        student.fetch("f")()


def test_a_probe_runs_where_the_answer_lives(student: Student) -> None:
    define(student, "here = os.getpid()\ndef f(x): return x + 1")

    def where(answer, x):
        import os

        return {"pid": os.getpid(), "y": answer(x)}

    seen = probe(where, student.fetch("f"), x=np.ones(2))
    assert seen["y"].tolist() == [2, 2]
    assert seen["pid"] == student.fetch("here")
    assert seen["pid"] != os.getpid() or seen["pid"] == 1


def test_prints_of_a_call_go_nowhere(student: Student) -> None:
    define(student, "def f(x):\n    print('the input is', x)\n    display(x)\n    return x")
    student.fetch("f")(3)
    assert student.run_cell("None", "b").outputs == []


def test_several_calls_cross_at_once_and_changed_arguments_come_back(
    student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    define(student, "def scale(a, by, *, plus=0):\n    a *= by\n    return a.sum() + plus")
    scale = student.fetch("scale")
    exchange, crossings = StudentProcess.exchange, []
    monkeypatch.setattr(StudentProcess, "exchange", lambda *given: crossings.append(1) or exchange(*given))
    arrays = [np.ones(2), np.ones(3)]
    assert several(scale, (arrays[0], 2.0), (arrays[1], 3.0), plus=1) == [5.0, 10.0]
    assert [array.tolist() for array in arrays] == [[2.0, 2.0], [3.0, 3.0, 3.0]]
    assert len(crossings) == 1
    with pytest.raises(TypeError):
        several(scale, (np.ones(2), 2.0), (np.ones(2),))


# What goes wrong ------------------------------------------------------------------------------------------------------------


def test_a_hanging_call_is_stopped_and_the_rest_goes_on(student: Student) -> None:
    define(student, "y = 5\ndef loop():\n    while True:\n        pass\ndef stubborn():\n    while True:\n"
                    "        try:\n            while True: pass\n        except BaseException:\n            pass\n"
                    "def fine(): return y")  # fmt: skip
    for name in ("loop", "stubborn"):
        start = time.monotonic()
        with pytest.raises(AnswerTimedOut):
            student.fetch(name)()
        assert time.monotonic() - start < 15
    assert student.fetch("fine")() == 5


def test_waiting_is_stopped_by_the_wall_clock(fork_server: ForkServer) -> None:
    with Student(fork_server, LimitValues(cpu_seconds=0.5)) as student:
        define(student, "def sleep():\n    time.sleep(1000)")
        with pytest.raises(AnswerTimedOut):
            student.fetch("sleep")()


DRIP = """
import socket, struct
def drip():
    fd = next(fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}")
              and os.readlink(f"/proc/self/fd/{fd}").startswith("socket"))
    os.write(fd, struct.pack("!IQ", 1000, 0))
    while True:
        os.write(fd, b" ")
        time.sleep(0.1)
"""


@pytest.mark.parametrize(
    "source", [DRIP, "def drip(f):\n    while True:\n        f()"], ids=["byte by byte", "callbacks without end"]
)
def test_a_process_that_keeps_talking_is_stopped_too(fork_server: ForkServer, source: str) -> None:
    with Student(fork_server, LimitValues(cpu_seconds=0.5)) as student:
        define(student, source)
        with pytest.raises(AnswerTimedOut):
            student.fetch("drip")(*([lambda: None] if "(f)" in source else []))


def test_it_runs_where_its_grader_runs(fork_server: ForkServer) -> None:
    before = os.sched_getaffinity(0)
    with on_one_core(), Student(fork_server, LimitValues()) as student:
        define(student, "cores = os.sched_getaffinity(0)")
        assert len(os.sched_getaffinity(0)) == 1
        assert student.fetch("cores") == os.sched_getaffinity(0)
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    "line", ["os._exit(0)", "os.kill(os.getpid(), 9)", "import ctypes; ctypes.string_at(0)", "os.abort()"]
)
def test_a_process_that_ends_loses_that_cell_only(student: Student, line: str) -> None:
    define(student, "y = 5\ndef fine(): return y")
    run = student.run_cell(f"import os\ny = 6\n{line}", "bad")
    if run.lost is None:  # process 1 of a namespace shrugs off its own signals
        assert "kill" in line
        return
    assert run.lost == "crashed"
    assert student.fetch("fine")() == 5
    define(student, f"def f():\n    {line}")
    with pytest.raises(AnswerCrashed):
        student.fetch("f")()
    assert student.fetch("fine")() == 5


def test_memory_is_limited(student: Student) -> None:
    define(student, "def hog(): return [0.0] * 10**10\ndef tensor(): return torch.ones(10**10)\ndef fine(): return 1")
    for name in ("hog", "tensor"):
        with pytest.raises(AnswerOutOfMemory):
            student.fetch(name)()
    assert student.fetch("fine")() == 1


def test_a_child_that_keeps_the_socket_open_hides_nothing(student: Student) -> None:
    run = student.run_cell("import os, time\nif os.fork():\n    os._exit(0)\ntime.sleep(100)", "a")
    assert run.lost == "crashed"


def test_too_large_a_value_fails_the_call_only(student: Student) -> None:
    define(
        student,
        "def big(): return np.zeros(10**7)\ndef deep():\n    x = []\n    for _ in range(100): x = [x]\n    return x",
    )
    for name in ("big", "deep"):
        with pytest.raises(StudentError, match="WireError"):
            student.fetch(name)()
    assert student.run_cell("1", "b").error is None


def test_the_notebooks_time_is_limited_as_a_whole(fork_server: ForkServer) -> None:
    with Student(fork_server, LimitValues(cpu_seconds=1, notebook_seconds=1.5)) as student:
        define(student, "def loop():\n    while True: pass")
        for _ in range(3):
            with pytest.raises(AnswerTimedOut):
                student.fetch("loop")()
        assert student.run_cell("1", "late").lost == "timed out"


# The submission's own files --------------------------------------------------------------------------------------------------


def test_own_files_can_be_imported_and_hide_nothing(fork_server: ForkServer) -> None:
    files = {"helpers.py": b"def double(x): return 2 * x", "random.py": b"raise SystemExit", "data/a.txt": b"7"}
    with Student(fork_server, LimitValues(), files) as student:
        define(
            student,
            "from helpers import double\nimport random\nr = random.random()\nd = double(int(open('data/a.txt').read()))",
        )
        assert student.fetch("d") == 14
        assert isinstance(student.fetch("r"), float)


def test_own_files_may_be_named_like_the_modules_of_the_students_side(fork_server: ForkServer) -> None:
    names = ("wire", "shell", "watch", "confine", "protocol")
    files = {f"{name}.py": f"whose = 'my {name}'".encode() for name in names}
    with Student(fork_server, LimitValues(), files) as student:
        define(student, f"import {', '.join(names)}\nfound = [module.whose for module in ({', '.join(names)})]")
        assert student.fetch("found") == [f"my {name}" for name in names]
