"""Where a language model is: a folder, or a hub."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["STAND_INS", "cached", "is_hub_id"]

# Where the workflow keeps the stand-ins of a simulated genome.
STAND_INS = "resources/gta/stand_ins"

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def is_hub_id(name: str) -> bool:
    """Whether a name is OWNER/NAME of a hub, and no folder that is here."""
    return not Path(name).is_dir() and _HUB_ID.fullmatch(name) is not None


def cached(name: str) -> bool:
    """Whether the configuration of a hub's model is in the hub's cache on this machine."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return False
    return isinstance(try_to_load_from_cache(name, "config.json"), str)
