"""The examples in the docstrings of the bank's vocabulary give what they say."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["", ".bank", ".distance", ".observation", ".sources"])
def test_the_examples_in_the_docstrings_run(module):
    result = doctest.testmod(importlib.import_module(f"exercises{module}"))
    assert result.attempted > 0
    assert result.failed == 0
