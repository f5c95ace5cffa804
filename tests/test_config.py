"""Configuration and sheets: what is refused, and in which words."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from gexpipe.config import load_yaml, merge, one_line, read_one_line, validate
from gexpipe.errors import UserError
from gexpipe.methods.merged import method_settings
from gexpipe.sheets import Sheets, load_sheets, locate, read_sheet

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = ROOT / "workflow" / "schemas"
CONFIG = load_yaml(ROOT / "config" / "config.yaml")
NAMES = {"samples": "samples.tsv", "files": "files.tsv", "reference": "reference.tsv"}


def sheets(files: list[dict[str, str]]) -> Sheets:
    samples = [{"cell": "K562", "assembly": "hg38"}]
    reference = [
        {"role": "fasta", "source": "url", "accession": "g", "format": "fasta", "url": "u"}
    ]
    return Sheets(samples, files, reference, NAMES)


def row(**changes: str) -> dict[str, str]:
    base = {"cell": "K562", "role": "dnase_bam", "replicate": "1", "source": "encode"}
    return {**base, "accession": "ENCFF1", "format": "bam", "url": "", "md5": "", **changes}


@pytest.mark.parametrize("name", ["config", "demo", "tiny", "k562_counts", "further_signals"])
def test_shipped_configurations_are_valid(name: str) -> None:
    own = load_yaml(ROOT / "config" / f"{name}.yaml")
    merged = merge(CONFIG, own)
    validate(merged, SCHEMAS / "config.schema.yaml", name)
    for method in merged["methods"]:
        settings = method_settings(
            ROOT / "config/methods", method, merged["train"], merged["overrides"], SCHEMAS
        )
        assert settings["name"] == method


def test_every_key_of_the_shipped_configuration_has_a_comment_above() -> None:
    lines = (ROOT / "config/config.yaml").read_text().splitlines()
    bare = []
    for number, line in enumerate(lines):
        if ":" not in line or line.lstrip().startswith("#") or line.rstrip().endswith(":"):
            continue
        above = number - 1
        while above >= 0 and ":" in lines[above] and not lines[above].lstrip().startswith("#"):
            above -= 1  # keys explained together
        if above < 0 or not (lines[above].lstrip().startswith("#") or line.startswith(" " * 4)):
            bare.append(line)
    assert bare == []


def test_shipped_sheets_are_valid_and_name_every_file_once() -> None:
    loaded = load_sheets(CONFIG, ROOT, SCHEMAS)
    assert [f.accession for f in loaded.cell_files("K562", "hic")] == ["4DNFITUOMFUQ"]
    assert [f.replicate for f in loaded.cell_files("K562", "h3k27ac_bam")] == ["1", "2", "3"]
    assert loaded.cell_files("H1", "rnaseq", optional=True) == []
    options = loaded.download_options("resources/files/ENCFF414OGC.bigWig")
    assert options == "--source encode --accession ENCFF414OGC --format bigWig --assembly hg38"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"windows": {}}, r"windows: missing 'length'"),
        ({"contact": {**CONFIG["contact"], "normalization": ["XY"]}}, "'XY' is not one of"),
        ({"abc": {**CONFIG["abc"], "n_strongest": 0}}, "abc.n_strongest: 0 is less than"),
        ({"seeds": [2, 2]}, "seeds: .* non-unique"),
        ({"peaks": {**CONFIG["peaks"], "genome_size": "hs"}}, "peaks.genome_size"),
    ],
)
def test_bad_values_name_their_key(change: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=f"^c.yaml: .*{message}") as caught:
        validate({**CONFIG, **change}, SCHEMAS / "config.schema.yaml", "c.yaml")
    assert "\n" not in str(caught.value)


def test_method_overrides_win_in_order() -> None:
    overrides = {"all": {"train": {"steps": 7000}}, "prism": {"train": {"batch_size": 3}}}
    settings = method_settings(
        ROOT / "config/methods", "prism", CONFIG["train"], overrides, SCHEMAS
    )
    assert settings["train"]["steps"] == 7000
    assert settings["train"]["batch_size"] == 3
    assert settings["train"]["learning_rate"] == CONFIG["train"]["learning_rate"]


def test_unknown_method_lists_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown method 'prysm'; did you mean 'prism'"):
        method_settings(ROOT / "config/methods", "prysm", {}, {}, SCHEMAS)


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    broken = tmp_path / "x.yaml"
    broken.write_text("a: [1\nb: 2\n")
    with pytest.raises(UserError, match=r"x.yaml: not valid YAML .*line 2"):
        load_yaml(broken)


def test_cell_without_sample_row() -> None:
    with pytest.raises(UserError, match=r"files.tsv: dnase_bam row: cell 'HepG2' is not in"):
        sheets([row(cell="HepG2")])


def test_missing_role_says_cell_and_role() -> None:
    with pytest.raises(UserError, match=r"files.tsv: cell 'K562' has no row with role 'hic'"):
        sheets([row()]).cell_files("K562", "hic")


def test_same_row_twice() -> None:
    with pytest.raises(UserError, match="stands twice"):
        sheets([row(), row()])


def test_one_name_for_two_files() -> None:
    files = [
        row(source="url", url="a", accession="x"),
        row(source="url", url="b", accession="x", role="h3k27ac_bam"),
    ]
    with pytest.raises(UserError, match="'x' stands for two different files"):
        sheets(files)


def test_sheet_rows_are_named_by_line(tmp_path: Path) -> None:
    sheet = tmp_path / "files.tsv"
    pd.DataFrame([row(), row(source="ftp")]).to_csv(sheet, sep="\t", index=False)
    with pytest.raises(UserError, match=r"files.tsv, row 3: source: 'ftp' is not one of encode"):
        read_sheet(sheet, SCHEMAS / "files.schema.yaml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"accession": "ENCFF1\u200b"},
            "whose character 7 is a zero width space, expected letters",
        ),
        ({"accession": "ENCFF\u041d"}, "whose character 6 is a cyrillic capital letter en"),
        ({"cell": "K\u2010562"}, "row 2: cell: .* whose character 2 is a hyphen"),
        ({"replicate": "1.0"}, "row 2: replicate: '1.0', expected a whole number"),
        ({"md5": "D41D"}, "row 2: md5: 'D41D', expected 32 digits of 0-9 and a-f"),
    ],
)
def test_what_looks_like_another_character_is_named(
    change: dict[str, str], words: str, tmp_path: Path
) -> None:
    sheet = tmp_path / "files.tsv"
    pd.DataFrame([row(**change)]).to_csv(sheet, sep="\t", index=False)
    with pytest.raises(UserError, match=words):
        read_sheet(sheet, SCHEMAS / "files.schema.yaml")


def test_url_rows_need_an_address(tmp_path: Path) -> None:
    sheet = tmp_path / "files.tsv"
    pd.DataFrame([row(source="url")]).to_csv(sheet, sep="\t", index=False)
    with pytest.raises(UserError, match=r"row 2: url"):
        read_sheet(sheet, SCHEMAS / "files.schema.yaml")


def test_paths_are_found_here_then_beside_the_snakefile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("config/samples.tsv", ROOT) == ROOT / "config/samples.tsv"
    (tmp_path / "mine.tsv").write_text("x")
    assert locate("mine.tsv", ROOT) == Path("mine.tsv")


def test_a_second_file_of_a_role_that_is_not_pooled_is_refused() -> None:
    two = [row(role="hic", accession=name, format="hic") for name in ("ENCFF1", "ENCFF2")]
    with pytest.raises(UserError, match=r"K562 has two hic rows \(ENCFF1 and ENCFF2\)"):
        sheets(two)
    assert len(sheets([row(), row(accession="ENCFF2")]).cell_files("K562", "dnase_bam")) == 2


def test_lines_of_a_sheet_with_comments_are_counted(tmp_path: Path) -> None:
    sheet = tmp_path / "files.tsv"
    good = "fasta\turl\tg\tfasta\thttp://x"
    sheet.write_text(f"role\tsource\taccession\tformat\turl\n# why\n{good}\nno{good}\n")
    with pytest.raises(UserError, match=r"files.tsv, row 4: role"):
        read_sheet(sheet, SCHEMAS / "files.schema.yaml")


def test_settings_on_one_line_are_read_as_they_were() -> None:
    value = {
        "names": ["it's", "1e-3", "yes", "null", "", "a: b", "#c", "dé", "chr1-2", "2024-01-02"],
        "numbers": [1, 1e-05, 0.1, 1e22, None, True], "nested": {"folds": [[1, 2], {}], "x y": []},
    }  # fmt: skip
    text = one_line(value)
    assert "\n" not in text and '"' not in text
    assert read_one_line(text, "--lines") == value
    assert read_one_line(json.dumps(value), "--lines") == value
    odd = {"label": 'say "x"\nand more', "same": value["nested"], "again": value["nested"]}
    assert read_one_line(one_line(odd), "--lines") == odd
    with pytest.raises(UserError, match="--lines"):
        read_one_line("[{a: 1", "--lines")
