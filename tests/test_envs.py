"""The conda environments pin what the lock pins."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.imports import packages_of_command, required

ROOT = Path(__file__).resolve().parents[1]
PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\n]+)", re.M)


RULE = re.compile(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", re.M | re.S)
# Extras that the environments leave out: they are asked for by name in a configuration.
LEFT_OUT = {"fanc", "hicstraw"}


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


def listed(env: str) -> set[str]:
    """Distributions that an environment lists, conda's and pip's."""
    content = yaml.safe_load((ROOT / f"workflow/envs/{env}.yaml").read_text())
    lines = [
        line
        for entry in content["dependencies"]
        for line in (entry["pip"] if isinstance(entry, dict) else [entry])
    ]
    return {re.split("[=<>]", line)[0].lower().replace("_", "-") for line in lines}


def commands() -> list[tuple[str, str, str, str]]:
    """(rule, environment, stage, command) of every gexpipe command of the workflow."""
    found = []
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for rule, body in re.findall(
            r"^rule (\w+):\n(.*?)(?=^\S|\Z)", path.read_text(), re.M | re.S
        ):
            shell = body.partition("    shell:")[2]
            for stage, command in re.findall(r"gexpipe ([a-z]+)(?: ([a-z][a-z-]*))?", shell):
                env = re.search(r'conda:\n\s+"\.\./envs/(\w+)\.yaml"', body)
                assert env is not None, f"rule {rule} has no environment"
                found.append((rule, env[1], stage, command))
    return found


def test_the_environment_of_every_rule_holds_what_its_command_imports() -> None:
    assert len(commands()) > 50
    holds = {env: required(listed(env)) for env in ("prepare", "train")}
    names = packages_distributions()
    missing = []
    for rule, env, stage, command in commands():
        found = packages_of_command(stage, command)
        for package in found - sys.stdlib_module_names - LEFT_OUT:
            known = {name.lower().replace("_", "-") for name in names.get(package, [package])}
            if not known & holds[env]:
                missing.append(f"{rule} ({env}): {package}")
    assert missing == []


def test_the_solver_sees_what_an_environment_lacks() -> None:
    assert {"torch", "lightning_fabric"} <= packages_of_command("train", "")
    assert "modiscolite" in packages_of_command("discover", "motifs")
    assert "torch" not in required(listed("prepare"))


def test_both_environments_install_gexpipe_itself() -> None:
    for env in ("prepare", "train"):
        script = ROOT / f"workflow/envs/{env}.post-deploy.sh"
        assert '--editable "$GEXPIPE_SOURCE"' in script.read_text()
        assert {"pip", "setuptools"} <= listed(env), "what installs it is there"


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
