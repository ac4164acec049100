"""What notebooks use, imported and used once in the fork server, so that each student's process has it from the start.

Every notebook needs torch (the wire knows tensors) and IPython. The larger rest (`LIBRARIES`) is imported when the first
notebook comes that names it.
"""

from __future__ import annotations

import gc
import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .huge_pages import use_huge_pages

if TYPE_CHECKING:  # it imports torch and IPython, for which `Preloaded` has its own time
    from .shell import StudentShell


def _matplotlib() -> None:
    import matplotlib.pyplot

    matplotlib.pyplot.plot([0, 1], label="$x$")
    matplotlib.pyplot.savefig(io.BytesIO())
    matplotlib.pyplot.close("all")


def _sklearn() -> None:
    import sklearn.datasets

    sklearn.datasets.load_digits()


def _torch_optim() -> None:
    import torch
    import torch._dynamo  # the first optimizer imports it: two seconds

    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    for kind in (torch.optim.SGD, torch.optim.Adam):
        optimizer = kind(net.parameters(), lr=0.1)
        torch.nn.functional.cross_entropy(net(torch.ones(2, 4)), torch.tensor([0, 1])).backward()
        optimizer.step()


LIBRARIES: dict[str, Callable[[], None]] = {
    "matplotlib": _matplotlib,
    "sklearn": _sklearn,
    "torch.optim": _torch_optim,
}


def named_in(*texts: str) -> list[str]:
    """Those of LIBRARIES that one of these texts names."""
    return [name for name in LIBRARIES if any(name in text for text in texts)]


class Preloaded:
    """This process, warm. `shell`: the IPython shell that each fork has."""

    def __init__(self) -> None:
        import numpy.testing
        import torch

        torch.set_num_threads(1)
        numpy.linalg.svd(numpy.eye(2))
        numpy.testing.assert_allclose(1.0, 1.0)

        from .shell import make_shell

        self.shell: StudentShell = make_shell()
        self._loaded: set[str] = set()
        self._settle()

    def load(self, names: Iterable[str]) -> None:
        """Import those of LIBRARIES that are named and not there yet."""
        missing = [name for name in LIBRARIES if name in names and name not in self._loaded]
        for name in missing:
            LIBRARIES[name]()
            self._loaded.add(name)
        if missing:
            self._settle()

    def _settle(self) -> None:
        """What is there now is there to stay: a collection in a child must not copy our pages."""
        gc.collect()
        gc.freeze()
        use_huge_pages()
