# Sheets, configuration and the questions that rules ask of them. Nothing is written at parse time.
import json
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from gexpipe.config import load_yaml, method_settings, validate, with_starts
from gexpipe.errors import UserError
from gexpipe.gta.places import STAND_INS, is_hub_id
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


def cell_paths(cell, role, optional=False):
    """Local paths of the files of one role of a cell type."""
    return [row.ready for row in SHEETS.cell_files(cell, role, optional)]


def screened(table):
    """Cell types of a table that have a CRISPRi table."""
    return [cell for cell in PLANS[table].cells if cell_paths(cell, "crispr", True)]


# The commands come with the Python that runs Snakemake; an activated environment wins. A prefix
# replaces Snakemake's own, which makes a failure within a pipe a failure.
shell.prefix(f'set -euo pipefail; export PATH="$PATH:{Path(sys.executable).parent}"; ')

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
    cell="|".join(SHEETS.assembly),
    method="|".join(TRAINED),
    target="|".join(config["targets"]) or "none",
    fold=r"\d+",
    seed=r"\d+",


def alignments(cell, role, optional=False):
    """Alignment files of one role of a cell type, CRAM as the BAM it is converted to."""
    return [row.ready for row in SHEETS.cell_files(cell, role, optional)]


def bam_indices(paths):
    """Indices of the BAM files among some alignment files."""
    return [f"{path}.bai" for path in paths if path.endswith(".bam")]


def accessibility_role(cell):
    """dnase_bam, or atac_bam for a cell type that only has ATAC-seq."""
    return "dnase_bam" if cell_paths(cell, "dnase_bam", optional=True) else "atac_bam"


def accessibility_bams(wildcards):
    """DNase (or ATAC) alignments of a cell type."""
    found = alignments(wildcards.cell, accessibility_role(wildcards.cell), optional=True)
    if not found:
        raise UserError(
            f"cell {wildcards.cell!r} has no dnase_bam or atac_bam row: peaks and activity need one",
            config["files"],
        )
    return found


def h3k27ac_bams(wildcards):
    """H3K27ac alignments of a cell type, if any."""
    return alignments(wildcards.cell, "h3k27ac_bam", optional=True)


def cells_with(*roles):
    """Cells of the configuration that have a file of every one of these roles."""
    return [cell for cell in config["cells"] if all(cell_paths(cell, r, True) for r in roles)]


def signal_paths(cell):
    """Signal name -> local bigWig (or bigBed) of a cell type, in stored order."""
    return {name: cell_paths(cell, role)[0] for name, role in config["windows"]["signals"].items()}


def checked_files(wildcards):
    """Every file of a cell type whose chromosome names can be compared."""
    cell = wildcards.cell
    roles = [accessibility_role(cell), "h3k27ac_bam", "hic"]
    roles += config["windows"]["signals"].values()
    roles += ["cage"] if config["target"]["source"] == "cage" else []
    return [row for role in dict.fromkeys(roles) for row in SHEETS.cell_files(cell, role, True)]


def checked_paths(wildcards):
    """Local paths of `checked_files`."""
    return [row.ready for row in checked_files(wildcards)]


def unrecorded():
    """Records, still to be made, of sheet files that are there without one."""
    there = [Path(path) for path in SHEETS.by_path if Path(path).exists()]
    records = [path.with_name(f"{path.name}.json") for path in there]
    return [str(record) for record in records if not record.exists()]


def reference_path(role):
    """Local path of a reference file."""
    return SHEETS.reference_file(role).ready


def optional_reference(role):
    """Local path of a reference file, as a list that is empty where the sheet has none."""
    row = SHEETS.find_reference(role)
    return [row.ready] if row else []


def checked_reference():
    """Interval files of the reference sheet whose chromosome names can be compared."""
    found = [SHEETS.find_reference(role) for role in ("blacklist", "mask_blacklist")]
    return [row for row in found if row]


def reference_check():
    """Record of the comparison of `checked_reference`, if there is anything to compare."""
    return ["results/checks/reference_files.json"] if checked_reference() else []


def mask_blacklist():
    """Blacklist of the window masks: its own row, else the one that ABC uses."""
    return optional_reference("mask_blacklist") or optional_reference("blacklist")


def gene_source(wildcards):
    """The file that the gene table is made from."""
    roles = {"table": "gene_table", "gtf": "gtf", "bed": "genes_bed"}
    return reference_path(roles[config["genes"]["source"]])


def mrna_source(wildcards):
    """The file that mRNA features are made from."""
    return reference_path("gene_table" if config["genes"]["mrna_features"] == "table" else "gtf")


def target_settings(wildcards):
    """The settings of a target: of the default one, or of one with a name."""
    name = getattr(wildcards, "target", None)
    return config["targets"][name] if name else config["target"]


def target_files(wildcards):
    """The file or files that a cell type's target is made from."""
    source = target_settings(wildcards)["source"]
    return reference_path("gene_table") if source == "table" else cell_paths(wildcards.cell, source)


def example_table(wildcards):
    """The example table that a method reads: with the default target, or with one with a name."""
    target = TRAINED[wildcards.method].get("target")
    return f"results/examples/{wildcards.cell}{f'.{target}' if target else ''}.parquet"


def quantile_reference(wildcards):
    """ABC's quantile-normalisation reference, unless it is switched off."""
    return optional_reference("qnorm_reference") if config["abc"]["quantile_normalize"] else []


