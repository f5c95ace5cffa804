"""Elements as examples: bases in, activity out; what EPInformer's encoder is trained on first."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pyfaidx import Fasta

from gexpipe.batch import Batch
from gexpipe.data.loading import reverse_complement
from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.schemas import ELEMENTS, EXAMPLES, read_stage
from gexpipe.windows.layout import N_CODE, encode
from gexpipe.windows.sequence import window_of

__all__ = ["ElementActivity"]

OFFSET = 0.1  # added to an activity before its logarithm


class ElementActivity:
    """Elements of one cell type, split by chromosome as its genes are.

    The target is log2(0.1 + activity), activity being the geometric mean of the DNase and H3K27ac
    of the element; its sequence is the central ``length`` bases. Elements are the candidate
    elements of Activity-by-Contact, with normalised activity, or bins around H3K27ac summits
    (`gexpipe.abc.summits`), which the paper trains on.

    Parameters
    ----------
    elements : Path
        Element table of the cell type (`gexpipe abc activity`, or `summit-bins`): chrom, start,
        end (0-based half-open), name, activity_base.
    genome : Path
        Indexed FASTA.
    examples : Path
        Example table, for the part of each chromosome in each fold.
    length : int
        Bases to give.
    turned : float
        Probability that training gives the reverse complement, 0-1: an element has no strand. At
        0.5 both are seen equally often, as in the paper, which adds them to the set.

    Attributes
    ----------
    table : DataFrame
        gene_id and symbol (name of the element), chrom, fold_1 ... fold_12, target.
    fingerprint : str
        sha256 over bases and targets.
    """

    def __init__(
        self, elements: Path, genome: Path, examples: Path, length: int, turned: float = 0.0
    ) -> None:
        found = read_stage(elements, ELEMENTS, "name")
        parts = _chromosome_parts(read_stage(examples, EXAMPLES), examples)
        found = found[found["chrom"].isin(parts.index)].reset_index(drop=True)
        if found.empty:
            raise UserError("no element on a chromosome of the example table", elements)
        self._codes = _codes(found, require(genome, "genome"), length)
        self._turned = turned
        self._target = np.log2(OFFSET + found["activity_base"].to_numpy()).astype(np.float32)
        names = {"gene_id": found["name"], "symbol": found["name"], "chrom": found["chrom"]}
        folds = parts.loc[found["chrom"]].reset_index(drop=True)
        self.table = pd.concat([pd.DataFrame(names), folds], axis=1).assign(target=self._target)
        digest = hashlib.sha256(self._codes.tobytes() + self._target.tobytes())
        self.fingerprint = digest.hexdigest()

    @property
    def gene_ids(self) -> list[str]:
        """Names of the elements in row order."""
        return self.table["gene_id"].tolist()

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of one part of a fold; a `UserError` when there are none."""
        column = f"fold_{fold}"
        if column not in self.table:
            raise UserError(f"no {column} in the example table", "config: splits.fold")
        rows = np.flatnonzero((self.table[column] == part).to_numpy())
        if not len(rows):
            raise UserError(f"no element in the {part} part of fold {fold}", "config: splits.fold")
        return rows

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        """Elements as windows without signals, masks or gene features; with ``draw``, turned."""
        count, length = len(rows), self._codes.shape[1]
        none = torch.zeros(count, length, dtype=torch.bool)
        batch = Batch(
            gene=torch.as_tensor(np.asarray(rows)),
            codes=torch.from_numpy(self._codes[rows]),
            signals=torch.zeros(count, 0, length),
            features=torch.zeros(count, 0),
            target=torch.from_numpy(self._target[rows]),
            peaks=none,
            blacklist=none,
        )
        if draw is None:
            return batch
        return reverse_complement(batch, torch.from_numpy(draw.random(count) < self._turned))


def _chromosome_parts(examples: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Part of each chromosome (rows) in each fold (columns)."""
    folds = [c for c in examples.columns if c.startswith("fold_")]
    parts = examples[["chrom", *folds]].drop_duplicates().set_index("chrom")
    if parts.index.has_duplicates:
        chrom = parts.index[parts.index.duplicated()][0]
        raise UserError(f"genes of {chrom} are in several parts of a fold", path)
    return parts


def _codes(elements: pd.DataFrame, genome: Path, length: int) -> np.ndarray:
    """(elements, length) uint8 base codes around the middle of each element."""
    codes = np.empty((len(elements), length), np.uint8)
    middle = (elements["start"] + elements["end"]).to_numpy() // 2
    with Fasta(str(genome), as_raw=True) as sequences:
        for chrom, rows in elements.groupby("chrom").indices.items():
            if chrom not in sequences:
                raise UserError(f"no chromosome {chrom!r}, which the element table has", genome)
            track = encode(sequences[chrom][:])
            for row in rows:
                start = int(middle[row]) - length // 2
                codes[row] = window_of(track, start, length, N_CODE)
    return codes
