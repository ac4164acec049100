"""scikit-learn's digits, read from its own file: to import scikit-learn takes every grading process more than a second."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (1797, 64) with values from 0 to 1, and labels (1797,): `sklearn.datasets.load_digits()`, divided by 16."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("scikit-learn is not installed: run `make` anew", name="sklearn")
    table = np.loadtxt(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    return table[:, :-1] / 16, table[:, -1].astype(int)
