# Which files GTA reads: Sei, gene models, stores of bins, prompts, the language model.
SEI = "resources/gta/sei"
EXTRACTOR = dict(config["gta"]["extractor"])
if EXTRACTOR["name"] == "sei":
    EXTRACTOR.setdefault("weights", f"{SEI}/sei.pth")
    EXTRACTOR.setdefault("projection", f"{SEI}/projvec_targets.npy")


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
    own = EXTRACTOR["name"] == "sei"
    return {name: EXTRACTOR[name] for name in ("weights", "projection")} if own else {}


def bin_data(method, cell):
    """What GTA is given of a cell type, by option name."""
    data = {"bins": "results/gta/bins.zarr/manifest.json"}
    if method["inputs"]["signals"]:
        data["bin_signals"] = f"results/gta/signals/{cell}.zarr/manifest.json"
    if method["model"].get("prompt", True):
        data["prompts"] = f"results/gta/prompts/{cell}.parquet"
    return data


def language_model(wildcards):
    """Files of the language model where it is a folder here: a stand-in is made first."""
    place = STUDY.language_model(wildcards.method)
    if not place or is_hub_id(place):
        return []
    stand_in = place.startswith(STAND_INS)
    weights = ["model.safetensors"] if stand_in else sorted(Path(place).glob("*.safetensors"))
    return [f"{place}/config.json", *(f"{place}/{Path(name).name}" for name in weights)]
