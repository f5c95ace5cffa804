"""Profiles of machines: that each asks a GPU for the rules that compute on one."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.project import ROOT

GPU = {
    "slurm": {"slurm_partition": "gpu"},
    "slurm-gres": {"slurm_partition": "gpu"},
    "kubernetes": {"gpu_manufacturer": "nvidia"},
    "googlebatch": {
        "googlebatch_machine_type": "g2-standard-8",
        "googlebatch_memory": 30000,
        "nvidia_gpu": "nvidia-l4",
    },
    "aws-batch": {"_gpus": 1},
}


def on_a_gpu() -> set[str]:
    """Rules that state `gpu`, and those made of them."""
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    found = {
        block.partition(":")[0]
        for block in text.split("\nrule ")[1:]
        if re.search(r"^        gpu=", block, re.M)
    }
    made = re.findall(r"^use rule (\w+) as (\w+) with", text, re.M)
    return found | {name for base, name in made if base in found}


@pytest.mark.parametrize("profile", GPU)
def test_every_rule_on_a_gpu_gets_one(profile: str) -> None:
    said = yaml.safe_load((ROOT / f"profiles/{profile}/profile.yaml").read_text())
    assert said["set-resources"] == dict.fromkeys(on_a_gpu(), GPU[profile])


@pytest.mark.parametrize("profile", ["kubernetes", "googlebatch", "aws-batch"])
def test_machines_without_a_common_folder_keep_results_in_a_bucket(profile: str) -> None:
    said = yaml.safe_load((ROOT / f"profiles/{profile}/profile.yaml").read_text())
    assert said["executor"] == profile and said["default-storage-provider"] == "s3"
    assert said["default-storage-prefix"].startswith("s3://")
    assert said["resources"] == {"downloads": 4}
