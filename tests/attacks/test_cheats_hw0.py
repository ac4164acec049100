"""The red team against hw0_warmup."""

from __future__ import annotations

import pytest
from red_team import *  # noqa: F403 - its fixture and its tests


@pytest.fixture(scope="module")
def assignment() -> str:
    return "hw0_warmup"
