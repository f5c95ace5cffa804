"""Prism: the signals' effect is trained under re-weighting, so that confounders average out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gexpipe.batch import Batch
from gexpipe.methods.published import PrismOptions
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.blocks.backbone import Backbone
from gexpipe.models.blocks.head import ExpressionHead, central_mean
from gexpipe.models.masked import SumEmbedding
from gexpipe.models.pretrained import adopt_backbone, open_backbone

__all__ = ["Prism", "WeightGenerator", "uniformity"]


class WeightGenerator(nn.Module):
    """A 3-layer CNN on the signals of a gene, giving ``n_context`` vectors of d_model weights."""

    def __init__(self, options: PrismOptions, signals: int) -> None:
        super().__init__()
        d_model, n_context, width = options.d_model, options.n_context, options.cnn_width
        self.d_model, self.n_context = d_model, n_context
        self.softmax = options.weight_activation == "softmax"
        layers: list[nn.Module] = []
        sizes = [signals, width, 2 * width, 4 * width]
        for before, after, kernel in zip(sizes, sizes[1:], (7, 5, 3), strict=False):
            layers += [
                nn.Conv1d(before, after, kernel, padding=kernel // 2),
                nn.BatchNorm1d(after),
                nn.ReLU(),
                nn.MaxPool1d(4),
            ]
        self.cnn = nn.Sequential(*layers)
        self.projector = nn.Linear(4 * width, d_model * n_context)
        nn.init.zeros_(self.projector.bias)

    def forward(self, signals: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, L) signals to weights (B, d_model, n_context) in 0..1 and CNN features.

        With softmax, a vector's weights add up to 1.
        """
        features = self.cnn(signals).mean(dim=2)
        weights = self.projector(features).view(-1, self.d_model, self.n_context)
        return weights.softmax(dim=1) if self.softmax else torch.sigmoid(weights), features


def uniformity(weights: Tensor, t: float) -> Tensor:
    """Log-sum over pairs of vectors, each with itself too, of exp(2t cos - 2t); mean over genes.

    ``weights`` is (B, d_model, n_context).
    """
    unit = weights / (weights.norm(dim=1, keepdim=True) + 1e-8)
    cosine = unit.transpose(1, 2) @ unit
    return torch.exp(2 * t * cosine - 2 * t).sum(dim=(1, 2)).log().mean()


class Prism(ExpressionModel):
    """DNA and signals embedded apart and added; training adds branches with re-weighted signals.

    The prediction comes from the branch whose signals are not re-weighted. The mean hidden state
    of the other branches goes through the same head, as ``intervention``; both are fitted to the
    target. When evaluated, the re-weighted branches are not computed: nothing reads them. Without
    intervention (alpha 0) there are none, and no weight generator.
    Source: Prism of yangzhao1230/Prism.
    """

    Options = PrismOptions
    open_start = staticmethod(open_backbone)

    def __init__(self, options: PrismOptions, inputs: Inputs) -> None:
        super().__init__()
        self.options = options
        self.embed = SumEmbedding(inputs, options.d_model)
        self.weight_generator = (
            WeightGenerator(options, len(inputs.signals)) if options.intervention_weight else None
        )
        self.backbone = Backbone(options)
        self.head = ExpressionHead(options.d_model, inputs.features, options.d_model)

    def adopt(self, other: Backbone) -> None:  # type: ignore[override]
        """Take over a pre-trained backbone; embeddings, weights and head stay fresh."""
        adopt_backbone(self.backbone, self.options, other)

    def forward(self, batch: Batch, branches: bool | None = None) -> Output:
        """Predict for a dense batch; ``branches`` (default: in training) adds re-weighted ones."""
        sequence, signal = self.embed(batch)
        if self.weight_generator is None or not (self.training if branches is None else branches):
            hidden = self.backbone(sequence + signal)
            return self._head(hidden, batch)
        weights, features = self.weight_generator(batch.signals)
        scale = torch.cat([torch.ones_like(weights[..., :1]), weights], dim=-1).to(signal.dtype)
        scale = scale.permute(0, 2, 1).unsqueeze(2)  # (B, 1 + n_context, 1, d_model)
        mixed = sequence.unsqueeze(1) + signal.unsqueeze(1) * scale
        hidden = self.backbone(mixed.flatten(0, 1)).unflatten(0, mixed.shape[:2])
        output = self._head(hidden[:, 0], batch)
        output.extras.update(
            intervention=self._intervene(hidden[:, 1:], batch),
            uniformity=uniformity(weights, self.options.kernel_t),
            weights=weights,
            cnn_features=features,
            branches_hidden=hidden,
        )
        return output

    def _intervene(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Prediction (B,) from the hidden states (B, n_context, L, d_model) of the branches."""
        return self._head(hidden.mean(dim=1), batch).prediction

    def _head(self, hidden: Tensor, batch: Batch) -> Output:
        pooled = central_mean(hidden, self.options.center)
        prediction, joined = self.head(pooled, batch.features)
        return Output(prediction, {"hidden": hidden, "head_input": joined})

    def terms(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Intervention and uniformity terms, when the branches were computed."""
        if "intervention" not in output.extras:
            return {}
        intervention = self.measure(output.extras["intervention"], batch)
        return {
            "intervention": self.options.intervention_weight * intervention,
            "uniformity": self.options.uniformity_weight * output.extras["uniformity"],
        }
