"""A configuration, read once: its sheets, methods and tables, and what they ask to be made.

The Snakefile, the doctor and whoever asks what would be run read it here.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from gexpipe.benchmark.leave_out import leave_one_out
from gexpipe.config import validate
from gexpipe.errors import UserError
from gexpipe.extractors.settings import check_extractor
from gexpipe.methods.declared import Declaration, declaration
from gexpipe.methods.external import places
from gexpipe.methods.merged import (
    check_overrides,
    method_names,
    method_settings,
    start_method,
    with_starts,
)
from gexpipe.methods.options import suggestion
from gexpipe.methods.outside import method_folders
from gexpipe.prepared import Prepared, check_prepared, open_prepared
from gexpipe.reference.cell_target import check_target, target_of
from gexpipe.reference.folds import FOLDS, check_fold, folds_of, testing_fold
from gexpipe.rows import read_rows
from gexpipe.sheets import Sheets, load_sheets
from gexpipe.tables.declared import plans, read_tables
from gexpipe.tables.plan import Plan

__all__ = ["Study", "read_study"]

Settings = dict[str, Any]
# Genes of the papers' figures (`discovery.loci: papers`) -> their chromosome in hg38.
PAPERS_LOCI = {"KLF1": "chr19", "MYC": "chr8", "HBG1": "chr11", "HBG2": "chr11"}


@dataclass(frozen=True)
class Study:
    """What a configuration asks for.

    Attributes
    ----------
    config : dict
        The merged configuration.
    base : Path
        Folder of the Snakefile.
    sheets : Sheets
        Cell types and files.
    methods : dict
        Method of the configuration -> its settings.
    trained : dict
        The same, and every run of a table and what runs start from.
    tables : dict
        Table -> its declaration.
    plans : dict
        Table -> its rows, resolved.
    prepared : Prepared, optional
        Imported data whose files stand in the place of the workflow's own.
    folds : list of int
        The folds there are; empty where a file of own splits, not here yet, has them.
    left_out : dict
        Run on all cell types but one -> its settings (`gexpipe.benchmark.leave_out`).
    """

    config: Settings
    base: Path
    sheets: Sheets
    methods: dict[str, Settings]
    trained: dict[str, Settings]
    tables: dict[str, dict]
    plans: dict[str, Plan]
    prepared: Prepared | None = None
    folds: list[int] = field(default_factory=list)
    left_out: dict[str, Settings] = field(default_factory=dict)

    def declared(self, method: str) -> Declaration:
        """What the architecture of a trained method declares."""
        return declaration(self.trained[method]["architecture"])

    def reading(self, data: str, methods: Mapping[str, Any] | None = None) -> list[str]:
        """Methods (all that are trained, by default) that read one kind of data."""
        chosen = self.trained if methods is None else methods
        return [name for name in chosen if self.declared(name).reads == data]

    def showing(self, figure: str) -> list[str]:
        """Trained methods that give a figure of their own."""
        return [name for name in self.trained if figure in self.declared(name).shows]

    def language_model(self, method: str) -> str:
        """Folder or hub id of the language model that a method reads; empty for none."""
        options = self.trained[method]["model"]
        return str(options.get("backbone", "")) if self.declared(method).reads == "bins" else ""

    @cached_property
    def loci(self) -> dict[str, int]:
        """Genes whose neighbourhood is drawn -> the fold whose models draw it."""
        return _loci(self.config)

    @cached_property
    def networks(self) -> list[str]:
        """Methods with checkpoints."""
        return [name for name in self.trained if self.declared(name).trained]

    def check_fold(self, fold: int) -> None:
        """Raise a `UserError` for a fold that does not exist, or lacks a part."""
        kind = folds_of(self.config["splits"]["folds"], self.config["reference"]["assembly"])
        check_fold(fold, self.config["reference"]["chromosomes"], kind, self.folds)

    @cached_property
    def with_target(self) -> list[str]:
        """Cell types with expression, that methods can be trained on."""
        return _with_target(self.config, self.sheets)

    @cached_property
    def portable(self) -> list[str]:
        """Methods of the configuration that can be asked about a cell type they have not seen.

        They have weights, are trained on one cell type, and on the default target.
        """
        own = {name: settings for name, settings in self.methods.items() if name in self.networks}
        return [
            name
            for name, settings in own.items()
            if not settings["inputs"].get("mixed_cells") and not settings.get("target")
        ]

    @cached_property
    def baselines(self) -> list[str]:
        """Methods that are fitted to gene features, without checkpoints."""
        return [name for name in self.trained if self.declared(name).fitted]

    @cached_property
    def external(self) -> dict[str, set[str]]:
        """Methods that deliver predictions -> what stands in braces in their command or path."""
        found = self.reading("examples")
        options = {name: self.trained[name]["model"] for name in found}
        return {
            name: places(said.get("command") or said.get("predictions", ""))
            for name, said in options.items()
        }

    @cached_property
    def controlled(self) -> list[str]:
        """Methods of the configuration that answer for windows exchanged between genes."""
        answering = [name for name, asked in self.external.items() if "windows_of" in asked]
        return [name for name in self.methods if name in [*self.networks, *answering]]

    @cached_property
    def needed(self) -> list[str]:
        """Methods of the configuration and what they start from."""
        return list(with_starts(self.methods, self.trained.__getitem__))

    def tables_of(self, *kinds: str) -> list[str]:
        """Tables of some kinds: runs, sizes, truth, screen."""
        return [name for name, table in self.tables.items() if table["kind"] in kinds]

    def screen(self, table: str) -> str:
        """Role of the CRISPRi table that a table's scores meet."""
        return str(self.tables[table].get("role", "crispr"))

    def screened(self, table: str) -> list[str]:
        """Cell types of a table that have its CRISPRi table."""
        cells, role = self.plans[table].cells, self.screen(table)
        return [cell for cell in cells if self.sheets.cell_files(cell, role, True)]

    @cached_property
    def tested(self) -> list[str]:
        """Tables whose elements are the tested regions themselves."""
        return [name for name, table in self.tables.items() if table.get("scoring") == "tested"]

    def trainings(self, table: str) -> set[tuple[str, str, int, int]]:
        """(cell type, run, fold, seed) of every network that a table needs."""
        needed = self.plans[table].trainings()
        return {run for run in needed if run[1] in self.networks}

    @cached_property
    def built(self) -> list[str]:
        """Tables that ``results/tables/all`` makes.

        A table of scores against a truth needs a simulated genome's; one against a screen a CRISPRi
        table of one of its cell types; one with a ``role`` a file of it.
        """
        truth = self.config["discovery"]["truth"]
        asked = self.config["tables"]["build"] or [
            name for name, table in self.tables.items() if truth or table["kind"] != "truth"
        ]
        screens = self.tables_of("screen")
        made = [name for name in asked if name not in screens or self.screened(name)]
        return [name for name in made if self._has_file(self.tables[name].get("role", ""))]

    def _has_file(self, role: str) -> bool:
        """Whether a cell type of the configuration has a file of a role, or none is asked for."""
        cells = self.config["cells"]
        return not role or any(self.sheets.cell_files(cell, role, True) for cell in cells)


