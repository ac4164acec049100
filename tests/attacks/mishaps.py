"""The honest mishaps: what happens to students who mean well, made from a solved notebook of the small test course.

Exercise 1 is `logsumexp`, exercise 2 is `log_sigmoid`. Each mishap says which of them still deserve full points, and a
part of what the student and the TA must be told.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.notebooks.graded import GradedSubmission
from exercises import as_solution, find

BOTH, FIRST, SECOND, NONE = {"logsumexp", "log_sigmoid"}, {"logsumexp"}, {"log_sigmoid"}, set[str]()
Edit = Callable[[NotebookNode], NotebookNode | bytes | None]


@dataclass(frozen=True)
class Mishap:
    """edit: the solved notebook -> what is handed in (a notebook, raw bytes, or None for no file).

    full: the exercises that keep all points. told: a part of the message, the notes or the cell's output. path: where
    the notebook lies in the submission's folder. files: what lies beside it.
    """

    edit: Edit
    full: set[str] = field(default_factory=lambda: BOTH)
    told: str = ""
    path: str = "tiny.ipynb"
    files: dict[str, bytes] = field(default_factory=dict)


def _index(nb: NotebookNode, cell_id: str) -> int:
    return next(number for number, cell in enumerate(nb.cells) if cell.id == cell_id)


def scratch(source: str, before: str | None = None) -> Edit:
    """A cell of the student's own: at the end, or before this cell."""

    def edit(nb: NotebookNode) -> NotebookNode:
        at = len(nb.cells) if before is None else _index(nb, before)
        nb.cells.insert(at, new_code_cell(source, id="scratch"))
        return nb

    return edit


def solution(name: str, change: Callable[[str], str]) -> Edit:
    """The solution cell's source, changed."""

    def edit(nb: NotebookNode) -> NotebookNode:
        cell = nb.cells[_index(nb, name)]
        cell.source = change(cell.source)
        return nb

    return edit


def without(cell_id: str) -> Edit:
    def edit(nb: NotebookNode) -> NotebookNode:
        del nb.cells[_index(nb, cell_id)]
        return nb

    return edit


def as_text(change: Callable[[str], bytes]) -> Edit:
    """The file's text, changed."""
    return lambda nb: change(nbformat.writes(nb))


def same(nb: NotebookNode) -> NotebookNode:
    return nb


def first_line(source: str) -> Callable[[str], str]:
    """Put a line at the start of the function's body."""

    def change(text: str) -> str:
        head, *body = text.splitlines()
        return "\n".join([head, f"    {source}", *body])

    return change


# Edits that need more than a line -------------------------------------------------------------------------------------


def _stubs(nb: NotebookNode) -> NotebookNode:
    for name in BOTH:
        cell = nb.cells[_index(nb, name)]
        cell.source = cell.source.splitlines()[0] + "\n    raise NotImplementedError()"
    return nb


def _helper_later(nb: NotebookNode) -> NotebookNode:
    cell = nb.cells[_index(nb, "logsumexp")]
    real = cell.source.replace("def logsumexp", "def my_helper", 1)
    cell.source = "def logsumexp(x, axis=-1, keepdims=False):\n    return my_helper(x, axis, keepdims)"
    nb.cells.append(new_code_cell(real, id="later"))
    return nb


def _helper_before(nb: NotebookNode) -> NotebookNode:
    nb = _helper_later(nb)
    helper = nb.cells.pop()
    nb.cells.insert(_index(nb, "logsumexp"), helper)
    return nb


def _in_the_visible_test(nb: NotebookNode) -> NotebookNode:
    cell, test = nb.cells[_index(nb, "logsumexp")], nb.cells[_index(nb, "check_logsumexp")]
    test.source = cell.source + "\n\n" + test.source
    cell.source = cell.source.splitlines()[0] + "\n    raise NotImplementedError()"
    return nb


def _helpers_file(nb: NotebookNode) -> NotebookNode:
    nb.cells[_index(nb, "log_sigmoid")].source = "from helpers import log_sigmoid"
    return nb


def _merged(nb: NotebookNode) -> NotebookNode:
    test = nb.cells.pop(_index(nb, "check_logsumexp"))
    nb.cells[_index(nb, "logsumexp")].source += "\n\n" + test.source
    return nb


