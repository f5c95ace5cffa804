"""The declared tables of a configuration, resolved into plans."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from gexpipe.config import load_yaml, merge, validate
from gexpipe.errors import UserError
from gexpipe.methods.options import suggestion
from gexpipe.reference.folds import FOLDS, papers_folds
from gexpipe.tables.plan import Limits, Plan, expand

__all__ = ["plans", "read_tables"]


def read_tables(
    folders: Sequence[Path], schemas: Path, config: Mapping[str, Any]
) -> dict[str, dict]:
    """Declarations, NAME.yaml of some folders, under the configuration's ``tables.overrides``.

    Returns
    -------
    dict
        Name -> declaration; ``rows_of`` is replaced by the rows it names. Of two files of one name
        that of the later folder counts.

    Raises
    ------
    UserError
        For a declaration that breaks the schema, or a name that is no table.
    """
    schema, overrides = schemas / "table.schema.yaml", config["tables"]["overrides"]
    tables = {}
    paths = {path.stem: path for folder in folders for path in folder.glob("*.yaml")}
    for name, path in sorted(paths.items()):
        tables[name] = load_yaml(path)
        validate(tables[name], schema, str(path))
        tables[name].setdefault("kind", "runs")
    for name in [*overrides, *(config["tables"]["build"] or [])]:
        if name != "all" and name not in tables:
            raise UserError(f"no table {name!r}; {suggestion(name, tables)}", "config: tables")
    for name, table in tables.items():
        other = table.pop("rows_of", None)
        if other is not None:
            if "rows" not in tables.get(other, {}):
                raise UserError(f"rows_of: {other!r} has no rows of its own", paths[name])
            table["rows"] = tables[other]["rows"]
    laid = {n: merge(t, overrides.get("all", {}), overrides.get(n, {})) for n, t in tables.items()}
    for name, table in laid.items():
        validate(table, schema, f"config: tables.overrides.{name}")
    return laid


def plans(
    tables: Mapping[str, dict],
    config: Mapping[str, Any],
    settings_of: Callable[[str], dict[str, Any]],
    stands_for: Mapping[str, str],
    targets: Sequence[str],
    gene_sets: Collection[str] = (),
    method_files: Collection[str] = (),
    every_fold: Sequence[int] = (),
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
    stands_for : mapping
        Cell type -> cell type of the papers whose rows it computes.
    targets : sequence of str
        Named targets that can be made.
    gene_sets : collection of str
        Roles of the reference sheet.
    method_files : collection of str
        Methods that have a file.
    every_fold : sequence of int
        What ``folds: all`` means; twelve, where it is not known yet.
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
        method_files=method_files,
        pretrained=config["pretrained"],
    )
    cells = {cell: stands_for[cell] for cell in config["cells"]}
    found = {}
    for name, table in tables.items():
        folds = table.get("folds", [config["splits"]["fold"]])
        folds = list(every_fold or FOLDS) if folds == "all" else folds
        seeds = config["seeds"][: table.get("seeds")]
        theirs = papers_folds(folds, config["splits"]["folds"], config["reference"])
        found[name] = expand(name, table, settings_of, limits, cells, folds, seeds, theirs)
    return found
