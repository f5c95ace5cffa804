# The configuration, read and checked once. Nothing is written at parse time.
import os
import re
import sys
import time
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from gexpipe import __version__
from gexpipe.config import load_yaml, merge
from gexpipe.errors import UserError
from gexpipe.home import home
from gexpipe.methods.backbones import STAND_INS, is_hub_id
from gexpipe.reference.cell_target import target_of
from gexpipe.sheets import locate
from gexpipe.study import read_study
from gexpipe.tables.cost import estimate, recorded_seconds
from gexpipe.tables.failed import say_refusals
from gexpipe.whole import refuse_broken

say_refusals(workflow)
# Of the Snakefile that is being read, not of one that uses this workflow as a module.
BASE = home(Path(str(workflow.current_basedir)).parent.parent)
# What a module or the command line gives lies over the shipped configuration.
config.update(merge(load_yaml(BASE / "config" / "config.yaml"), config))
try:
    STUDY = read_study(config, BASE)
    if workflow.is_main_process:  # not in each job of a cluster
        refuse_broken()
except UserError as error:
    raise WorkflowError(str(error)) from None
SHEETS, METHODS, TRAINED = STUDY.sheets, STUDY.methods, STUDY.trained
TABLES, PLANS = STUDY.tables, STUDY.plans
STARTED = time.time()
PREPARED = STUDY.prepared


def one_of(names):
    """Pattern of a wildcard that is one of some names; names may hold signs of patterns (CD34+)."""
    return "|".join(re.escape(name) for name in names) or "none"


def cell_paths(cell, role, optional=False):
    """Local paths of the files of one role of a cell type; of a CRAM, the BAM it is converted to."""
    return [row.ready for row in SHEETS.cell_files(cell, role, optional)]


# The commands come with the Python that runs Snakemake; an activated environment, which stands in
# front, wins. A prefix replaces Snakemake's own, which makes a failure within a pipe a failure.
shell.prefix(f'set -euo pipefail; export PATH="$PATH:{Path(sys.executable).parent}"; ')

# Where the environments that Snakemake makes take gexpipe from (workflow/envs/*.post-deploy.sh).
os.environ.update(
    GEXPIPE_SOURCE=str(BASE) if (BASE / "pyproject.toml").exists() else f"gexpipe=={__version__}"
)

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
# Those that start from the lists of one, and those that have its scores.
LISTED = [cell for cell in SHEETS.assembly if SHEETS.cell_files(cell, "abc_elements", True)]
SCORED = [cell for cell in SHEETS.assembly if SHEETS.cell_files(cell, "abc_predictions", True)]
ALIGNED = [cell for cell in SHEETS.assembly if cell not in COUNTED + LISTED]
# Those whose peaks were called before.
PEAKED = [cell for cell in SHEETS.assembly if SHEETS.cell_files(cell, "peaks", True)]
# The same of H3K27ac.
MARKED = [cell for cell in SHEETS.assembly if SHEETS.cell_files(cell, "h3k27ac_peaks", True)]

GEUVADIS = [name for name, target in config["targets"].items() if target["source"] == "geuvadis"]
COMPUTED = [name for name in config["targets"] if name not in GEUVADIS]
CONTROLLED = STUDY.controlled
RUN_TABLES = STUDY.tables_of("runs")
SIZE_TABLES = STUDY.tables_of("sizes")
TRUTH_TABLES = STUDY.tables_of("truth")
SCREEN_TABLES = STUDY.tables_of("screen")
SCORE_TABLES = TRUTH_TABLES + SCREEN_TABLES
# Tables of trained runs or of sizes that `all` makes: published values stand in them.
COMPARED_TABLES = [name for name in STUDY.built if name in RUN_TABLES + SIZE_TABLES]
DRAWN_TABLES = [name for name in RUN_TABLES if "figure" in TABLES[name]]


@cache
def told(tables):
    """No file: says once, while the DAG is made, how many trainings some tables need, and how long."""
    known = recorded_seconds(Path("results/benchmarks/train"))
    wanted = set.union(set(), *(STUDY.trainings(name) for name in tables))
    what = f"table {tables[0]}" if len(tables) == 1 else "together"
    gpus = max((TRAINED[run]["train"]["devices"] for _, run, _, _ in wanted), default=1)
    logger.info(f"{what}: {estimate(wanted, known, gpus)}")
    return []


# Changes of the inputs at prediction time, by the name of their folder.
TESTS = {name: test for plan in PLANS.values() for name, test in plan.tests.items()}


wildcard_constraints:
    cell=one_of(SHEETS.assembly),
    method=one_of(TRAINED),
    target=one_of(config["targets"]),
    fold=r"\d+",
    seed=r"\d+",
