"""One very small simulation for all tests of the simulator."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from simulation_files import MAPPING, locate

from gexpipe.simulate.config import SimulationConfig, from_mapping
from gexpipe.simulate.genome_folder import simulate
from gexpipe.simulate.world import World, build_world


@pytest.fixture(scope="session")
def config() -> SimulationConfig:
    return from_mapping(MAPPING, "test")


@pytest.fixture(scope="session")
def world(config: SimulationConfig) -> World:
    return build_world(config)


@pytest.fixture(scope="session")
def simulated(config: SimulationConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "out"
    simulate(config, out)
    return out


@pytest.fixture(scope="session")
def sheet(simulated: Path) -> pd.DataFrame:
    """File and reference sheet together, with the path of every file."""
    parts = [
        pd.read_csv(
            simulated / "config" / f"{name}.tsv", sep="\t", dtype=str, keep_default_na=False
        )
        for name in ("files", "reference")
    ]
    table = pd.concat(parts, ignore_index=True).fillna("")
    table["path"] = [locate(simulated / "mirror", row) for row in table.to_dict("records")]
    return table
