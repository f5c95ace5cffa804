"""From a table's declaration to the runs it needs; a run is known by what it computes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any

from gexpipe.config import merge, one_line, read_one_line
from gexpipe.errors import UserError
from gexpipe.methods.backbones import STAND_INS
from gexpipe.methods.declared import declaration
from gexpipe.methods.merged import check_settings, start_method
from gexpipe.reference.folds import TESTED

__all__ = ["Limits", "Line", "Plan", "change_id", "expand", "read_lines", "run_id", "written_lines"]

Settings = dict[str, Any]
# Labels do not change what is computed.
COSMETIC = ("name", "label")
STAND_IN_NOTE = "with a small random stand-in for the language model"


@dataclass(frozen=True)
class Line:
    """One row of a table.

    Attributes
    ----------
    label, method, setting : str
        As printed; ``setting`` as in the published values (``key=value`` pairs).
    run, test : str
        Folder of its runs; what is changed when its genes are predicted, empty for nothing.
    paper, tables, known_as : str, list of str, str
        Where its published value is, and for which method; empty for an own row.
    reason : str
        Why it is not run here; empty when it is.
    score : str
        What of the trained model is compared with the truth; empty for its predictions.
    note : str
        What differs here from the declared row: a shorter window.
    known_setting : str or None
        Under which setting it stands there, if not under its own.
    known_folds : list of int
        The papers' folds that it is of, together; empty: of none of them.
    tested : list of int
        Those of the papers' folds that the row is tested on.
    """

    label: str
    method: str
    setting: str
    run: str
    test: str
    paper: str
    tables: list[str]
    known_as: str = ""
    reason: str = ""
    note: str = ""
    score: str = ""
    known_setting: str | None = None
    known_folds: list[int] = field(default_factory=list)
    tested: list[int] = field(default_factory=list)

    @property
    def published_setting(self) -> str:
        """The setting under which the published value is found."""
        return self.setting if self.known_setting is None else self.known_setting

    def comparable(self, fold: int = 0) -> bool:
        """Whether the row (of one fold, or of all: 0) is tested on its published value's split."""
        if not self.known_folds:
            return True
        return fold in self.tested if fold else set(self.tested) == set(self.known_folds)


def written_lines(lines: Sequence[Line]) -> str:
    """Rows as the workflow hands them to a command: what each says beyond the defaults."""
    return one_line([{k: v for k, v in vars(line).items() if v != _UNSAID[k]} for line in lines])


def read_lines(text: str) -> list[Line]:
    """What `written_lines` wrote."""
    try:
        return [Line(**line) for line in read_one_line(text, "--lines")]
    except TypeError as error:
        raise UserError(f"not a list of lines ({error})", "--lines") from error


_UNSAID = {
    known.name: known.default_factory() if known.default_factory is not MISSING else known.default
    for known in fields(Line)
}


@dataclass(frozen=True)
class Limits:
    """What a configuration can run.

    Attributes
    ----------
    methods : collection of str
        Methods of the configuration.
    signals : collection of str
        Signals of the window stores, contact among them.
    length : int
        Stored window, bp.
    targets : collection of str
        Named targets beside the default one.
    lengths, bins : mapping
        Published window length, bp, and number of GTA's bins -> the one that is used here.
    stored_bins : int
        Bins of GTA's feature store.
    gene_sets : collection of str
        Roles of the reference sheet, whose files may name the genes of a table.
    method_files : collection of str
        Methods that have a file: a row that ``needs`` something is run where its own has one.
    pretrained : mapping
        Name of pre-trained weights -> settings of the methods that start from them.
    """

    methods: Sequence[str]
    signals: Sequence[str]
    length: int
    targets: Sequence[str] = ()
    lengths: Mapping[int, int] = field(default_factory=dict)
    bins: Mapping[int, int] = field(default_factory=dict)
    stored_bins: int = 0
    gene_sets: Collection[str] = ()
    method_files: Collection[str] = ()
    pretrained: Mapping[str, Settings] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A table, resolved: its lines, and what has to be trained for them.

    Attributes
    ----------
    lines : list of Line
        Rows in order.
    settings : dict
        Run -> settings of the method that is trained.
    tests : dict
        Test -> changes to the inputs at prediction time.
    cells, folds, seeds : list
        Each line is run on all of them.
    """

    lines: list[Line]
    settings: dict[str, Settings]
    tests: dict[str, dict[str, Any]]
    cells: list[str]
    folds: list[int]
    seeds: list[int]

    def predictions(
        self,
        folder: str = "results",
        runs: Collection[str] | None = None,
        cells: Collection[str] | None = None,
    ) -> list[str]:
        """Prediction files, sorted and each once; of some runs and cell types alone."""
        return sorted(
            {
                f"{folder}/{place}/{line.run}/fold{fold}/seed{seed}/predictions.parquet"
                for line in self.lines
                if not line.reason and (runs is None or line.run in runs)
                for cell in (self.cells if cells is None else cells)
                for place in [self._place(line, cell)]
                for fold in self.folds
                for seed in self.seeds
            }
        )

    def _place(self, line: Line, cell: str) -> str:
        """Where a cell type's predictions of a line lie: of its own model, or of the shared one."""
        if line.test:
            return f"tested/{line.test}/{cell}"
        trained_on = self._trained_on(line.run, cell)
        return f"runs/{cell}" if trained_on == cell else f"predicted/{cell}/from_{trained_on}"

    def _trained_on(self, run: str, cell: str) -> str:
        """The cell type under whose name a run is trained: the first one of a mixed training."""
        mixed = self.settings.get(run, {}).get("inputs", {}).get("mixed_cells", [])
        return str(mixed[0]) if cell in mixed else cell

    def trainings(self) -> set[tuple[str, str, int, int]]:
        """(cell type, run, fold, seed) of every training, those that others start from included."""
        starts = {start_method(settings) for settings in self.settings.values()}
        return {
            (self._trained_on(run, cell), run, fold, seed)
            for run in self.settings.keys() | starts - {""}
            for cell in self.cells
            for fold in self.folds
            for seed in self.seeds
        }


