"""A trained model as an archive: weights as safetensors, settings, metrics, a card; and back."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from gexpipe.archive.folder import describe, seal
from gexpipe.errors import UserError
from gexpipe.files import aside, read_json, require, write_json
from gexpipe.models.checkpoint import load_checkpoint, restore, save_checkpoint
from gexpipe.tables.metrics import metric_table

__all__ = ["CHECKPOINT", "export_model", "rebuild_checkpoint"]

CHECKPOINT = "best.ckpt"
_WEIGHTS, _SETTINGS = "weights.safetensors", "settings.json"
_BESIDE = ("run.json", "history.csv", "predictions.parquet")


def export_model(run: Path, out: Path, words: Mapping[str, str]) -> int:
    """Write the model of a run as a sealed folder; returns the number of its files.

    Parameters
    ----------
    run : Path
        Folder of a run (best.ckpt, predictions.parquet, ...), or a checkpoint.
    out : Path
        A folder that is not there yet.
    words : mapping
        ``title``, ``licence`` and ``cell``, for the card; the cell type of a run of the workflow is
        known by its folder.
    """
    checkpoint = run / CHECKPOINT if run.is_dir() else run
    content = load_checkpoint(require(checkpoint, "checkpoint"))
    restore(content)  # the weights fit what the settings describe
    if out.exists():
        raise UserError("it is there already", out)
    said = {"cell": _cell(checkpoint), **words}
    with aside(out) as temporary:
        temporary.mkdir()
        # Modules that share weights are written twice: safetensors knows no sharing.
        weights = {name: value.clone().contiguous() for name, value in content["model"].items()}
        save_file(weights, temporary / _WEIGHTS)
        settings = {name: value for name, value in content.items() if name != "model"}
        write_json(temporary / _SETTINGS, settings)
        for name in _BESIDE:
            if (checkpoint.parent / name).is_file():
                shutil.copyfile(checkpoint.parent / name, temporary / name)
        metrics = _metrics(temporary)
        describe(temporary, "model", method=content["method"]["name"], **said)
        card = _card(content, weights, metrics, said, _record(temporary))
        (temporary / "MODEL_CARD.md").write_text(card, encoding="utf-8")
        return seal(temporary)


def rebuild_checkpoint(folder: Path) -> Path:
    """Write ``best.ckpt`` from an archive's weights and settings; the model must take them.

    Raises
    ------
    UserError
        Weights that cannot be read, or that are not those of the settings.
    """
    settings = read_json(require(folder / _SETTINGS, "settings of a model"))
    try:
        weights = load_file(require(folder / _WEIGHTS, "weights"))
    except SafetensorError as error:
        raise UserError(f"not readable weights ({error})", folder / _WEIGHTS) from error
    content = {**settings, "model": weights}
    try:
        restore(content)
    except (RuntimeError, KeyError) as error:
        first = str(error).splitlines()[0]
        raise UserError(
            f"the weights are not those of the settings ({first})", folder / _WEIGHTS
        ) from error
    save_checkpoint(folder / CHECKPOINT, content)
    return folder / CHECKPOINT


def _cell(checkpoint: Path) -> str:
    """Cell type of a run of the workflow: results/runs/CELL/METHOD/foldF/seedS/best.ckpt."""
    parts = checkpoint.resolve().parts
    return parts[-5] if len(parts) > 5 and parts[-6] == "runs" else ""


def _metrics(folder: Path) -> pd.DataFrame | None:
    """Metrics of validation and test genes, from the predictions where they lie beside it."""
    path = folder / "predictions.parquet"
    if not path.is_file():
        return None
    table = pd.concat([metric_table([path], part) for part in ("valid", "test")])
    return table.drop(columns="predictions")


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    return read_json(path) if path.is_file() else {}


def _card(
    content: Mapping[str, Any],
    weights: Mapping[str, Any],
    metrics: pd.DataFrame | None,
    words: Mapping[str, str],
    run: Mapping[str, Any],
) -> str:
    method = content["method"]
    inputs = method["inputs"]
    signals = ", ".join(inputs["signals"]) or "none"
    shown = "No predictions lie beside it." if metrics is None else metrics.to_markdown(index=False)
    start = method.get("start_from") or "fresh weights"
    cell = words.get("cell") or "not known"
    return f"""# {words.get("title") or f"{method['label']}, cell type {cell}"}

| what | |
|---|---|
| method | {method["label"]} ({method["name"]}, architecture {method["architecture"]}) |
| cell type | {cell} |
| fold, seed | {content.get("fold")}, {content.get("seed")} |
| input | {inputs["length"]} bp around the TSS; signals: {signals} |
| weights | {sum(v.numel() for v in weights.values()):,} numbers in {len(weights)} tensors |
| trained parameters | {run.get("parameters", "not recorded")} |
| steps, best step | {run.get("steps", "not recorded")}, {run.get("best_step", "not recorded")} |
| started from | {start} |
| data | sha256 over everything read: {content.get("fingerprint", "")} |
| made by | gexpipe {content.get("version")}, commit {content.get("commit") or "unknown"} |
| licence | {words.get("licence") or "not stated by who made this archive"} |

**Use it**: `gexpipe import ARCHIVE --folder PROJECT` compares every checksum and writes
`models/NAME/{CHECKPOINT}`, which `gexpipe predict --checkpoint`, `gexpipe.open_model` and a
method's `start_from` read. `{_WEIGHTS}` holds the weights by the names of the state_dict,
`{_SETTINGS}` everything else of the checkpoint.

## Metrics, on the genes of its fold

{shown}
"""
