"""Enformer, by the package enformer-pytorch: 196,608 bp, bins of 128 bp, 5,313 tracks."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from torch import Tensor

from gexpipe.errors import UserError
from gexpipe.extractors.sizes import model_config, sizes_of
from gexpipe.extractors.tracks import numbered_tracks, read_targets
from gexpipe.extractors.weights import device, fill, package, read_weights
from gexpipe.log import get_logger

__all__ = ["Enformer"]

log = get_logger(__name__)


class Enformer:
    """Enformer's trunk and one of its heads; the embedding is what the head reads.

    Parameters
    ----------
    weights : str
        A folder of the package's ``save_pretrained`` or its models on the hub, or a file of tensors
        of a model of published sizes.
    targets : str
        Basenji's ``targets_human.txt``; without it tracks have numbers and no names.
    length : int
        Bases that are read, a multiple of a bin.
    head : str
        ``human`` or ``mouse``.
    use_tf_gamma : bool, optional
        Positions of weights that TensorFlow trained; what config.json says without it.
    """

    def __init__(
        self,
        weights: str,
        targets: str = "",
        length: int = 0,
        head: str = "human",
        use_tf_gamma: bool | None = None,
    ) -> None:
        theirs = package("enformer_pytorch", "enformer")
        self.sizes = sizes_of("enformer", weights, length, "extractors")
        said = {k: v for k, v in model_config(weights).items() if k != "model_type"}
        if use_tf_gamma is not None:
            said["use_tf_gamma"] = use_tf_gamma
        elif not said.get("use_tf_gamma"):
            log.warning(
                "Enformer's positions are PyTorch's: weights that were converted from TensorFlow "
                "(enformer-official-rough) need options: {use_tf_gamma: true}"
            )
        network = theirs.Enformer.from_hparams(**said)
        fill(network, *read_weights(weights))
        if head not in network.heads:
            raise UserError(f"no head {head!r}; {', '.join(network.heads)}", "options.head")
        count = network.heads[head][0].out_features
        self.tracks = read_targets(Path(targets)) if targets else numbered_tracks(count)
        if len(self.tracks) != count:
            raise UserError(f"{len(self.tracks)} tracks, its head has {count}", targets)
        self.width = 2 * network.dim
        self.device = device()
        self._network, self._head = network.eval().to(self.device), head
        self.recipe = f"enformer-pytorch {version('enformer-pytorch')}"

    def __call__(self, sequence: Tensor, bins: slice) -> tuple[Tensor, Tensor]:
        """Counts (B, bins, tracks) and embeddings (B, bins, 2 dim) of some bins."""
        embedding = self._network(sequence, return_only_embeddings=True)[:, bins]
        return self._network.heads[self._head](embedding), embedding
