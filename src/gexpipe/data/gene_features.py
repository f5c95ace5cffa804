"""Genes and their elements by numbers alone, without bases: one data set for networks on them."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import torch

from gexpipe.batch import Batch, Elements
from gexpipe.data.gene_tables import GeneTables, feature_table, log_activity
from gexpipe.data.parts import rows_of_part
from gexpipe.errors import UserError
from gexpipe.methods.gene_features import ELEMENT_NUMBERS, feature_count

__all__ = ["GeneFeatures", "element_numbers"]


class GeneFeatures:
    """Genes of one cell type: features of the promoter and of up to E elements.

    Every number has mean 0 and variance 1 over all genes (elements) of the table. In a batch,
    ``features`` are the genes'; ``elements.features`` (B, E, K + 1) those of the elements, followed
    by 1 where the slot holds one. There are no bases.

    Parameters
    ----------
    tables : GeneTables
        With elements, and with the activity that the set ``marks`` needs.
    sets : str
        Sets of gene features joined by ``+``.

    Attributes
    ----------
    table : DataFrame
        The example table.
    fingerprint : str
        sha256 over all numbers, targets and gene ids.
    """

    def __init__(self, tables: GeneTables, sets: str) -> None:
        if tables.elements is None:
            raise UserError("this method reads elements: give --links", "gene features")
        self.table = tables.examples
        genes = feature_table(tables, sets.split("+"))
        if genes.shape[1] != feature_count(sets):
            found = (
                f"{genes.shape[1]} features of genes, the sets {sets} have {feature_count(sets)}"
            )
            raise UserError(f"{found}: is a mark missing?", "gene features")
        self._genes = torch.from_numpy(_standardised(genes.to_numpy(np.float64)))
        self._elements = torch.from_numpy(_slots(tables.elements, self.table))
        self._target = torch.tensor(self.table["target"].to_numpy(np.float32))
        parts = [self._genes, self._elements, self._target]
        digest = hashlib.sha256("".join(self.gene_ids).encode())
        for part in parts:
            digest.update(part.numpy().tobytes())
        self.fingerprint = digest.hexdigest()

    @property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return self.table["gene_id"].tolist()

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of one part of a fold; see `rows_of_part`."""
        return rows_of_part(self.table, fold, part)

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        """Numbers of some genes; nothing is random."""
        index = torch.as_tensor(np.asarray(rows, dtype=np.int64))
        none = torch.zeros(len(index), 0, dtype=torch.bool)
        elements = self._elements[index]
        return Batch(
            gene=index,
            codes=none.byte(),
            signals=torch.zeros(len(index), 0, 0),
            features=self._genes[index],
            target=self._target[index],
            peaks=none,
            blacklist=none,
            elements=Elements(elements.new_zeros(*elements.shape[:2], 0).byte(), elements),
        )


def element_numbers(elements: pd.DataFrame, examples: pd.DataFrame) -> np.ndarray:
    """Numbers of every row of the element table.

    Parameters
    ----------
    elements : DataFrame
        gene_id, start, end (0-based half-open), distance_kb, contact_log, activity.
    examples : DataFrame
        gene_id, tss, strand.

    Returns
    -------
    ndarray
        (rows, 5) float64, `ELEMENT_NUMBERS`: log10 distance (kb), log10(0.001 + contact),
        log10(0.1 + activity), log10(0.01 + activity x contact), and 1 downstream of the TSS, -1
        upstream, 0 without a strand.
    """
    contact = 10.0 ** elements["contact_log"].to_numpy() - 1.0
    activity = elements["activity"].to_numpy()
    genes = examples.set_index("gene_id").loc[elements["gene_id"]]
    sign = genes["strand"].map({"+": 1.0, "-": -1.0}).fillna(0.0).to_numpy()
    middle = (elements["start"] + elements["end"]).to_numpy() / 2.0
    columns = {
        "log_distance": np.log10(elements["distance_kb"].to_numpy()),
        "log_contact": np.log10(1e-3 + contact),
        "log_activity": log_activity(activity),
        "log_product": np.log10(1e-2 + activity * contact),
        "downstream": sign * np.sign(middle - genes["tss"].to_numpy()),
    }
    return np.column_stack([columns[name] for name in ELEMENT_NUMBERS])


def _slots(elements: pd.DataFrame, examples: pd.DataFrame) -> np.ndarray:
    """(G, E, K + 1) float32: numbers of the elements of every gene, and 1 in used slots."""
    number = pd.Series(np.arange(len(examples)), index=examples["gene_id"])
    mine = elements[elements["gene_id"].isin(number.index)]
    owner, rank = number.loc[mine["gene_id"]].to_numpy(), mine["rank"].to_numpy()
    values = _standardised(element_numbers(mine, examples))
    slots = max(int(rank.max(initial=-1)) + 1, 1)
    block = np.zeros((len(examples), slots, values.shape[1] + 1), dtype=np.float32)
    block[owner, rank, :-1] = values
    block[owner, rank, -1] = 1
    return block


def _standardised(values: np.ndarray) -> np.ndarray:
    if not len(values):
        return values.astype(np.float32)
    spread = values.std(axis=0)
    centred = values - values.mean(axis=0)
    return (centred / np.where(spread > 0, spread, 1.0)).astype(np.float32)
