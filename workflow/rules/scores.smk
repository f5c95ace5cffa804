# What rules ask of the tables of scores: which files they need, and how commands name them.
from gexpipe.discovery.labels import SHUFFLED, TIMES_ABC

# Scores that a method gives to every base of a window, not only to elements.
BASE_KINDS = ("mask", "saliency")


def scored_elements(wildcards):
    """Candidate elements of a cell type; EPInformer's own, in the order of its slots."""
    if TRAINED[wildcards.method]["inputs"]["elements"]:
        return f"{element_folder(wildcards.method)}/{wildcards.cell}.parquet"
    return f"results/abc/{wildcards.cell}/elements.parquet"


def scores_of(line, cell, fold, seed, windows):
    """File of the element scores of a table's row."""
    run = f"{cell}/{line.run}/fold{fold}/seed{seed}"
    return f"results/scores/{windows}/{run}/{line.score}.parquet"


def scored(wildcards):
    """(label, file) of every score of a table, on its own windows and on those of other genes."""
    place = (wildcards.cell, wildcards.fold, wildcards.seed)
    lines = [line for line in PLANS[wildcards.table].lines if not line.reason]
    return [(line.label, scores_of(line, *place, "own")) for line in lines] + [
        (line.label + SHUFFLED, scores_of(line, *place, "shuffled")) for line in lines
    ]


def scored_bases(wildcards):
    """Those of `scored` that are of bases too, with the file of these."""
    kinds = {line.label: line.score for line in PLANS[wildcards.table].lines}
    return [
        (label, path.replace(".parquet", ".zarr.zip"))
        for label, path in scored(wildcards)
        if kinds[label.removesuffix(SHUFFLED)] in BASE_KINDS
    ]


def score_files(wildcards):
    """Files of `scored` and `scored_bases`."""
    return [path for _, path in scored(wildcards) + scored_bases(wildcards)]


def named_links(items, flag="link"):
    """``--link LABEL=FILE`` for (label, file) pairs."""

    def found(path):  # two files where a score times ABC's: FILE*FILE:COLUMN
        return "*".join(here(part) for part in path.split("*"))

    return repeat(flag, [f"{label}={found(path)}" for label, path in items])


def named_scores(wildcards):
    """Options of ``gexpipe discover truth``; attention also times ABC, as EPInformer's authors do."""
    items = scored(wildcards)
    attention = {line.label for line in PLANS[wildcards.table].lines if line.score == "attention"}
    abc = f"results/abc/{wildcards.cell}/predictions.parquet:abc_score"
    times = [
        (label.replace(name, name + TIMES_ABC, 1), f"{path}*{abc}")
        for label, path in items
        for name in attention
        if label.removesuffix(SHUFFLED) == name
    ]
    return f"{named_links(items + times)} {named_links(scored_bases(wildcards), 'base')}"


def runnable(table, *scores):
    """Rows of a table that are run, with one of these scores; with any, if none is named."""
    lines = [line for line in PLANS[table].lines if not line.reason]
    return [line for line in lines if not scores or line.score in scores]


def discovered(table, cell):
    """(row, element scores) of every row, fold and seed of a table of scores."""
    plan, windows = PLANS[table], table if table in STUDY.tested else "own"
    return [
        (line, scores_of(line, cell, fold, seed, windows))
        for line in runnable(table)
        for fold in plan.folds
        for seed in plan.seeds
    ]


def discovered_files(wildcards):
    """Files of `discovered`."""
    return [path for _, path in discovered(wildcards.table, wildcards.cell)]


def discovered_links(wildcards):
    """Options of `discovered`; attention also times ABC."""
    abc = f"results/abc/{wildcards.cell}/predictions.parquet:abc_score"
    items, table = [], wildcards.table
    for line, path in discovered(table, wildcards.cell):
        items.append((line.label, path))
        if line.score == "attention" and table not in STUDY.tested:
            items.append((line.label + TIMES_ABC, f"{path}*{abc}"))
    lost = sorted({line.label for line in runnable(table, "perturbation")})
    attentive = sorted({line.label for line in runnable(table, "attention")})
    seen = repeat("attention", attentive) if table in STUDY.tested else ""
    return f"{named_links(items)} {repeat('perturbation', lost)} {seen}"


def screen_of(wildcards):
    """The CRISPRi table that a table's scores meet."""
    return cell_paths(wildcards.cell, STUDY.screen(wildcards.table))


def screen_options(wildcards):
    """Which pairs of it: of the cell type, of one publication, near the TSS."""
    asked = TABLES[wildcards.table].get("reference", [])
    known = SHEETS.published_as[wildcards.cell] == wildcards.cell
    reach = repeat("max-distance", [config["elements"]["max_distance"]])
    return " ".join(
        [
            crispr_cells(wildcards.cell),
            repeat("reference", asked) if known else "",
            reach if wildcards.table in STUDY.tested else "",
        ]
    )


