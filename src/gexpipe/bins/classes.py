"""Sei's 40 sequence classes: label, name and group, in the order of Sei's projection.

Source: table 3 of the GTA paper (ranked by size), the order of ``seqclass.names`` of Sei's release.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLASSES", "GROUPS", "KEPT", "LOW_SIGNAL", "SequenceClass"]


@dataclass(frozen=True)
class SequenceClass:
    """One sequence class: its label (``E5``), what it is called, and its group (``E``)."""

    label: str
    name: str
    group: str


# Group -> its meaning.
GROUPS = {
    "PC": "Polycomb-repressed",
    "L": "Low signal",
    "TN": "Transcription",
    "E": "Enhancer",
    "TF": "TF binding",
    "HET": "Heterochromatin",
    "P": "Promoter",
    "CTCF": "CTCF-cohesin binding",
}

_TABLE = """
PC1 Polycomb / Heterochromatin
L1 Low signal
TN1 Transcription
TN2 Transcription
L2 Low signal
E1 Stem cell
E2 Multi-tissue
E3 Brain / Melanocyte
L3 Low signal
E4 Multi-tissue
TF1 NANOG / FOXA1
HET1 Heterochromatin
E5 B-cell-like
E6 Weak epithelial
TF2 CEBPB
PC2 Weak Polycomb
E7 Monocyte / Macrophage
E8 Weak multi-tissue
L4 Low signal
TF3 FOXA1 / AR / ESR1
PC3 Polycomb
TN3 Transcription
L5 Low signal
HET2 Heterochromatin
L6 Low signal
P Promoter
E9 Liver / Intestine
CTCF CTCF-Cohesin
TN4 Transcription
HET3 Heterochromatin
E10 Brain
TF4 OTX2
HET4 Heterochromatin
L7 Low signal
PC4 Polycomb / Bivalent stem cell Enh
HET5 Centromere
E11 T-cell
TF5 AR
E12 Erythroblast-like
HET6 Centromere
"""


def _classes() -> tuple[SequenceClass, ...]:
    pairs = [line.split(" ", 1) for line in _TABLE.strip().splitlines()]
    return tuple(SequenceClass(a, b, a.rstrip("0123456789")) for a, b in pairs)


# All 40, by size.
CLASSES = _classes()
# Group that is dropped.
LOW_SIGNAL = "L"
# Indices among the 40 of the 33 classes that GTA reads.
KEPT = tuple(i for i, c in enumerate(CLASSES) if c.group != LOW_SIGNAL)
