# gexpipe, for `snakemake` in a clone; the workflow itself is workflow/Snakefile, where modules and
# tools that deploy workflows look for it.
include: "workflow/Snakefile"


# Snakemake takes back what an included file made the default.
workflow.default_target = "all"
