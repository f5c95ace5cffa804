"""How each golden case is computed with our models: inputs in, every expected array out.

What a case is, its ``meta.json`` says: ``method`` decides how it is computed, the description of an
array at which stride it was sub-sampled. So further cases of a known method only need their folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from gexpipe.batch import Batch, Elements
from gexpipe.data.batches import take
from gexpipe.methods.published import BackboneOptions
from gexpipe.models import from_reference
from gexpipe.models.authors import translate
from gexpipe.models.blocks.backbone import Backbone
from gexpipe.models.blocks.mamba import MambaBlock
from gexpipe.models.scan import selective_scan


@dataclass
class Case:
    """One folder of goldens."""

    meta: dict
    io: dict[str, Tensor]
    weights: dict[str, Tensor]

    @classmethod
    def read(cls, folder: Path) -> Case:
        device = torch.get_default_device()
        arrays = np.load(folder / "io.npz").items()
        io = {k: torch.from_numpy(v).to(device) for k, v in arrays if v.dtype.kind in "biuf"}
        file = folder / "weights.safetensors"
        meta = json.loads((folder / "meta.json").read_text())
        weights = load_file(file) if file.exists() else {}
        for name, *others in meta.get("tied_tensors", []):  # one of them may be all that is stored
            weights |= {other: weights[name] for other in others if other not in weights}
        return cls(meta, io, weights)

    @property
    def kind(self) -> str:
        """Key of `RUN` that this case's method belongs to; empty for an unknown one."""
        return kind_of(self.meta["method"])

    def model(self, method: str):
        return from_reference(method, self.meta["config"], self.weights)

    def every(self, key: str, axis: str = "position") -> int:
        """Stride at which a stored array was sub-sampled; 1 for an array that the case lacks."""
        if key not in self.io:
            return 1
        what = self.meta["arrays"][key]["what"]
        found = re.search(rf"every (\d+)(?:st|nd|rd|th) {axis}", what)
        if found is None:
            raise ValueError(f"no stride in the description of {key}: {what!r}")
        return int(found[1])

    def batch(self) -> Batch:
        """The window inputs as the loader would deliver them."""
        io = self.io
        codes = io["seq_idx"]
        genes, length = codes.shape
        none = torch.zeros(genes, length, dtype=torch.bool)
        signals = io.get("signals", torch.zeros(genes, length, 0))
        regions = io.get("mask_regions")
        return Batch(
            gene=torch.arange(genes),
            codes=codes,
            signals=signals.transpose(1, 2).contiguous(),
            features=io["rna_feat"],
            target=io["y"].squeeze(1) if "y" in io else torch.zeros(genes),
            peaks=io["peak_mask"].bool() if "peak_mask" in io else none,
            blacklist=regions[..., 1] if regions is not None else none,
        )


Arrays = dict[str, Tensor]


def scan(case: Case) -> Arrays:
    found: Arrays = {}
    for prefix in sorted({key.split("/")[0] + "/" for key in case.io}):
        given = {k.removeprefix(prefix): v for k, v in case.io.items() if k.startswith(prefix)}
        names = ["u", "delta", "A", "B", "C", "D", "z", "delta_bias"]
        args = {k: _turn(given[k]).requires_grad_() for k in names if k in given}
        out, last = selective_scan(**args, delta_softplus=case.meta["config"]["delta_softplus"])
        out.backward(_turn(given["grad_out"]))
        found[prefix + "out"], found[prefix + "last_state"] = _turn(out), last
        found.update({f"{prefix}grad_{k}": _turn(v.grad) for k, v in args.items()})
    return found


def mamba_block(case: Case) -> Arrays:
    config = case.meta["config"]
    both = any(k.startswith("mamba_fwd.") for k in case.weights)
    block = MambaBlock(*(config[k] for k in ("d_model", "d_state", "d_conv", "expand")), both)
    block.load_state_dict({_block_name(k): v for k, v in case.weights.items()})
    x = case.io["x"].clone().requires_grad_()
    y = block(x)
    found = {"y": y}
    if "grad_out" in case.io:
        y.backward(case.io["grad_out"])
        found["grad_x"] = x.grad
    own = dict(block.named_parameters())
    for key in case.io:
        if key.startswith("grad/"):
            found[key] = own[_block_name(key[5:])].grad.reshape(case.io[key].shape)
    if both:
        inner, gate = (functional.linear(x, w) for w in block.in_proj.weight.chunk(2))
        found["y_fwd"] = block.out_proj(block.ahead(inner, gate))
        found["y_rev"] = block.out_proj(block.back(inner, gate, reverse=True))
    return found


