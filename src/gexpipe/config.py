"""Configuration files: schema validation with one-line errors, and how they are merged."""

from __future__ import annotations

import copy
import difflib
import json
import math
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from referencing import Registry, Resource

from gexpipe.errors import UserError
from gexpipe.files import require

__all__ = ["load_yaml", "merge", "number_hint", "one_line", "read_one_line", "validate"]


# libyaml, ten times as fast as PyYAML's own code, which stands in where it was not built.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def load_yaml(path: str | Path) -> Any:
    """Read one YAML document; a `UserError` names the file and line when it is not YAML."""
    source = require(path)
    try:
        return yaml.load(source.read_text(encoding="utf-8"), Loader=_LOADER)
    except yaml.YAMLError as error:
        raise UserError(f"not valid YAML ({error})", source) from error


def one_line(value: Any) -> str:
    """A list or mapping of plain values as one line of YAML, for a command line.

    Reports show what a job was given, and escape every double quote: JSON is not read well there.
    """
    plain = json.loads(json.dumps(value))  # without anchors: nothing in it is the same object
    flow = yaml.dump(
        plain,
        Dumper=_DUMPER, default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False,
    )  # fmt: skip
    return flow.strip()


def read_one_line(text: str, option: str) -> Any:
    """What `one_line` wrote, or JSON; a `UserError` names the option where it is neither."""
    try:
        return json.loads(text)  # first: 1e-05 is no number in YAML
    except json.JSONDecodeError:
        pass
    try:
        return yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise UserError(f"neither YAML nor JSON ({error})", option) from error


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
    error = jsonschema.exceptions.best_match(_validator(schema.resolve()).iter_errors(value))
    if error is None:
        return
    key = ".".join(str(part) for part in error.absolute_path) or "top level"
    raise UserError(f"{key}: {_explain(error)}", where)


@cache
def _validator(schema: Path) -> jsonschema.Draft202012Validator:
    """The validator of a schema file and its neighbours; a sheet asks for it row by row."""

    @cache
    def retrieve(uri: str) -> Resource[Any]:
        return Resource.from_contents(load_yaml(schema.parent / uri))

    registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]
    return jsonschema.Draft202012Validator(load_yaml(schema), registry=registry)


def number_hint(value: Any) -> str:
    """How a number that YAML reads as text is written; empty for anything else.

    ``1e-3`` has no point, so YAML takes it for a word; and so it does with quotes or a comma.
    """
    if not isinstance(value, str):
        return ""
    text = value.strip().replace(",", ".", 1)
    try:
        number = float(text)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    mantissa, mark, power = text.lower().partition("e")
    if mark and number != int(number):
        mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
        written = f"{mantissa}e{power if power[0] in '+-' else f'+{power}'}"
    else:
        written = f"{number:.0f}" if number == int(number) else text
    return f": YAML reads it as text, write {written}"


def _odd_character(text: str) -> str:
    """Which character looks like none, or like another one: copied from a page or a document."""
    for number, character in enumerate(text, 1):
        if not " " <= character <= "~":
            name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
            return f", whose character {number} is a {name}"
    return ""


def _explain(error: jsonschema.ValidationError) -> str:
    choice = _choice(error)
    if choice:
        return choice
    if error.validator == "type" and error.validator_value in ("number", "integer"):
        return error.message + number_hint(error.instance)
    if error.validator == "type" and error.validator_value == "array":
        return f"{error.message}: expected a list, such as [{error.instance}]"
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        return f"unknown key {', '.join(map(repr, unknown))}; known keys: {', '.join(known)}"
    if error.validator == "required" and isinstance(error.instance, dict):
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"missing {', '.join(map(repr, missing))}"
    if error.validator == "pattern":
        expected = error.schema.get("title", f"text that matches {error.validator_value}")
        return f"{error.instance!r}{_odd_character(error.instance)}, expected {expected}"
    if error.validator == "enum":
        return f"{error.instance!r} is not one of {', '.join(map(str, error.validator_value))}"
    return error.message


def _choice(error: jsonschema.ValidationError) -> str:
    """What a word may be where a schema names words or patterns, all of them; else empty."""
    above = error.parent if error.parent is not None else error
    if above.validator != "anyOf" or not isinstance(error.instance, str):
        return ""
    words = [word for one in above.validator_value for word in one.get("enum", [])]
    patterns = [one["title"] for one in above.validator_value if "title" in one]
    if not words:
        return ""
    near = difflib.get_close_matches(error.instance.lower(), words, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"{error.instance!r} is not one of {', '.join([*map(str, words), *patterns])}{meant}"


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
