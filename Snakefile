# gexpipe: from accession numbers to a gene-expression benchmark.
#
#   snakemake --cores 32 results/tables/table1.tsv
#
# docs/architecture.md draws the stages; each has one file in workflow/rules.
from snakemake.utils import min_version

min_version("9.20")


configfile: f"{workflow.basedir}/config/config.yaml"


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
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/scores.smk"
include: "workflow/rules/discovery.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/tables.smk"


rule all:
    default_target: True
    input:
        "results/tables/table1.tsv",
        "results/tables/costs.tsv",
        # The control exchanges windows between genes; a run without window methods has none.
        "results/tables/controls.tsv" if LEARNED else [],
        "results/quality.tsv",
        "results/provenance.tsv",
        # Files of one's own, put in place by hand: checked like downloads before they are used.
        unrecorded(),
        expand("results/crispr/{cell}.tsv", cell=cells_with("crispr")),
        expand("results/targets/{cell}.agreement.json", cell=cells_with("cage", "rnaseq")),
        expand("results/figures/scatter/{cell}.{method}.png", cell=config["cells"], method=METHODS),
