"""EPInformer: a promoter and its elements, encoded by convolutions, joined by masked attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gexpipe.batch import N_CODE, Batch, Elements, one_hot
from gexpipe.errors import UserError
from gexpipe.methods.published import EPInformerOptions
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.blocks.element_encoder import (
    DILATIONS,
    POOLED,
    ElementEncoder,
    ElementSummary,
    distinct,
)
from gexpipe.models.blocks.head import ExpressionHead
from gexpipe.models.enhancer_encoder import ENCODED, EnhancerEncoder

__all__ = ["EPInformer", "link_scores"]

FEATURES = ("distance", "contact", "activity")


class AttentionLayer(nn.Module):
    """Pre-norm self-attention and feed-forward, each with a residual; returns the attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, absent: Tensor, blocked: Tensor) -> tuple[Tensor, Tensor]:
        """(B, n, d) to (B, n, d) and head-averaged attention (B, n, n)."""
        y = self.norm1(x)
        y, weights = self.attention(y, y, y, key_padding_mask=absent, attn_mask=blocked)
        x = x + y
        return x + self.feed(self.norm2(x)), weights


class EPInformer(ExpressionModel):
    """Elements -> encoder -> features joined -> masked attention -> promoter -> MLP.

    The promoter attends to everything, an element only to itself and the promoter. An all-N slot
    is absent: nobody attends to it. The promoter stays present whatever its sequence, so that an
    all-N promoter gives a finite prediction.
    Source: EPInformer_v2 (JasonLinjc/EPInformer); 447,341 parameters with three element features.
    That of pinellolab/EPInformer is the same without batch norms after the encoder, and is given
    other numbers: see `EPInformerOptions`.
    """

    Options = EPInformerOptions

    def __init__(self, options: EPInformerOptions, inputs: Inputs) -> None:
        super().__init__()
        _check(options, inputs)
        o = options
        self.slot, self.distal = o.slot, o.distal
        self.columns = [FEATURES.index(name) for name in o.element_features]
        self.encoder = ElementEncoder(o.encoder_widths)
        self.summary = ElementSummary(
            o.encoder_widths[-1], o.slot // POOLED, o.summary_widths, o.d_model, o.summary_norm
        )
        self.join = nn.Sequential(
            nn.Linear(o.d_model + len(self.columns), o.d_model),
            nn.ReLU(),
            nn.Linear(o.d_model, o.d_model),
            nn.ReLU(),
        )
        self.layers = nn.ModuleList(AttentionLayer(o.d_model, o.heads) for _ in range(o.layers))
        self.units, self.promoter_slot, self.signal = (
            o.element_units, o.promoter_slot, o.promoter_signal,
        )  # fmt: skip
        self.head = ExpressionHead(o.d_model, inputs.features - (self.signal == "none"), o.hidden)
        if o.freeze_encoder:
            self.encoder.requires_grad_(False)

    @classmethod
    def start_inputs(cls, inputs: Inputs) -> Inputs:
        """Inputs of the encoder: 256 bp of an element."""
        return Inputs(ENCODED, features=0)

    def adopt(self, other: ExpressionModel) -> None:
        """Take over the encoder of a trained enhancer-activity model, batch norms included."""
        assert isinstance(other, EnhancerEncoder)
        ours, theirs = self.encoder.state_dict(), other.encoder.state_dict()
        for name, tensor in theirs.items():
            if name not in ours or ours[name].shape != tensor.shape:
                raise UserError("the pretrained encoder has other widths", "model.encoder_widths")
        self.encoder.load_state_dict(theirs)

    def embed(self, elements: Elements) -> Tensor:
        """(B, n, d_model) summaries of the sequences of all slots."""
        if elements.codes.shape[-1] != self.slot:
            raise UserError(
                f"{self.slot} bp; the elements have {elements.codes.shape[-1]} bp", "model.slot"
            )
        rows, which, counts = distinct(elements.codes)
        encoded = self.summary(self.encoder(one_hot(rows).transpose(1, 2), counts), counts)
        return encoded[which].unflatten(0, elements.codes.shape[:2])

    def element_features(self, elements: Elements, signal: Tensor) -> Tensor:
        """(B, n, F) features of all slots, the promoter's first; ``signal`` (B,) is on its slot."""
        features = elements.features.clone()
        if self.units == "plain":
            distance = features[..., 0] * 1000
            contact = (features[..., 1] * math.log(10)).expm1()
            features[..., 0], features[..., 1] = distance, contact
        if self.promoter_slot == "ones":
            features[:, 0] = 1
        if self.signal == "log":
            features[:, 0, FEATURES.index("activity")] = signal
        return features[..., self.columns]

    def gene_features(self, features: Tensor) -> Tensor:
        """(B, F) gene features that the head reads; the last is the promoter activity."""
        if self.signal == "none":
            return features[:, :-1]
        if self.signal == "log":
            return torch.cat([features[:, :-1], features[:, -1:].log1p()], dim=1)
        return features

    def forward(self, batch: Batch) -> Output:
        """Predict for a batch with elements."""
        elements = batch.elements
        if elements is None:
            raise UserError("EPInformer needs the element table; set it to true", "inputs.elements")
        if not self.distal:
            elements = Elements(elements.codes[:, :1], elements.features[:, :1])
        embedded = self.embed(elements)
        genes = self.gene_features(batch.features)
        features = self.element_features(elements, genes[:, -1]).to(embedded.dtype)
        x = joined = self.join(torch.cat([embedded, features], dim=-1))
        absent = (elements.codes == N_CODE).all(dim=-1)
        absent[:, 0] = False
        blocked = ~torch.eye(x.shape[1], dtype=torch.bool, device=x.device)
        blocked[:, 0] = blocked[0, :] = False
        attention = []
        for layer in self.layers:
            x, weights = layer(x, absent, blocked)
            attention.append(weights)
        prediction, head_input = self.head(x[:, 0], genes)
        shown = {
            "elements": embedded,
            "joined": joined,
            "attention": torch.stack(attention),
            "head_input": head_input,
        }
        return Output(prediction, shown)


def link_scores(attention: Tensor) -> Tensor:
    """Enhancer-gene scores from attention (layers, B, n, n): (B, n - 1), the promoter's row."""
    return (attention + 1e-5).mean(dim=0)[:, 0, 1:]


def _check(options: EPInformerOptions, inputs: Inputs) -> None:
    if not inputs.elements:
        raise UserError("EPInformer needs the element table; set it to true", "inputs.elements")
    if options.promoter_signal == "log" and inputs.log_activity:
        found = "log, and inputs.log_activity gives its logarithm already; choose one"
        raise UserError(found, "model.promoter_signal")
    unknown = set(options.element_features) - set(FEATURES)
    if unknown:
        raise UserError(
            f"unknown {', '.join(sorted(unknown))}; expected some of {', '.join(FEATURES)}",
            "model.element_features",
        )
    least = POOLED * (2 * sum(DILATIONS) + 1)
    if options.slot < least:
        raise UserError(f"{options.slot} bp; expected at least {least}", "model.slot")
    if options.d_model % options.summary_widths[-1]:
        raise UserError(
            f"{options.d_model}; expected a multiple of the last of model.summary_widths "
            f"({options.summary_widths[-1]})",
            "model.d_model",
        )
