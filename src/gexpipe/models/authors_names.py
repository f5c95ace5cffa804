"""Tensor names of the authors' checkpoints, as rewriting rules to ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

__all__ = ["RULES"]

Rules = Sequence[tuple[str, str | Callable[[re.Match[str]], str]]]

# The two directions of a block share their projections, stored under both names.
_BLOCK: Rules = [
    (r"\.mamba_fwd\.(in_proj|out_proj)\.", r".\1."),
    (r"\.mamba_rev\.(in_proj|out_proj)\.", r".\1."),
    (r"\.mamba_fwd\.", ".ahead."),
    (r"\.mamba_rev\.", ".back."),
]
_HEAD: Rules = [(r"^pToExpr\.", "head.mlp.")]
_EMBED: Rules = [
    (r"^seq_input_layer\.", "embed.sequence."),
    (r"^signal_input_layer\.", "embed.signal."),
]
_ENCODER: Rules = [
    (r"stem_conv\.0\.", "stem."),
    (r"conv_tower\.0\.0\.", "convolutions.0."),
    (r"conv_tower\.2\.0\.", "convolutions.1."),
    (r"conv_tower\.4\.0\.", "convolutions.2."),
    (r"conv_tower\.6\.0\.", "convolutions.3."),
    (r"conv_tower\.0\.1\.", "norms.0."),
    (r"conv_tower\.2\.1\.", "norms.1."),
    (r"conv_tower\.4\.1\.", "norms.2."),
    (r"conv_tower\.6\.1\.", "norms.3."),
    (r"conv_tower\.1\.0\.", "residuals.0."),
    (r"conv_tower\.3\.0\.", "residuals.1."),
    (r"conv_tower\.5\.0\.", "residuals.2."),
    (r"conv_tower\.7\.0\.", "residuals.3."),
]
RULES: dict[str, Rules] = {
    "mamba": [
        (r"^model\.embedding\.", "embedding."),
        (r"^model\.", "backbone."),
        (r"\.mixer\.(?!in_proj|out_proj)", ".mixer.ahead."),
        *_HEAD,
    ],
    "hyena": [
        (r"^model\.embeddings\.word_embeddings\.", "embedding."),
        # Constants that every layer stores; ours has them once.
        (
            r"^model\.layers\.\d+\.mixer\.filter_fn\.(?:pos_emb|modulation)\.(z|t|deltas)$",
            r"backbone.positions.\1",
        ),
        (r"^model\.ln_f\.", "backbone.norm_f."),
        (r"^model\.", "backbone."),
        (r"\.filter_fn\.implicit_filter\.[135]\.freq$", ".filter.frequency"),
        (r"\.filter_fn\.implicit_filter\.(\d)\.", lambda m: f".filter.linears.{int(m[1]) // 2}."),
        (r"\.filter_fn\.", ".filter."),
        *_HEAD,
    ],
    "caduceus": [(r"^caduceus\.backbone\.", "backbone."), *_BLOCK, *_HEAD],
    "macs3": [(r"^encoder\.backbone\.", "encoder."), *_BLOCK, *_EMBED, *_HEAD],
    "seq2exp_soft": [
        (r"^(encoder|generator)\.backbone\.", r"\1."),
        (r"^prior_weights$", "mask.log_weight"),
        (r"^signal_betas$", "mask.signal_beta"),
        (r"^mask_output\.", "mask.output."),
        *_BLOCK,
        *_EMBED,
        *_HEAD,
    ],
    "seq2exp_hard": [
        (r"^(encoder|generator)\.backbone\.", "encoder."),  # one module under two names
        (r"^pos_emb$", "position"),
        (r"^prior_weights$", "mask.log_weight"),
        (r"^signal_betas$", "mask.signal_beta"),
        (r"^mask_output\.", "mask.output."),
        *_BLOCK,
        *_EMBED,
        *_HEAD,
    ],
    "seq2exp_retrain": [
        (r"^mask_model\.prior_weights$", "frozen.mask.log_weight"),
        (r"^mask_model\.signal_betas$", "frozen.mask.signal_beta"),
        (r"^mask_model\.mask_output\.", "frozen.mask.output."),
        (r"^mask_model\.generator\.backbone\.", "frozen.generator."),
        (r"^mask_model\.seq_input_layer\.", "frozen.embed.sequence."),
        (r"^mask_model\.signal_input_layer\.", "frozen.embed.signal."),
        (r"^encoder\.backbone\.", "encoder."),
        *_BLOCK,
        *_EMBED,
        *_HEAD,
    ],
    "prism": [
        (r"^caduceus\.backbone\.", "backbone."),
        (r"^weight_generator\.cnn_encoder\.", "weight_generator.cnn."),
        (r"^weight_generator\.weight_projector\.0\.", "weight_generator.projector."),
        *_BLOCK,
        *_EMBED,
        *_HEAD,
    ],
    "enhancer_encoder": [*_ENCODER, (r"^embedToAct\.", "mlp.")],
    "epinformer": [
        (r"^seq_encoder\.", "encoder."),
        *_ENCODER,
        (r"^conv_out\.(0|3|6|9)\.", lambda m: f"summary.convolutions.{int(m[1]) // 3}."),
        (r"^conv_out\.(1|4|7|10)\.", lambda m: f"summary.norms.{int(m[1]) // 3}."),
        (r"^conv_out\.12\.", "summary.along."),
        (r"^add_pos_conv\.", "join."),
        (r"^attn_encoder\.(\d+)\.self_attn\.", r"layers.\1.attention."),
        (r"^attn_encoder\.(\d+)\.ff\.", r"layers.\1.feed."),
        (r"^attn_encoder\.(\d+)\.", r"layers.\1."),
        *_HEAD,
    ],
}