def contact_matrix(wildcards):
    """The contact matrix of a cell type, if any; balanced by FAN-C where the configuration says so."""
    if wildcards.cell in config["contact"]["balance"]:
        return f"resources/balanced/{wildcards.cell}.cool"
    return cell_paths(wildcards.cell, "hic", optional=True)


def average_contacts(wildcards):
    """Average Hi-C for a cell type without a matrix, where the reference sheet has it."""
    has_matrix = cell_paths(wildcards.cell, "hic", optional=True)
    return [] if has_matrix else optional_reference("average_hic")


def measured_contacts(wildcards):
    """Contact rows of a cell type that has a matrix or an average; else scores use the power law."""
    measured = cell_paths(wildcards.cell, "hic", optional=True) or average_contacts(wildcards)
    return f"results/contacts/{wildcards.cell}/rows.npz" if measured else []


def repeat(flag, values):
    """``--flag a --flag b`` for the shell."""
    values = [values] if isinstance(values, str) else values
    return " ".join(f"--{flag} {value}" for value in values)


def by_cell(flag, files):
    """``--flag CELL=FILE`` for a file of every cell of the configuration."""
    return repeat(flag, [f"{cell}={path}" for cell, path in zip(config["cells"], files)])


def element_store(wildcards):
    """The element store, for methods that read promoter and elements."""
    if TRAINED[wildcards.method]["inputs"]["elements"]:
        return f"results/elements/{wildcards.cell}.zarr/manifest.json"
    return []


def start_checkpoint(wildcards):
    """The checkpoint that a method starts from: of a run of another method, or a file."""
    start = TRAINED[wildcards.method].get("start_from")
    if not start:
        return []
    if start in TRAINED:
        run = f"{wildcards.cell}/{start}/fold{wildcards.fold}/seed{wildcards.seed}"
        return f"results/runs/{run}/best.ckpt"
    return start.format(cell=wildcards.cell, fold=wildcards.fold, seed=wildcards.seed)


def stores(wildcards):
    """What a method predicts from, by option name: window stores; GTA reads bins and prompts."""
    method = TRAINED[wildcards.method]
    if method["architecture"] == "gta":
        return bin_data(method, wildcards.cell)
    return {
        "sequence": "results/windows/sequence.zarr/manifest.json",
        "signals": f"results/windows/{wildcards.cell}.zarr/manifest.json",
    }


def training_data(wildcards):
    """What a method is trained on, by option name: its stores; the encoder reads elements."""
    if TRAINED[wildcards.method]["architecture"] == "enhancer_encoder":
        return {
            "activity": f"results/abc/{wildcards.cell}/elements.parquet",
            "genome": "resources/reference/genome.fa",
        }
    return stores(wildcards)


def named_inputs(names, input):
    """``--NAME FILE`` for some named inputs of a rule."""
    return " ".join(repeat(name.replace("_", "-"), input[name]) for name in names)


def mixed_cells(wildcards):
    """Further cell types that a method is trained on, beside the run's own."""
    cells = TRAINED[wildcards.method]["inputs"].get("mixed_cells", [])
    return [cell for cell in cells if cell != wildcards.cell]


def baseline_tables(wildcards):
    """Tables that a baseline's features come from, by option name."""
    method, cell = TRAINED[wildcards.method], wildcards.cell
    features = method["model"]["features"].split("+")
    tables = {"examples": example_table(wildcards)}
    if "marks" in features:
        tables["gene_activity"] = f"results/abc/{cell}/genes.parquet"
    if "contact" in features or method["inputs"]["elements"]:
        tables["elements"] = f"results/elements/{cell}.parquet"
    return tables


def runs(pattern, methods):
    """A path pattern for every cell, method and seed of the configuration."""
    return expand(
        pattern,
        cell=config["cells"],
        method=methods,
        fold=config["splits"]["fold"],
        seed=config["seeds"],
    )


def growing(mb_per_input_mb, least):
    """Memory that grows with the input's size and doubles with every attempt, in MB."""
    return lambda wildcards, input, attempt: int(
        max(least, mb_per_input_mb * input.size_mb) * 2 ** (attempt - 1)
    )


def changes(test):
    """Options of ``gexpipe evaluate predict`` for changed inputs."""
    length = f"--length {test['length']}" if "length" in test else ""
    weighted = "--weighted" if test.get("weighted") else ""
    return f"{length} {repeat('drop', test.get('drop', []))} {weighted}".strip()


def labels():
    """``--method name=label`` for every method of the configuration."""
    return repeat("method", [f"{name}='{method['label']}'" for name, method in METHODS.items()])


def lines(table):
    """The rows of a table, resolved, as JSON."""
    return json.dumps([line.as_mapping() for line in PLANS[table].lines])


def gene_set(wildcards):
    """The file that names the genes of a table, as a list that is empty where all count."""
    role = TABLES[wildcards.table].get("genes")
    return optional_reference(role) if role else []


def published_cells(table):
    """``--cell name=cell type whose published values stand beside it``.

    A table of cell types that the configuration has not keeps its published values.
    """
    cells = {cell: SHEETS.published_as[cell] for cell in PLANS[table].cells}
    cells = cells or {cell: cell for cell in TABLES[table]["cells"]}
    return repeat("cell", [f"{cell}={published}" for cell, published in cells.items()])
