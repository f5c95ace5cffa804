"""One training run from files to files: data, model, loop, predictions, record."""

from __future__ import annotations

import logging
import platform
import resource
import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.warnings import PossibleUserWarning

from gexpipe import __version__
from gexpipe.data.activity import ElementActivity
from gexpipe.data.batches import Genes
from gexpipe.data.loading import Loading
from gexpipe.data.mixed import MixedCells
from gexpipe.data.windows import WindowData
from gexpipe.errors import UserError
from gexpipe.files import write_json
from gexpipe.log import get_logger
from gexpipe.methods.options import parse
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build, parameters
from gexpipe.models.checkpoint import drop_other_run, load_model
from gexpipe.models.scan import backends
from gexpipe.prediction.genes import PARTS, prediction_table, write_predictions
from gexpipe.source import commit
from gexpipe.train.loop import Fit, fit
from gexpipe.train.start import start

__all__ = ["Sources", "open_data", "train"]

log = get_logger(__name__)


@dataclass(frozen=True)
class Sources:
    """Files a run reads.

    Window stores, example table, element store; the enhancer encoder reads element table and
    genome instead of the stores, GTA the stores of bins and the table of prompts. ``mixed`` are
    signal store and example table of further cell types to train on.
    """

    examples: Path
    sequence: Path | None = None
    signals: Path | None = None
    elements: Path | None = None
    activity: Path | None = None
    genome: Path | None = None
    mixed: tuple[tuple[Path, Path], ...] = ()
    bins: Path | None = None
    bin_signals: Path | None = None
    prompts: Path | None = None


def open_data(sources: Sources, config: MethodConfig) -> Genes:
    """Data set with the inputs that a method asks for."""
    if config.architecture == "enhancer_encoder":
        if sources.activity is None or sources.genome is None:
            raise UserError("give --activity and --genome", f"method {config.name}")
        inputs = config.inputs
        loading = Loading(reverse_complement=inputs.reverse_complement)
        loading.check([])
        where = sources.activity, sources.genome, sources.examples
        return ElementActivity(*where, inputs.length, loading.reverse_complement)
    if config.architecture == "gta":
        return _bins(sources, config)
    if sources.sequence is None or sources.signals is None:
        raise UserError("give --sequence and --signals", f"method {config.name}")
    if config.inputs.elements and sources.elements is None:
        raise UserError("this method reads elements: give --elements", f"method {config.name}")
    inputs = config.inputs
    if inputs.elements and sources.mixed:
        raise UserError("cell types are mixed for windows only", f"method {config.name}")
    cells = [
        WindowData(
            sources.sequence,
            signals,
            examples,
            sources.elements if inputs.elements else None,
            length=inputs.length,
            signal_names=list(inputs.signals),
            log_activity=inputs.log_activity,
            loading=Loading(**{f.name: getattr(inputs, f.name) for f in fields(Loading)}),
        )
        for signals, examples in [(sources.signals, sources.examples), *sources.mixed]
    ]
    return MixedCells(cells) if len(cells) > 1 else cells[0]


def _bins(sources: Sources, config: MethodConfig) -> Genes:
    from gexpipe.data.bins import BinData
    from gexpipe.models.gta import GTAOptions

    if sources.bins is None:
        raise UserError("give --bins", f"method {config.name}")
    if sources.mixed:
        raise UserError("cell types are mixed for windows only", f"method {config.name}")
    options = parse(GTAOptions, config.model, f"method {config.name}: model")
    inputs = config.inputs
    files = (sources.prompts, sources.bin_signals)
    return BinData(sources.bins, sources.examples, options, inputs, *files)


def train(
    config: MethodConfig,
    data: Genes,
    fold: int,
    seed: int,
    out: Path,
    devices: int = 1,
    parts: tuple[str, ...] = PARTS,
    start_from: Path | None = None,
    replace: bool = False,
) -> Fit:
    """Train, or continue to train, and write everything of the run to ``out``.

    Parameters
    ----------
    config : MethodConfig
        The merged method configuration.
    data : Genes
        The data set.
    fold, seed : int
        Which split, which random numbers.
    out : Path
        Gets best.ckpt, last.ckpt, history.csv, predictions.parquet and run.json.
    devices : int
        GPUs to share a batch, where there are GPUs.
    parts : tuple of str
        Parts of the fold to predict.
    start_from : Path, optional
        Checkpoint whose weights the method takes over before it is trained.
    replace : bool
        Start anew when last.ckpt is of another configuration or data, instead of refusing.
    """
    out.mkdir(parents=True, exist_ok=True)
    options = config.train
    backends.use(options.scan_backend)
    torch.use_deterministic_algorithms(options.deterministic)
    torch.set_float32_matmul_precision("high")  # TF32 on GPUs, as published; no effect on CPUs
    fabric = _fabric(options.precision, devices)
    torch.manual_seed(seed)
    model = build(config.architecture, config.model, config.inputs, config.name)
    digest = start(model, config, start_from)
    if options.recompute_layers:
        model.recompute_layers()
    count = parameters(model)
    scan = backends.choose(fabric.device.type)
    log.info(
        "%s: %d parameters, fold %d, seed %d, on %s, scan by %s (%s)",
        config.name, count, fold, seed, fabric.device, scan.name, scan.reason,
    )  # fmt: skip
    identity = {
        "method": config.as_mapping(),
        "fingerprint": data.fingerprint + model.fingerprint,
        "fold": fold,
        "seed": seed,
        "start": digest,
    }
    if replace:
        drop_other_run(out / "last.ckpt", identity)
    state = fit(fabric, model, data, options, identity, out)
    if not fabric.is_global_zero:
        return state
    best, _, _ = load_model(out / "best.ckpt")
    best.to(fabric.device)
    table = prediction_table(
        best, data, fold, options.batch_size, parts, options.workers, fabric.autocast()
    )
    write_predictions(out / "predictions.parquet", table)
    record = {**identity, "parameters": count, "scan": {"name": scan.name, "reason": scan.reason}}
    write_json(out / "run.json", {**record, **_measured(state, fabric)})
    log.info("best validation MSE %.4f at step %d", state.best_mse, state.best_step)
    return state


def _fabric(precision: str, devices: int) -> Any:
    """Fabric without its chatter; several devices are only asked for on GPUs."""
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=PossibleUserWarning)
    fabric = Fabric(
        accelerator="auto",
        devices=devices if torch.cuda.is_available() else 1,
        precision=precision,  # type: ignore[arg-type]
    )
    fabric.launch()
    return fabric


def _measured(state: Fit, fabric: Any) -> dict[str, Any]:
    """What run.json records beside the configuration."""
    cuda = fabric.device.type == "cuda"
    memory = (
        torch.cuda.max_memory_allocated()
        if cuda
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    rates = [row["genes_per_second"] for row in state.history]
    return {
        "best_mse": state.best_mse,
        "best_step": state.best_step,
        "steps": state.step,
        "seconds": round(state.seconds, 1),
        "genes_per_second": round(sum(rates) / len(rates), 2) if rates else None,
        "peak_memory": memory,
        "device": torch.cuda.get_device_name() if cuda else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
        "versions": {"gexpipe": __version__, "torch": torch.__version__},
        "commit": commit(),
    }
