"""The declared tables of a configuration, resolved into plans."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gexpipe.config import load_yaml, merge, validate
from gexpipe.errors import UserError
from gexpipe.reference.splits import FOLDS
from gexpipe.tables.plan import Limits, Plan, expand

__all__ = ["plans", "read_tables"]


def read_tables(folder: Path, schemas: Path, config: Mapping[str, Any]) -> dict[str, dict]:
    """Declarations, config/tables/NAME.yaml, under the configuration's ``tables.overrides``.

    Returns
    -------
    dict
        Name -> declaration; ``rows_of`` is replaced by the rows it names.

    Raises
    ------
    UserError
        For a declaration that breaks the schema, or a name that is no table.
    """
    schema, overrides = schemas / "table.schema.yaml", config["tables"]["overrides"]
    tables = {}
    for path in sorted(folder.glob("*.yaml")):
        table = load_yaml(path)
        validate(table, schema, str(path))
        tables[path.stem] = table
    for name in [*overrides, *(config["tables"]["build"] or [])]:
        if name != "all" and name not in tables:
            raise UserError(f"no table {name!r}; known: {', '.join(tables)}", "config: tables")
    for name, table in tables.items():
        other = table.pop("rows_of", None)
        if other is not None:
            if "rows" not in tables.get(other, {}):
                raise UserError(f"rows_of: {other!r} has no rows of its own", folder / name)
            table["rows"] = tables[other]["rows"]
    laid = {n: merge(t, overrides.get("all", {}), overrides.get(n, {})) for n, t in tables.items()}
    for name, table in laid.items():
        validate(table, schema, f"config: tables.overrides.{name}")
    return laid


def plans(
    tables: Mapping[str, dict],
    config: Mapping[str, Any],
    settings_of: Callable[[str], dict[str, Any]],
    published_as: Mapping[str, str],
    targets: Sequence[str],
    gene_sets: Collection[str] = (),
) -> dict[str, Plan]:
    """Resolve every table.

    Parameters
    ----------
    tables : mapping
        Of `read_tables`.
    config : mapping
        The configuration.
    settings_of : callable
        Method -> its settings in this configuration.
    published_as : mapping
        Cell type -> cell type whose published values stand beside it.
    targets : sequence of str
        Named targets that can be made.
    gene_sets : collection of str
        Roles of the reference sheet.
    """
    limits = Limits(
        methods=config["methods"],
        signals=[*config["windows"]["signals"], "contact"],
        length=config["windows"]["length"],
        targets=targets,
        lengths={int(k): v for k, v in config["tables"]["lengths"].items()},
        bins={int(k): v for k, v in config["tables"]["bins"].items()},
        stored_bins=config["gta"]["bins"],
        gene_sets=gene_sets,
    )
    cells = {cell: published_as[cell] for cell in config["cells"]}
    known, found = cache(settings_of), {}
    for name, table in tables.items():
        folds = table.get("folds", [config["splits"]["fold"]])
        folds = list(FOLDS) if folds == "all" else folds
        seeds = config["seeds"][: table.get("seeds")]
        found[name] = expand(table, known, limits, cells, folds, seeds)
    return found
