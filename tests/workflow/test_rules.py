"""What every rule states: threads, memory, time, a GPU where it trains, and where it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from snakemake.api import ConfigSettings, OutputSettings, ResourceSettings, SnakemakeApi
from snakemake.settings.enums import Quietness
from snakemake.shell import shell

from gexpipe.costs import COSTS

ROOT = Path(__file__).resolve().parents[2]
NO_JOB = {"all", "prepare", "stores"}  # targets, nothing to run
GPU = {"train", "shuffled", "tested", "predicted", "element_scores", "base_scores"} | {
    "bin_features",
    "extract",
    "gta_attention",
    "motifs",
    "deep_motifs",
    "tested_scores",
    "stress_answers",
}
COMPUTES = (
    "gexpipe train",
    "gexpipe evaluate predict",
    "gexpipe discover scores",
    "gexpipe gta features",
    "gexpipe extract",
    "gexpipe gta attention",
    "gexpipe discover motifs",
    "gexpipe stress answers",
)


@contextmanager
def read(defaults: dict[str, Any] | None = None, **config: Any) -> Iterator[dict[str, Any]]:
    """The workflow's rules as Snakemake reads them, by name, with a profile's default resources."""
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1, default_resources=defaults),
            config_settings=ConfigSettings(config=config),
            snakefile=ROOT / "Snakefile",
            workdir=ROOT,
        )._workflow
        yield {rule.name: rule for rule in workflow.rules if rule.name not in NO_JOB}


@pytest.fixture(scope="module")
def rules() -> Iterator[dict[str, Any]]:
    """Them on one machine, with the shipped configuration."""
    with read() as found:
        yield found


def resource(rule: Any, name: str, size_mb: float = 1.0, attempt: int = 1) -> Any:
    value = rule.resources[name]._value
    if not callable(value):
        return value
    if name in ("gpu", "gres"):
        return value(SimpleNamespace(method="prism"))
    return value({}, input=SimpleNamespace(size_mb=size_mb), attempt=attempt)


def test_every_rule_states_threads_memory_and_time(rules: dict[str, Any]) -> None:
    assert len(rules) > 25
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for block in path.read_text().split("\nrule ")[1:]:
            assert "\n    threads:" in block, f"{path.name}: {block.split(':')[0]}"
    for name, rule in rules.items():
        assert {"mem_mb", "runtime"} <= set(rule.resources), name
        assert resource(rule, "runtime"), name


def test_memory_grows_with_attempt_and_input(rules: dict[str, Any]) -> None:
    for name, rule in rules.items():
        first, second = (resource(rule, "mem_mb", attempt=attempt) for attempt in (1, 2))
        assert second == 2 * first, name
        if rule.input:
            assert resource(rule, "mem_mb", size_mb=1e7) > first, name


def test_measured_rules_ask_by_the_table_of_costs(rules: dict[str, Any]) -> None:
    for name, cost in COSTS.items():
        for size in (1.0, 20_000.0):
            asked = [resource(rules[name], what, size_mb=size) for what in ("mem_mb", "runtime")]
            assert asked == [cost.megabytes(size), cost.minutes(size)], name


def test_no_rule_before_training_asks_for_more_than_its_largest_real_input_takes() -> None:
    """A .hic of 23 GB and an unfiltered BAM of 19 GB are the largest of the shipped sheets."""
    largest = {"contacts": 23_000, "genes": 60, "target": 40, "elements": 300}
    for name, cost in COSTS.items():
        size = largest.get(name, 19_000)
        assert cost.megabytes(size) < 12_000, name
        assert cost.minutes(size) < 24 * 60, name


def test_rules_that_compute_on_a_gpu_ask_for_one(rules: dict[str, Any]) -> None:
    for name, rule in rules.items():
        asked = resource(rule, "gpu") if "gpu" in rule.resources else 0
        trains = any(command in rule.shellcmd for command in COMPUTES)
        assert asked == (1 if trains else 0), name
    assert {name for name, rule in rules.items() if "gpu" in rule.resources} == GPU


DEVICES = {"overrides": {"prism": {"train": {"devices": 2}}}}


def test_a_training_on_two_gpus_asks_for_two() -> None:
    with read(**DEVICES) as rules:
        asked = {name: resource(rules[name], "gpu") for name in GPU}
        assert asked == {name: 2 if name == "train" else 1 for name in GPU}


def test_a_site_with_gres_is_asked_for_as_many_and_not_twice() -> None:
    profile = yaml.safe_load((ROOT / "profiles/slurm-gres/profile.yaml").read_text())
    with read(profile["default-resources"], **DEVICES) as rules:
        for name in GPU:
            asked = resource(rules[name], "gpu"), resource(rules[name], "gres")
            assert asked == (0, "gpu:2" if name == "train" else "gpu:1"), name


def test_cores_do_not_change_what_a_training_computes(rules: dict[str, Any]) -> None:
    """Sums in another order give other bits; Snakemake cuts a rule's threads to its cores."""
    for name, rule in rules.items():
        if any(command in rule.shellcmd for command in COMPUTES):
            fixed = rule.resources["_cores"] == 1 or "{threads}" not in rule.shellcmd
            assert fixed, name


def test_a_failure_within_a_pipe_is_a_failure(rules: dict[str, Any]) -> None:
    """Training is shown while it is logged: `gexpipe train ... | tee LOG`."""
    assert any("| tee" in rule.shellcmd for rule in rules.values())
    with pytest.raises(CalledProcessError):
        shell("false | cat")


def test_only_downloads_need_a_network_and_they_stay_where_snakemake_runs(
    rules: dict[str, Any],
) -> None:
    fetching = {name for name, rule in rules.items() if "gexpipe download" in rule.shellcmd}
    assert fetching == {"download"}
    assert all(rules[name].workflow.is_local(rules[name]) for name in fetching)


def test_every_rule_has_log_benchmark_environment_and_message(rules: dict[str, Any]) -> None:
    for name, rule in rules.items():
        assert rule.log and rule.message and rule.conda_env, name
        assert str(rule.benchmark).startswith(f"results/benchmarks/{name}/"), name


@pytest.mark.parametrize("profile", ["slurm", "slurm-gres"])
def test_cluster_profiles_send_gpu_rules_to_the_gpu_partition(profile: str) -> None:
    text = (ROOT / "profiles" / profile / "profile.yaml").read_text()
    settings = yaml.safe_load(text)
    assert settings["executor"] == "slurm"
    partition = settings["default-resources"]["slurm_partition"]
    special = settings["set-resources"]
    assert set(special) == GPU
    for rule in GPU:
        assert special[rule]["slurm_partition"] != partition
