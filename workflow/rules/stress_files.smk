# Which files the stress test's rules read, and of which methods and cell types.

# The first cell type is asked; the second one lends its marks.
STRESSED, LENDER = config["cells"][0], (config["cells"][1:] or [""])[0]


def stress_methods():
    """Methods of the configuration that are trained on what the battery can change."""
    reads = ("windows", "gene_features")
    return [
        name for name in METHODS if name in STUDY.networks and STUDY.declared(name).reads in reads
    ]


def stress_skipped():
    """The others, with why."""
    fitted = "it is fitted to features of promoters, in which no element is"
    other = "it reads neither a window nor a table of elements that can be changed"
    skipped = [name for name in METHODS if name not in stress_methods()]
    return [f"{name}={fitted if name in STUDY.baselines else other}" for name in skipped]


def stress_files(wildcards, cell):
    """Files of a method in a cell type, by option name: its stores, and the table of elements."""
    if not config["discovery"]["truth"]:
        raise UserError(
            "null, expected the truth of a simulated genome: real regulation is not known",
            "config: discovery.truth",
        )
    run = SimpleNamespace(cell=cell, method=wildcards.method)
    files = {**stores(run), "examples": f"results/examples/{cell}.parquet"}
    if TRAINED[wildcards.method]["inputs"]["elements"]:
        files["elements"] = element_store(run)
        files["links"] = f"results/elements/{cell}.parquet"
    return files


def stress_lender(wildcards):
    """Those of the other cell type; the bases are the same."""
    if not LENDER or LENDER == wildcards.cell:
        return {}
    files = stress_files(wildcards, LENDER).items()
    return {f"other_{name}": path for name, path in files if name != "sequence"}


def lent(wildcards, input):
    """Options that name the other cell type and its files."""
    names = [name.removeprefix("other_") for name in stress_lender(wildcards)]
    files = [f"{name}={input[f'other_{name}']}" for name in names]
    return f"--other-cell {LENDER} {repeat('other', files)}" if files else ""
