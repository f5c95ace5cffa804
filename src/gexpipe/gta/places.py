"""Where a language model is: a folder, or a hub."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["is_hub_id"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def is_hub_id(name: str) -> bool:
    """Whether a name is OWNER/NAME of a hub, and no folder that is here."""
    return not Path(name).is_dir() and _HUB_ID.fullmatch(name) is not None
