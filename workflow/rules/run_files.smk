# Which files a method is trained on and predicts from.
import json
from types import SimpleNamespace

from gexpipe.devices import refuse_too_many
from gexpipe.extractors.settings import extractor_source, files_of, read_settings


def example_table(wildcards):
    """The example table that a method reads: with the default target, or with one with a name."""
    target = TRAINED[wildcards.method].get("target")
    return f"results/examples/{wildcards.cell}{f'.{target}' if target else ''}.parquet"


def trainable_table(wildcards):
    """The same for training: not of a cell type without expression, nor of a fold without a part."""
    method = TRAINED[wildcards.method]
    if method.get("target") not in GEUVADIS:  # whose splits are drawn, not of chromosomes
        STUDY.check_fold(int(wildcards.fold))
    for cell in [wildcards.cell, *mixed_cells(wildcards)]:
        if "target" not in method and target_of(config["target"], SHEETS, cell)["source"] == "none":
            raise UserError(
                f"cell {cell!r} has no target (source: none): nothing can be trained on it. Leave it "
                f"out of cells and predict it: results/predicted/{cell}/from_CELL/{wildcards.method}/"
                "foldF/seedS/predictions.parquet",
                f"config: target.cells.{cell}",
            )
    return example_table(wildcards)


def element_folder(method):
    """Where a method's elements are: with the gene's own promoter among them, or without."""
    own = TRAINED[method]["inputs"].get("own_promoter")
    return "results/elements_from_tss" if own else "results/elements"


def element_store(wildcards):
    """The element store, for methods that read promoter and elements."""
    if TRAINED[wildcards.method]["inputs"]["elements"]:
        return store(f"{element_folder(wildcards.method)}/{wildcards.cell}.zarr")
    return []


def start_checkpoint(wildcards):
    """The checkpoint that a method starts from: of a run of another method, or a file."""
    start = TRAINED[wildcards.method].get("start_from")
    if not start:
        return []
    if start in TRAINED:
        run = f"{wildcards.cell}/{start}/fold{wildcards.fold}/seed{wildcards.seed}"
        return f"results/runs/{run}/best.ckpt"
    return local(start.format(cell=wildcards.cell, fold=wildcards.fold, seed=wildcards.seed))


@cache
def devices_of(method):
    """GPUs that share the batches of a method; refused where this machine has fewer.

    Snakemake would quietly cut the number to what the profile of one machine has.
    """
    count = TRAINED[method]["train"]["devices"]
    if count > 1 and workflow.global_resources.get("gpu") is not None:
        refuse_too_many(count, f"method {method}: train.devices")
    return count


def train_devices(wildcards):
    """GPUs of a training."""
    return devices_of(wildcards.method)


def train_threads(wildcards):
    """Threads of a training: those of its arithmetic, which are part of it, and its loader's.

    Each of several GPUs has a process of its own, with as many.
    """
    settings = TRAINED[wildcards.method]["train"]
    return train_devices(wildcards) * (settings.get("threads", 1) + settings["workers"])


def first_checkpoint(wildcards):
    """The checkpoint of a method in the configuration's fold, of its first seed."""
    run = f"fold{config['splits']['fold']}/seed{config['seeds'][0]}"
    return f"results/runs/{wildcards.cell}/{wildcards.method}/{run}/best.ckpt"


def stores(wildcards):
    """What a method predicts from, by option name: window stores, bins and prompts, or tables."""
    method, reads = TRAINED[wildcards.method], STUDY.declared(wildcards.method).reads
    if reads == "bins":
        return bin_data(method, wildcards.cell)
    if reads == "gene_features":
        marks = f"results/abc/{wildcards.cell}/genes.parquet"
        links = {"links": f"results/elements/{wildcards.cell}.parquet"}
        return {
            **({"gene_activity": marks} if "marks" in method["model"]["features"] else {}),
            **links,
        }
    return {
        "sequence": store("results/windows/sequence.zarr"),
        "signals": store(f"results/windows/{wildcards.cell}.zarr"),
    }


