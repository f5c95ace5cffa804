"""EPInformer without sequence: a promoter attends to the features of its distal elements."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gexpipe.batch import Batch
from gexpipe.errors import UserError
from gexpipe.methods.gene_features import (
    ELEMENT_NUMBERS,
    EPInformerFeaturesOptions,
    feature_count,
)
from gexpipe.models.base import ExpressionModel, Inputs, Output

__all__ = ["EPInformerFeatures"]


class PromoterAttention(nn.Module):
    """One query, the promoter, over itself and the elements of its gene.

    Elements are a flat list with an owner each, not a padded block: genes have between 0 and 60.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(self, promoter: Tensor, elements: Tensor, owner: Tensor) -> Tensor:
        """Attend.

        Parameters
        ----------
        promoter : Tensor
            (B, width).
        elements : Tensor
            (N, width) elements of all genes.
        owner : Tensor
            (N,) int64 gene of each element.

        Returns
        -------
        Tensor
            (B, width).
        """
        genes, width = promoter.shape
        owner = torch.cat([torch.arange(genes, device=owner.device), owner])
        query = self.query(promoter).view(genes, self.heads, -1)
        pairs = self.key_value(torch.cat([promoter, elements])).view(len(owner), 2, self.heads, -1)
        key, value = pairs.unbind(1)
        logit = (query[owner] * key).sum(-1) / math.sqrt(width // self.heads)
        # The largest logit of each gene, for a stable softmax; every gene owns its promoter.
        top = logit.detach().new_zeros(genes, self.heads)
        index = owner[:, None].expand_as(logit)
        top = top.scatter_reduce(0, index, logit.detach(), "amax", include_self=False)
        weight = (logit - top[owner]).exp()
        total = weight.new_zeros(genes, self.heads).index_add(0, owner, weight)
        mixed = value.new_zeros(genes, self.heads, width // self.heads)
        mixed = mixed.index_add(0, owner, weight[..., None] * value) / total[..., None]
        return self.out(mixed.reshape(genes, width))


class Layer(nn.Module):
    """Pre-norm attention and a two-layer network, both added to the promoter."""

    def __init__(self, options: EPInformerFeaturesOptions) -> None:
        super().__init__()
        width = options.width
        self.norm = nn.LayerNorm(width)
        self.attention = PromoterAttention(width, options.heads)
        self.network = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(options.dropout),
            nn.Linear(2 * width, width),
            nn.Dropout(options.dropout),
        )

    def forward(self, promoter: Tensor, elements: Tensor, owner: Tensor) -> Tensor:
        """(B, width) promoter embedding after the layer."""
        promoter = promoter + self.attention(self.norm(promoter), elements, owner)
        return promoter + self.network(promoter)


class EPInformerFeatures(ExpressionModel):
    """Predict expression from gene features and the features of up to E elements, without bases.

    After EPInformer (Lin et al. 2024), whose attention mask lets only the promoter see the
    elements; the sequence encoder is left out, so elements are known by their numbers alone.
    A gene may have no element; unused slots may hold anything, and the order does not matter.
    """

    Options = EPInformerFeaturesOptions

    def __init__(self, options: EPInformerFeaturesOptions, inputs: Inputs) -> None:
        super().__init__()
        width, hidden = options.width, options.hidden
        genes = feature_count(options.features)
        self.promoter = nn.Sequential(
            nn.Linear(genes, hidden),
            nn.GELU(),
            nn.Dropout(options.dropout),
            nn.Linear(hidden, width),
        )
        self.element = nn.Sequential(
            nn.Linear(len(ELEMENT_NUMBERS), width), nn.GELU(), nn.Linear(width, width)
        )
        self.layers = nn.ModuleList(Layer(options) for _ in range(options.layers))
        self.head = nn.Sequential(
            nn.LayerNorm(width + genes),
            nn.Linear(width + genes, hidden),
            nn.GELU(),
            nn.Dropout(options.dropout),
            nn.Linear(hidden, 1),
        )

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch of `gexpipe.data.gene_features.GeneFeatures`."""
        if batch.elements is None:
            raise UserError("this method reads elements", "epinformer_features")
        numbers, used = batch.elements.features[..., :-1], batch.elements.features[..., -1] > 0
        owner = used.nonzero()[:, 0]
        embedded = self.element(numbers[used])
        promoter = self.promoter(batch.features)
        for layer in self.layers:
            promoter = layer(promoter, embedded, owner)
        joined = torch.cat([promoter, batch.features], dim=1)
        return Output(self.head(joined).squeeze(1).float(), {"head_input": joined})