def screen_elements(wildcards):
    """What scores are laid over: ABC's predictions, or the tested regions with their activity."""
    if wildcards.table in STUDY.tested:
        return f"results/screened/{wildcards.cell}.{wildcards.table}.parquet"
    return f"results/abc/{wildcards.cell}/predictions.parquet"


def drawn(wildcards, *scores):
    """(label, element scores) of the rows of all tables of scores, of a locus' fold."""
    return {
        line.label: scores_of(line, wildcards.cell, wildcards.fold, config["seeds"][0], "own")
        for table in SCORE_TABLES
        for line in runnable(table, *scores)
    }.items()


def drawn_bases(wildcards):
    """(label, base scores) of `drawn`."""
    found = drawn(wildcards, *BASE_KINDS)
    return [(label, path.replace(".parquet", ".zarr.zip")) for label, path in found]


def drawn_files(wildcards):
    """Files that a locus shows: of bases where a score has them, else of elements."""
    items = [*drawn_bases(wildcards), *drawn(wildcards, "perturbation", "attention")]
    return [path for _, path in items]


def crispr_cells(cell):
    """``--cell`` for a CRISPRi table: the cell type, or the one whose published values it has."""
    return repeat("cell", dict.fromkeys([cell, SHEETS.stands_for[cell]]))


def scored_window(table):
    """The window that the rows of a table have in common, bp."""
    plan = PLANS[table]
    lengths = [s["inputs"]["length"] for s in plan.settings.values() if not s["inputs"]["elements"]]
    return max(lengths, default=2 * config["elements"]["max_distance"])


def hub_tracks():
    """(label, bigWig) of the base scores of the discovery tables, first fold and seed."""
    return [
        (
            f"{line.label}, {cell}",
            f"results/tracks/{cell}/{line.run}.fold{plan.folds[0]}.seed{plan.seeds[0]}.{line.score}.bw",
        )
        for plan in (PLANS[name] for name in TRUTH_TABLES)
        for cell in plan.cells
        for line in plan.lines
        if not line.reason and line.score in BASE_KINDS
    ]


def in_order(flag, table, files):
    """``--flag CELL=FILE`` for a file of every screened cell type of a table."""
    return repeat(flag, [f"{cell}={path}" for cell, path in zip(STUDY.screened(table), files)])


def figures_of_all():
    """What all tables are looked at with: learned weights, GTA's attention, loci."""
    fold, seed = config["splits"]["fold"], config["seeds"][0]
    scored = [c for c in config["cells"] if all(c in PLANS[t].cells for t in SCORE_TABLES)]
    return (
        expand(
            "results/figures/weights/{cell}.{method}.png",
            cell=config["cells"],
            method=[name for name in STUDY.showing("weights") if name in METHODS],
        )
        + [
            f"results/figures/gta/{cell}/{run}.fold{fold}.seed{seed}.attention.png"
            for cell, run in attentive_runs()
        ]
        + [
            f"results/figures/scatter/{table}/{cell}.{run}.png"
            for table in STUDY.built
            for cell in PLANS[table].cells
            for run in scattered(table)
        ]
        + [
            f"results/motifs/{cell}/{run}{kind}.tsv"
            for cell, run, _ in motif_runs([fold])
            for kind in ("", ".deeplift")
        ]
        + [
            f"results/figures/screened/{cell}.{table}/{gene}.png"
            for table in STUDY.built
            if table in SCREEN_TABLES
            for cell in STUDY.screened(table)
            for gene in STUDY.loci
        ]
        + [
            f"results/figures/mutagenesis/{cell}/{run}/fold{tested_in}/{gene}.png"
            for cell, run, tested_in in motif_runs(set(STUDY.loci.values()))
            for gene, its_fold in STUDY.loci.items()
            if its_fold == tested_in
        ]
        + [
            f"results/figures/locus/{cell}/fold{tested_in}/{gene}.png"
            for cell in scored
            for gene, tested_in in STUDY.loci.items()
        ]
    )


def motif_runs(folds):
    """(cell, run, fold) of what reads motifs: those that the tables train anyway, of the first seed."""
    trained = set.union(set(), *(STUDY.trainings(name) for name in STUDY.built))
    shown = STUDY.showing("motifs")
    return sorted(
        (cell, run, fold)
        for cell, run, fold, seed in trained
        if run in shown and fold in folds and seed == config["seeds"][0]
    )


def attentive_runs():
    """(cell, run) whose attention is drawn: GTA where it is a method, and the drawn rows of tables."""
    methods = [(cell, run) for cell in config["cells"] for run in STUDY.reading("bins", METHODS)]
    fold, seed = config["splits"]["fold"], config["seeds"][0]
    return methods + [
        (cell, run)
        for plan, table in ((PLANS[name], name) for name in STUDY.built)
        if fold in plan.folds and seed in plan.seeds
        for cell in plan.cells
        for run in STUDY.reading("bins", scattered(table))
    ]


def scattered(table):
    """Runs of a table whose predictions are drawn against what was observed."""
    asked = TABLES[table].get("scatter", [])
    lines = PLANS[table].lines
    return [line.run for line in lines if line.setting in asked and not line.reason]
