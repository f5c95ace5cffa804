"""AlphaGenome, by its PyTorch port alphagenome-pt: up to 1,048,576 bp, bins of 128 bp."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexpipe.errors import UserError
from gexpipe.extractors.sizes import CONFIG, sizes_of
from gexpipe.extractors.tracks import numbered_tracks, read_targets
from gexpipe.extractors.weights import device, package
from gexpipe.files import require

__all__ = ["AlphaGenome"]

_FILES = (CONFIG, "metadata.json", "model.safetensors")


class AlphaGenome:
    """AlphaGenome's embeddings of 128 bp, and heads that are read from them.

    The folder's metadata name no track and no strand, so without ``targets`` the model gives
    embeddings alone. Numbers are computed in the precision that the folder's config.json says.

    Parameters
    ----------
    weights : str
        A folder that ``save`` of the package's ``AlphaGenome`` wrote.
    targets : str
        Table of the tracks of all ``heads``, one after the other, padding included.
    length : int
        Bases that are read, a multiple of 2,048; the model's longest without it.
    heads : list of str
        Heads whose tracks are wanted: cage, rna_seq, procap, dnase, atac.
    organism : str
        As the folder's metadata call it.
    """

    def __init__(
        self,
        weights: str,
        targets: str = "",
        length: int = 0,
        heads: list[str] | None = None,
        organism: str = "human",
    ) -> None:
        theirs = package("alphagenome_pt", "alphagenome")
        folder = Path(weights).expanduser()
        for name in _FILES:
            require(folder / name, "file of AlphaGenome")
        self.sizes = sizes_of("alphagenome", weights, length, "extractors")
        self.device = device()
        try:
            network = theirs.AlphaGenome.load(folder, self.device).eval()
            self._organism = network.metadata.get_organism_index(organism)
        except (RuntimeError, ValueError, TypeError, KeyError) as error:
            first = str(error).strip().splitlines()[0]
            raise UserError(f"not a model of alphagenome-pt ({first})", folder) from error
        self._network, self._embeddings = network, theirs.Embeddings
        self._precision = theirs.precision.dtype_policy_context
        self._heads = (heads or ["cage", "rna_seq"]) if targets else []
        for name in self._heads:
            if name not in network._heads:
                known = ", ".join(network._heads)
                raise UserError(f"no head {name!r}; known: {known}", "options.heads")
        count = sum(network.metadata.get_num_tracks(name) for name in self._heads)
        self.tracks = read_targets(Path(targets)) if targets else numbered_tracks(0)
        if len(self.tracks) != count:
            raise UserError(f"{len(self.tracks)} tracks, its heads have {count}", targets)
        self.width = network.channels.channels_128bp
        self.recipe = f"alphagenome-pt {version('alphagenome-pt')}"

    def __call__(self, sequence: Tensor, bins: slice) -> tuple[Tensor | None, Tensor]:
        """Counts (B, bins, tracks) and embeddings (B, bins, width) of some bins."""
        organism = torch.full((len(sequence),), self._organism, device=sequence.device)
        found = self._network.embed(sequence, organism).embeddings_128bp[:, bins]
        if not self._heads:
            return None, found
        wanted = self._embeddings(embeddings_128bp=found)
        with self._precision(self._network.dtype_policy, sequence.device.type):
            heads = [self._network._heads[name] for name in self._heads]
            counts = [self._counts(head, wanted, organism) for head in heads]
        return torch.cat(counts, dim=2), found

    @staticmethod
    def _counts(head: Any, embeddings: Any, organism: Tensor) -> Tensor:
        """Counts of a head's tracks, its scaling undone; (B, bins, tracks) float32."""
        scaled = head._forward(embeddings, organism, 128)
        return head.unscale(scaled, organism, 128).float()
