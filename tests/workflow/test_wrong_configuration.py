"""What no training could use is refused by the dry run, before a day of preprocessing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.project import Project, simulate

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

TABLE = "results/tables/table1.tsv"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "option": (
        {"overrides": {"prism": {"model": {"n_contxt": 3}}}},
        "method prism: model: unknown key 'n_contxt'; did you mean 'n_context'?",
    ),
    "type": (
        {"overrides": {"prism": {"model": {"d_model": "wide"}}}},
        "method prism: model.d_model: found 'wide', expected int",
    ),
    "range": (
        {"overrides": {"prism": {"model": {"n_context": 0}}}},
        "method prism: model.n_context: 0, expected 1 or more",
    ),
    "method": (
        {"overrides": {"prysm": {"train": {"steps": 9}}}},
        "overrides: no method 'prysm'; did you mean 'prism'?",
    ),
    "architecture": (
        {"overrides": {"prism": {"architecture": "prizm"}}},
        "unknown architecture 'prizm'; did you mean 'prism'?",
    ),
    "fold": ({"splits": {"fold": 13}}, "splits.fold: 13 is greater than the maximum of 12"),
    "start": (
        {"overrides": {"caduceus_signals": {"start_from": "prism"}}},
        "method caduceus_signals: start_from: caduceus starts from fresh weights",
    ),
    "row": (
        {
            "tables": {
                "overrides": {
                    "prism_table2": {
                        "rows": [
                            {
                                "method": "prism",
                                "label": "Prism",
                                "overrides": {"model": {"layer": 2}},
                            }
                        ]
                    }
                }
            }
        },
        "table prism_table2, row 'Prism': method prism: model: unknown key 'layer'",
    ),
    "score": (
        {
            "tables": {
                "overrides": {
                    "prism_table2": {"rows": [{"method": "prism", "label": "P", "score": "mask"}]}
                }
            }
        },
        "prism gives saliency, perturbation, not 'mask'",
    ),
    "dropped": (
        {"overrides": {"prism": {"inputs": {"drop": ["CTCF"]}}}},
        "method prism: inputs.drop: no signal 'CTCF' is read",
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("wrong")
    simulate(folder)
    return Project(folder)


@pytest.mark.parametrize("name", WRONG)
def test_the_dry_run_refuses_it(project: Project, name: str) -> None:
    change, message = WRONG[name]
    done = project.run("--dry-run", "--nolock", "--", TABLE, change=change)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert message in said, said[-600:]
    assert "Traceback" not in said
