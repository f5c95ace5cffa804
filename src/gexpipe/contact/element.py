"""Contact between elements and genes as ABC computes it, from contact rows or a power law."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gexpipe.contact.powerlaw import PowerLaw, reference_law

if TYPE_CHECKING:
    from gexpipe.contact.rows import ContactRows

__all__ = [
    "ContactModel",
    "adjusted_contact",
    "correct_self_bin",
    "cover_genes",
    "observed_contact",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ContactModel:
    """ABC's parameters of contact.

    Attributes
    ----------
    law : PowerLaw
        Fit to the cell's own matrix, on the scale of rows that sum to one.
    reference_gamma : float
        Measured contact is multiplied by reference law / own law, so that cells compare.
    pseudocount_distance : float
        The pseudocount is min(law at the distance, law at this distance), bp.
    coverage_threshold : float
        A gene whose contact with its own promoter elements sums to less gets the power law.
    """

    law: PowerLaw = field(default_factory=PowerLaw)
    reference_gamma: float = 0.87
    pseudocount_distance: float = 5000.0
    coverage_threshold: float = 0.01


def correct_self_bin(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Replace a stored contact of the TSS bin with itself by that of its stronger neighbour.

    The diagonal of a Hi-C matrix counts unligated and re-ligated fragments.

    Parameters
    ----------
    values : ndarray
        (G, 2n + 1) contact rows, column n is the TSS bin. An absent diagonal (0) stays absent.
    """
    corrected = values.copy()
    centre = values.shape[1] // 2
    neighbours = np.nan_to_num(values[:, [centre - 1, centre + 1]], nan=0.0).max(axis=1)
    stored = np.nan_to_num(values[:, centre], nan=0.0) > 0
    corrected[stored, centre] = neighbours[stored]
    return corrected


def observed_contact(
    rows: ContactRows, gene: NDArray[np.int64], midpoint: NDArray[np.float64]
) -> Floats:
    """Contact of gene-element pairs, rows scaled to sum one, the self bin corrected; NaN -> 0.

    Parameters
    ----------
    rows : ContactRows
        Rows of all genes.
    gene : ndarray
        (P,) row of each pair's gene.
    midpoint : ndarray
        (P,) middle of each pair's element, bp.

    Returns
    -------
    ndarray
        (P,) float64; 0 beyond the reach of the rows.
    """
    used, inverse = np.unique(gene, return_inverse=True)
    values = rows.values[used]
    if rows.meta.get("source") != "average":  # made of corrected matrices
        values = correct_self_bin(values)
    column = (midpoint // rows.resolution).astype(np.int64) - rows.tss_bin[gene] + rows.reach
    inside = (column >= 0) & (column < values.shape[1])
    picked = values[inverse, np.clip(column, 0, values.shape[1] - 1)].astype(np.float64)
    return np.where(inside, np.nan_to_num(picked, nan=0.0), 0.0) / rows.row_sum[gene]


def cover_genes(
    contact: Floats,
    distance: Floats,
    gene: NDArray[np.int64],
    self_promoter: NDArray[np.bool_],
    model: ContactModel,
) -> Floats:
    """Give genes with too little contact at their own promoter the power law instead.

    A gene without a promoter element of its own is left alone, as in ABC.
    """
    own = np.flatnonzero(self_promoter)
    if len(own) == 0:
        return contact
    size = int(gene.max()) + 1
    total = np.bincount(gene[own], weights=contact[own], minlength=size)
    has_promoter = np.bincount(gene[own], minlength=size) > 0
    poor = has_promoter & (total < model.coverage_threshold)
    return np.where(poor[gene], model.law(distance), contact)


def adjusted_contact(contact: Floats, distance: Floats, model: ContactModel) -> Floats:
    """Scale measured contact to the reference power law and add the pseudocount."""
    own = model.law(distance)
    reference = reference_law(model.reference_gamma)(distance)
    pseudocount = np.minimum(own, model.law(model.pseudocount_distance))
    return contact * (reference / own) + pseudocount