def _block_name(key: str) -> str:
    for old, new in (("mamba_fwd.", "ahead."), ("mamba_rev.", "back.")):
        key = key.replace(old, new)
    if not key.startswith(("ahead.", "back.")):
        key = "ahead." + key
    direction, rest = key.split(".", 1)
    return rest if rest.startswith(("in_proj", "out_proj")) else f"{direction}.{rest}"


def backbone(case: Case) -> Arrays:
    config = case.meta["config"]
    model = Backbone(BackboneOptions(d_model=config["d_model"], layers=config["n_layer"]))
    tensors = translate("caduceus", {f"caduceus.{k}": v for k, v in case.weights.items()})
    model.load_state_dict({k.removeprefix("backbone."): v for k, v in tensors.items()})
    x = case.io["inputs_embeds"]
    found = {"last_hidden": model(x)}
    for number, layer in enumerate(model.layers, start=1):
        mixed, key = layer(x), f"layer{number}_in"
        found[key], x = mixed[:, :: case.every(key)], x + mixed
    return found


def _head_input(case: Case, extras: Arrays) -> Tensor:
    """The pooled hidden states, without the features that follow them."""
    return extras["head_input"][:, : case.io["pooled"].shape[1]]


def sequence_model(method: str) -> Callable[[Case], Arrays]:
    def run(case: Case) -> Arrays:
        model = case.model(method).eval()
        shown = model(case.batch())
        extras = shown.extras
        found = {
            "hidden_sub": extras["hidden"][:, :: case.every("hidden_sub")],
            "pred": shown.prediction[:, None],
        }
        if "pooled" in case.io:
            found["pooled"] = _head_input(case, extras)
        if "input_embeds_sub" in case.io:
            found["input_embeds_sub"] = extras["embedded"][:, :: case.every("input_embeds_sub")]
        return found

    return run


def hyena(case: Case) -> Arrays:
    model = case.model("hyena").eval()
    shown = model(case.batch())
    backbone = model.backbone
    first, embedded = backbone.layers[0], model.embedding.of(case.batch())
    taps = first.mixer.filter(backbone.positions, embedded.shape[1])
    found = {
        "filter0_sub": taps[:: case.every("filter0_sub", "tap")],
        "mixer0_sub": first.mixer(first.norm1(embedded), backbone.positions)[
            :, :: case.every("mixer0_sub")
        ],
        "hidden_sub": shown.extras["hidden"][:, :: case.every("hidden_sub")],
        "pred": shown.prediction[:, None],
    }
    if "pooled" in case.io:
        found["pooled"] = _head_input(case, shown.extras)
    return found


def macs3(case: Case) -> Arrays:
    model, batch = case.model("macs3").eval(), case.batch()
    output = model(batch)
    loss = model.loss(batch, output)
    return {
        "mask": output.extras["mask"],
        "enc_hidden_sub": output.extras["hidden"][:, :: case.every("enc_hidden_sub")],
        "head_input": output.extras["head_input"],
        "pred": output.prediction[:, None],
        "pred_loss": loss["prediction"],
        "total_loss": loss["total"],
    }


def seq2exp(method: str, case: Case) -> Arrays:
    model, batch = case.model(method), case.batch()
    output = model.eval()(batch)
    loss, shown = model.loss(batch, output), output.extras
    mask, marginal = shown["mask"], model.mask.marginal()
    found = {
        "prior_weights_softmax": model.mask.log_weight.softmax(0),
        "marginal_alpha_beta": torch.stack([marginal.concentration1, marginal.concentration0]),
        "gen_hidden_sub": shown["generator_hidden"][:, :: case.every("gen_hidden_sub")],
        "mask_logits": shown["mask_logits"],
        "post_alpha": shown["sequence_alpha"],
        "post_beta": shown["sequence_beta"],
        "z_alpha": shown["alpha"],
        "z_beta": shown["beta"],
        "z_mean": shown["alpha"] / (shown["alpha"] + shown["beta"]),
        "mask": mask,
        "mask_fraction": mask.mean(),
        "mask_entropy": _entropy(mask),
        "kl_loss": shown["kl"],
        "continuity_loss": _continuity(mask),
        "enc_hidden_sub": shown["hidden"][:, :: case.every("enc_hidden_sub")],
        "head_input": shown["head_input"],
        "pred": output.prediction[:, None],
        "pred_loss": loss["prediction"],
        "total_loss": loss["total"],
    }
    if "train/z_sample" not in case.io:  # what is drawn in training was not kept
        return found
    output = model.train()(batch, z=case.io["train/z_sample"])
    loss, mask = model.loss(batch, output), output.extras["mask"]
    loss["total"].backward()
    found |= {
        "train/mask": mask,
        "train/pred": output.prediction[:, None],
        "train/kl_loss": output.extras["kl"],
        "train/continuity_loss": _continuity(mask),
        "train/pred_loss": loss["prediction"],
        "train/total_loss": loss["total"],
    }
    return found | _gradients(case, model, method)


