"""Sei: from 4,096 bases to 21,907 chromatin profiles, projected to 40 sequence classes.

The layout of the state_dict (names, shapes) is that of the public release of Sei (Chen et al.,
Nature Genetics 2022), so that its weights load strictly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.interpolate import BSpline
from torch import Tensor, nn

from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.windows.layout import N_CODE

__all__ = ["BIN", "Sei", "SeiSizes", "both_strands", "load_sei", "project", "read_projection"]

BIN = 4096  # bases that Sei reads
_POOLED = 16  # two poolings by 4
_DILATIONS = (2, 4, 8, 16, 25)
# What training and data-parallel wrappers put in front of the names.
_WRAPPERS = re.compile(r"^(?:(?:module|model)\.)+")


@dataclass(frozen=True)
class SeiSizes:
    """Sizes of the network; the published ones by default.

    Attributes
    ----------
    widths : tuple of int
        Channels of the three stages.
    profiles : int
        Chromatin profiles that it predicts.
    splines : int
        B-splines that a channel's positions are summed with; at least 5.
    """

    widths: tuple[int, int, int] = (480, 640, 960)
    profiles: int = 21_907
    splines: int = 16


def _conv(before: int, after: int) -> nn.Conv1d:
    return nn.Conv1d(before, after, kernel_size=9, padding=4)


def _linear_path(before: int, after: int, pooled: bool) -> nn.Sequential:
    shrink: list[nn.Module] = [nn.MaxPool1d(4), nn.Dropout(0.2)] if pooled else []
    return nn.Sequential(*shrink, _conv(before, after), _conv(after, after))


def _curved_path(width: int, dropped: bool) -> nn.Sequential:
    first: list[nn.Module] = [nn.Dropout(0.2)] if dropped else []
    return nn.Sequential(*first, _conv(width, width), nn.ReLU(), _conv(width, width), nn.ReLU())


def _dilated(width: int, dilation: int) -> nn.Sequential:
    conv = nn.Conv1d(width, width, 5, dilation=dilation, padding=2 * dilation)
    return nn.Sequential(nn.Dropout(0.1), conv, nn.ReLU())


def spline_basis(length: int, count: int) -> np.ndarray:
    """(length, count) cubic B-splines over the positions 0 ... length - 1, clamped at the ends.

    Inner knots are equally spaced quantiles of the positions, as in Sei's release.
    """
    position = np.arange(length, dtype=np.float64)
    inner = np.quantile(position, np.linspace(0, 1, count - 2)[1:-1])
    knots = np.concatenate([[0.0] * 4, inner, [length - 1.0] * 4])
    return BSpline.design_matrix(position, knots, 3).toarray()


class Sei(nn.Module):
    """Convolutions with a linear path beside each curved one, dilated ones, splines, classifier.

    Parameters
    ----------
    sizes : SeiSizes
        The published sizes, or narrow ones for tests and demos.
    length : int
        Bases of the input; a multiple of 16.
    """

    basis: Tensor

    def __init__(self, sizes: SeiSizes | None = None, length: int = BIN) -> None:
        super().__init__()
        s = self.sizes = sizes or SeiSizes()
        a, b, c = s.widths
        self.lconv1, self.conv1 = _linear_path(4, a, False), _curved_path(a, False)
        self.lconv2, self.conv2 = _linear_path(a, b, True), _curved_path(b, True)
        self.lconv3, self.conv3 = _linear_path(b, c, True), _curved_path(c, True)
        for number, dilation in enumerate(_DILATIONS, start=1):
            self.add_module(f"dconv{number}", _dilated(c, dilation))
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Sequential(
            nn.Linear(c * s.splines, s.profiles),
            nn.ReLU(),
            nn.Linear(s.profiles, s.profiles),
            nn.Sigmoid(),
        )
        basis = torch.tensor(spline_basis(length // _POOLED, s.splines), dtype=torch.float32)
        self.register_buffer("basis", basis, persistent=False)  # the release does not store it

    def forward(self, sequence: Tensor) -> Tensor:
        """Probabilities of the profiles, (B, 4, length) one-hot -> (B, profiles)."""
        straight = self.lconv1(sequence)
        curved = self.conv1(straight)
        straight = self.lconv2(curved + straight)
        curved = self.conv2(straight)
        straight = self.lconv3(curved + straight)
        curved = self.conv3(straight)
        total = curved + self.get_submodule("dconv1")(curved + straight)
        for number in range(2, len(_DILATIONS) + 1):
            total = total + self.get_submodule(f"dconv{number}")(total)
        summed = self.dropout(total) @ self.basis
        return self.classifier(summed.flatten(1))


def encode_bins(codes: Tensor) -> Tensor:
    """(B, L) uint8 codes -> (B, 4, L) float32; an N is a quarter of each base, as Sei reads it."""
    table = torch.eye(N_CODE + 1, 4, device=codes.device)
    table[N_CODE] = 0.25
    return table[codes.long()].transpose(1, 2)


def both_strands(network: nn.Module, sequence: Tensor) -> Tensor:
    """Mean of the predictions for a sequence (B, 4, L) and its reverse complement.

    Sei's release predicts so; with the order A, C, G, T both axes are flipped.
    """
    return (network(sequence) + network(sequence.flip(1, 2))) / 2


def project(profiles: Tensor, projection: Tensor) -> Tensor:
    """Scores of the sequence classes: profiles (B, P) along the unit vectors of classes (C, P)."""
    return profiles @ (projection / projection.norm(dim=1, keepdim=True)).T


def read_projection(path: str | Path, profiles: int, classes: int) -> Tensor:
    """Projection vectors (``projvec_targets.npy`` of Sei's release), their first ``classes`` rows.

    Raises
    ------
    UserError
        For another file or number of profiles.
    """
    try:
        values = np.load(require(path, "projection of Sei"), allow_pickle=False)
    except ValueError as error:
        raise UserError(f"not a .npy file ({error})", path) from error
    if values.ndim != 2 or values.shape[0] < classes or values.shape[1] != profiles:
        expected = f"at least {classes} x {profiles}"
        raise UserError(f"an array of shape {values.shape}, expected {expected}", path)
    return torch.tensor(values[:classes], dtype=torch.float32)


def load_sei(path: str | Path) -> Sei:
    """Sei with the weights of a file; its sizes are those of the weights.

    Parameters
    ----------
    path : str or Path
        ``sei.pth`` of the public release, or a state_dict of `Sei`; nothing in it is executed.

    Raises
    ------
    UserError
        When it is no state_dict, or a name is missing, too many, or of another shape.
    """
    try:
        content = torch.load(require(path, "weights of Sei"), map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as error:
        raise UserError("not a file of tensors that torch reads", path) from error
    weights = _weights(content, path)
    try:
        splines, left = divmod(
            weights["classifier.0.weight"].shape[1], weights["conv3.1.weight"].shape[0]
        )
        widths = tuple(weights[f"lconv{i}.{k}.bias"].shape[0] for i, k in ((1, 0), (2, 2), (3, 2)))
    except KeyError as error:
        raise UserError(f"no weight {error} of Sei", path) from error
    if left:
        raise UserError("classifier.0.weight does not fit conv3.1.weight", path)
    sizes = SeiSizes(widths, weights["classifier.2.bias"].shape[0], splines)  # type: ignore[arg-type]
    with torch.device("meta"):
        network = Sei(sizes)
    network.basis = torch.tensor(spline_basis(BIN // _POOLED, splines), dtype=torch.float32)
    try:
        network.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        raise UserError(f"not the weights of Sei: {error}", path) from error
    return network.eval()


def _weights(content: Any, path: str | Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(v, Tensor) for v in content.values()):
        raise UserError("not a state_dict", path)
    return {_WRAPPERS.sub("", str(name)): value for name, value in content.items()}
