"""The files that people who join look for are there, and say what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def load(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text())


def test_every_link_to_a_file_of_the_repository_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), ROOT / "tests/goldens/README.md"]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_hooks_are_the_tools_of_the_test_command_and_need_no_network() -> None:
    config = load(".pre-commit-config.yaml")
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    checks = (ROOT / "bin/test.sh").read_text()
    assert all(hook["entry"].removesuffix(" --fix") in checks for hook in hooks)


def test_the_public_ci_runs_the_test_command() -> None:
    job = load(".github/workflows/ci.yml")["jobs"]["test"]
    assert "bash bin/test.sh" in [step.get("run") for step in job["steps"]]


@pytest.mark.parametrize("name", ["wrong_or_broken", "something_new"])
def test_an_issue_template_is_a_form(name: str) -> None:
    form = load(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert form["name"] and form["description"]
    assert all(part["attributes"]["label"] for part in form["body"])


def test_the_five_papers_are_cited_with_their_authors() -> None:
    papers = {paper["notes"]: paper for paper in load("CITATION.cff")["references"]}
    count = {note: len(paper["authors"]) for note, paper in papers.items()}
    assert count == {"Seq2Exp": 4, "InFER": 5, "Prism": 6, "EPInformer": 3, "GTA": 4}
    assert "Ba" in [author["family-names"] for author in papers["Prism"]["authors"]]


def test_the_changelog_names_the_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version is not None and f"## {version[1]}, " in (ROOT / "CHANGELOG.md").read_text()
