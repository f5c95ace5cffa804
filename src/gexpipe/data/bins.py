"""What GTA is trained on: bins, prompts, targets and splits of genes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gexpipe.batch import Batch
from gexpipe.bins.store import BinStore
from gexpipe.data.parts import rows_of_part
from gexpipe.errors import UserError
from gexpipe.log import get_logger
from gexpipe.methods.published import GTAOptions
from gexpipe.models.base import Inputs
from gexpipe.models.language import PADDING, load_tokenizer
from gexpipe.schemas import EXAMPLES, read_stage
from gexpipe.tabular import read_parquet

__all__ = ["BinData"]

log = get_logger(__name__)


class BinData:
    """Genes of an example table that have bins; a `Genes` of training.

    Parameters
    ----------
    features : Path
        Store of `build_features`.
    examples : Path
        Example table: gene_id, symbol, chrom, target, fold_1 ... fold_12.
    options : GTAOptions
        Of the method.
    inputs : Inputs
        ``signals``: bin signals to give after the features, in this order; ``drop``: those given
        as zeros.
    prompts : Path, optional
        Table of `gene_records`, where the method reads prompts.
    signals : Path, optional
        Store of `build_signals`, where the method reads signals.

    Attributes
    ----------
    table : DataFrame
        The example table.
    labels : list of str
        Names of the bins' numbers.
    width : int
        Bases of a bin.
    fingerprint : str
        sha256 over everything read.
    """

    def __init__(
        self,
        features: Path,
        examples: Path,
        options: GTAOptions,
        inputs: Inputs,
        prompts: Path | None = None,
        signals: Path | None = None,
    ) -> None:
        self.table = read_stage(examples, EXAMPLES, "target")
        store = BinStore(features)
        words = options.feature_words()
        if list(words) != store.words:
            raise UserError(
                f"the method names {len(words)} features, from {words[0]!r}; the store has "
                f"{len(store.words)}, from {store.words[0]!r}",
                "model.words",
            )
        parts = [store.fingerprint, _digest(self.table)]
        place = {gene: row for row, gene in enumerate(store.gene_ids)}
        self._place = np.array([place.get(g, -1) for g in self.gene_ids])
        self._known = self._place >= 0
        if not self._known.all():
            log.warning("%d of %d genes have no bins", (~self._known).sum(), len(self.table))
        rows = self._place[self._known].tolist()
        _check_chromosomes(store, rows, self.table[self._known], examples)
        values = [store.read(rows, options.bins)]
        self.labels, self.width = list(store.labels), store.width
        if inputs.signals:
            values.append(self._signals(signals, inputs.signals, store, options.bins, rows))
            self.labels += list(inputs.signals)
            parts.append(BinStore(Path(str(signals))).fingerprint)
        self._bins = np.concatenate(values, axis=2)
        if options.standardise:
            self._bins -= self._bins.mean(axis=(0, 1))
            self._bins /= np.maximum(self._bins.std(axis=(0, 1)), 1e-6)
        for name in inputs.drop:
            if name not in inputs.signals:
                raise UserError(f"no signal {name!r} to drop", "inputs.drop")
            self._bins[:, :, self.labels.index(name)] = 0
        self._row = np.cumsum(self._known) - 1  # row of the example table -> row of the bins
        self._prompts: list[list[int]] | None = None
        if options.prompt:
            texts = self._texts(prompts)
            parts.append(hashlib.sha256("\0".join(texts).encode()).hexdigest())
            room = options.context - options.bins
            tokens = load_tokenizer(options.backbone)(texts, truncation=True, max_length=room)
            self._prompts = tokens.input_ids if room else [[] for _ in texts]
        self._target = self.table["target"].to_numpy(np.float32)
        self.fingerprint = hashlib.sha256("".join(parts).encode()).hexdigest()

    @property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return self.table["gene_id"].tolist()

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of one part of a fold that have bins; see `rows_of_part`."""
        return rows_of_part(self.table, fold, part, self._known)

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        """Bins as signals (B, features, N), and prompts; nothing is random."""
        rows = np.asarray(rows)
        empty = torch.zeros(len(rows), 0, dtype=torch.bool)
        bins = torch.from_numpy(self._bins[self._row[rows]])
        return Batch(
            gene=torch.from_numpy(rows.astype(np.int64)),
            codes=empty.byte(),
            signals=bins.transpose(1, 2).contiguous(),
            features=torch.zeros(len(rows), 0),
            target=torch.from_numpy(self._target[rows]),
            peaks=empty,
            blacklist=empty,
            prompt=self._padded(rows),
        )

    def _padded(self, rows: np.ndarray) -> torch.Tensor | None:
        if self._prompts is None:
            return None
        tokens = [self._prompts[row] for row in rows]
        prompt = torch.full((len(rows), max(map(len, tokens))), PADDING)
        for line, ids in zip(prompt, tokens, strict=True):
            line[len(line) - len(ids) :] = torch.tensor(ids, dtype=torch.long)
        return prompt

    def _texts(self, prompts: Path | None) -> list[str]:
        if prompts is None:
            raise UserError("this method reads prompts: give --prompts", "method gta")
        table = read_parquet(prompts, "table of prompts").set_index("gene_id")
        absent = [g for g, known in zip(self.gene_ids, self._known, strict=True) if known]
        absent = [g for g in absent if g not in table.index]
        if absent:
            raise UserError(f"no gene {absent[0]} ({len(absent)} are missing)", prompts)
        return table["prompt"].reindex(self.gene_ids).fillna("").tolist()

    @staticmethod
    def _signals(
        path: Path | None, names: tuple[str, ...], features: BinStore, bins: int, rows: list[int]
    ) -> np.ndarray:
        if path is None:
            raise UserError("this method reads bin signals: give --bin-signals", "method gta")
        store = BinStore(path)
        if store.gene_ids != features.gene_ids or store.width != features.width:
            raise UserError("its genes or bins are not those of the features", path)
        absent = [name for name in names if name not in store.labels]
        if absent:
            known = ", ".join(store.labels)
            raise UserError(f"no signal {absent[0]!r}; the store has {known}", "inputs.signals")
        return store.read(rows, bins)[:, :, [store.labels.index(name) for name in names]]


def _check_chromosomes(
    store: BinStore, rows: list[int], table: pd.DataFrame, examples: Path
) -> None:
    """Raise a `UserError` for a gene on another chromosome; bins may be centred on another TSS."""
    for row, gene, chrom in zip(rows, table["gene_id"], table["chrom"], strict=True):
        if store.chromosomes[row] != chrom:
            found = f"{gene} is on {store.chromosomes[row]}, in {examples} on {chrom}"
            raise UserError(found, store.folder)


def _digest(table: pd.DataFrame) -> str:
    hashed = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.sha256(hashed.tobytes()).hexdigest()
