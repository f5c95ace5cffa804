"""Contact rows: the contact of every gene's TSS bin with the bins around it."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gexpipe.contact.band import Band, BandReader, NoVectorError, add_to_rows
from gexpipe.contact.powerlaw import PowerLaw
from gexpipe.contact.readers import choose_normalization, match_chromosome
from gexpipe.errors import UserError
from gexpipe.files import aside, read_json, require, write_json
from gexpipe.log import get_logger, progress

__all__ = [
    "ContactRows",
    "empty_rows",
    "powerlaw_rows",
    "read_rows",
    "rows_from_band",
    "rows_from_matrix",
]

logger = get_logger(__name__)

# Balancings after which all rows have one common sum; the others are scaled row by row.
EVEN = {"KR", "SCALE", "ICE", "weight", "INTER_SCALE", "GW_SCALE", "GW_KR", "INTER_KR"}
ARRAYS = ("gene_id", "chrom", "tss", "chrom_length", "tss_bin", "values", "row_sum")


@dataclass(frozen=True)
class ContactRows:
    """Observed contact around each TSS, G genes, n bins on either side.

    Attributes
    ----------
    gene_id, chrom : ndarray
        (G,) str, in the order of the gene table.
    tss, chrom_length, tss_bin : ndarray
        (G,) int64: 0-based TSS, chromosome length in bp, ``tss // resolution``.
    values : ndarray
        (G, 2n + 1) float32 balanced observed contact; column n is the TSS bin with itself. An
        absent pixel is 0; a masked bin, and a bin off the chromosome, is NaN.
    row_sum : ndarray
        (G,) float64: dividing ``values`` by it imitates a matrix whose rows sum to one, as ABC
        does. For balanced matrices the mean row sum of the chromosome, else the sum of the row.
    resolution : int
        Bin width, bp.
    meta : dict
        Where the rows come from: file, normalization, policies.
    """

    gene_id: NDArray[np.str_]
    chrom: NDArray[np.str_]
    tss: NDArray[np.int64]
    chrom_length: NDArray[np.int64]
    tss_bin: NDArray[np.int64]
    values: NDArray[np.float32]
    row_sum: NDArray[np.float64]
    resolution: int
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def reach(self) -> int:
        """Bins on either side of the TSS bin (n)."""
        return self.values.shape[1] // 2

    def write(self, path: str | Path) -> None:
        """Write ``path`` (.npz) and the meta data beside it (.json)."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        with aside(path) as temporary, temporary.open("wb") as handle:
            np.savez_compressed(handle, resolution=np.int64(self.resolution), **arrays)
        write_json(Path(path).with_suffix(".json"), self.meta)


