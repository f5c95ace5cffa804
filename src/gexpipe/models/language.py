"""The frozen language model: loaded from a folder or a hub, cut to its first blocks."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gexpipe.errors import UserError
from gexpipe.methods.backbones import is_hub_id

__all__ = ["PADDING", "Backbone", "load_backbone", "load_tokenizer", "word_tokens"]

PADDING = -1  # token id in front of a prompt that is shorter than others of its batch
_WHERE = "method gta: model.backbone"
# A model may come with Python files of its own: they are neither run nor asked about.
NO_CODE = {"trust_remote_code": False}

# Keys and values of one prompt: a pair (heads, tokens, width) for each block.
States = list[tuple[Tensor, Tensor]]


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise UserError(
            f"it needs transformers, which cannot be imported ({error}): "
            "pip install 'gexpipe[gta]'",
            "architecture gta",
        ) from error
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _place(name: str) -> str:
    """A local folder, or the id of a model on a hub."""
    if Path(name).is_dir() or is_hub_id(name):
        return name
    raise UserError(
        f"{name!r} is neither a folder nor the id of a model (OWNER/NAME); the weights are not "
        "part of gexpipe: download them with your own access and give their folder",
        _WHERE,
    )


def _refused(name: str, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return UserError(
        f"{name!r} cannot be loaded ({reason}). Give a local folder with config.json, the "
        "tokenizer and the weights as safetensors; or, for an id of a hub, accept the model's "
        "licence there, log in (hf auth login), and try again with a network",
        _WHERE,
    )


def load_tokenizer(name: str) -> Any:
    """The tokenizer beside the weights; a `UserError` says what to do when there is none."""
    package = _transformers()
    try:
        return package.AutoTokenizer.from_pretrained(_place(name), **NO_CODE)
    except (OSError, ValueError, KeyError) as error:
        raise _refused(name, error) from error


def word_tokens(tokenizer: Any, words: tuple[str, ...]) -> list[int]:
    """Distinct tokens of some words, in ascending order, without special ones."""
    found = {int(t) for word in words for t in tokenizer(word, add_special_tokens=False).input_ids}
    return sorted(found)


def load_backbone(name: str, blocks: int, dtype: str) -> Backbone:
    """The language model without its head, cut to its first ``blocks`` blocks and frozen.

    The norm behind the last block of the whole model follows the last block that is kept. On the
    meta device only the shapes are made, from config.json.

    Raises
    ------
    UserError
        When the weights cannot be had, or the model has fewer blocks.
    """
    package = _transformers()
    try:
        config = package.AutoConfig.from_pretrained(_place(name), **NO_CODE)
        held = config.num_hidden_layers
        if not 1 <= blocks <= held:
            raise UserError(f"{blocks} blocks, {name} has {held}", "method gta: model.blocks")
        config.num_hidden_layers = blocks
        kind = {"torch_dtype": getattr(torch, dtype), "attn_implementation": "sdpa", **NO_CODE}
        if torch.empty(0).device.type == "meta":
            model = package.AutoModel.from_config(config, **kind)
        else:
            model = package.AutoModel.from_pretrained(_place(name), config=config, **kind)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise _refused(name, error) from error
    return Backbone(model, package.DynamicCache)


class Backbone:
    """A frozen causal transformer that reads prompts once and then other embedded inputs.

    It is no module on purpose: whoever holds it neither trains, counts nor saves it.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Token embedding, blocks and last norm, for instance a LlamaModel.
    cache : type
        transformers' DynamicCache.

    Attributes
    ----------
    width, vocabulary : int
        Of the token embedding.
    """

    def __init__(self, model: Any, cache: Any) -> None:
        self.model = model.eval().requires_grad_(False)
        self._new_cache = cache
        self.vocabulary, self.width = model.get_input_embeddings().weight.shape
        self._held: dict[bytes, States] = {}
        self._room = 0.0

    @property
    def embedding(self) -> Tensor:
        """(vocabulary, width) token embedding."""
        return self.model.get_input_embeddings().weight

    def keep_prompts(self, gigabytes: float) -> None:
        """Keep the keys and values of prompts up to this size; beyond it they are computed anew."""
        self._room = gigabytes * 1e9

    def digest(self) -> Tensor:
        """(32,) uint8 sha256 over some of the weights, to tell backbones apart."""
        found = hashlib.sha256()
        for name, tensor in self.model.state_dict().items():
            rows = tensor.reshape(-1)[:4096].detach().float().cpu().contiguous()
            found.update(f"{name} {tuple(tensor.shape)}".encode() + rows.numpy().tobytes())
        return torch.tensor(list(found.digest()), dtype=torch.uint8)

    def read(self, prompt: Tensor | None, inputs: Tensor) -> Tensor:
        """Final activations of inputs that follow a prompt.

        Parameters
        ----------
        prompt : Tensor or None
            (B, T) token ids, `PADDING` in front of the shorter ones.
        inputs : Tensor
            (B, N, width) embedded inputs; gradients flow to them.

        Returns
        -------
        Tensor
            (B, N, width) float32.
        """
        inputs = inputs.to(self.embedding.dtype)
        count = inputs.shape[1]
        if prompt is None or not prompt.shape[1]:
            return self.model(inputs_embeds=inputs, use_cache=False).last_hidden_state.float()
        real = prompt != PADDING
        ones = torch.ones(len(prompt), count, dtype=torch.long, device=inputs.device)
        places = real.sum(1, keepdim=True) + torch.arange(count, device=inputs.device)
        output = self.model(
            inputs_embeds=inputs,
            attention_mask=torch.cat([real.long(), ones], dim=1),
            position_ids=places,
            past_key_values=self._past(prompt, real),
            use_cache=True,
        )
        return output.last_hidden_state.float()

    def _past(self, prompt: Tensor, real: Tensor) -> Any:
        """Keys and values of the prompts.

        Attention is causal and the backbone frozen: what a prompt says does not depend on what
        follows it, and no gradient has to go through it.
        """
        # Not inference tensors: a later training step differentiates through what attends to them.
        with torch.inference_mode(False), torch.no_grad():
            if not self._room:
                return self._compute(prompt.clone(), real.clone())
            ids = [row[row != PADDING].tolist() for row in prompt.cpu()]
            keys = [torch.tensor(row).numpy().tobytes() for row in ids]
            new = [i for i, key in enumerate(keys) if key not in self._held]
            states: dict[bytes, States] = {}
            if new:
                states = self._split(prompt[new].clone(), [keys[i] for i in new])
            joined = [self._held.get(key) or states[key] for key in keys]
            return self._join(joined, prompt.shape[1])

    def _compute(self, prompt: Tensor, real: Tensor) -> Any:
        places = (real.long().cumsum(1) - 1).clamp(min=0)
        output = self.model(
            input_ids=prompt.clamp(min=0),
            attention_mask=real.long(),
            position_ids=places,
            past_key_values=self._new_cache(),
            use_cache=True,
        )
        return output.past_key_values

    def _split(self, prompt: Tensor, keys: list[bytes]) -> dict[bytes, States]:
        """States of each new prompt without its padding; kept as long as there is room."""
        real = prompt != PADDING
        past = self._compute(prompt, real)
        found: dict[bytes, States] = {}
        for row, key in enumerate(keys):
            start = prompt.shape[1] - int(real[row].sum())
            pairs = [(layer.keys, layer.values) for layer in past.layers]
            found[key] = [(k[row, :, start:].clone(), v[row, :, start:].clone()) for k, v in pairs]
            size = sum(2 * k.numel() * k.element_size() for k, _ in found[key])
            if size <= self._room and key not in self._held:
                self._room = max(self._room - size, 1.0)
                self._held[key] = found[key]
        return found

    def _join(self, states: list[States], length: int) -> Any:
        """States of a batch, padded in front to a common length."""

        def padded(values: list[Tensor]) -> Tensor:
            zeros = [v.new_zeros(v.shape[0], length - v.shape[1], v.shape[2]) for v in values]
            pairs = zip(zeros, values, strict=True)
            return torch.stack([torch.cat([z, v], dim=1) for z, v in pairs])

        past = self._new_cache()
        for block in range(len(states[0])):
            keys = padded([gene[block][0] for gene in states])
            past.update(keys, padded([gene[block][1] for gene in states]), block)
        return past

    def apply(self, function: Any) -> None:
        """Move the weights, as ``Module._apply`` does; kept prompts are dropped."""
        self.model._apply(function)
        self._held.clear()