def read_study(config: Settings, base: Path) -> Study:
    """Read everything that a configuration names, and check what can be known before computing.

    Parameters
    ----------
    config : dict
        The merged configuration; the schema's defaults are not filled in.
    base : Path
        Folder of the Snakefile, with ``workflow/schemas`` and ``config``. Method and table files of
        the working directory (``config/methods``, ``config/tables``) come before the shipped ones,
        those before the method files that installed packages announce.

    Raises
    ------
    UserError
        One line: key, file or row, what was found, what was expected.
    """
    schemas = base / "workflow" / "schemas"
    validate(config, schemas / "config.schema.yaml", "config")
    sheets = load_sheets(config, base, schemas)
    for cell in config["cells"]:
        sheets.check_cell(cell)
        check_target(config["target"], sheets, cell)
    _check_loci(config)
    _check_balance(config, sheets)
    prepared = open_prepared(config["prepared"])
    if prepared is not None:
        check_prepared(prepared, config, sheets)
    folders = [Path("config/methods"), base / "config" / "methods", *method_folders()]
    files = method_names(folders)
    check_overrides(config["overrides"], files)
    common = config["train"], config["overrides"], schemas, config["loading"]

    @cache
    def settings_of(name: str) -> Settings:
        return method_settings(folders, name, *common)

    methods = {name: settings_of(name) for name in config["methods"]}
    trained = with_starts(methods, settings_of)
    places = [base / "config" / "tables", Path("config/tables")]
    tables = read_tables(places, schemas, config)
    known = _readable_targets(config, sheets)
    folds = _folds(config, sheets)
    resolved = plans(
        tables,
        config,
        settings_of,
        sheets.stands_for,
        known,
        sheets.reference_roles(),
        files,
        folds,
    )
    for plan in resolved.values():  # equal rows of two tables are one run
        trained.update(with_starts(plan.settings, settings_of))
    asked = config["benchmark"]["leave_one_cell_out"]
    left_out = leave_one_out(asked, methods, _with_target(config, sheets))
    trained.update(with_starts(left_out, settings_of))
    _check_own_files(config, methods)
    _check_weights(trained)
    _check_tested(tables, resolved)
    _check_summits(config, trained)
    _check_extractors(config, trained)
    study = Study(
        config, base, sheets, methods, trained, tables, resolved, prepared, folds, left_out
    )
    _check_folds_of_tables(study)
    return study


