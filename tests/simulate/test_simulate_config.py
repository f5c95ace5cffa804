from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from simulation_files import MAPPING

from gexpipe.errors import UserError
from gexpipe.simulate.config import from_mapping, load_config

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, **changes: object) -> Path:
    path.write_text(yaml.safe_dump({**MAPPING, **changes}))
    return path


@pytest.mark.parametrize("name", ["demo", "tiny", "stress"])
def test_shipped_configurations_load(name: str) -> None:
    config = load_config(ROOT / "config" / "simulator" / f"{name}.yaml")
    assert {"chr3", "chr21", "chr22", "chrX"} <= set(config.chromosomes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sede": 1}, "unknown key 'sede'"),
        ({"genes": {"counts": 5}}, "unknown key 'genes.counts'"),
        ({"seed": "one"}, "seed: found 'one', expected int"),
        ({"expression": {"noise": 0.5}}, "shares that sum to 1"),
        ({"chromosomes": {"chr1": 1000}}, "chromosomes.chr1"),
        ({"elements": {"logic": ["sum", "or", "sum"]}}, "elements.logic"),
        ({"contacts": {"domains": [9000, 8000]}}, "contacts.domains"),
        ({"tracks": {"Echo": "echo"}}, "tracks.Echo"),
        ({"contacts": {"resolutions": [5000, 7000]}}, "contacts.resolutions"),
        ({"cells": {"A": {**MAPPING["cells"]["SIM1"], "cage": "bam"}}}, "cells.A.cage"),
    ],
)
def test_mistakes_are_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    path = write(tmp_path / "sim.yaml", **changes)
    with pytest.raises(UserError, match=words) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_missing_key_is_named() -> None:
    with pytest.raises(UserError, match="chromosomes"):
        from_mapping({"cells": MAPPING["cells"]}, "test")
