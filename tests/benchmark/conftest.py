"""What the tests of the leaderboard share."""

from __future__ import annotations

import pytest


@pytest.fixture
def few() -> dict[str, list[str]]:
    """The methods on the page: the same in every test, since one finished run keeps its tables."""
    return {"methods": ["epinformer", "prism", "linear"]}
