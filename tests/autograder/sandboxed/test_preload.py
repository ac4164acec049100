"""What a student's process finds imported: what every notebook needs, and the large libraries that its own notebook names."""

from __future__ import annotations

import pytest

from autograder.sandboxed.preload import LIBRARIES, named_in
from autograder.wall.fork_server import ForkServer
from autograder.wall.ladder import best_rung
from autograder.wall.limits import LimitValues
from autograder.wall.student import Student

IMPORTED = (
    "import sys\nthere = [name for name in ('torch', 'sklearn.datasets', 'torch._dynamo') if name in sys.modules]"
)


def test_a_text_names_libraries() -> None:
    assert named_in("import torch", "x = 1") == []
    assert named_in("torch.optim.SGD([p])", "from sklearn.datasets import load_digits") == ["sklearn", "torch.optim"]
    assert named_in(" ".join(LIBRARIES)) == list(LIBRARIES)


@pytest.mark.slow(10)
@pytest.mark.wall
def test_a_library_is_there_once_somebody_has_named_it() -> None:
    server = ForkServer(best_rung())
    try:
        for libraries, there in (
            ([], ["torch"]),
            (["torch.optim"], ["torch", "torch._dynamo"]),
            (["sklearn"], ["torch", "sklearn.datasets", "torch._dynamo"]),
        ):
            with Student(server, LimitValues(cpu_seconds=20), libraries=libraries) as student:
                student.run_cell(IMPORTED, "imported")
                assert student.fetch("there") == there
    finally:
        server.stop()
