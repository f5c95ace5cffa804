"""Borzoi and Flashzoi, by the package borzoi-pytorch: 524,288 bp, bins of 32 bp, 7,611 tracks."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gexpipe.errors import UserError
from gexpipe.extractors.flash import ROTARY, FlashAttention
from gexpipe.extractors.sizes import model_config, sizes_of
from gexpipe.extractors.tracks import read_targets
from gexpipe.extractors.weights import device, fill, package, read_weights
from gexpipe.tabular import numbers

__all__ = ["Borzoi", "unsquashed"]

# What a folder's config.json holds beside what the network is made of.
_ATTENTION = "transformer.0.0.fn.1.mha."


class Borzoi:
    """Borzoi, or Flashzoi where the weights are its.

    Tracks are those of the human head, in counts: the squashing of the training targets (Linder et
    al., 2025: a power of 3/4 for RNA, a square root above ``clip_soft``, ``scale``) is undone. The
    embedding is what the head reads, 1,920 numbers.

    Parameters
    ----------
    weights : str
        A folder with config.json (of the package's ``save_pretrained`` or its models on the hub),
        or a file of tensors of a model of published sizes.
    targets : str
        ``targets.txt`` of the model; the package's own (Borzoi's human tracks) without it.
    length : int
        Bases that are read, a multiple of 128.
    """

    width = 1920

    def __init__(self, weights: str, targets: str = "", length: int = 0) -> None:
        theirs = package("borzoi_pytorch", "borzoi")
        self.sizes = sizes_of("borzoi", weights, length, "extractors")
        tensors, path = read_weights(weights)
        network = theirs.Borzoi(_config(model_config(weights)))
        if any(name.startswith(_ATTENTION) for name in tensors):
            _with_flash(network, path)
        fill(network, tensors, path)
        network.crop.target_length = -1  # the bins that are wanted are cut out here
        own = Path(theirs.__file__).parent / "precomputed/targets.txt"
        self.tracks = read_targets(Path(targets).expanduser() if targets else own)
        if len(self.tracks) != network.human_head.out_channels:
            found = f"{len(self.tracks)} tracks, its head has {network.human_head.out_channels}"
            raise UserError(found, targets or own)
        self.device = device()
        self._network = network.eval().to(self.device)
        self._scale = _scale(self.tracks, targets or own, self.device)
        self.recipe = f"borzoi-pytorch {version('borzoi-pytorch')}"

    def __call__(self, sequence: Tensor, bins: slice) -> tuple[Tensor, Tensor]:
        """Counts (B, bins, tracks) and embeddings (B, bins, 1920) of some bins."""
        every = self._network.get_embs_after_crop(sequence.transpose(1, 2))
        cropped = (every.shape[2] - self.sizes.bins) // 2
        wanted = every[:, :, cropped + bins.start : cropped + bins.stop]
        embedding = self._network.final_joined_convs(wanted)
        with torch.autocast(every.device.type, enabled=False):
            squashed = self._network.final_softplus(self._network.human_head(embedding.float()))
        return unsquashed(squashed.transpose(1, 2), *self._scale), embedding.transpose(1, 2)


def unsquashed(x: Tensor, clip: Tensor, scale: Tensor, power: Tensor) -> Tensor:
    """Counts of squashed predictions, the last axis of which are tracks.

    Training targets are ``scale * (x ** power)``, and the part above ``clip`` (before scaling)
    enters by its square root.
    """
    plain = x / scale
    above = plain > clip
    return torch.where(above, (plain - clip) ** 2 + clip, plain) ** (1 / power)


def _config(said: dict[str, Any]) -> Any:
    from borzoi_pytorch.config_borzoi import BorzoiConfig

    config = BorzoiConfig(**{k: v for k, v in said.items() if k not in ("flashed", "model_type")})
    if not getattr(config, "enable_human_head", True):
        raise UserError("a model without the human head", "config.json: enable_human_head")
    return config


def _with_flash(network: Any, path: Path) -> None:
    """Give every layer Flashzoi's attention."""
    dim, heads = network.config.dim, network.config.heads
    if heads % 2 or dim % heads or dim // heads < ROTARY:
        found = f"dim {dim}, heads {heads}: Flashzoi's heads are even and of {ROTARY} or more"
        raise UserError(found, path)
    for layer in network.transformer:
        layer[0].fn[1] = FlashAttention(dim, heads)


def _scale(tracks: Any, where: str | Path, place: str) -> tuple[Tensor, Tensor, Tensor]:
    """``clip_soft``, ``scale`` and power of every track."""
    for column in ("clip_soft", "scale", "sum_stat"):
        if column not in tracks:
            raise UserError(f"no column {column!r}, which Borzoi's counts need", where)
    powers = np.where(tracks["sum_stat"] == "sum_sqrt", 0.75, 1.0)
    columns = [numbers(tracks, name, where).to_numpy() for name in ("clip_soft", "scale")]
    clip, scale, power = (torch.tensor(v, dtype=torch.float32) for v in (*columns, powers))
    return clip.to(place), scale.to(place), power.to(place)
