"""How the labels of scores end."""

from __future__ import annotations

__all__ = ["SHUFFLED", "TIMES_ABC"]

SHUFFLED = " (other windows)"  # ends the label of a score on windows of other genes
TIMES_ABC = " x ABC"  # ends the label of an attention that is multiplied with ABC's score
