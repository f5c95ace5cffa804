"""Configuration: schema validation with one-line errors, and the merged settings of a method."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from referencing import Registry, Resource

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = [
    "load_yaml",
    "merge",
    "method_settings",
    "start_method",
    "validate",
    "with_starts",
]


def load_yaml(path: str | Path) -> Any:
    """Read one YAML document; a `UserError` names the file and line when it is not YAML."""
    source = require(path)
    try:
        return yaml.safe_load(source.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"not valid YAML ({error})", source) from error


def validate(value: Any, schema: Path, where: str) -> None:
    """Check ``value`` against a JSON schema kept as YAML.

    Parameters
    ----------
    value : Any
        Parsed YAML or a sheet row.
    schema : Path
        Schema file; ``$ref`` to a neighbouring file name is followed.
    where : str
        Named in the message: the configuration file, or sheet and row.

    Raises
    ------
    UserError
        For the most telling violation: key, value found, what was expected.
    """

    def retrieve(uri: str) -> Resource[Any]:
        return Resource.from_contents(load_yaml(schema.parent / uri))

    registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]
    validator = jsonschema.Draft202012Validator(load_yaml(schema), registry=registry)
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    if error is None:
        return
    key = ".".join(str(part) for part in error.absolute_path) or "top level"
    raise UserError(f"{key}: {_explain(error)}", where)


def _explain(error: jsonschema.ValidationError) -> str:
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        return f"unknown key {', '.join(map(repr, unknown))}; known keys: {', '.join(known)}"
    if error.validator == "required" and isinstance(error.instance, dict):
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"missing {', '.join(map(repr, missing))}"
    if error.validator == "enum":
        return f"{error.instance!r} is not one of {', '.join(map(str, error.validator_value))}"
    return error.message


def merge(base: dict[str, Any], *overrides: dict[str, Any]) -> dict[str, Any]:
    """Merge mappings key by key, later ones winning; lists and scalars are replaced whole."""
    result = copy.deepcopy(base)
    for override in overrides:
        for key, value in override.items():
            if isinstance(value, dict) and isinstance(result.get(key), dict):
                result[key] = merge(result[key], value)
            else:
                result[key] = copy.deepcopy(value)
    return result


def method_settings(
    folder: Path,
    name: str,
    train: dict[str, Any],
    overrides: dict[str, Any],
    schemas: Path,
    loading: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Settings of one method: its file, over the common training settings, under the overrides.

    Order, later wins: ``train`` and ``loading`` (as inputs) of the configuration;
    ``config/methods/NAME.yaml``; ``overrides.all``; ``overrides.NAME``.

    Returns
    -------
    dict
        Keys name, label, architecture, inputs, model, train.
    """
    path = folder / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise UserError(f"unknown method {name!r}; known: {known}", "config: methods")
    own = load_yaml(path)
    validate(own, schemas / "method.schema.yaml", str(path))
    if own["name"] != name:
        raise UserError(f"name is {own['name']!r}, expected {name!r} as in the file's name", path)
    common = {"train": train, "inputs": loading or {}}
    settings = merge(common, own, overrides.get("all", {}), overrides.get(name, {}))
    validate(settings, schemas / "method.schema.yaml", f"config: method {name}")
    return settings


def with_starts(
    methods: dict[str, dict[str, Any]], load: Callable[[str], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
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
