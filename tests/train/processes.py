"""Trains on the CPU with N processes, as several GPUs would: ``processes.py METHOD N OUT``.

Every process leaves its validations in OUT/rankN.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from gexpipe.methods.settings import MethodConfig
from gexpipe.models import build
from gexpipe.train.fabric import Fabric
from gexpipe.train.loop import fit
from tests.train.fake import data_for, method


def main(architecture: str, processes: int, out: Path) -> None:
    torch.set_num_threads(1)
    strategy = "ddp" if processes > 1 else "auto"
    fabric = Fabric(accelerator="cpu", devices=processes, strategy=strategy, precision="32-true")
    fabric.launch()
    # Batches of 7 genes cannot be shared evenly; of 4 genes, the share of a process, in two parts.
    config = MethodConfig.from_mapping(method(architecture, steps=6, batch_size=7, accumulate=2))
    data = data_for(architecture)
    torch.manual_seed(2)
    model = build(config.architecture, config.model, config.inputs, config.name)
    out.mkdir(parents=True, exist_ok=True)
    identity = {"method": config.as_mapping(), "fold": 11, "seed": 2, "start": ""}
    identity["fingerprint"] = data.fingerprint
    state = fit(fabric, model, data, config.train, identity, out)
    (out / f"rank{fabric.global_rank}.json").write_text(json.dumps(state.history))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
