"""Which of the authors' settings their models may have here: what decides numbers, and its values.

Their configurations hold dozens of switches. Those that sizes and options are read from are in
`gexpipe.models.authors`; those below select code that is not part of gexpipe, unless they have
the value that all published runs have. Settings that are in neither place change no output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gexpipe.errors import UserError

__all__ = ["check_settings"]

_BLOCKS: dict[str, Any] = {
    "rms_norm": True,
    "norm_epsilon": 1e-5,
    "rcps": False,
    "bidirectional": True,
    "bidirectional_strategy": "add",
    "bidirectional_weight_tie": True,
    "pretrained_model": False,
    "ssm_cfg.dt_rank": "auto",
    "ssm_cfg.conv_bias": True,
    "ssm_cfg.bias": False,
}
_MASK: dict[str, Any] = {
    **_BLOCKS,
    "interact": "concat",
    "gen_signal": False,
    "node_merge_mask": False,
    "prior_signal": "all",
    "merge_peak_mask": False,
    "post_dist": "beta",
    "decouple_x": True,
    "only_x_sig": False,
    "use_include_list": False,
    "mask_region_hard": True,
    "dist_param_grad": False,
    "pool_mask": 0,
    "merge_mask": 0,
    "z_scale": 1.0,
    "use_gumbel": False,
    "test_top": False,
    "test_top_soft": False,
}
_LEARNED = {**_MASK, "use_peak_mask": False, "use_mask_model": False}
# Method -> setting, a dot between section and key -> the value it must have where it is given.
_ONLY: dict[str, dict[str, Any]] = {
    "caduceus": _BLOCKS,
    "mamba": {"config.rms_norm": True, "config.ssm_cfg.dt_rank": "auto"},
    "hyena": {
        "layer._name_": "hyena",
        "layer.modulate": True,
        "resid_dropout": 0.0,
        "residual_in_fp32": True,
    },
    "macs3": {**_MASK, "use_peak_mask": True},
    "seq2exp_soft": {
        **_LEARNED,
        "post_hard_dist": False,
        "enc_prd_ps": False,
        "pos_enc": False,
        "test_soft": True,
        "test_hard": False,
    },
    "seq2exp_hard": {
        **_LEARNED,
        "post_hard_dist": True,
        "enc_prd_ps": True,
        "pos_enc": True,
        "test_soft": False,
        "test_hard": True,
    },
    "seq2exp_retrain": {**_MASK, "use_peak_mask": False, "use_mask_model": True},
    "prism": {**_BLOCKS, "interact": "concat"},
    "epinformer": {"useBN": True, "useLN": True, "useFeat": True},
    "enhancer_encoder": {},
}
_ABSENT = object()


def check_settings(method: str, config: Mapping[str, Any]) -> None:
    """Raise a `UserError` for a setting whose code is not part of gexpipe; absent ones pass."""
    for name, only in _ONLY[method].items():
        found = _find(config, name)
        if found is not _ABSENT and found != only:
            raise UserError(f"{found!r}, only {only!r} is known here", f"configuration: {name}")


def _find(config: Any, name: str) -> Any:
    for key in name.split("."):
        if not isinstance(config, Mapping) or key not in config:
            return _ABSENT
        config = config[key]
    return config
