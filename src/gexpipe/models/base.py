"""What every method is: a module from a `Batch` to an `Output`, and a loss of named terms."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn import functional

from gexpipe.batch import Batch
from gexpipe.errors import UserError

__all__ = ["CRITERIA", "ExpressionModel", "Inputs", "Output", "embedding"]

CRITERIA = {
    "smooth_l1": functional.smooth_l1_loss,
    "mse": functional.mse_loss,
    "l1": functional.l1_loss,
}


@dataclass(frozen=True)
class Inputs:
    """What a method is given, and therefore what its first layers look like.

    Attributes
    ----------
    length : int
        Bases of the window around the TSS.
    signals : tuple of str
        Names of the base-resolution signals, in order; empty for sequence only.
    elements : bool
        Whether the method reads EPInformer's element table.
    features : int
        Gene features: eight of the mRNA and the promoter activity.
    log_activity : bool
        Give the promoter activity as log10(0.1 + x) instead of as it is (published). Activities
        span four decades, more in small genomes, whose reads per million are large.
    contact_shift, strand, reverse_complement, drop, signal_dropout
        How windows are loaded: see `gexpipe.data.loading.Loading`.
    mixed_cells : tuple of str
        Cell types that training draws from, a gene at a time; empty for the run's own alone.
    """

    length: int
    signals: tuple[str, ...] = ()
    elements: bool = False
    features: int = 9
    log_activity: bool = False
    contact_shift: bool = False
    strand: str = "forward"
    reverse_complement: float = 0.0
    drop: tuple[str, ...] = ()
    signal_dropout: float = 0.0
    mixed_cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class Output:
    """A prediction and whatever else the method can show.

    Attributes
    ----------
    prediction : Tensor
        (B,) float32.
    extras : dict
        Named tensors, for instance ``mask`` (B, L), ``attention`` (layers, B, n, n), ``kl`` ().
    """

    prediction: Tensor
    extras: dict[str, Tensor] = field(default_factory=dict)


class ExpressionModel(nn.Module):
    """Base of all methods; a method defines ``forward`` and, if it has other terms, ``terms``.

    Attributes
    ----------
    criterion : str
        Prediction loss, a key of `CRITERIA`; set by training.
    starts_from : str
        Architecture whose trained weights this one can take over; empty for none.
    needs_start : bool
        It cannot be trained without them.
    fingerprint : str
        Of frozen weights that it reads and does not save; empty for none.
    """

    criterion: str = "smooth_l1"
    starts_from: str = ""
    needs_start: bool = False
    fingerprint: str = ""

    @classmethod
    def start_inputs(cls, inputs: Inputs) -> Inputs:
        """Inputs of the model that weights are taken over from, where a method has ``inputs``."""
        return inputs

    def recompute_layers(self) -> None:
        """Keep only the inputs of the layers for the backward pass, which computes them anew.

        A `UserError` where a method has no stack of layers to do this with.
        """
        stacks = [m for m in self.modules() if hasattr(m, "recompute")]
        if not stacks:
            raise UserError("this method has no layers to recompute", "train.recompute_layers")
        for stack in stacks:
            stack.recompute = True  # type: ignore[assignment]

    def adopt(self, other: ExpressionModel) -> None:
        """Take over trained weights of ``other``, a model of the architecture ``starts_from``."""
        raise NotImplementedError

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch."""
        raise NotImplementedError

    def terms(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Weighted loss terms beside the prediction's, by name; none by default."""
        return {}

    def measure(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Prediction loss of (B,) predictions, averaged over genes."""
        return CRITERIA[self.criterion](prediction, batch.target)

    def loss(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Named loss terms and their sum as ``total``."""
        named = {"prediction": self.measure(output.prediction, batch)}
        named.update(self.terms(batch, output))
        named["total"] = sum(named.values())  # type: ignore[assignment]
        return named


def embedding(width: int, d_model: int, what: str = "signals") -> nn.Linear:
    """Linear layer from ``width`` channels to ``d_model`` with zero bias, as all methods start."""
    if width == 0:
        raise UserError(f"this method needs {what} among its inputs", "inputs")
    layer = nn.Linear(width, d_model)
    nn.init.zeros_(layer.bias)
    return layer