def _folds(config: Settings, sheets: Sheets) -> list[int]:
    """The folds there are; none where the file that has them is not here yet."""
    kind = folds_of(config["splits"]["folds"], config["reference"]["assembly"])
    if kind != "file":
        return list(FOLDS)[
            : len(config["reference"]["chromosomes"]) if kind == "balanced" else None
        ]
    row = sheets.reference_file("splits")
    own = row.url if row.source == "path" else row.ready
    if not Path(own).expanduser().exists():
        return []
    from gexpipe.reference.own_splits import own_folds  # loads pandas, which a plan needs not

    return own_folds(Path(own).expanduser())


def _with_target(config: Settings, sheets: Sheets) -> list[str]:
    sources = {
        cell: target_of(config["target"], sheets, cell)["source"] for cell in config["cells"]
    }
    return [cell for cell, source in sources.items() if source != "none"]


def _readable_targets(config: Settings, sheets: Sheets) -> list[str]:
    """Named targets with a source: a gene table, a file of every cell type, Geuvadis' table."""

    def readable(source: str) -> bool:
        if source == "table":
            return sheets.find_reference("gene_table") is not None
        held = [bool(sheets.cell_files(cell, source, True)) for cell in config["cells"]]
        if source == "geuvadis":
            return any(held) and sheets.find_reference("held_out") is not None
        return all(held)

    return [name for name, target in config["targets"].items() if readable(target["source"])]


def _check_own_files(config: Settings, methods: Mapping[str, Settings]) -> None:
    """Raise a `UserError` for a file of an external method that is not there.

    Snakemake would keep a table that was made without it, and say that there is nothing to do.
    """
    fold = config["splits"]["fold"]
    for name, settings in methods.items():
        if settings["architecture"] != "external":
            continue
        model = settings["model"]
        needed = list(model.get("files", []))
        if pattern := model.get("predictions"):
            needed += [
                pattern.format(cell=cell, fold=fold, seed=seed)
                for cell in config["cells"]
                for seed in config["seeds"]
            ]
        for path in needed:
            if not Path(path).expanduser().exists():
                raise UserError(f"no such file (of method {name})", path)


def _check_weights(trained: Mapping[str, Settings]) -> None:
    """Raise a `UserError` for weights to start from that are not there, and that no rule makes."""
    for name, settings in trained.items():
        path = str(settings.get("start_from") or "")
        made = path.startswith(("results/", "resources/"))
        if not path or made or start_method(settings) or "{" in path:
            continue
        if not Path(path).expanduser().exists():
            raise UserError(f"no such file or folder (start_from of {name})", path)


def _check_tested(tables: Mapping[str, Settings], resolved: Mapping[str, Plan]) -> None:
    """Raise a `UserError` for a row that cannot be given tested regions as its elements."""
    for name, table in tables.items():
        if table.get("scoring") != "tested":
            continue
        if table["kind"] != "screen":
            raise UserError(f"scoring: tested is for kind: screen, not {table['kind']}", name)
        for line in resolved[name].lines:
            settings = resolved[name].settings.get(line.run)
            if settings is not None and not settings["inputs"]["elements"]:
                raise UserError(
                    f"{line.method} reads windows; scoring: tested is for methods on elements",
                    f"table {name}, row {line.label!r}",
                )


