"""One training run: model, loop, predictions, record."""

from __future__ import annotations

import logging
import platform
import resource
import warnings
from pathlib import Path
from typing import Any

import torch

from gexpipe import __version__, ranks
from gexpipe.data.batches import Genes
from gexpipe.data.mixed import MixedCells
from gexpipe.data.parts import check_trainable
from gexpipe.files import write_json
from gexpipe.log import get_logger
from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build, parameters
from gexpipe.models.checkpoint import drop_other_run, load_model
from gexpipe.models.scan import backends
from gexpipe.prediction.genes import PARTS, prediction_table
from gexpipe.source import commit
from gexpipe.tabular import write_parquet
from gexpipe.train.fabric import Fabric, LightningEnvironment, PossibleUserWarning
from gexpipe.train.loop import Fit, fit
from gexpipe.train.start import start

__all__ = ["train"]

log = get_logger(__name__)


def train(
    config: MethodConfig,
    data: Genes,
    fold: int,
    seed: int,
    out: Path,
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
    parts : tuple of str
        Parts of the fold to predict.
    start_from : Path, optional
        Checkpoint whose weights the method takes over before it is trained.
    replace : bool
        Start anew when last.ckpt is of another configuration or data, instead of refusing.
    """
    check_trainable(data.table)
    out.mkdir(parents=True, exist_ok=True)
    options = config.train
    backends.use(options.scan_backend)
    torch.use_deterministic_algorithms(options.deterministic)
    torch.set_float32_matmul_precision("high")  # TF32 on GPUs, as published; no effect on CPUs
    fabric = _fabric(options.precision)
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
        "source": config.declared.source,
    }
    if replace and fabric.is_global_zero:
        drop_other_run(out / "last.ckpt", identity)
    fabric.barrier()
    state = fit(fabric, model, data, options, identity, out)
    if fabric.world_size > 1:
        torch.distributed.destroy_process_group()
    if not fabric.is_global_zero:
        return state
    best, _, _ = load_model(out / "best.ckpt")
    best.to(fabric.device)
    own = data.own if isinstance(data, MixedCells) else data
    table = prediction_table(
        best, own, fold, options.batch_size, parts, options.workers, fabric.autocast()
    )
    write_parquet(table, out / "predictions.parquet")
    record = {**identity, "parameters": count, "scan": {"name": scan.name, "reason": scan.reason}}
    write_json(out / "run.json", {**record, **_measured(state, fabric)})
    log.info("best validation MSE %.4f at step %d", state.best_mse, state.best_step)
    return state


def _fabric(precision: str) -> Any:
    """Fabric without its chatter, for this process and those that `ranks` started beside it.

    Named, the environment is not guessed: within a job of SLURM, Fabric would wait for processes
    that ``srun`` was to start.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=PossibleUserWarning)
    fabric = Fabric(
        accelerator="auto",
        devices=ranks.count(),
        strategy="ddp" if ranks.count() > 1 else "auto",
        plugins=[LightningEnvironment()],
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
        "processes": fabric.world_size,
        "versions": {"gexpipe": __version__, "torch": torch.__version__},
        "commit": commit(),
    }