def run_id(method: str, base: Settings, settings: Settings) -> str:
    """The method's name, followed by a digest of its settings where they are not its own."""

    def text(values: Settings) -> str:
        kept = {key: value for key, value in values.items() if key not in COSMETIC}
        return _text(kept)

    if text(settings) == text(base):
        return method
    return f"{method}-{hashlib.sha256(text(settings).encode()).hexdigest()[:8]}"


def change_id(test: Mapping[str, Any]) -> str:
    """Name of a test-time change: ``length2000``, ``dropH3K27ac``."""
    parts = []
    if "length" in test:
        parts.append(f"length{test['length']}")
    parts += [f"drop{signal}" for signal in test.get("drop", [])]
    parts += ["weighted"] if test.get("weighted") else []
    return "-".join(parts)


def _shortened(row: dict[str, Any], limits: Limits) -> tuple[dict[str, Any], str]:
    """A row with the window lengths and bins of this configuration, and a note of what changed."""
    changes: dict[str, Any] = {}
    notes = []
    lengths, bins = limits.lengths, limits.bins
    asked = row.get("overrides", {}).get("inputs", {}).get("length")
    if asked in lengths:
        changes["overrides"] = {"inputs": {"length": lengths[asked]}}
        notes.append(f"trained on {lengths[asked]} bp, not {asked}")
    asked = row.get("overrides", {}).get("model", {}).get("bins")
    if asked in bins:
        changes = merge(changes, {"overrides": {"model": {"bins": bins[asked]}}})
        notes.append(f"{bins[asked]} bins, not {asked}")
    asked = row.get("test", {}).get("length")
    if asked in lengths:
        changes["test"] = {"length": lengths[asked]}
        notes.append(f"tested on {lengths[asked]} bp, not {asked}")
    return merge(row, changes), "; ".join(notes)


def _local(row: dict[str, Any], cells: Mapping[str, str]) -> tuple[dict[str, Any], bool]:
    """A row whose mixed cell types are those of this configuration, and whether one is missing."""
    wanted = row.get("overrides", {}).get("inputs", {}).get("mixed_cells")
    if wanted is None:
        return row, False
    own = [cell for cell, known in cells.items() if known in wanted]
    missing = set(wanted) - {cells[cell] for cell in own}
    return merge(row, {"overrides": {"inputs": {"mixed_cells": own}}}), bool(missing)


def _needs(row: Mapping[str, Any], limits: Limits) -> bool:
    """Whether a row needs a method that has no file: one that delivers predictions."""
    return bool(row.get("needs")) and row["method"] not in limits.method_files


def _reason(
    row: dict[str, Any], settings: Settings, limits: Limits, table: dict[str, Any], cells: bool
) -> str:
    """Why a row cannot be run with this configuration; empty when it can."""
    if _needs(row, limits):
        return str(row["needs"])
    weights = row.get("pretrained", "")
    if weights and weights not in limits.pretrained:
        return f"no pre-trained {weights} in the configuration (pretrained.{weights})"
    only = table.get("only")
    if only is not None and row.get("setting", "") not in only:
        return "left out by the configuration"
    if not cells:
        return "its cell type is not in the configuration"
    if table.get("listed_only") and row["method"] not in limits.methods:
        return "the method is not in the configuration"
    if table.get("genes", "") and table["genes"] not in limits.gene_sets:
        return f"no row with role {table['genes']} in the reference sheet names its genes"
    inputs = settings["inputs"]
    absent = [name for name in inputs["signals"] if name not in limits.signals]
    if absent:
        return f"no signal {', '.join(absent)} in windows.signals"
    length = max(inputs["length"], row.get("test", {}).get("length", 0))
    if length > limits.length:
        return f"{length} bp are more than the stored windows hold ({limits.length})"
    binned = declaration(settings["architecture"]).reads == "bins"
    bins = settings["model"].get("bins", 0) if binned else 0
    if bins > limits.stored_bins:
        return f"{bins} bins are more than the feature store holds (gta.bins: {limits.stored_bins})"
    target = settings.get("target", "")
    if target and target not in limits.targets:
        return f"target {target} has no source in the configuration"
    return ""


