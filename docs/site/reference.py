"""Reference pages of the site, written from where keys, roles and columns are declared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "workflow/schemas"


def load(name: str) -> dict[str, Any]:
    """A schema of the workflow, by file name."""
    found: dict[str, Any] = yaml.safe_load((SCHEMAS / name).read_text(encoding="utf-8"))
    return found


def cell(text: object) -> str:
    """Text of one cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def kind(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Type and legal values of a schema's node, in words."""
    if "$ref" in schema:
        reference = schema["$ref"]
        if not reference.startswith("#"):
            return "see below"
        return kind(definitions[reference.rsplit("/", 1)[1]], definitions)
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema or "oneOf" in schema:
        choices = schema.get("anyOf") or schema["oneOf"]
        return ", or ".join(kind(choice, definitions) for choice in choices)
    found = schema.get("type", "any value")
    name = " or ".join(found) if isinstance(found, list) else found
    name = {"object": "mapping", "array": "list", "string": "text"}.get(name, name)
    limits = {
        "minimum": "at least {}", "exclusiveMinimum": "more than {}",
        "maximum": "at most {}", "exclusiveMaximum": "less than {}",
    }  # fmt: skip
    said = [text.format(schema[key]) for key, text in limits.items() if key in schema]
    if "items" in schema:
        name += f" of {kind(schema['items'], definitions)}"
    return ", ".join([name, *said])


def comment_above(lines: list[str], number: int) -> str:
    """The comment that stands directly above a line."""
    said: list[str] = []
    while number > 0 and lines[number - 1].lstrip().startswith("#"):
        number -= 1
        said.insert(0, lines[number].strip().removeprefix("#").strip())
    return " ".join(said)


def keys(text: str) -> Iterator[tuple[str, str, Any]]:
    """(dotted key, its comment, its value) of a YAML file, for two levels of mappings."""
    lines = text.splitlines()

    def walk(node: yaml.MappingNode, above: str) -> Iterator[tuple[str, str, Any]]:
        for key, value in node.value:
            name = f"{above}{key.value}"
            flow = not isinstance(value, yaml.MappingNode) or value.flow_style
            plain = yaml.safe_load(yaml.serialize(value))
            yield name, comment_above(lines, key.start_mark.line), plain if flow else None
            if not flow and not above:
                yield from walk(value, f"{name}.")

    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    yield from walk(root, "")


def schema_of(name: str, top: dict[str, Any]) -> dict[str, Any]:
    """The node of a schema that describes a dotted key."""
    node = top
    for part in name.split("."):
        node = node.get("properties", {}).get(part, {})
        if "$ref" in node and not node["$ref"].startswith("#"):
            node = load(node["$ref"])
        elif "$ref" in node and "properties" in top["$defs"][node["$ref"].rsplit("/", 1)[1]]:
            node = top["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def configuration() -> str:
    """Every key of config/config.yaml: meaning, type, default."""
    top = load("config.schema.yaml")
    out = [
        "# Configuration",
        "Every key of `config/config.yaml`. A file given with `--configfile` lies over it: name "
        "only what differs. Unknown keys are refused. Written from the file and its schema.",
    ]
    head = ["| key | default | legal values | meaning |", "|---|---|---|---|"]
    rows: list[str] = []
    for name, said, value in keys((ROOT / "config/config.yaml").read_text(encoding="utf-8")):
        node = schema_of(name, top)
        if "." not in name:
            if rows:
                out.append("\n".join(head + rows))
                rows = []
            out += [f"## {name}", said]
        if value is not None or not node.get("properties"):
            shown = yaml.safe_dump(value, default_flow_style=True, width=10_000).splitlines()[0]
            row = f"`{name}`", f"`{cell(shown)}`", cell(kind(node, top["$defs"]))
            rows.append("| " + " | ".join([*row, cell(said) if "." in name else ""]) + " |")
    out.append("\n".join(head + rows))
    return "\n\n".join(part for part in out if part) + "\n"


def columns(schema: dict[str, Any]) -> str:
    """The columns of a sheet as a table."""
    rows = ["| column | needed | legal values | meaning |", "|---|---|---|---|"]
    for name, node in schema["properties"].items():
        needed = "yes" if name in schema["required"] else ""
        legal = "one of the roles below" if name == "role" else cell(kind(node, {}))
        rows.append(f"| `{name}` | {needed} | {legal} | {cell(node.get('description', ''))} |")
    return "\n".join(rows)


def roles(meanings: dict[str, str]) -> str:
    """Roles as a table."""
    rows = [f"| `{role}` | {cell(meaning)} |" for role, meaning in meanings.items()]
    return "\n".join(["| role | file |", "|---|---|", *rows])


def sheets() -> str:
    """Columns and roles of the three sheets."""
    files = load("files.schema.yaml")
    role = files["properties"]["role"]
    return "\n\n".join(
        [
            "# Sheets",
            "Three tables with tabs between columns. Lines that begin with # are comments. Written "
            "from the schemas that check them.",
            "## Sample sheet",
            "`config/samples.tsv`: one row per cell type.",
            columns(load("samples.schema.yaml")),
            "## File sheet and reference sheet",
            "`config/files.tsv`: one row per file of a cell type, with the column `cell`. "
            "`config/reference.tsv`: one row per file of the genome, without it.",
            columns(files),
            "## Roles of a cell type's files",
            roles(role["x-cell-roles"]),
            "## Roles of reference files",
            roles(role["x-reference-roles"]),
        ]
    )


def methods() -> str:
    """Every shipped method file: its label, architecture and signals."""
    rows = ["| method | label | architecture | signals |", "|---|---|---|---|"]
    for path in sorted((ROOT / "config/methods").glob("*.yaml")):
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        signals = ", ".join((values.get("inputs") or {}).get("signals") or [])
        architecture = values.get("architecture") or f"as `{values.get('base', '')}`"
        rows.append(f"| `{path.stem}` | {cell(values['label'])} | {architecture} | {signals} |")
    return "# Methods\n\nOne file each in `config/methods`; its name goes into `methods:`.\n\n" + (
        "\n".join(rows) + "\n"
    )


PAGES = {
    "reference/configuration.md": configuration,
    "reference/sheets.md": sheets,
    "reference/methods.md": methods,
}