def read_rows(path: str | Path) -> ContactRows:
    """Read contact rows written by `ContactRows.write`."""
    source = require(path, "contact rows file")
    try:
        with np.load(source) as stored:
            arrays = {name: stored[name] for name in ARRAYS}
            resolution = int(stored["resolution"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"not a contact rows file ({error})", source) from error
    return ContactRows(**arrays, resolution=resolution, meta=read_json(source.with_suffix(".json")))


def empty_rows(
    genes: pd.DataFrame, sizes: dict[str, int], resolution: int, reach: int
) -> ContactRows:
    """Rows of all genes without contact: every value NaN, every row sum 1."""
    absent = sorted(set(genes["chrom"]) - set(sizes))
    if absent:
        raise UserError(f"genes lie on {absent[0]}, which the chromosome sizes do not list")
    tss = genes["tss"].to_numpy(np.int64)
    return ContactRows(
        gene_id=genes["gene_id"].to_numpy(dtype=str),
        chrom=genes["chrom"].to_numpy(dtype=str),
        tss=tss,
        chrom_length=np.array([sizes[c] for c in genes["chrom"]], dtype=np.int64),
        tss_bin=tss // resolution,
        values=np.full((len(genes), 2 * reach + 1), np.nan, dtype=np.float32),
        row_sum=np.ones(len(genes)),
        resolution=resolution,
    )


def rows_from_band(band: Band, bins: NDArray[np.int64], reach: int) -> NDArray[np.float32]:
    """Rows of some bins of one chromosome, from a band of its upper triangle.

    Parameters
    ----------
    band : Band
        At least ``reach`` bins wide; farther pixels are left out.
    bins : ndarray
        (G,) bin numbers of the TSSs.
    reach : int
        Bins on either side.

    Returns
    -------
    ndarray
        (G, 2 reach + 1) float32: 0 where no pixel is stored, NaN where either bin is masked or the
        column lies off the chromosome.
    """
    wanted, inverse = np.unique(bins, return_inverse=True)
    slot = np.full(len(band.masked), -1, dtype=np.int64)
    slot[wanted] = np.arange(len(wanted))
    rows = np.zeros((len(wanted), 2 * reach + 1), dtype=np.float32)
    near = band.second - band.first <= reach
    for own, other in ((band.first, band.second), (band.second, band.first)):
        keep = near & (slot[own] >= 0)
        row, column = slot[own[keep]], other[keep].astype(np.int64) - own[keep] + reach
        rows[row, column] = band.value[keep]
    columns = wanted[:, None] + np.arange(-reach, reach + 1)[None, :]
    outside = (columns < 0) | (columns >= len(band.masked))
    masked = band.masked[np.clip(columns, 0, len(band.masked) - 1)] | band.masked[wanted][:, None]
    rows[outside | masked] = np.nan
    return rows[inverse]


def rows_from_matrix(
    reader: BandReader,
    genes: pd.DataFrame,
    sizes: dict[str, int],
    max_distance: int,
    normalization: list[str],
    row_sums: str = "chromosome",
) -> ContactRows:
    """Contact rows of all genes, with one banded read per chromosome.

    Parameters
    ----------
    reader : BandReader
        The matrix at one resolution.
    genes : DataFrame
        Gene table (gene_id, chrom, tss).
    sizes : dict
        Chromosome lengths of the genome, bp.
    max_distance : int
        Contacts are kept up to this distance, bp.
    normalization : list of str
        Acceptable balancings, the first one present is used.
    row_sums : {"chromosome", "band"}
        Over what row sums are taken: the whole chromosome, as ABC does (a second, streamed pass),
        or the pixels within ``max_distance``.
    """
    resolution = reader.resolution
    used = choose_normalization(reader, normalization)
    reach = -(-max_distance // resolution)
    rows = empty_rows(genes, sizes, resolution, reach)
    means: dict[str, float] = {}
    lacking, unbalanced = [], []
    for chrom in progress(list(dict.fromkeys(rows.chrom.tolist())), "contact rows"):
        name = match_chromosome(reader.chromosomes, chrom)
        if name is None:
            lacking.append(chrom)
            continue
        if reader.chromosomes[name] != sizes[chrom]:
            raise UserError(
                f"{name} is {reader.chromosomes[name]:,} bp here and {sizes[chrom]:,} bp in the "
                "genome: another assembly?",
                reader.path,
            )
        here = np.flatnonzero(rows.chrom == chrom)
        try:
            band = reader.band(name, reach, used)
            sums = reader.row_sums(name, used) if row_sums == "chromosome" else None
        except NoVectorError:
            unbalanced.append(chrom)
            continue
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            raise UserError(f"{name} cannot be read: damaged? ({error})", reader.path) from error
        if band.masked.all():
            unbalanced.append(chrom)
            continue
        rows.values[here] = rows_from_band(band, rows.tss_bin[here], reach)
        sums = band_sums(band) if sums is None else sums
        if used in EVEN:
            means[chrom] = float(sums.sum() / max(int((sums > 0).sum()), 1))
            rows.row_sum[here] = means[chrom]
        else:
            rows.row_sum[here] = sums[rows.tss_bin[here]]
    _check_chromosomes(lacking, rows, reader)
    _check_vectors(unbalanced, [*lacking, *unbalanced], rows, reader, used)
    rows.row_sum[~(rows.row_sum > 0)] = 1.0
    rows.meta.update(_meta(reader, used, max_distance, row_sums, means, [*lacking, *unbalanced]))
    rows.meta["genes"] = len(genes)
    rows.meta["genes_with_contact"] = int(np.isfinite(rows.values[:, reach]).sum())
    return rows


def band_sums(band: Band) -> NDArray[np.float64]:
    """(bins,) sums of the rows of a band."""
    sums = np.zeros(len(band.masked))
    add_to_rows(sums, band.first, band.second, band.value)
    return sums


def _check_chromosomes(lacking: list[str], rows: ContactRows, reader: BandReader) -> None:
    if len(lacking) == len(set(rows.chrom.tolist())):
        raise UserError(
            f"chromosome names do not match: it has {', '.join(list(reader.chromosomes)[:4])}; "
            f"the genes lie on {', '.join(lacking[:4])}",
            reader.path,
        )
    if lacking:
        logger.warning("%s has no %s: contact is missing there", reader.path, ", ".join(lacking))


def _check_vectors(
    unbalanced: list[str], missing: list[str], rows: ContactRows, reader: BandReader, used: str
) -> None:
    if len(missing) == len(set(rows.chrom.tolist())):
        raise UserError(f"no balancing {used} on {', '.join(unbalanced[:4])}", reader.path)
    if unbalanced:
        logger.warning(
            "%s has no balancing %s on %s: contact is missing there",
            reader.path, used, ", ".join(unbalanced),
        )  # fmt: skip


def _meta(
    reader: BandReader,
    used: str,
    max_distance: int,
    row_sums: str,
    means: dict[str, float],
    lacking: list[str],
) -> dict[str, Any]:
    return {
        "source": "matrix",
        "file": reader.path.name,
        "resolution": reader.resolution,
        "normalization": used,
        "max_distance": max_distance,
        "row_sum": f"{'mean of the rows' if used in EVEN else 'own row'}, over the {row_sums}",
        "mean_row_sum": means,
        "masked": "NaN",
        "absent": 0,
        "chromosomes_without_contact": lacking,
    }


def powerlaw_rows(
    genes: pd.DataFrame,
    sizes: dict[str, int],
    resolution: int,
    max_distance: int,
    law: PowerLaw | None = None,
) -> ContactRows:
    """Contact rows for a cell without Hi-C: the power law at the distance between bins."""
    law = law or PowerLaw()
    reach = -(-max_distance // resolution)
    rows = empty_rows(genes, sizes, resolution, reach)
    offsets = np.arange(-reach, reach + 1)
    bins = rows.tss_bin[:, None] + offsets[None, :]
    inside = (bins >= 0) & (bins < -(-rows.chrom_length // resolution)[:, None])
    profile = law(np.abs(offsets) * resolution).astype(np.float32)
    rows.values[:] = np.where(inside, profile[None, :], np.float32(np.nan))
    rows.meta.update(
        source="powerlaw",
        resolution=resolution,
        max_distance=max_distance,
        gamma=law.gamma,
        scale=law.scale,
        minimum=law.minimum,
    )
    return rows
