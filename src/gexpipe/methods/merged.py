"""Settings of a method: its file, what it is based on, and what a configuration lays over it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gexpipe.config import load_yaml, merge, validate
from gexpipe.errors import UserError
from gexpipe.files import require
from gexpipe.methods.options import suggestion
from gexpipe.methods.settings import MethodConfig

__all__ = [
    "check_overrides",
    "check_settings",
    "method_names",
    "method_settings",
    "read_method",
    "read_named",
    "start_method",
    "with_starts",
]

Settings = dict[str, Any]
# What a method without window and training need not say, and which architectures are such.
_WITHOUT = ("external", "zero_shot", "ridge")
_NO_WINDOW: Settings = {"inputs": {"length": 2, "signals": [], "elements": False}, "train": {}}


def method_names(folders: Sequence[Path]) -> list[str]:
    """Names of the method files of some folders, sorted."""
    return sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})


def method_settings(
    folders: Path | Sequence[Path],
    name: str,
    train: Settings,
    overrides: Settings,
    schemas: Path,
    loading: Settings | None = None,
) -> Settings:
    """Settings of one method: its file, over the common training settings, under the overrides.

    Order, later wins: ``train`` and ``loading`` (as inputs) of the configuration; the file that
    the method's file names as ``base``; ``NAME.yaml`` of the first folder that has it;
    ``overrides.all``; ``overrides.NAME``.

    Returns
    -------
    dict
        Keys name, label, architecture, inputs, model, train.

    Raises
    ------
    UserError
        For an unknown method, and whatever `check_settings` refuses.
    """
    folders = [folders] if isinstance(folders, Path) else list(folders)
    own = _method_file(folders, name, schemas)
    common = {"train": train, "inputs": loading or {}}
    settings = merge(common, own, overrides.get("all", {}), overrides.get(name, {}))
    validate(settings, schemas / "method.schema.yaml", f"config: method {name}")
    check_settings(settings)
    return settings


def _method_file(
    folders: Sequence[Path], name: str, schemas: Path | None, above: tuple[str, ...] = ()
) -> Settings:
    """A method's file over those it is based on; checked against the schemas where they are."""
    path = next((p for folder in folders if (p := folder / f"{name}.yaml").exists()), None)
    if path is None:
        hint = suggestion(name, method_names(folders))
        raise UserError(f"unknown method {name!r}; {hint}", [*above, "config: methods"][0])
    if str(path) in above:
        raise UserError(f"it is its own base, by way of {above[0]}", path)
    own = load_yaml(path)
    if schemas is not None:
        schema = "method_based" if isinstance(own, dict) and "base" in own else "method"
        validate(own, schemas / f"{schema}.schema.yaml", str(path))
    if not isinstance(own, dict):
        raise UserError("expected a mapping with name, architecture, inputs", path)
    if own.get("name") != name:
        found = f"name is {own.get('name')!r}, expected {name!r} as in the file's name"
        raise UserError(found, path)
    base = own.pop("base", "")
    if not base:
        return merge(_NO_WINDOW, own) if own.get("architecture") in _WITHOUT else own
    return merge(_method_file(folders, base, schemas, (str(path), *above)), own)


def read_method(text: str) -> MethodConfig:
    """Method configuration from JSON text, or from a YAML or JSON file, its base beside it."""
    if not text.lstrip().startswith("{"):
        path = require(Path(text), "method configuration")
        if path.suffix == ".yaml":
            return MethodConfig.from_mapping(_method_file([path.parent], path.stem, None))
        text, source = path.read_text("utf-8"), str(path)
    else:
        source = "--method"
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"not JSON ({error})", source) from error
    if not isinstance(values, dict):
        raise UserError("expected a mapping with name, architecture, inputs", source)
    return MethodConfig.from_mapping(values)


def read_named(name: str, folders: Sequence[Path]) -> MethodConfig:
    """A method's file, of the first folder that has it, over its base; defaults elsewhere."""
    return MethodConfig.from_mapping(_method_file(folders, name, None))


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raise a `UserError` for settings that no training could use, without torch.

    Unknown architectures and options (with the nearest known name), values of another type or out
    of range, weights to start from where none can be taken over, or none where they must be, a
    training set or elements that the method does not read, several cell types at once for a method
    that reads more than windows.
    """
    method = MethodConfig.from_mapping(settings)
    if method.inputs.summits and method.declared.reads != "element_activity":
        found = f"{method.declared.name} is not trained on element activity; leave it out"
        raise UserError(found, f"method {method.name}: inputs.summits")
    if method.inputs.own_promoter and not method.inputs.elements:
        found = f"{method.declared.name} reads no elements; leave it out"
        raise UserError(found, f"method {method.name}: inputs.own_promoter")
    if method.inputs.mixed_cells and method.declared.trained and not method.mixes:
        found = "cell types are mixed for windows only; leave it out"
        raise UserError(found, f"method {method.name}: inputs.mixed_cells")
    declared, where = method.declared, f"method {method.name}: start_from"
    if method.start_from and not declared.starts_from:
        raise UserError(f"{declared.name} starts from fresh weights; leave it out", where)
    if getattr(method.options, "freeze_encoder", False) and not method.start_from:
        raise UserError(f"freeze_encoder needs a trained {declared.starts_from}", where)
    if declared.needs_start and not method.start_from:
        raise UserError(f"{declared.name} needs a trained {declared.starts_from}", where)


def check_overrides(overrides: Iterable[str], known: Sequence[str]) -> None:
    """Raise a `UserError` for an override of a method that does not exist."""
    for name in overrides:
        if name != "all" and name not in known:
            raise UserError(f"no method {name!r}; {suggestion(name, known)}", "config: overrides")


def with_starts(
    methods: dict[str, Settings], load: Callable[[str], Settings]
) -> dict[str, Settings]:
    """Methods and, after them, those they start from (``start_from``) that are not among them.

    A ``start_from`` with a dot or slash is a file and left to the rules.
    """
    trained = dict(methods)
    waiting = list(methods)
    while waiting:
        name = start_method(trained[waiting.pop(0)])
        if name and name not in trained:
            trained[name] = load(name)
            waiting.append(name)
    return trained


def start_method(settings: Mapping[str, Any]) -> str:
    """The method that one starts from (``start_from``); empty for none or a file of weights."""
    name = str(settings.get("start_from") or "")
    return "" if set("./") & set(name) else name
