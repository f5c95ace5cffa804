"""GTA: bins aligned with text prototypes, read by a frozen language model after a prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gexpipe.batch import Batch
from gexpipe.errors import UserError
from gexpipe.methods.published import GTAOptions
from gexpipe.models.base import ExpressionModel, Inputs, Output
from gexpipe.models.blocks.alignment import Selector, TokenAlignment
from gexpipe.models.language import Backbone, load_backbone, load_tokenizer, word_tokens

__all__ = ["GTA"]


class GTA(ExpressionModel):
    """Bins -> token alignment -> frozen backbone, after the gene's prompt -> selector -> number.

    A "base" of the batch is a bin here: ``signals`` are (B, features, N), in the order of the
    extractor's features followed by the method's signals. Gene features are not read.

    The backbone is no parameter: it is not trained, counted or saved. A checkpoint holds a digest
    of it, and refuses to be loaded with another one.
    """

    Options = GTAOptions
    backbone: Backbone
    backbone_digest: Tensor
    words: Tensor

    def __init__(self, options: GTAOptions, inputs: Inputs) -> None:
        super().__init__()
        o = options
        names = o.feature_words()
        backbone = load_backbone(o.backbone, o.blocks, o.dtype)
        backbone.keep_prompts(o.prompt_cache)
        self.__dict__["backbone"] = backbone  # no attribute of a module: see above
        tokens = word_tokens(load_tokenizer(o.backbone), names)
        self.align = TokenAlignment(
            len(names) + len(inputs.signals),
            backbone.width,
            backbone.vocabulary,
            len(tokens),
            (o.vocabulary_prototypes, o.word_prototypes),
            o.heads,
            o.key_width,
        )
        self.select = Selector(backbone.width, o.selected)
        self.register_buffer("words", torch.tensor(tokens), persistent=False)
        meta = self.select.score.weight.device.type == "meta"
        if not meta:
            self.align.spread(backbone.embedding, self.words)
        digest = torch.zeros(32, dtype=torch.uint8) if meta else backbone.digest()
        self.register_buffer("backbone_digest", digest)
        self.fingerprint = "" if meta else bytes(digest.tolist()).hex()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> GTA:
        """Moving the model moves the backbone with it."""
        self.backbone.apply(fn)
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *more: Any) -> None:
        known = state_dict.get(f"{prefix}backbone_digest")
        if known is not None and not torch.equal(known.cpu(), self.backbone_digest.cpu()):
            raise UserError("the checkpoint was trained with other weights", "model.backbone")
        super()._load_from_state_dict(state_dict, prefix, *more)

    def forward(self, batch: Batch) -> Output:
        """Predict for a dense batch.

        ``extras``: ``attention`` (B, heads, N, prototypes), ``chosen`` (B, selected) bins.
        """
        bins = batch.signals.transpose(1, 2)
        aligned, attention = self.align(bins, self.backbone.embedding, self.words)
        hidden = self.backbone.read(batch.prompt, aligned)
        prediction, chosen = self.select(hidden)
        return Output(prediction.float(), {"attention": attention, "chosen": chosen})