def seq2exp_soft(case: Case) -> Arrays:
    return seq2exp("seq2exp_soft", case)


def seq2exp_hard(case: Case) -> Arrays:
    found = seq2exp("seq2exp_hard", case)
    model, batch = case.model("seq2exp_hard").eval(), case.batch()
    found["valid_counts"] = model(batch).extras["counts"]
    alone = [model(take(batch, np.array([i]))).prediction for i in range(len(batch))]
    found["pred_single"] = torch.stack(alone)
    position = "train/grad/pos_emb_sub"
    if position in found:
        found[position] = found[position][:, :: case.every(position)]
    return found


def seq2exp_retrain(case: Case) -> Arrays:
    model, batch = case.model("seq2exp_retrain").eval(), case.batch()
    output = model(batch)
    loss = model.loss(batch, output)
    return {
        "soft_mask": output.extras["soft_mask"],
        "mask": output.extras["mask"],
        "enc_hidden_sub": output.extras["hidden"][:, :: case.every("enc_hidden_sub")],
        "head_input": output.extras["head_input"],
        "pred": output.prediction[:, None],
        "pred_loss": loss["prediction"],
        "total_loss": loss["total"],
    }


def prism(case: Case) -> Arrays:
    model, batch = case.model("prism"), case.batch()
    found: Arrays = {}
    for mode in ("eval", "train"):
        model.train(mode == "train")
        output = model(batch, branches=True)
        loss, shown = model.loss(batch, output), output.extras
        found |= {
            f"{mode}/pred": output.prediction[:, None],
            f"{mode}/intervention_logits": shown["intervention"][:, None],
            f"{mode}/uniform_loss": shown["uniformity"],
            f"{mode}/context_weights": shown["weights"],
            f"{mode}/cnn_features": shown["cnn_features"],
            f"{mode}/hidden_sub": shown["branches_hidden"].flatten(0, 1)[
                :, :: case.every(f"{mode}/hidden_sub")
            ],
            f"{mode}/pred_loss": loss["prediction"],
            f"{mode}/intervention_loss": loss["intervention"],
            f"{mode}/total_loss": loss["total"],
        }
    for key in case.io:
        if key.startswith("train/after/"):
            name = next(
                iter(translate("prism", {key.removeprefix("train/after/"): torch.zeros(1)}))
            )
            found[key] = model.state_dict()[name]
    loss["total"].backward()
    return found | _gradients(case, model, "prism")


