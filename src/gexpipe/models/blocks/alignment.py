"""The trained part of GTA: text prototypes, cross-attention from bins to them, and the selector."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["Selector", "TokenAlignment"]


class TokenAlignment(nn.Module):
    """Bins -> attention over text prototypes -> vectors of the backbone's embedding width.

    A prototype is a learned linear combination of token embeddings, the first ones of the whole
    vocabulary, the others of the tokens of the features' names. The embeddings stay frozen. As in
    equation 1, the logits are divided by the square root of the whole key width, not of a head's.

    Parameters
    ----------
    features : int
        Numbers of a bin.
    width, vocabulary, words : int
        Embedding width; tokens of the vocabulary; tokens of the features' names.
    prototypes : (int, int)
        Of the vocabulary, of the names.
    heads, key_width : int
        Heads; width of the keys of all heads together.
    """

    def __init__(
        self,
        features: int,
        width: int,
        vocabulary: int,
        words: int,
        prototypes: tuple[int, int] = (50, 50),
        heads: int = 8,
        key_width: int = 32,
    ) -> None:
        super().__init__()
        self.of_vocabulary = nn.Linear(vocabulary, prototypes[0], bias=False)
        self.of_words = nn.Linear(words, prototypes[1], bias=False)
        self.query = nn.Linear(features, key_width)
        self.key = nn.Linear(width, key_width)
        self.value = nn.Linear(width, key_width)
        self.out = nn.Linear(key_width, width)
        self.heads = heads

    @torch.no_grad()
    def spread(self, embedding: Tensor, words: Tensor) -> None:
        """Rescale the mixtures so that the logits of features of variance 1 start with variance 1.

        The paper does not say how the mixtures start. With the weights of any linear layer, the
        prototypes of Llama's small embeddings are near 0 and alike: attention is the same for
        every bin, and training can stay there for hundreds of steps. Queries and keys are linear
        layers as PyTorch starts them, which divide a variance by 3; the logits of one head then
        have 1 / (9 heads) of the prototypes' variance.
        """
        for layer, vectors in ((self.of_vocabulary, embedding), (self.of_words, embedding[words])):
            mixed = layer.weight.to(vectors.dtype) @ vectors
            layer.weight.mul_(3 * math.sqrt(self.heads) / mixed.float().std())

    def forward(self, bins: Tensor, embedding: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Align bins.

        Parameters
        ----------
        bins : Tensor
            (B, N, features).
        embedding : Tensor
            (vocabulary, width), of any float type.
        words : Tensor
            Token ids of the names.

        Returns
        -------
        aligned : Tensor
            (B, N, width).
        attention : Tensor
            (B, heads, N, prototypes), each row summing to 1.
        """
        mixed = self.of_vocabulary.weight.to(embedding.dtype) @ embedding
        named = self.of_words.weight.to(embedding.dtype) @ embedding[words]
        prototypes = torch.cat([mixed, named]).to(self.key.weight.dtype)

        def split(values: Tensor) -> Tensor:
            return values.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

        query, key = split(self.query(bins)), split(self.key(prototypes))
        logits = query @ key.transpose(-2, -1) / math.sqrt(self.query.out_features)
        attention = logits.softmax(dim=-1)
        summed = attention @ split(self.value(prototypes)).to(attention.dtype)
        return self.out(summed.transpose(-3, -2).flatten(-2)), attention


class Selector(nn.Module):
    """The activations of the best-scored tokens, in their order, to one number.

    Choosing has no gradient. Each chosen activation is multiplied by the sigmoid of its score, so
    that the scores' layer learns from how much an activation it chose helps: its gradient comes
    through this factor. Tokens that were not chosen pass none.

    Parameters
    ----------
    width : int
        Of an activation.
    chosen : int
        Tokens that are kept.
    """

    def __init__(self, width: int, chosen: int = 25) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)
        self.head = nn.Linear(chosen * width, 1)
        self.chosen = chosen

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Predict from (B, N, width): (B,) predictions and (B, chosen) ascending token places."""
        scores = self.score(hidden).squeeze(-1)
        places = scores.topk(self.chosen, dim=1).indices.sort(dim=1).values
        kept = hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))
        weighted = kept * scores.gather(1, places).sigmoid()[..., None]
        return self.head(weighted.flatten(1)).squeeze(-1), places