def _text(settings: Settings) -> str:
    """Settings as JSON; a value that JSON does not have, such as a date, is refused by its name."""
    return json.dumps(settings, sort_keys=True, default=repr)


@cache
def _check_once(text: str) -> None:
    """`check_settings` of settings as JSON: most rows have those of another row."""
    check_settings(json.loads(text))


def _check(settings: Settings, row: Mapping[str, Any], where: str) -> None:
    """Raise a `UserError` for a row that no training could run, or a score it does not offer."""
    try:
        _check_once(_text(settings))
    except UserError as error:
        raise UserError(str(error), where) from error
    score, offered = row.get("score"), declaration(settings["architecture"]).scores
    if score and score not in offered:
        known = ", ".join(offered) or "no scores"
        raise UserError(f"{settings['architecture']} gives {known}, not {score!r}", where)


def _own_rows(
    table: Settings, settings_of: Callable[[str], Settings], limits: Limits
) -> list[dict[str, Any]]:
    """Rows of the methods that a table does not declare, where they follow those it does."""
    if not table.get("listed_only"):
        return []
    declared = {row["method"] for row in table["rows"]}
    own = [name for name in limits.methods if name not in declared]
    return [{"method": n, "label": settings_of(n)["label"], "published": {}} for n in own]


def _published(
    row: Mapping[str, Any], table: Settings, folds: Sequence[int], papers_folds: Sequence[int]
) -> dict[str, Any]:
    """Where the published value of a row is, and which of its folds the row is tested on."""
    source = row.get("published", table.get("published", {}))
    known = [source["fold"]] if "fold" in source else TESTED.get(source.get("paper", ""), [])
    # By fold a value stands beside the row of its fold; else one row is of all folds together.
    apart, whole = table.get("by_fold", False), len(papers_folds) == len(folds)
    return {
        "paper": source.get("paper", ""),
        "tables": list(source.get("tables", [])),
        "known_as": source.get("method", row["method"]),
        "known_setting": source.get("setting"),
        "known_folds": list(known),
        "tested": [fold for fold in papers_folds if (fold in known if apart else whole)],
    }


def expand(
    name: str,
    table: dict[str, Any],
    settings_of: Callable[[str], Settings],
    limits: Limits,
    cells: Mapping[str, str],
    folds: Sequence[int],
    seeds: Sequence[int],
    papers_folds: Sequence[int],
) -> Plan:
    """Resolve a table's declaration.

    Parameters
    ----------
    name, table : str, dict
        Its name, and its file: rows of method, label and what differs from the settings.
    settings_of : callable
        Method -> its settings in this configuration.
    limits : Limits
        What the configuration can run.
    cells : mapping
        Cell type -> cell type of the papers whose rows it computes.
    folds, seeds : sequence of int
        That its rows are run on.
    papers_folds : sequence of int
        Those of the folds that published values are of (`gexpipe.reference.folds.papers_folds`).

    Returns
    -------
    Plan

    Raises
    ------
    UserError
        A row whose settings no training could use, naming table and row.
    """
    wanted = table.get("cells")
    chosen = [cell for cell, known in cells.items() if wanted is None or known in wanted]
    lines, trained, tests = [], {}, {}
    for declared in [*table["rows"], *_own_rows(table, settings_of, limits)]:
        row, note = _shortened(declared, limits)
        row, unknown = _local(row, cells)
        row = merge({"overrides": limits.pretrained.get(row.get("pretrained", ""), {})}, row)
        base = {} if _needs(row, limits) else settings_of(row["method"])
        settings = merge(base, row.get("overrides", {}))
        reason = _reason(row, settings, limits, table, bool(chosen and not unknown))
        run, test = run_id(row["method"], base, settings), change_id(row.get("test", {}))
        if str(settings.get("model", {}).get("backbone", "")).startswith(STAND_INS):
            note = "; ".join(part for part in (note, STAND_IN_NOTE) if part)
        if not reason:
            _check(settings, row, f"table {name}, row {row['label']!r}")
            trained[run] = settings
            if test:
                tests[test] = dict(row["test"])
        lines.append(
            Line(
                label=row["label"],
                method=row["method"],
                setting=row.get("setting", ""),
                run=run,
                test=test,
                **_published(row, table, folds, papers_folds),
                reason=reason,
                note="" if reason else note,
                score=row.get("score", ""),
            )
        )
    return Plan(lines, trained, tests, chosen, list(folds), list(seeds))
