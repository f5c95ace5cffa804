"""What training reads: one data set class over the stores and the example table of a cell type."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from gexpipe.batch import Batch
from gexpipe.data.elements import ElementReader
from gexpipe.data.loading import Loading, augment
from gexpipe.data.parts import rows_of_part
from gexpipe.errors import UserError
from gexpipe.reference.examples import FEATURES
from gexpipe.schemas import EXAMPLES, read_stage
from gexpipe.windows.identity import check_genes, check_genomes
from gexpipe.windows.layout import CENTRE, centre_slice, unpack_bases, unpack_bits
from gexpipe.windows.reader import ShardedArray
from gexpipe.windows.remote import Place
from gexpipe.windows.store import read_manifest

__all__ = ["CONTACT", "WindowData"]

# Name under which the contact bins are asked for among the signals.
CONTACT = "contact"
# Added to an activity before its logarithm.
ACTIVITY_OFFSET = 0.1


class WindowData:
    """Genes of one cell type: windows, elements, features, targets and splits.

    Opens nothing until it is read, so that it can be sent to loader workers by fork or spawn.

    Parameters
    ----------
    sequence, signals : Path
        Window stores (folder or manifest): bases; signals, masks and contact.
    examples : Path
        Example table of the cell type (`gexpipe reference examples`), rows in the stores' order.
    elements : Path, optional
        Element store, for methods that read promoter and elements.
    length : int
        Bases to give, from ``tss - length // 2`` on; at most the stored length.
    signal_names : list of str
        Signals to give, in this order; ``contact`` stands for the contact bins.
    log_activity : bool
        Give the promoter activity (last gene feature) as log10(0.1 + x).
    loading : Loading
        Strand, shift and dropped signals.

    Attributes
    ----------
    table : DataFrame
        The example table.
    fingerprint : str
        sha256 over the fingerprints of everything read; training records it.
    """

    def __init__(
        self,
        sequence: Path,
        signals: Path,
        examples: Path,
        elements: Path | None = None,
        *,
        length: int,
        signal_names: list[str],
        log_activity: bool = False,
        loading: Loading | None = None,
    ) -> None:
        self._sequence, bases = read_manifest(sequence, "sequence")
        self._signals, tracks = read_manifest(signals, "signals")
        self.table = read_stage(examples, EXAMPLES, "strand", "target", *FEATURES)
        self.length = length
        stored = int(bases["length"])
        if tracks["length"] != stored:
            raise UserError(f"windows of {tracks['length']} bp, the bases have {stored}", signals)
        if not 0 < length <= stored:
            raise UserError(f"{length} bp asked; the stores hold {stored}", "method: inputs.length")
        stores: dict[Place, dict[str, Any]] = {self._sequence: bases, self._signals: tracks}
        self._prefix, self._stored = (
            ("centre_", CENTRE) if length <= CENTRE < stored else ("", stored)
        )
        self._length = stored
        self._offset = stored // 2 - length // 2
        self.resolution = int(tracks["resolution"])
        self._masks: list[str] = tracks["masks"]
        self._choose_signals(signal_names, tracks["signals"])
        self.loading = loading or Loading()
        self.loading.check(signal_names)
        self._minus = (self.table["strand"] == "-").to_numpy()
        self._at = self._rows_in_groups()
        self._arrays: dict[tuple[str, str], ShardedArray] = {}
        features = self.table[FEATURES].to_numpy(np.float64, copy=True)
        if log_activity:
            features[:, -1] = np.log10(ACTIVITY_OFFSET + features[:, -1])
        self._features = torch.tensor(features, dtype=torch.float32)
        self._target = torch.tensor(self.table["target"].to_numpy(np.float32))
        self._elements: ElementReader | None = None
        parts = [bases["fingerprint"], tracks["fingerprint"], _table_digest(self.table)]
        if elements is not None:
            folder, links = read_manifest(elements, "elements")
            stores[folder] = links
            self._elements = ElementReader(folder, links)
            parts.append(links["fingerprint"])
        for store, manifest in stores.items():
            check_genes(manifest, store, self.table, examples)
        check_genomes(stores)
        self.fingerprint = hashlib.sha256("".join(parts).encode()).hexdigest()

    @property
    def gene_ids(self) -> list[str]:
        """Gene ids in row order."""
        return self.table["gene_id"].tolist()

    def __len__(self) -> int:
        return len(self.table)

    def split(self, fold: int, part: str) -> np.ndarray:
        """Rows of one part of a fold; see `rows_of_part`."""
        return rows_of_part(self.table, fold, part)

    def batch(self, rows: np.ndarray, draw: np.random.Generator | None = None) -> Batch:
        """Read the genes in ``rows``; signals stay float16 and contact stays binned.

        ``draw`` gives the random numbers of a training step; without it nothing is random.
        """
        rows = np.asarray(rows, dtype=np.int64)
        index = torch.from_numpy(rows)
        batch = Batch(
            gene=index,
            features=self._features[index],
            target=self._target[index],
            contact_channel=self.contact_channel or 0,
            resolution=self.resolution,
            elements=self._elements.read(rows, self._promoter) if self._elements else None,
            **{name: torch.from_numpy(values) for name, values in self._windows(rows).items()},
        )
        return augment(batch, self.loading, self.signal_names, self._minus[rows], draw)

    def _choose_signals(self, names: list[str], stored: list[str]) -> None:
        base = [name for name in names if name != CONTACT]
        unknown = [name for name in base if name not in stored]
        if unknown:
            raise UserError(
                f"no signal {unknown[0]!r}; the store has {', '.join([*stored, CONTACT])}",
                "method: inputs.signals",
            )
        self._tracks = base
        self.signal_names = names
        self.contact_channel = names.index(CONTACT) if CONTACT in names else None

    def _rows_in_groups(self) -> list[tuple[str, int]]:
        """Row of the table -> (chromosome, row within its group)."""
        within = self.table.groupby("chrom", sort=False).cumcount()
        return list(zip(self.table["chrom"].astype(str), within.astype(int), strict=True))

    def _array(self, store: Place, row: int, name: str) -> tuple[ShardedArray, int]:
        chrom, within = self._at[row]
        key = (chrom, name)
        if key not in self._arrays:
            self._arrays[key] = ShardedArray(store / chrom / name)
        return self._arrays[key], within

    def _read(self, store: Place, row: int, name: str, out: np.ndarray | None = None) -> np.ndarray:
        array, within = self._array(store, row, name)
        return array.read(within, out)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_arrays": {}}

    def _codes(self, row: int, length: int) -> np.ndarray:
        """(length,) codes of the middle of a window; whole bytes are unpacked, then cut."""
        cut = centre_slice(self._length, length)
        low, high = cut.start // 8, -(-cut.stop // 8)
        array, within = self._array(self._sequence, row, "sequence/bases")
        bases = array.view(within)[2 * low : 2 * high]
        unknown = self._read(self._sequence, row, "sequence/unknown")[low:high]
        return unpack_bases(bases, unknown)[cut.start - 8 * low :][:length]

    def _windows(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays of `Batch` that come from the window stores."""
        cut = centre_slice(self._stored, self.length)
        whole, length = self._stored == self.length, self.length
        codes = np.empty((len(rows), length), np.uint8)
        signals = np.empty((len(rows), len(self._tracks), length), np.float16)
        masks = np.empty((2, len(rows), length), bool)
        chosen = [self._masks.index(name) for name in ("peaks", "blacklist")]
        for k, row in enumerate(rows.tolist()):
            codes[k] = self._codes(row, length)
            packed = self._read(self._signals, row, f"masks/{self._prefix}masks")
            masks[:, k] = unpack_bits(packed[chosen])[:, cut]
            for track, out in zip(self._tracks, signals[k], strict=True):
                name = f"signals/{track}/{self._prefix}values"
                if whole:
                    self._read(self._signals, row, name, out)
                else:
                    out[:] = self._read(self._signals, row, name)[cut]
        windows = {"codes": codes, "signals": signals, "peaks": masks[0], "blacklist": masks[1]}
        if self.contact_channel is not None:
            windows |= self._contact(rows)
        return windows

    def _contact(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        def stacked(name: str) -> np.ndarray:
            return np.stack([self._read(self._signals, row, f"contact/{name}") for row in rows])

        return {
            "contact": stacked("bins"),
            "contact_start": stacked("start") + self._offset,
            "inside": stacked("inside") - self._offset,
        }

    def _promoter(self, row: int, slot: int) -> np.ndarray:
        """(slot,) codes centred on the TSS of one gene."""
        if slot > self._length:
            raise UserError(f"stored windows are shorter than {slot} bp", "config: elements.slot")
        return self._codes(row, slot)


def _table_digest(table: pd.DataFrame) -> str:
    hashed = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.sha256(hashed.tobytes()).hexdigest()
