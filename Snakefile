# gexpipe: from accession numbers to a gene-expression benchmark.
#
#   snakemake --cores 32 results/tables/table1.tsv
#   snakemake --cores 32 prepare      # everything before training; `stores`: the window stores alone
#   snakemake --list                  # every rule in a line
#
# docs/architecture.md draws the stages; each has one file in workflow/rules.
from snakemake.utils import min_version

min_version("9.20")


# config/config.yaml lies under whatever the command line or a module gives (common.smk).
report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/options.smk"
include: "workflow/rules/sheet_files.smk"
include: "workflow/rules/run_files.smk"
include: "workflow/rules/gta_common.smk"
include: "workflow/rules/download.smk"
include: "workflow/rules/reference.smk"
include: "workflow/rules/peaks.smk"
include: "workflow/rules/contacts.smk"
include: "workflow/rules/abc.smk"
include: "workflow/rules/windows.smk"
include: "workflow/rules/gta.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/external.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/discovery.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"


onstart:
    # What is about to be fetched is looked at first; a run that fetches nothing asks nobody.
    if not workflow.touch:
        look_first_at(workflow.dag.needrun_jobs())


rule all:
    """Table 1 with its figures, controls, costs and provenance: made by default."""
    default_target: True
    input:
        "results/tables/table1.tsv",
        "results/tables/costs.tsv",
        # The control exchanges windows between genes; a run without window methods has none.
        "results/tables/controls.tsv" if CONTROLLED else [],
        "results/quality.tsv",
        "results/provenance.tsv",
        # Files of one's own, put in place by hand: checked like downloads before they are used.
        unrecorded(),
        expand("results/crispr/{cell}.tsv", cell=cells_with("crispr")),
        expand("results/targets/{cell}.agreement.json", cell=cells_with("cage", "rnaseq")),
        expand("results/figures/scatter/{cell}.{method}.png", cell=config["cells"], method=METHODS),


rule prepare:
    """Everything before training, for the cell types and methods of the configuration."""
    input:
        [
            path
            for cell in config["cells"]
            for method in STUDY.needed
            for path in training_inputs(cell, method)
        ],
        unrecorded(),
        "results/quality.tsv",


rule stores:
    """The window stores alone: bases, and every cell type's signals, masks and contact."""
    input:
        "results/windows/sequence.zarr/manifest.json",
        expand("results/windows/{cell}.zarr/manifest.json", cell=config["cells"]),
