"""What every method is: a module from a `Batch` to an `Output`, and a loss of named terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn import functional

from gexpipe.batch import Batch
from gexpipe.errors import UserError
from gexpipe.methods.settings import Inputs

__all__ = ["CRITERIA", "ExpressionModel", "Inputs", "Output", "embedding"]


def l1_kl_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """(|p - t| + 0.5 KL) / 1.5, as EPInformer's repository trains its sequence encoder.

    KL is the divergence of softmax(prediction) from softmax(target), both over the batch, divided
    by the genes of the batch.
    """
    shares = functional.log_softmax(target, 0), functional.log_softmax(prediction, 0)
    kl = functional.kl_div(shares[1], shares[0], reduction="batchmean", log_target=True)
    return (functional.l1_loss(prediction, target) + 0.5 * kl) / 1.5


CRITERIA: dict[str, Callable[..., Tensor]] = {
    "smooth_l1": functional.smooth_l1_loss,
    "mse": functional.mse_loss,
    "l1": functional.l1_loss,
    "l1_kl": l1_kl_loss,
}


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
    fingerprint : str
        Of frozen weights that it reads and does not save; empty for none.
    """

    criterion: str = "smooth_l1"
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
        """Take over trained weights of ``other``, of the architecture it starts from."""
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
        """Named loss terms and their sum as ``total``.

        A `UserError` for predictions of another shape than (B,): they would be broadcast.
        """
        if output.prediction.shape != batch.target.shape:
            found, wanted = tuple(output.prediction.shape), tuple(batch.target.shape)
            raise UserError(f"its predictions are {found}, expected {wanted}", type(self).__name__)
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
