"""The workflow used from elsewhere: an installed wheel, and as a module."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.docs.blocks import checkout

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

MODULE = """
configfile: "config/config.yaml"


module gexpipe:
    snakefile:
        "{snakefile}"
    config:
        config


use rule * from gexpipe as gexpipe_*
"""
# What `snakedeploy deploy-workflow https://github.com/lab/gexpipe . --tag v0` writes.
DEPLOYED = """
configfile: "config/config.yaml"


module gexpipe:
    snakefile:
        github("lab/gexpipe", path="workflow/Snakefile", tag="v0")
    config:
        config


use rule * from gexpipe
"""
# Every stage, but one training and one baseline: what is asked is where files are found.
FEW = {"methods": ["linear", "macs3"], "cells": ["SIM1"]}


def call(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command; outside any source tree unless it says otherwise."""
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=folder, env={**clean, **environment}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked files, as a clone has them."""
    folder = checkout(tmp_path_factory.mktemp("source") / "gexpipe")
    (folder / ".venv").unlink()
    return folder


@pytest.fixture(scope="module")
def environment(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the wheel; what it needs is found where the tests find it."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = call(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), "."], source
    )
    assert built.returncode == 0, built.stderr
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    (wheel,) = folder.glob("*.whl")
    (packages,) = (folder / "env/lib").glob("python*/site-packages")
    target = ["--target", str(packages), "--no-deps", str(wheel)]
    assert call([*pip, "install", *target], folder).returncode == 0
    (packages / "rest.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "env/bin/python"


@pytest.fixture(scope="module")
def hosted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment in which git finds a repository of the tracked files, tagged, as lab/gexpipe."""
    folder = tmp_path_factory.mktemp("hosted")
    settings = {f"url.file://{folder}/.insteadOf": "https://github.com/"}
    lines = [f"git config --file {folder}/gitconfig {k} {v}" for k, v in settings.items()]
    who = "-c user.name=lab -c user.email=lab@example.org"
    lines += [
        f"git init --quiet {folder}/lab/gexpipe && cd {folder}/lab/gexpipe",
        f"cp -R {source}/. . && git add --all && git {who} commit --quiet --message all",
        "git tag v0",
    ]
    done = call(["bash", "-ec", "\n".join(lines)], folder)
    assert done.returncode == 0, done.stderr
    return {
        "GIT_CONFIG_GLOBAL": f"{folder}/gitconfig", "XDG_CACHE_HOME": f"{folder}/cache",
        "PYTHONPATH": str(source / "src"), "LAB": f"{folder}/lab",
    }  # fmt: skip


def test_wheel_and_sdist_hold_the_workflow(environment: Path, source: Path, tmp_path: Path) -> None:
    (wheel,) = environment.parents[2].glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    code = "import setuptools.build_meta as b, sys; b.build_sdist(sys.argv[1])"
    assert call([sys.executable, "-c", code, str(tmp_path)], source).returncode == 0
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    for name in (
        "Snakefile", "workflow/Snakefile", "workflow/rules/train.smk", "config/config.yaml",
        "workflow/schemas/config.schema.yaml", "workflow/envs/prepare.yaml", "config/files.tsv",
        "config/methods/prism.yaml", "config/tables/table1.yaml", "profiles/slurm/profile.yaml",
        "config/published.tsv", "workflow/report/workflow.rst",
    ):  # fmt: skip
        assert f"gexpipe/project/{name}" in names
        assert name in packed


