"""The authors' checkpoints: their configuration and tensor names translated to ours, strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gexpipe.errors import UserError
from gexpipe.models.authors_names import RULES
from gexpipe.models.authors_settings import check_settings
from gexpipe.models.base import ExpressionModel, Inputs
from gexpipe.models.hyena import SPECIAL
from gexpipe.models.registry import build

__all__ = ["METHODS", "fill_reference", "from_reference", "translate"]

METHODS = tuple(RULES)


def from_reference(
    method: str, config: Mapping[str, Any], state_dict: Mapping[str, Tensor]
) -> ExpressionModel:
    """Model with the authors' weights.

    Parameters
    ----------
    method : str
        Architecture, one of ``METHODS``.
    config : mapping
        The authors' model configuration (as in their yaml files, flattened).
    state_dict : mapping
        Their tensors, without the ``model.`` prefix of Lightning checkpoints.

    Raises
    ------
    UserError
        Naming tensors that are missing, unknown, of another shape, or tied but unequal; a setting
        that is missing, or selects code that is not part of gexpipe.
    """
    if method not in RULES:
        raise UserError(f"no published layout; known: {', '.join(METHODS)}", f"method {method}")
    check_settings(method, config)
    try:
        options, inputs = _OPTIONS[method](config)
    except KeyError as error:
        raise UserError("it is missing", f"configuration: {error.args[0]}") from error
    return fill_reference(build(method, options, inputs), method, state_dict)


def fill_reference(
    model: ExpressionModel, method: str, state_dict: Mapping[str, Tensor]
) -> ExpressionModel:
    """Put the authors' tensors into a model of the same sizes; errors as `from_reference`."""
    if method not in RULES:
        raise UserError(f"no published layout; known: {', '.join(METHODS)}", f"method {method}")
    expected = model.state_dict()
    tensors = translate(method, state_dict)
    missing, unknown = expected.keys() - tensors.keys(), tensors.keys() - expected.keys()
    if missing or unknown:
        raise UserError(
            f"missing tensors: {_names(missing)}; unknown tensors: {_names(unknown)}",
            f"state_dict of {method}",
        )
    for name, tensor in tensors.items():
        target = expected[name]
        if tensor.numel() != target.numel() or _squeezed(tensor) != _squeezed(target):
            raise UserError(
                f"{name} is {tuple(tensor.shape)}, expected {tuple(target.shape)}",
                f"state_dict of {method}",
            )
        tensors[name] = tensor.reshape(target.shape)
    model.load_state_dict(tensors, strict=True)
    return model


def translate(method: str, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under our names; those that the authors store twice must be equal."""
    found: dict[str, Tensor] = {}
    for key, tensor in state_dict.items():
        name = key
        for pattern, replacement in RULES[method]:
            name = re.sub(pattern, replacement, name)
        if name in found and not torch.equal(found[name], tensor):
            raise UserError(f"{key} differs from its twin", f"state_dict of {method}")
        found[name] = tensor
    return found


def _squeezed(tensor: Tensor) -> list[int]:
    # One-dimensional convolutions are stored as two-dimensional ones of height 1.
    return [size for size in tensor.shape if size != 1]


def _names(keys: set[str]) -> str:
    shown = sorted(keys)[:8]
    return ", ".join(shown) + (f" and {len(keys) - 8} more" if len(keys) > 8 else "") or "none"


def _sizes(config: Mapping[str, Any], layers: str) -> dict[str, Any]:
    ssm = config["ssm_cfg"]
    return {
        "d_model": config["d_model"],
        "layers": config[layers],
        "d_state": ssm["d_state"],
        "d_conv": ssm["d_conv"],
        "expand": ssm["expand"],
        "center": config["center_len"],
    }


def _inputs(config: Mapping[str, Any], signals: bool = True) -> Inputs:
    names = ("H3K27ac", "DNase", "contact")[: config["signal_size"]] if signals else ()
    features = config["rna_feat_dim"] if config["useRNAFeat"] else 0
    return Inputs(config["seq_range"], names, features=features)


def _caduceus(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    return _sizes(config, "n_layer"), _inputs(config, config["interact"] == "concat")


def _macs3(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    return _sizes(config, "enc_n_layer"), _inputs(config)


def _seq2exp(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    listed = {k: [float(x) for x in config[k].split(",")] for k in ("prior_weight", "prior_beta")}
    return {
        **_sizes(config, "enc_n_layer"),
        **listed,
        "generator_layers": config["gen_n_layer"],
        "prior_scale": config["prior_scale_factor"],
        "beta_min": config["beta_min"],
        "marginal_mean": config["marginal_mean"],
        "marginal_scale": config["marginal_scale"],
    }, _inputs(config)


def _mamba(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    inner = config["config"]
    return _sizes(inner, "n_layer"), _inputs(inner, signals=False)


def _hyena(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    layer = config["layer"]
    features = config["rna_feat_dim"] if config["useRNAFeat"] else 0
    return {
        "d_model": config["d_model"],
        "layers": config["n_layer"],
        "expand": config["d_inner"] // config["d_model"],
        "filter_width": layer["filter_order"],
        "filter_bands": (layer["emb_dim"] - 1) // 2,
        "filter_frequency": float(layer["w"]),
        "short_taps": config.get("short_filter_order", 3),
        "embedding_dropout": config["embed_dropout"],
        "center": config["center_len"],
    }, Inputs(layer["l_max"] - SPECIAL, features=features)


def _seq2exp_hard(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    options, inputs = _seq2exp(config)
    del options["generator_layers"]
    return {**options, "threshold": config["sample_threshold"]}, inputs


def _seq2exp_retrain(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    options, inputs = _seq2exp(config)
    for name in ("marginal_mean", "marginal_scale"):
        del options[name]
    return {**options, "share": config["top_mask_percent"]}, inputs


def _prism(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    extra = {
        "n_context": config["n_context"],
        "cnn_width": config["cnn_dim"],
        "intervention_weight": config["intervention_loss_weight"],
        "weight_activation": config.get("weight_act", "sigmoid"),
    }
    return {**_sizes(config, "n_layer"), **extra}, _inputs(config)


def _epinformer(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    features: dict[int, list[str]] = {
        0: [],
        1: ["distance"],
        2: ["distance", "activity"],
        3: ["distance", "contact", "activity"],
    }
    count = config["n_extraFeat"]
    if count not in features:
        raise UserError(f"{count}, expected 0 to 3", "configuration: n_extraFeat")
    inputs = Inputs(2000, elements=True, features=9 if config["usePromoterSignal"] else 8)
    return {
        "d_model": config["out_dim"],
        "heads": config["head"],
        "layers": config["n_encoder"],
        "element_features": features[count],
    }, inputs


def _enhancer_encoder(config: Mapping[str, Any]) -> tuple[dict[str, Any], Inputs]:
    return {}, Inputs(config["window"], features=0)


_OPTIONS = {
    "mamba": _mamba,
    "hyena": _hyena,
    "caduceus": _caduceus,
    "macs3": _macs3,
    "seq2exp_soft": _seq2exp,
    "seq2exp_hard": _seq2exp_hard,
    "seq2exp_retrain": _seq2exp_retrain,
    "prism": _prism,
    "enhancer_encoder": _enhancer_encoder,
    "epinformer": _epinformer,
}
