"""A reference distribution of element activity, laid out as ABC's quantile-normalisation table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

__all__ = ["write_qnorm_reference"]

# Elements in the imagined reference, by class; log-normal read densities in RPM.
_ELEMENTS = {"any": 160_000, "promoter": 18_000, "nonpromoter": 142_000}
_MEDIAN = {"any": (0.5, 0.8), "promoter": (3.0, 4.0), "nonpromoter": (0.45, 0.7)}
_SPREAD = 1.4


def write_qnorm_reference(path: Path) -> None:
    """Write columns enh_class, quantile, rank, H3K27ac.RPM and DHS.RPM; rank 1 is the strongest."""
    quantile = np.concatenate(
        [np.arange(1, 100) / 100, 1 - np.array([5, 2, 1, 0.5, 0.2, 0.1]) / 1e3]
    )
    tables = []
    for name, size in _ELEMENTS.items():
        z = stats.norm.ppf(quantile)
        h3k27ac, dnase = (median * np.exp(_SPREAD * z) for median in _MEDIAN[name])
        rank = np.rint((1 - quantile) * size) + 1
        tables.append(
            pd.DataFrame(
                {
                    "enh_class": name,
                    "quantile": quantile,
                    "rank": rank,
                    "H3K27ac.RPM": h3k27ac,
                    "DHS.RPM": dnase,
                }
            )
        )
    pd.concat(tables).to_csv(path, sep="\t", index=False, float_format="%.5f", lineterminator="\n")