def _old_attempt_at_the_end(nb: NotebookNode) -> NotebookNode:
    old = copy.deepcopy(nb.cells[_index(nb, "logsumexp")])
    old.id, old.source = "old-attempt", "def logsumexp(x, axis=-1, keepdims=False):\n    return np.max(x)"
    nb.cells.append(old)
    return nb


def _no_metadata(nb: NotebookNode) -> NotebookNode:
    for cell in nb.cells:
        cell.metadata = NotebookNode()
    return nb


def _foreign_cell(nb: NotebookNode) -> NotebookNode:
    other = copy.deepcopy(nb.cells[_index(nb, "grade_logsumexp")])
    other.id = "foreign"
    other.metadata.nbgrader.grade_id = "grade_of_another_assignment"
    nb.cells.append(other)
    return nb


def _version_3(nb: NotebookNode) -> bytes:
    return nbformat.writes(nbformat.convert(nb, 3), version=3).encode()


def _ids_in_4_4(nb: NotebookNode) -> bytes:
    data = json.loads(nbformat.writes(nb))
    data["nbformat_minor"] = 4
    return json.dumps(data).encode()


def _with_output(output: dict[str, Any]) -> Edit:
    def edit(nb: NotebookNode) -> NotebookNode:
        nb.cells[_index(nb, "setup")].outputs = [NotebookNode(output)]
        return nb

    return edit


def _many_cells(nb: NotebookNode) -> NotebookNode:
    nb.cells += [new_code_cell(f"a{number} = {number}", id=f"extra-{number}") for number in range(1000)]
    return nb


def _windows(nb: NotebookNode) -> NotebookNode:
    cell = nb.cells[_index(nb, "logsumexp")]
    cell.source = cell.source.replace("\n", "\r\n") + "\r\nη_größe = 3\r\n"
    return nb


IMAGE = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0KGgo" + "A" * 50_000_000}}
SHADOWS = "sum = 3\nlist = [1, 2]\nmax = min = 0\nlen = 5"
STARS = "from math import *\nfrom torch import *\nfrom numpy import *"
HELPERS = f"import numpy as np\n\n\n{as_solution(find('log_sigmoid').reference, 'log_sigmoid')}\n".encode()