def training_data(wildcards):
    """What a method is trained on, by option name: its stores, or elements and genome."""
    if STUDY.declared(wildcards.method).reads == "element_activity":
        summits = TRAINED[wildcards.method]["inputs"].get("summits")
        table = f"summits/{summits}" if summits else "elements"
        return {
            "activity": f"results/abc/{wildcards.cell}/{table}.parquet",
            "genome": "resources/reference/genome.fa",
        }
    return stores(wildcards)


def genome_index(wildcards):
    """The index beside the genome, for a method that reads the genome itself."""
    reads = "genome" in training_data(wildcards)
    return beside("resources/reference/genome.fa.fai") if reads else []


def trained_method(wildcards):
    """Settings of a method as JSON, with its language model where a job finds it."""
    settings = TRAINED[wildcards.method]
    if STUDY.language_model(wildcards.method).startswith(STAND_INS):
        model = {**settings["model"], "backbone": here(settings["model"]["backbone"])}
        settings = {**settings, "model": model}
    return json.dumps(settings, sort_keys=True)


def mixed_cells(wildcards):
    """Further cell types that a method is trained on, beside the run's own."""
    cells = TRAINED[wildcards.method]["inputs"].get("mixed_cells", [])
    return [cell for cell in cells if cell != wildcards.cell]


def mixed_examples(wildcards):
    """Their example tables, with the target of the method."""
    method = wildcards.method
    return [
        example_table(SimpleNamespace(cell=cell, method=method)) for cell in mixed_cells(wildcards)
    ]


def baseline_tables(wildcards):
    """Tables that a baseline's features come from, by option name."""
    method, cell = TRAINED[wildcards.method], wildcards.cell
    features = method["model"]["features"].split("+")
    tables = {"examples": example_table(wildcards)}
    if "marks" in features:
        tables["gene_activity"] = f"results/abc/{cell}/genes.parquet"
    if "contact" in features:
        tables["elements"] = f"results/elements/{cell}.parquet"
    return tables


def external_stores(wildcards):
    """What stands for the paths in an external method's command, by name."""
    known = {
        "sequence": store("results/windows/sequence.zarr"),
        "signals": store(f"results/windows/{wildcards.cell}.zarr"),
        "elements": store(f"results/elements/{wildcards.cell}.zarr"),
        "genome": "resources/reference/genome.fa",
    }
    return {name: known[name] for name in known if name in STUDY.external[wildcards.method]}


def external_files(wildcards):
    """Files that an external method reads: stores, its own files, or what it has delivered."""
    model, run = TRAINED[wildcards.method]["model"], dict(wildcards)
    found = external_stores(wildcards)
    index = beside("resources/reference/genome.fa.fai") if "genome" in found else []
    files = {**found, "index": index, "own": [local(path) for path in model.get("files", [])]}
    if model.get("predictions"):
        files["delivered"] = local(str(Path(model["predictions"].format(**run)).expanduser()))
    return files


def untrained_method(wildcards):
    """Settings of a method without those of training, which it does not read."""
    kept = {k: v for k, v in TRAINED[wildcards.method].items() if k != "train"}
    return json.dumps(kept, sort_keys=True)


def external_paths(wildcards):
    """Options that name the stores and the genome."""
    found = external_stores(wildcards).items()
    return repeat("path", [f"{name}={here(path)}" for name, path in found])


def extractor_inputs(wildcards):
    """Weights and table of tracks of a model of others."""
    name = wildcards.extractor
    said = read_settings(name, config["extractors"][name])
    return [local(str(path)) for path in files_of(said, f"extractors.{name}")]


def extracted_store(wildcards):
    """What the model of others that a method reads says at every TSS."""
    return store(f"results/extracted/{TRAINED[wildcards.method]['model']['extractor']}.zarr")


