"""The conda environments pin what the lock pins."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\n]+)", re.M)


def locked(name: str) -> dict[str, set[str]]:
    pins: dict[str, set[str]] = {}
    for package, version in PIN.findall((ROOT / f"locks/{name}.txt").read_text()):
        pins.setdefault(package.lower(), set()).add(version)
    return pins


@pytest.mark.parametrize("env", ["prepare", "train"])
def test_environment_agrees_with_the_lock(env: str) -> None:
    content = yaml.safe_load((ROOT / f"workflow/envs/{env}.yaml").read_text())
    pip = next(entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
    pins = locked("cpu")
    assert len(pip) > 20
    for line in pip:
        package, version = line.split("==")
        assert version in pins[package.lower()], line


def test_both_locks_pin_the_same_versions() -> None:
    cpu, cuda = locked("cpu"), locked("cuda")
    assert set(cpu) < set(cuda)
    assert all(cpu[name] == cuda[name] for name in cpu)
    assert all(name.startswith(("nvidia-", "cuda-")) for name in set(cuda) - set(cpu))


def test_the_slurm_lock_is_an_extra_of_its_own() -> None:
    plugin = locked("slurm")
    assert "snakemake-executor-plugin-slurm" in plugin
    assert not set(plugin) & set(locked("cuda")), "merely installed, it slows every start"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (asked,) = extras["optional-dependencies"]["slurm"]
    (pinned,) = plugin["snakemake-executor-plugin-slurm"]
    assert Version(pinned) in Requirement(asked).specifier
    assert not [line for line in extras["dependencies"] if "slurm" in line]
