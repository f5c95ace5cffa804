"""The layers of the package: imports go down only, and preparation needs no torch."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gexpipe
from gexpipe.cli.main import MODULES, STAGES

SOURCE = Path(gexpipe.__file__).parent
# From the ground up; a room imports those before it, whether at its top or inside a function.
LAYERS = [
    *("errors", "log", "source", "home", "files", "records", "rows", "whole", "intervals"),
    *("gene_ids", "named", "tabular", "schemas", "config", "costs"),
    *("devices", "ranks", "batch"),
    *("download", "sheets", "prepared", "contact", "reference", "abc", "peaks"),
    *("windows", "bins", "methods", "models", "data", "prediction", "train", "extractors"),
    "baselines",
    *("tables", "discovery", "crispri", "benchmark"),
    *("study", "doctor", "simulate", "archive", "compare", "stress"),
    *("face", "cli", "__main__"),
]

PREPARATION = sorted(set(STAGES) - {"train", "models"})


def imported(path: Path) -> Iterator[str]:
    """Rooms of the package that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "gexpipe":
            yield from (alias.name for alias in node.names if alias.name != "__version__")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gexpipe."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (name.split(".")[1] for name in names if name.startswith("gexpipe."))


def room(path: Path) -> str:
    """First part of a file's place in the package."""
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def test_every_room_has_a_layer() -> None:
    rooms = {room(path) for path in SOURCE.rglob("*.py")} - {"__init__"}
    assert rooms == set(LAYERS)


def test_no_import_runs_up_and_so_none_in_a_circle() -> None:
    height = {name: level for level, name in enumerate(LAYERS)}
    wrong = [
        f"{path.relative_to(SOURCE)} imports {other}"
        for path in sorted(SOURCE.rglob("*.py"))
        for other in imported(path)
        if room(path) != "__init__" and room(path) != other and height[other] > height[room(path)]
    ]
    assert not wrong


def test_an_upward_import_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text(
        "def f():\n    from gexpipe.train.run import train\n    import gexpipe.cli.main\n"
    )
    assert list(imported(file)) == ["train", "cli"]


def run_without_torch(code: str) -> subprocess.CompletedProcess[str]:
    blocked = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'lightning_fabric'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    return subprocess.run(
        [sys.executable, "-c", blocked + code], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("stage", PREPARATION)
def test_preparation_stage_is_loaded_without_torch(stage: str) -> None:
    done = run_without_torch(f"import gexpipe.cli.{MODULES.get(stage, stage)}")
    assert done.returncode == 0, done.stderr


def test_functions_of_preparation_are_loaded_without_torch() -> None:
    modules = [
        "abc.candidates", "abc.activity", "abc.scores", "contact.rows", "contact.window",
        "peaks.macs", "reference.examples", "windows.sequence", "windows.signals",
        "windows.elements", "windows.inspect", "tables.build", "tables.figures",
        "tables.metrics", "baselines.fit", "download.one_file", "doctor.installed",
        "methods.merged", "study", "face",
    ]  # fmt: skip
    done = run_without_torch("\n".join(f"import gexpipe.{name}" for name in modules))
    assert done.returncode == 0, done.stderr


def test_help_loads_no_stage() -> None:
    code = (
        "import sys\nfrom gexpipe.cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'pandas', 'numpy', 'zarr', 'matplotlib', 'pysam'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(stage in done.stdout for stage in STAGES)


SLOW = {  # what takes a tenth of a second or more to load
    "bioframe", "cooler", "h5py", "httpx", "matplotlib", "numba", "pandas", "pyarrow", "pysam",
    "scipy", "sklearn", "torch", "zarr",
}  # fmt: skip


def slow_modules(modules: list[str]) -> set[str]:
    code = f"import sys, {', '.join(modules)}\nprint(*({SLOW} & set(sys.modules)))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_no_command_loads_what_it_does_not_run() -> None:
    modules = [f"gexpipe.cli.{MODULES.get(stage, stage)}" for stage in STAGES]
    assert not slow_modules(modules)


def test_what_most_jobs_load_is_tables_alone() -> None:
    modules = ["abc.stage", "contact.rows", "peaks.macs", "tables.runs", "benchmark.cells"]
    loaded = slow_modules([f"gexpipe.{name}" for name in modules])
    assert loaded == {"pandas", "pyarrow", "pysam"}


def test_a_plan_loads_no_tables() -> None:
    rules = [*SOURCE.parents[1].glob("workflow/rules/*.smk"), SOURCE.parents[1] / "Snakefile"]
    named = re.findall(r"^from (gexpipe[.\w]+) import", "\n".join(map(Path.read_text, rules)), re.M)
    assert "gexpipe.study" in named
    code = (
        f"import sys, {', '.join(sorted(set(named)))}\nfrom pathlib import Path\n"
        f"root = Path({str(SOURCE.parents[1])!r})\n"
        "gexpipe.study.read_study(gexpipe.config.load_yaml(root / 'config/config.yaml'), root)\n"
        f"print(*(({SLOW} | {{'numpy'}}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.split()


def test_every_stage_has_help() -> None:
    for stage in STAGES:
        done = subprocess.run(
            [sys.executable, "-m", "gexpipe", stage, "--help"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, stage + done.stderr
        assert "Usage" in done.stdout


def test_nothing_but_reading_a_hic_loads_hictkpy() -> None:
    # Its logger keeps a core busy until the process ends.
    code = (
        "import sys\n"
        "import gexpipe.contact.rows, gexpipe.windows.signals, gexpipe.abc.stage\n"
        "import gexpipe.reference.names, gexpipe.simulate.genome_folder, gexpipe.doctor.plan\n"
        "assert 'hictkpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_user_error_is_one_line_and_faults_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gexpipe", "windows", "inspect", "nowhere.zarr"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("gexpipe: error: nowhere.zarr: not a finished window store")
    assert len(done.stderr.strip().splitlines()) == 1