def training_inputs(cell, method):
    """Files that training a method on a cell type reads, but for checkpoints of other methods."""
    run = SimpleNamespace(cell=cell, method=method)
    if method in STUDY.baselines:
        return list(baseline_tables(run).values())
    if method in STUDY.external:
        return [example_table(run), *external_stores(run).values()]
    if method in STUDY.reading("extracted"):
        return [example_table(run), extracted_store(run)]
    mixed = mixed_cells(run)
    return [
        *training_data(run).values(),
        example_table(run),
        *([element_store(run)] if TRAINED[method]["inputs"]["elements"] else []),
        *expand(store("results/windows/{cell}.zarr"), cell=mixed),
        *mixed_examples(run),
        *language_model(run),
    ]


def trainable_tables(wildcards):
    """The same for fitting."""
    return {**baseline_tables(wildcards), "examples": trainable_table(wildcards)}


def runs(pattern, methods):
    """A path pattern for every cell, method and seed of the configuration."""
    return expand(
        pattern,
        cell=config["cells"],
        method=methods,
        fold=config["splits"]["fold"],
        seed=config["seeds"],
    )


def controlled_runs(pattern):
    """The same of the methods with a control; where there is none, what asks for it is refused."""

    def files(wildcards):
        if not CONTROLLED:
            raise UserError(
                f"{', '.join(METHODS)}: none reads windows that a control could exchange between "
                "genes; results/tables/controls.tsv needs a method that does, such as prism",
                "config: methods",
            )
        return runs(pattern, CONTROLLED)

    return files


def scatters():
    """Predicted against observed expression of every method and cell type of the configuration."""
    return expand(
        "results/figures/scatter/{cell}.{method}.png", cell=config["cells"], method=METHODS
    )


def drawn_cells(elements=False):
    """Cell types of table 1 whose window stores (``elements``: and ABC scores) are made anyway."""
    reading = [TRAINED[name] for name in METHODS if STUDY.declared(name).reads == "windows"]
    if elements:
        reading = [settings for settings in reading if settings["inputs"]["elements"]]
    return PLANS["table1"].cells if reading else []


def trained_networks():
    """Methods of the configuration whose training has a history."""
    return [name for name in METHODS if name in STUDY.networks]


def own_histories(wildcards):
    """Histories of these methods on a cell type, of the configuration's fold and seeds."""
    return [
        str(Path(path).with_name("history.csv"))
        for path in own_runs(wildcards.cell, trained_networks())
    ]


def own_runs(cell, methods):
    """Predictions of methods trained on a cell type, of the configuration's fold and seeds."""
    return expand(
        f"results/runs/{cell}/{{method}}/fold{{fold}}/seed{{seed}}/predictions.parquet",
        method=methods,
        fold=config["splits"]["fold"],
        seed=config["seeds"],
    )


def asked_about(cells, trained_on, methods):
    """Predictions for some cell types of models that were trained under the name of one."""
    return [
        path.replace(f"results/runs/{trained_on}/", f"results/predicted/{cell}/from_{trained_on}/")
        for cell in cells
        if cell != trained_on
        for path in own_runs(trained_on, methods)
    ]


def left_out_models():
    """Predictions, for every cell type, of models trained on all of them but one."""
    first = {run: settings["inputs"]["mixed_cells"][0] for run, settings in STUDY.left_out.items()}
    own = [path for run, cell in first.items() for path in own_runs(cell, [run])]
    others = [
        path for run, cell in first.items() for path in asked_about(STUDY.with_target, cell, [run])
    ]
    return own + others


@cache
def left_out_told():
    """No file: says once what leaving a cell type out costs, or that nothing more is trained for it."""
    if STUDY.left_out:
        runs = {
            (settings["inputs"]["mixed_cells"][0], run, config["splits"]["fold"], seed)
            for run, settings in STUDY.left_out.items()
            for seed in config["seeds"]
        }
        known = recorded_seconds(Path("results/benchmarks/train"))
        logger.info(f"benchmark.leave_one_cell_out: {estimate(runs, known)}")
    elif config["benchmark"]["leave_one_cell_out"]:
        logger.info(
            f"benchmark.leave_one_cell_out: {len(STUDY.with_target)} cell types with expression; nothing "
            "more is trained: of two, a model of all but one is a model of the other"
        )
    return []
