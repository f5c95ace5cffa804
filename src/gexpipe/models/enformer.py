"""The Enformer baseline: convolutions and attention over 196,608 bp, from enformer-pytorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from gexpipe.batch import Batch
from gexpipe.errors import UserError
from gexpipe.methods.published import EnformerOptions
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.blocks.head import ExpressionHead
from gexpipe.models.checkpoint import load_checkpoint, restore

__all__ = ["Enformer"]


class Enformer(ExpressionModel):
    """One-hot DNA -> Enformer's trunk -> mean over all positions -> MLP; signals are not read.

    The trunk comes without its output heads, which nothing here reads. It can start from a folder
    that enformer-pytorch's ``save_pretrained`` wrote.
    Source: Seq2Exp's baseline, trained from scratch; 230,256,641 parameters.
    """

    Options = EnformerOptions

    def __init__(self, options: EnformerOptions, inputs: Inputs) -> None:
        super().__init__()
        sizes = {k: v for k, v in vars(options).items() if k != "hidden"}
        options.check_length(inputs.length)
        self.trunk = _package().Enformer.from_hparams(output_heads={}, **sizes)
        self.head = ExpressionHead(2 * options.dim, inputs.features, options.hidden)

    def recompute_layers(self) -> None:
        """Attention layers are recomputed by the package's own switch."""
        self.trunk.use_checkpointing = True

    @staticmethod
    def open_start(path: Path) -> nn.Module:
        """The pretrained trunk: of a folder (config.json beside the weights) or our checkpoint."""
        if path.is_file():
            return _trunk(path)
        if not (path / "config.json").exists():
            raise UserError("expected a folder with config.json and the weights", path)
        return _package().from_pretrained(str(path), local_files_only=True)

    def adopt(self, other: nn.Module) -> None:  # type: ignore[override]
        """Take over a pretrained trunk; its output heads are left."""
        ours, theirs = self.trunk.state_dict(), other.state_dict()
        for name, tensor in ours.items():
            if name not in theirs or theirs[name].shape != tensor.shape:
                raise UserError(f"the pretrained trunk has another {name}", "start_from")
        self.trunk.load_state_dict({name: theirs[name] for name in ours})

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        hidden = self.trunk(batch.sequence(), return_only_embeddings=True)
        prediction, joined = self.head(hidden.mean(dim=1), batch.features)
        return Output(prediction, {"hidden": hidden, "head_input": joined})


def _trunk(path: Path) -> nn.Module:
    model, config = restore(load_checkpoint(path))
    if not isinstance(model, Enformer):
        raise UserError(f"a checkpoint of {config.architecture}, expected one of enformer", path)
    return model.trunk


def _package() -> Any:
    try:
        import enformer_pytorch
    except ImportError as error:
        raise UserError(
            f"it needs enformer-pytorch, which cannot be imported ({error}): "
            "pip install 'gexpipe[enformer]'",
            "architecture enformer",
        ) from error
    return enformer_pytorch