def _check_summits(config: Settings, trained: Mapping[str, Settings]) -> None:
    """Raise a `UserError` for a training set around summits that is not declared."""
    known = config["summits"]["sets"]
    for name, settings in trained.items():
        asked = settings["inputs"].get("summits", "")
        if asked and asked not in known:
            found = f"no set {asked!r} in summits.sets; {suggestion(asked, known)}"
            raise UserError(found, f"method {name}: inputs.summits")


def _check_extractors(config: Settings, trained: Mapping[str, Settings]) -> None:
    """Raise a `UserError` for models of others that are read and cannot be asked."""
    known = config["extractors"]
    for name, settings in trained.items():
        if declaration(settings["architecture"]).reads != "extracted":
            continue
        asked = settings["model"].get("extractor", "")
        if asked not in known:
            found = f"no {asked!r} in the configuration's extractors"
            hint = suggestion(asked, known) if known else "give its weights there"
            raise UserError(f"{found}; {hint}", f"method {name}: model.extractor")
    for name, said in known.items():
        check_extractor(name, said)


def _check_loci(config: Settings) -> None:
    """Raise a `UserError` for a gene to be drawn that the genes of this folder lack.

    Before they are made nothing is known; then the command that draws says the same.
    """
    genes = Path("results/genes/genes.tsv")
    wanted = config["discovery"].get("loci") or []
    if not wanted or wanted == "papers" or not genes.exists():
        return
    rows = read_rows(genes, "gene table", separator="\t").records()
    known = {row[name] for row in rows for name in ("gene_id", "symbol")}
    for gene in wanted:
        if gene not in known:
            near = difflib.get_close_matches(gene, known, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise UserError(f"no gene {gene!r} in {genes}{meant}", "config: discovery.loci")


def _loci(config: Settings) -> dict[str, int]:
    """Gene -> fold of the models that draw it; of the papers' loci those on this genome."""
    asked = config["discovery"].get("loci") or {}
    own_folds = folds_of(config["splits"]["folds"], config["reference"]["assembly"]) != "papers"
    if isinstance(asked, dict) and asked and own_folds:
        found = (
            "which fold tests a chromosome is known of the papers' folds only; name the genes alone"
        )
        raise UserError(found, "config: discovery.loci")
    if asked == "papers":
        # Genes of one's own (a BED) may be without them.
        known = config["reference"]["assembly"] == "hg38" and config["genes"]["source"] != "bed"
        known = known and not own_folds
        used = config["reference"]["chromosomes"] if known else []
        asked = {gene: chrom for gene, chrom in PAPERS_LOCI.items() if chrom in used}
    if isinstance(asked, dict):
        return {gene: testing_fold(chrom) for gene, chrom in asked.items()}
    return dict.fromkeys(asked, config["splits"]["fold"])


def _check_folds_of_tables(study: Study) -> None:
    """Raise a `UserError` for a table that is there, of a fold that cannot be trained (any more).

    Snakemake would keep the table, and not say why it cannot make it: trainings whose inputs cannot
    be named count as files that nothing makes.
    """
    for name, plan in study.plans.items():
        drawn = study.config["targets"]  # Geuvadis' splits are drawn, not of chromosomes
        targets = {settings.get("target", "") for settings in plan.settings.values()}
        chromosomes = any(drawn.get(t, {}).get("source") != "geuvadis" for t in targets)
        table = Path(f"results/tables/{name}.tsv")
        for fold in plan.folds if chromosomes and table.exists() else []:
            try:
                study.check_fold(fold)
            except UserError as error:
                raise UserError(f"{error}. The table was made with another one", table) from error


def _check_balance(config: Settings, sheets: Sheets) -> None:
    """Raise a `UserError` for a matrix that cannot be balanced."""
    for cell in config["contact"]["balance"]:
        sheets.cell_files(cell, "hic")
        if "KR" not in config["contact"]["normalization"]:
            raise UserError("FAN-C writes KR, which is not among them", "contact.normalization")