MISHAPS: dict[str, Mishap] = {
    "infinite loop in a scratch cell": Mishap(scratch("while True: pass"), told="time limit"),
    "infinite loop with a bare except in a function": Mishap(
        solution(
            "logsumexp", first_line("while True:\n        try:\n            x = x\n        except:\n            pass")
        ),
        SECOND,
        "time limit",
    ),
    "a scratch cell that takes long": Mishap(scratch("import time\ntime.sleep(2)")),
    "prints 300 000 lines": Mishap(scratch("for i in range(300_000): print(i)"), told="cut"),
    "prints one line of 80 MB": Mishap(scratch("print('x' * 80_000_000)"), told="cut"),
    "a list that grows until the memory is gone": Mishap(
        scratch("many = []\nwhile True: many.append(bytearray(50_000_000))"), told="emory"
    ),
    "endless recursion": Mishap(
        solution("logsumexp", first_line("return logsumexp(x, axis, keepdims)")), SECOND, "RecursionError"
    ),
    "a pool of 60 workers left open": Mishap(scratch("import multiprocessing\npool = multiprocessing.Pool(60)")),
    "input in a scratch cell": Mishap(scratch("name = input('name?')"), told="nobody to answer"),
    "exit before the exercises": Mishap(scratch("exit()", "logsumexp")),
    "os._exit before the exercises": Mishap(scratch("import os\nos._exit(0)", "logsumexp"), told="ended its process"),
    "reset between the exercises": Mishap(scratch("%reset -f\nimport math\nimport numpy as np", "about_log_sigmoid")),
    "widgets": Mishap(
        scratch(
            "import ipywidgets\nipywidgets.interact(lambda x: x, x=3)\nout = ipywidgets.Output()\nwith out: print(1)",
            "logsumexp",
        )
    ),
    "matplotlib widget": Mishap(scratch("%matplotlib widget", "logsumexp")),
    "matplotlib qt": Mishap(scratch("%matplotlib qt\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])", "logsumexp")),
    "time magic on the solution": Mishap(solution("logsumexp", lambda text: "%%time\n" + text)),
    "syntax error": Mishap(solution("logsumexp", lambda text: text + "\nreturn )"), SECOND, "SyntaxError"),
    "tabs and spaces": Mishap(
        solution("log_sigmoid", lambda _: "def log_sigmoid(z):\n    a = 1\n\treturn a"), FIRST, "TabError"
    ),
    "nothing solved": Mishap(_stubs, NONE, "Not attempted"),
    "helper defined further down": Mishap(_helper_later),
    "helper in a cell before": Mishap(_helper_before),
    "solved inside the visible test": Mishap(_in_the_visible_test, told="restored"),
    "helpers from a file": Mishap(_helpers_file, files={"helpers.py": HELPERS}),
    "builtins shadowed": Mishap(scratch(SHADOWS, "about_log_sigmoid")),
    "star imports": Mishap(scratch(STARS, "logsumexp")),
    "another folder": Mishap(scratch("import os\nos.chdir('/')", "logsumexp")),
    "torch defaults": Mishap(
        scratch(
            "torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\ntorch.set_num_threads(1)",
            "logsumexp",
        )
    ),
    "cuda": Mishap(scratch("device = 'cuda'\nx = torch.zeros(3, device=device)", "logsumexp"), told="CUDA"),
    "warnings are errors": Mishap(scratch("import warnings\nwarnings.simplefilter('error')", "logsumexp")),
    "seeds and print options": Mishap(
        scratch(
            "import random\nnp.set_printoptions(precision=1)\nnp.random.seed(1)\ntorch.manual_seed(1)\nrandom.seed(1)"
        )
    ),
    "right, but it warns": Mishap(
        solution(
            "logsumexp", first_line("import warnings; warnings.warn('old', DeprecationWarning); warnings.warn('x')")
        )
    ),
    "right, but it displays": Mishap(
        solution("logsumexp", first_line("from IPython.display import display; display(x)"))
    ),
    "no notebook": Mishap(lambda nb: None, NONE, "No notebook"),
    "renamed": Mishap(same, told="handed in as", path="Tiny.IPYNB"),
    "renamed altogether": Mishap(same, told="handed in as", path="homework (final).ipynb"),
    "a folder deeper": Mishap(same, told="handed in as", path="ps1/tiny.ipynb"),
    "cut in the middle": Mishap(as_text(lambda text: text[: len(text) // 2].encode()), NONE, "cut off"),
    "zero bytes": Mishap(lambda nb: b"", NONE, "empty"),
    "a .py export": Mishap(lambda nb: "\n\n".join(cell.source for cell in nb.cells).encode(), NONE, "not a notebook"),
    "format 3": Mishap(_version_3),
    "cell ids in 4.4": Mishap(_ids_in_4_4),
    "byte order mark": Mishap(as_text(lambda text: b"\xef\xbb\xbf" + text.encode())),
    "latin-1": Mishap(
        as_text(lambda text: text.replace("Because.", "Weil es größer ist.").encode("latin-1", "replace"))
    ),
    "lone surrogate": Mishap(scratch("print('\\ud800')")),
    "50 MB of images": Mishap(_with_output(IMAGE)),
    "1000 extra cells": Mishap(_many_cells),
    "visible test deleted": Mishap(without("check_logsumexp"), told="added back"),
    "solution deleted": Mishap(without("logsumexp"), SECOND, "added back"),
    "set-up deleted": Mishap(without("setup")),
    "solution copied, an old attempt at the end": Mishap(_old_attempt_at_the_end, told="twice"),
    "solution and visible test merged": Mishap(_merged, told="added back"),
    "all metadata lost": Mishap(_no_metadata, told="lost its id"),
    "a cell of another assignment": Mishap(_foreign_cell),
    "random.py in the folder": Mishap(same, files={"random.py": b"raise SystemExit('not the real one')\n"}),
    "windows line ends and Greek letters": Mishap(_windows),
}


def lay(folder: Path, mishap: Mishap, solved: NotebookNode) -> None:
    """Write this mishap's submission."""
    folder.mkdir(parents=True)
    made = mishap.edit(copy.deepcopy(solved))
    path = folder / mishap.path
    path.parent.mkdir(exist_ok=True)
    if isinstance(made, bytes):
        path.write_bytes(made)
    elif made is not None:
        path.write_text(json.dumps(made))
    for name, data in mishap.files.items():
        (folder / name).write_bytes(data)


def shares(submission: GradedSubmission) -> dict[str, float]:
    """Exercise -> share of its points."""
    return {
        cell.grade_id.removeprefix("grade_"): cell.points / cell.max_points
        for record in submission.records
        for cell in record.cells
        if cell.max_points and cell.grade_id.startswith("grade_")
    }
