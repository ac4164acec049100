"""The red team against hw4_regularization."""

from __future__ import annotations

import pytest
from red_team import *  # noqa: F403 - its fixture and its tests

pytestmark = pytest.mark.red_team  # minutes: `make attacks`


@pytest.fixture(scope="module")
def assignment() -> str:
    return "hw4_regularization"
