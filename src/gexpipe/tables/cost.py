"""How much training the tables need, and how long it took where it was done before."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

__all__ = ["estimate", "recorded_by_rule", "recorded_seconds"]

Training = tuple[str, str, int, int]  # cell type, run, fold, seed


def recorded_seconds(folder: Path) -> dict[str, float]:
    """Run -> mean wall-clock seconds of its trainings, from Snakemake's benchmark files.

    Parameters
    ----------
    folder : Path
        results/benchmarks/train, files CELL.RUN.foldF.seedS.jsonl; may be absent.
    """
    found: dict[str, list[float]] = {}
    for path in folder.glob("*.jsonl"):
        found.setdefault(path.name.split(".")[-4], []).extend(_seconds(path))
    return _means(found)


def recorded_by_rule(folder: Path) -> dict[str, float]:
    """Rule -> mean wall-clock seconds of its jobs.

    Parameters
    ----------
    folder : Path
        results/benchmarks, files RULE/JOB.jsonl; may be absent.
    """
    found: dict[str, list[float]] = {}
    for path in folder.glob("*/*.jsonl"):
        found.setdefault(path.parent.name, []).extend(_seconds(path))
    return _means(found)


def _seconds(path: Path) -> list[float]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(float(json.loads(line)["s"]))
        except (ValueError, KeyError, TypeError):
            continue  # a record that another Snakemake wrote otherwise
    return found


def _means(found: dict[str, list[float]]) -> dict[str, float]:
    return {name: sum(values) / len(values) for name, values in found.items() if values}


def estimate(trainings: Iterable[Training], seconds: dict[str, float], gpus: int = 1) -> str:
    """Number of trainings and the hours they take, or that this is unknown.

    A run without a record takes what its method's plain run took. ``gpus`` is the largest number
    that one of them asks for.
    """
    wanted = sorted(set(trainings))
    known = [seconds.get(run, seconds.get(run.split("-")[0])) for _, run, _, _ in wanted]
    if not wanted:
        return "nothing to train on a GPU"
    hours = sum(value for value in known if value is not None) / 3600
    unknown = sum(value is None for value in known)
    if unknown == len(wanted):
        cost = "hours unknown: nothing like it was trained here yet"
    else:
        cost = f"about {hours:,.1f} h, from recorded runs"
        cost += f"; unknown for {unknown:,} of them" if unknown else ""
    each = "one GPU" if gpus == 1 else f"up to {gpus} GPUs"
    return f"{len(wanted):,} trainings on {each} each, {cost}"