def test_an_installed_gexpipe_makes_a_project_that_reaches_table_1(
    environment: Path, tmp_path: Path
) -> None:
    made = call([str(environment), "-m", "gexpipe", "init", "mine", "--tiny"], tmp_path)
    assert made.returncode == 0, made.stderr
    project = tmp_path / "mine"
    again = call([str(environment), "-m", "gexpipe", "init", "mine"], tmp_path)
    assert again.returncode == 1 and "there is a Snakefile already" in again.stderr
    config = project / "config/config.yaml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), **FEW}))
    # The commands of the jobs come with this Python, as a script of an installation would.
    script = environment.parent / "gexpipe"
    code = "from gexpipe.cli.main import run\n\nif __name__ == '__main__':\n    run()\n"
    script.write_text(f"#!{environment}\n{code}")
    script.chmod(0o755)
    (environment.parent / "macs3").symlink_to(Path(sys.executable).parent / "macs3")
    command = [str(environment), "-m", "snakemake", "--cores", "2", "results/tables/table1.tsv"]
    path = f"{environment.parent}:{os.environ['PATH']}"
    done = call(command, project, PATH=path, NUMBA_CACHE_DIR=str(tmp_path / "numba"))
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(project / "results/tables/table1.tsv", sep="\t")
    assert set(FEW["methods"]) <= set(table.loc[table["mse"].notna(), "method"])


def test_sheets_of_the_papers_or_empty_ones(environment: Path, tmp_path: Path) -> None:
    for option, words in ([], "hg38"), (["--empty"], "# One row a cell type"):
        made = call([str(environment), "-m", "gexpipe", "init", "mine", *option], tmp_path)
        assert made.returncode == 0, made.stderr
        assert words in (tmp_path / "mine/config/samples.tsv").read_text()
        plan = call(
            [str(environment), "-m", "snakemake", "-n", "--quiet", "all"], tmp_path / "mine"
        )
        text = " ".join((plan.stdout + plan.stderr).split())
        assert (plan.returncode == 0) == (not option), text
        if option:  # nothing to compute is a clear word, not a plan
            assert "cells" in text and "Traceback" not in text
        (tmp_path / "mine").rename(tmp_path / f"was{len(option)}")


def test_as_a_module_from_an_empty_folder(source: Path, tmp_path: Path) -> None:
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/Snakefile").write_text(
        MODULE.format(snakefile=f"{source}/workflow/Snakefile")
    )
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump({"cells": ["K562"]}))
    planned = call(
        [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--", "stores"], tmp_path,
        PYTHONPATH=str(source / "src"),
    )  # fmt: skip
    text = planned.stdout + planned.stderr
    assert planned.returncode != 0 and "stores" in text  # the rules carry the module's prefix
    planned = call(
        [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--", "gexpipe_stores"],
        tmp_path,
        PYTHONPATH=str(source / "src"),
    )  # fmt: skip
    text = planned.stdout + planned.stderr
    assert planned.returncode == 0, text
    assert "gexpipe_signal_store" in text and "gexpipe_download" in text


def test_what_snakedeploy_writes_plans_everything_by_a_git_tag(
    hosted: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/Snakefile").write_text(DEPLOYED)
    shutil.copytree(f"{hosted['LAB']}/gexpipe/config", tmp_path / "config")
    planned = call(
        [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules"], tmp_path, **hosted
    )
    text = planned.stdout + planned.stderr
    assert planned.returncode == 0, text
    assert "train" in text and "provenance" in text, "what `rule all` asks for"


def test_a_local_git_repository_by_its_tag(hosted: dict[str, str], tmp_path: Path) -> None:
    at = f"git+file://{hosted['LAB']}/gexpipe/workflow/Snakefile@v0"
    (tmp_path / "Snakefile").write_text(MODULE.format(snakefile=at))
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump({"cells": ["K562"]}))
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--", "gexpipe_stores"]
    planned = call(command, tmp_path, **hosted)
    text = planned.stdout + planned.stderr
    assert planned.returncode == 0, text
    assert "gexpipe_signal_store" in text and "gexpipe_download" in text


def test_both_snakefiles_of_a_clone_make_the_same_by_default(source: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--nolock"]
    plans = []
    for name in ("Snakefile", "workflow/Snakefile"):
        done = call([*command, "--snakefile", name], source, PYTHONPATH=str(source / "src"))
        assert done.returncode == 0, done.stdout + done.stderr
        plans.append(re.findall("^ {8}.+$", done.stdout + done.stderr, re.M))
    assert plans[0] == plans[1] and "all, " in plans[0][0]
