# Which files GTA reads: Sei, gene models, stores of bins, prompts, the language model.
SEI = "resources/gta/sei"
EXTRACTOR = dict(config["gta"]["extractor"])
# Of Sei, what the configuration does not give.
UNPACKED = {"weights": f"{SEI}/sei.pth", "projection": f"{SEI}/projvec_targets.npy"}
UNPACKED = {k: v for k, v in UNPACKED.items() if EXTRACTOR["name"] == "sei" and k not in EXTRACTOR}


# What a stand-in for a language model consists of.
STAND_IN_FILES = (
    "config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


def found_extractor():
    """The extractor of features with Sei's files where a job finds them."""
    return {**EXTRACTOR, **{name: here(path) for name, path in UNPACKED.items()}}


def tagged_models(wildcards):
    """Gene models that say which transcript is MANE's, where the configuration asks for one."""
    asked = set(config["gta"]["tss"]) - {"genes"}
    return (optional_reference("mane") or [reference_path("gtf")]) if asked else []


def sei_archive(wildcards):
    """Sei's release, or the stand-in for it."""
    own = config["gta"]["stand_ins"] is not None
    return f"{STAND_INS}/sei_model.tar.gz" if own else reference_path("sei")


def extractor_files(wildcards):
    """Files of Sei; an extractor of one's own brings what it needs."""
    own = ("weights", "projection") if EXTRACTOR["name"] == "sei" else ()
    given = {name: local(EXTRACTOR[name]) for name in own if name in EXTRACTOR}
    return {**given, **UNPACKED}


def bin_data(method, cell):
    """What GTA is given of a cell type, by option name."""
    data = {"bins": store("results/gta/bins.zarr")}
    if method["inputs"]["signals"]:
        data["bin_signals"] = store(f"results/gta/signals/{cell}.zarr")
    if method["model"].get("prompt", True):
        data["prompts"] = f"results/gta/prompts/{cell}.parquet"
    return data


def language_model(wildcards):
    """Files of the language model where it is a folder here: a stand-in is made first."""
    place = STUDY.language_model(wildcards.method)
    if not place or is_hub_id(place):
        return []
    if place.startswith(STAND_INS):
        return [f"{place}/{name}" for name in STAND_IN_FILES]
    weights = sorted(Path(place).glob("*.safetensors"))
    return [local(f"{place}/{name}") for name in ["config.json", *(path.name for path in weights)]]