def epinformer(case: Case) -> Arrays:
    io = case.io
    model = case.model("epinformer").eval()
    batch = _element_batch(io)
    output = model(batch)
    rows = batch.elements.codes[:, :3].flatten(0, 1)
    one_hot = io["pe_code"][:, :3].flatten(0, 1).float().transpose(1, 2)
    encoded = model.encoder(one_hot).unflatten(0, (rows.shape[0] // 3, 3))
    found = {
        "seq_encoder_sub": encoded[..., ::25].permute(0, 2, 1, 3),
        "elem_embed": output.extras["elements"],
        "elem_embed_pos": output.extras["joined"],
        "attn": output.extras["attention"],
        "pred": output.prediction[:, None],
    }
    if "pred_delete_enh1" in io:
        batch.elements.codes[:, 1] = 4
        found["pred_delete_enh1"] = model(batch).prediction[:, None]
    if "train/pred" in io:
        output = model.train()(batch)
        found["train/pred"] = output.prediction[:, None]
        found["train/attn"] = output.extras["attention"]
        found["train/loss"] = model.loss(batch, output)["total"]
    return found


def enhancer_encoder(case: Case) -> Arrays:
    hot = case.io["seqs"]
    genes, length, _ = hot.shape
    none = torch.zeros(genes, length, dtype=torch.bool)
    batch = Batch(
        gene=torch.arange(genes),
        codes=torch.where(hot.sum(-1) > 0, hot.argmax(-1), 4).to(torch.uint8),
        signals=torch.zeros(genes, 0, length),
        features=torch.zeros(genes, 0),
        target=torch.zeros(genes),
        peaks=none,
        blacklist=none,
    )
    output = case.model("enhancer_encoder").eval()(batch)
    return {
        "embed": output.extras["encoded"],
        "pred": output.prediction,
        "activity": 2**output.prediction - 0.1,
    }


def _element_batch(io: Arrays) -> Batch:
    hot = io["pe_code"]
    codes = torch.where(hot.sum(-1) > 0, hot.argmax(-1), 4).to(torch.uint8)
    features = torch.zeros(*io["extra_feat"].shape[:2], 3)
    used = {1: [0], 2: [0, 2], 3: [0, 1, 2]}[io["extra_feat"].shape[2]]
    features[..., used] = io["extra_feat"]
    genes = hot.shape[0]
    empty = torch.zeros(genes, 2, dtype=torch.bool)
    return Batch(
        gene=torch.arange(genes),
        codes=torch.zeros(genes, 2, dtype=torch.uint8),
        signals=torch.zeros(genes, 0, 2),
        features=io["rna_feat"],
        target=io["y"].squeeze(1) if "y" in io else torch.zeros(genes),
        peaks=empty,
        blacklist=empty,
        elements=Elements(codes, features),
    )


def _gradients(case: Case, model: torch.nn.Module, method: str) -> Arrays:
    own = dict(model.named_parameters())
    found = {}
    for key, expected in case.io.items():
        if key.startswith("train/grad/"):
            theirs = key.removeprefix("train/grad/").removesuffix("_sub")
            gradient = own[next(iter(translate(method, {theirs: expected})))].grad
            whole = key.endswith("_sub")  # sub-sampled by the case that knows the stride
            found[key] = gradient if whole else gradient.reshape(expected.shape)
    return found


def _turn(x: Tensor) -> Tensor:
    return x.detach().transpose(1, 2).contiguous() if x.dim() == 3 else x.detach().clone()


def _entropy(mask: Tensor, tiny: float = 1e-10) -> Tensor:
    return (-mask * torch.log(mask + tiny) - (1 - mask) * torch.log(1 - mask + tiny)).mean()


def _continuity(mask: Tensor) -> Tensor:
    left = torch.cat([mask[:, :1], mask], dim=1)
    return (left - torch.cat([mask, mask[:, -1:]], dim=1)).abs().mean()


RUN: dict[str, Callable[[Case], Arrays]] = {
    "selective_scan": scan,
    "mamba_block": mamba_block,
    "caduceus_backbone": backbone,
    "caduceus": sequence_model("caduceus"),
    "mamba": sequence_model("mamba"),
    "hyena": hyena,
    "macs3": macs3,
    "seq2exp_soft": seq2exp_soft,
    "seq2exp_hard": seq2exp_hard,
    "seq2exp_retrain": seq2exp_retrain,
    "prism": prism,
    "enhancer_encoder": enhancer_encoder,
    "epinformer": epinformer,
}
# First pattern that the beginning of ``method`` matches -> key of `RUN`.
KINDS = [
    (r"selective scan", "selective_scan"),
    (r"(bidirectional )?Mamba (block|wrapper)", "mamba_block"),
    (r"Caduceus backbone", "caduceus_backbone"),
    (r"GeneExpBiMamba", "caduceus"),
    (r"GeneExpMamba", "mamba"),
    (r"GeneExpHyena", "hyena"),
    (r"MACS3", "macs3"),
    (r"Seq2Exp-soft", "seq2exp_soft"),
    (r"Seq2Exp-hard", "seq2exp_hard"),
    (r"Seq2Exp-retrain", "seq2exp_retrain"),
    (r"Prism", "prism"),
    (r"enhancer activity predictor", "enhancer_encoder"),
    (r"EPInformer(_v2| PE-)", "epinformer"),
]


def kind_of(method: str) -> str:
    """Key of `RUN` for the ``method`` of a meta.json; empty for an unknown one."""
    return next((kind for pattern, kind in KINDS if re.match(pattern, method)), "")
