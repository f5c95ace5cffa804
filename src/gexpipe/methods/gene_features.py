"""Sets of gene features, and options of the methods that read them; without torch."""

from __future__ import annotations

from dataclasses import dataclass

from gexpipe.errors import UserError
from gexpipe.methods.options import fraction, least, suggestion

__all__ = [
    "ELEMENT_NUMBERS",
    "FEATURE_SETS",
    "EPInformerFeaturesOptions",
    "GeneFeatureOptions",
    "feature_count",
]

# Name of a set of gene features -> what it holds. Activities are log10(0.1 + x).
FEATURE_SETS = {
    "promoter": "promoter activity",
    "marks": "promoter DNase and H3K27ac",
    "mrna": "the eight mRNA features",
    "contact": "activity x contact summed over the gene's elements",
}
_COUNTS = {"promoter": 1, "marks": 2, "mrna": 8, "contact": 1}
# Numbers of an element, for networks that read no bases.
ELEMENT_NUMBERS = ("log_distance", "log_contact", "log_activity", "log_product", "downstream")


def feature_count(sets: str) -> int:
    """Number of gene features of some `FEATURE_SETS` joined by ``+``."""
    return sum(_COUNTS[name] for name in sets.split("+"))


@dataclass(frozen=True)
class GeneFeatureOptions:
    """Options of the baselines on gene features.

    Attributes
    ----------
    features : str
        Feature sets joined by ``+``, see `FEATURE_SETS`.
    """

    features: str = "promoter+mrna"

    def check(self, where: str) -> None:
        """Raise a `UserError` for a set that does not exist."""
        for name in self.features.split("+"):
            if name not in FEATURE_SETS:
                raise UserError(f"{name!r}; {suggestion(name, FEATURE_SETS)}", f"{where}.features")


@dataclass(frozen=True)
class EPInformerFeaturesOptions(GeneFeatureOptions):
    """Features of genes, and size of the network.

    Attributes
    ----------
    features : str
        As `GeneFeatureOptions`.
    width : int
        Width of promoter and element embeddings; a multiple of ``heads``.
    layers, heads : int
        Attention layers, and heads in each.
    hidden : int
        Width of the two gene-feature networks, before attention and after it.
    dropout : float
        Share of units dropped in training, 0 to 1.
    """

    features: str = "promoter+marks+mrna"
    width: int = least(64, 1)
    layers: int = least(2, 1)
    heads: int = least(4, 1)
    hidden: int = least(128, 1)
    dropout: float = fraction(0.2)
