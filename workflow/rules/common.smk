# Configuration, sheets, methods and tables, read once. Nothing is written at parse time.
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from gexpipe.config import load_yaml, method_settings, validate, with_starts
from gexpipe.errors import UserError
from gexpipe.methods.backbones import STAND_INS, is_hub_id
from gexpipe.reference.cell_target import check_target, target_of
from gexpipe.sheets import Sheets, load_sheets, locate
from gexpipe.tables.cost import estimate, recorded_seconds
from gexpipe.tables.declared import plans, read_tables

BASE = Path(workflow.basedir)
SCHEMAS = BASE / "workflow" / "schemas"


def settings_of(name):
    """Merged settings of a method."""
    folder = BASE / "config" / "methods"
    common = config["train"], config["overrides"], SCHEMAS, config["loading"]
    return method_settings(folder, name, *common)


def readable_targets(sheets):
    """Named targets whose source exists: a gene table, a file of every cell type, Geuvadis' table."""

    def readable(source):
        if source == "table":
            return sheets.find_reference("gene_table")
        held = [bool(sheets.cell_files(cell, source, True)) for cell in config["cells"]]
        if source == "geuvadis":
            return any(held) and sheets.find_reference("held_out")
        return all(held)

    return [name for name, target in config["targets"].items() if readable(target["source"])]


try:
    validate(config, SCHEMAS / "config.schema.yaml", "config")
    SHEETS = load_sheets(config, BASE, SCHEMAS)
    for cell in config["cells"]:
        SHEETS.check_cell(cell)
        check_target(config["target"], SHEETS, cell)
    METHODS = {name: settings_of(name) for name in config["methods"]}
    # What they start from is trained too, but is no row of a table.
    TRAINED = with_starts(METHODS, settings_of)
    TABLES = read_tables(BASE / "config" / "tables", SCHEMAS, config)
    PLANS = plans(
        TABLES,
        config,
        settings_of,
        SHEETS.published_as,
        readable_targets(SHEETS),
        SHEETS.reference_roles(),
    )
    # A table's row is a method under other settings; equal rows of two tables are one run.
    for plan in PLANS.values():
        TRAINED.update(with_starts(plan.settings, settings_of))
    for cell in config["contact"]["balance"]:
        SHEETS.cell_files(cell, "hic")
        if "KR" not in config["contact"]["normalization"]:
            raise UserError("FAN-C writes KR, which is not among them", "contact.normalization")
except UserError as error:
    raise WorkflowError(str(error)) from None


def one_of(names):
    """Pattern of a wildcard that is one of some names; names may hold signs of patterns (CD34+)."""
    return "|".join(re.escape(name) for name in names) or "none"


def cell_paths(cell, role, optional=False):
    """Local paths of the files of one role of a cell type; of a CRAM, the BAM it is converted to."""
    return [row.ready for row in SHEETS.cell_files(cell, role, optional)]


def screened(table):
    """Cell types of a table that have a CRISPRi table."""
    return [cell for cell in PLANS[table].cells if cell_paths(cell, "crispr", True)]


# The commands come with the Python that runs Snakemake; an activated environment, which stands in
# front, wins. A prefix replaces Snakemake's own, which makes a failure within a pipe a failure.
shell.prefix(f'set -euo pipefail; export PATH="$PATH:{Path(sys.executable).parent}"; ')

# Where the environments that Snakemake makes take gexpipe from (workflow/envs/*.post-deploy.sh).
os.environ.update(GEXPIPE_SOURCE=str(BASE))

# Sizes come from the genome, unless the reference sheet gives them (a run without sequence).
CHROM_SIZES = (
    SHEETS.reference_file("chrom_sizes").path
    if SHEETS.find_reference("chrom_sizes")
    else "resources/reference/chrom.sizes"
)
# Cell types that start from the count tables of a finished ABC run instead of alignments.
COUNTED = [
    cell for cell in SHEETS.assembly if SHEETS.cell_files(cell, "element_dnase_counts", True)
]
ALIGNED = [cell for cell in SHEETS.assembly if cell not in COUNTED]

BASELINES = [
    name
    for name, method in TRAINED.items()
    if method["architecture"] in ("linear", "boosted", "network")
]
GEUVADIS = [name for name, target in config["targets"].items() if target["source"] == "geuvadis"]
COMPUTED = [name for name in config["targets"] if name not in GEUVADIS]
LEARNED = [name for name in METHODS if name not in BASELINES]
SIZE_TABLES = [name for name, table in TABLES.items() if table["metrics"] == ["parameters"]]
TRUTH_TABLES = [name for name, table in TABLES.items() if table["metrics"] == ["auprc"]]
SCREEN_TABLES = [name for name, table in TABLES.items() if table["metrics"] == ["crispri"]]
SCORE_TABLES = TRUTH_TABLES + SCREEN_TABLES
RUN_TABLES = [name for name in TABLES if name not in SIZE_TABLES + SCORE_TABLES]
DRAWN_TABLES = [name for name in RUN_TABLES if "figure" in TABLES[name]]
BUILT_TABLES = config["tables"]["build"] or [
    name for name in TABLES if config["discovery"]["truth"] or name not in TRUTH_TABLES
]
# A screen's table needs a CRISPRi table of one of its cell types.
BUILT_TABLES = [name for name in BUILT_TABLES if name not in SCREEN_TABLES or screened(name)]
# The DAG is made after this file is read, so a dry run is known by its option only.
if any(re.fullmatch("--dry-?run|-[a-zA-Z]*n[a-zA-Z]*", option) for option in sys.argv):
    asked = [name for name in RUN_TABLES + SCORE_TABLES if f"results/tables/{name}.tsv" in sys.argv]
    if "results/tables/all" in sys.argv:
        asked = [name for name in BUILT_TABLES if name not in SIZE_TABLES]
    known = recorded_seconds(Path("results/benchmarks/train"))
    wanted = {
        name: {run for run in PLANS[name].trainings() if run[1] not in BASELINES} for name in asked
    }
    for name, trainings in wanted.items():
        logger.info(f"table {name}: {estimate(trainings, known)}")
    if len(wanted) > 1:
        logger.info(f"together: {estimate(set.union(*wanted.values()), known)}")

# Changes of the inputs at prediction time, by the name of their folder.
TESTS = {name: test for plan in PLANS.values() for name, test in plan.tests.items()}


wildcard_constraints:
    cell=one_of(SHEETS.assembly),
    method=one_of(TRAINED),
    target=one_of(config["targets"]),
    fold=r"\d+",
    seed=r"\d+",
