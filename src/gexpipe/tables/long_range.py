"""How far the contact of a promoter reaches in stored windows (Prism, table 8)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.errors import UserError
from gexpipe.windows.reader import ShardedArray
from gexpipe.windows.store import read_manifest

__all__ = ["BEYOND", "beside_published", "long_range", "partners"]

# bp from the TSS beyond which contact is long-range. The paper says 50 kb, but its 199,899 partners
# are all positions of a 200 kb window but the 101 within 50 bp.
BEYOND = {"published": 50, "described": 50_000}

# Statistic -> row of the printed table. Its distance is printed as kb, which fits as bp.
PRINTED = {
    "genes_with_contact": "% of genes with promoter-interacting",
    "genes_with_long_range": "% of genes with long-range (50kb) promoter",
    "genes_with_abc": "% of genes linked to a distal enhancer via ABC model",
    "median_partners": "Median number of long-range partners per gene",
    "median_distance": "Median distance of long-range interactions (kb)",
}


def partners(
    contact: NDArray[np.float32],
    start: NDArray[np.int64],
    resolution: int,
    length: int,
    beyond: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions in contact with each TSS.

    Parameters
    ----------
    contact : ndarray
        (G, B) contact of the bins of each window; > 0 is contact.
    start : ndarray
        (G,) where base 0 of the window lies in the first bin.
    resolution, length : int
        Bin and window, bp.
    beyond : int
        Positions at most so far from the TSS do not count; -1 counts all.

    Returns
    -------
    ndarray
        (G,) positions in contact.
    ndarray
        (length,) genes in contact with each position of the window.
    """
    edges = np.arange(contact.shape[1] + 1) * resolution - np.asarray(start)[:, None]
    edges = np.clip(edges, 0, length)
    touched = contact > 0
    ends = np.zeros(length + 1, np.int64)
    np.add.at(ends, edges[:, :-1][touched], 1)
    np.subtract.at(ends, edges[:, 1:][touched], 1)
    near = (length // 2 - beyond, length // 2 + beyond + 1)
    outside = np.ones(length, bool)
    if beyond >= 0:
        outside[max(near[0], 0) : near[1]] = False
    counted = np.concatenate([[0], np.cumsum(outside)])
    each = ((counted[edges[:, 1:]] - counted[edges[:, :-1]]) * touched).sum(axis=1)
    return each, np.cumsum(ends)[:length] * outside


def long_range(store: Path, beyond: int, elements: pd.DataFrame | None = None) -> dict[str, float]:
    """Statistics of table 8 of Prism for one cell type.

    Parameters
    ----------
    store : Path
        Window store of the cell type.
    beyond : int
        bp from the TSS beyond which contact is long-range.
    elements : DataFrame, optional
        EPInformer's element table: gene_id; a row a gene and element.

    Returns
    -------
    dict
        Share of genes with contact, with long-range contact and (with ``elements``) with an element
        of ABC; the median over genes of long-range positions in contact; their median distance over
        all genes and positions, bp.
    """
    folder, manifest = read_manifest(store, "signals")
    if manifest["kind"] != "signals":
        raise UserError(f"a {manifest['kind']} store has no contact", folder)
    length, resolution = int(manifest["length"]), int(manifest["resolution"])
    counts, every, places = [], [], np.zeros(length, np.int64)
    for chrom in dict.fromkeys(manifest["gene_chromosomes"]):
        bins, start = (ShardedArray(folder / chrom / f"contact/{n}") for n in ("bins", "start"))
        contact = np.stack([bins.read(row) for row in range(len(bins))])
        offset = np.array([int(start.read(row)) for row in range(len(start))])
        given = (contact, offset, resolution, length)
        each, at = partners(*given, beyond)
        counts.append(each)
        every.append(partners(*given, -1)[0])
        places += at
    each = np.concatenate(counts)
    found = {
        "genes_with_contact": float(np.mean(np.concatenate(every) > 0)),
        "genes_with_long_range": float(np.mean(each > 0)),
    }
    if elements is not None:
        genes = set(elements["gene_id"])
        found["genes_with_abc"] = float(np.mean([g in genes for g in manifest["genes"]]))
    found["median_partners"] = float(np.median(each))
    distance = np.bincount(np.abs(np.arange(length) - length // 2), weights=places)
    total = distance.sum()
    middle = int(np.searchsorted(np.cumsum(distance), total / 2)) if total else np.nan
    return found | {"median_distance": float(middle)}


def beside_published(
    found: dict[tuple[str, str], dict[str, float]],
    published: pd.DataFrame,
    known_as: dict[str, str],
) -> pd.DataFrame:
    """Statistics beside the printed ones.

    Parameters
    ----------
    found : dict
        (cell, name in `BEYOND`) -> `long_range`. Only ``published`` has printed values beside it.
    published : DataFrame
        Of `gexpipe.tables.published.read_published`.
    known_as : dict
        Cell -> cell of the paper.

    Returns
    -------
    DataFrame
        cell, setting, statistic, value, published (NaN: not printed), difference.
    """
    printed = published[(published["paper"] == "prism") & (published["table"] == "8")]
    values = printed.set_index(["cell", "row"])["value"].to_dict()
    rows = [
        {
            "cell": cell,
            "setting": f"beyond={BEYOND[name]}",
            "statistic": statistic,
            "value": value,
            "published": values.get((known_as.get(cell, cell), PRINTED[statistic]), np.nan)
            if name == "published"
            else np.nan,
        }
        for (cell, name), statistics in found.items()
        for statistic, value in statistics.items()
    ]
    table = pd.DataFrame(rows)
    return table.assign(difference=table["value"] - table["published"])
