"""Was the answer used instead of built?"""

from __future__ import annotations

import pytest

from autograder.grading.banned import banned_names, doubtful_methods, imported_names

BANNED = ("torch.logsumexp", "scipy.special", "np.logaddexp")


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return torch.logsumexp(x, 0)",
        "import torch as t\ndef f(x): return t.logsumexp(x, 0)",
        "from torch import logsumexp as lse\ndef f(x): return lse(x, 0)",
        "from scipy.special import logsumexp\nf = logsumexp",
        "import scipy.special as sp\nf = sp.logsumexp",
        "from scipy import special\ndef f(x): return special.logsumexp(x)",
        "def f(x):\n    import scipy.special\n    return scipy.special.logsumexp(x)",
        "def f(x): return np.logaddexp.reduce(x)",
        "import numpy\ndef f(x): return numpy.logaddexp(x, x)",
    ],
)
def test_a_banned_name_is_found_by_any_import(source: str) -> None:
    assert banned_names(source, BANNED)


def test_an_import_in_another_cell_counts() -> None:
    assert banned_names("def f(x): return lse(x)", BANNED, imported_names(["from torch import logsumexp as lse"])) == [
        "torch.logsumexp"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "def logsumexp(x): return np.log(np.exp(x).sum())",
        "def f(x):\n    '''like torch.logsumexp'''\n    return x  # not scipy.special",
        "def f(x): return torch.log(x)",
        "def broken(:",
        "special = 3\nf = special",
    ],
)
def test_honest_code_is_left_alone(source: str) -> None:
    assert banned_names(source, BANNED) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(x): return x.logsumexp(0)", [".logsumexp()"]),
        ("def f(x): return getattr(torch, 'log' + 'sumexp')(x)", ["getattr()"]),
        ("import importlib", ["import importlib"]),
        ("def f(x): return x.sum()", []),
        ("broken(", []),
    ],
)
def test_doubtful_means_are_told_to_the_ta(source: str, found: list[str]) -> None:
    assert doubtful_methods(source, BANNED) == found


def test_no_ban_means_nothing_is_found() -> None:
    assert banned_names("torch.logsumexp(x)", ()) == []
