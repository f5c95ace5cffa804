"""Rules that only a configuration or a sheet row brings in: dry runs of the shipped workflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.project import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def plan(folder: Path, target: str, change: dict[str, Any]) -> tuple[int, str]:
    """Exit status and text of a dry run with ``change`` laid over the papers' configuration."""
    (folder / "change.yaml").write_text(yaml.safe_dump(change))
    done = subprocess.run(
        [
            sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"),
            "--directory", str(folder), "--configfile", "change.yaml", "--dry-run",
            "--printshellcmds", "--cores", "1", *target.split(),
        ],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_fanc_balances_the_matrices_that_are_named(tmp_path: Path) -> None:
    change = {"contact": {"balance": ["K562"]}}
    status, text = plan(tmp_path, "results/contacts/K562/rows.npz", change)
    assert status == 0, text
    raw, balanced = "resources/files/4DNFITUOMFUQ.hic", "resources/balanced/K562.cool"
    assert f"contacts balance --matrix {raw} --resolution 5000 --out {balanced}" in text
    assert f"contacts rows --matrix {balanced}" in text
    status, text = plan(tmp_path, "results/contacts/GM12878/rows.npz", change)
    assert status == 0, text
    assert "contacts balance" not in text
    change["contact"]["normalization"] = ["VC"]
    status, text = plan(tmp_path, "results/contacts/K562/rows.npz", change)
    assert status != 0
    assert "contact.normalization: FAN-C writes KR" in text


def test_files_of_another_assembly_are_lifted(tmp_path: Path) -> None:
    header, *rows = (ROOT / "config/files.tsv").read_text().splitlines()
    rows = [row for row in rows if not row.startswith("K562\tcrispr")]
    own = f"K562\tcrispr\t1\tpath\tscreen\ttsv\t{tmp_path}/screen.tsv\t\thg19"
    sheet = [header, *rows, own]
    (tmp_path / "files.tsv").write_text("\n".join(sheet) + "\n")
    status, text = plan(tmp_path, "results/crispr/K562.tsv", {"files": "files.tsv"})
    assert status == 0, text
    assert "--chain resources/files/hg19ToHg38.chain.gz --format tsv" in text
    assert "--crispr resources/lifted/screen.tsv" in text
    assert "--format tsv --url" in text and "--assembly hg19" in text
    (tmp_path / "files.tsv").write_text("\n".join(sheet).replace("hg19", "mm10") + "\n")
    status, text = plan(tmp_path, "results/crispr/K562.tsv", {"files": "files.tsv"})
    assert status != 0
    assert "no row with role 'chain' and accession mm10ToHg38" in text


def test_scores_of_others_stand_beside_ours(tmp_path: Path) -> None:
    sheet = (ROOT / "config/files.tsv").read_text().rstrip("\n")
    rows = [
        f"K562\tpredictor:rE2G\t1\tpath\tre2g\ttsv\t{tmp_path}/re2g.tsv.gz\t\t",
        f"K562\tpredictor:own:my.score\t1\tpath\tmine\ttsv\t{tmp_path}/mine.tsv\t\thg19",
        f"K562\tpredictor:ABC_run\t1\tpath\tabc\tbedpe\t{tmp_path}/abc.bedpe\t\t",
    ]
    (tmp_path / "files.tsv").write_text("\n".join([sheet, *rows]) + "\n")
    targets = "results/crispr/K562.tsv results/crispr/K562.discovery.tsv"
    status, text = plan(tmp_path, targets, {"files": "files.tsv"})
    assert status == 0, text
    asked = (
        "--predictor rE2G=resources/files/re2g.tsv --predictor own=resources/lifted/mine.tsv:"
        "my.score --predictor ABC_run=resources/files/abc.bedpe"
    )
    for command in ("gexpipe evaluate crispr", "gexpipe discover crispri"):
        assert [asked in line for line in text.splitlines() if command in line] == [True]
    for wrong, words in (
        (rows[2] + "hg19", "there is no liftover of bedpe files"),
        (rows[0].replace("re2g\t", "other\t"), "K562 has two predictor"),
        (rows[0].replace("rE2G", "x").replace("\ttsv", "\tcsv"), "a predictor row is tsv or bedpe"),
    ):
        (tmp_path / "files.tsv").write_text("\n".join([sheet, rows[0], wrong]) + "\n")
        status, text = plan(tmp_path, targets, {"files": "files.tsv"})
        assert status != 0 and words in text, text


def test_blacklists_are_checked_before_candidates(tmp_path: Path) -> None:
    status, text = plan(tmp_path, "results/abc/K562/candidates.bed", {})
    assert status == 0, text
    files = ("ENCFF356LFX", "hg38-blacklist.v1")
    wanted = " ".join(f"--file bed=resources/files/{name}.bed" for name in files)
    checks = [line for line in text.splitlines() if "gexpipe check" in line]
    assert len(checks) == 2 and sum(wanted in line for line in checks) == 1


def test_a_cell_with_atac_and_no_h3k27ac(tmp_path: Path) -> None:
    header, *rows = (ROOT / "config/files.tsv").read_text().splitlines()
    rows = [r for r in rows if not r.startswith("K562\th3k27ac_bam")]
    atac = [r.replace("K562\tdnase_bam", "K562\tatac_bam") for r in rows]
    (tmp_path / "files.tsv").write_text("\n".join([header, *atac]) + "\n")
    target = "results/abc/K562/elements.parquet"
    status, text = plan(tmp_path, target, {"files": "files.tsv"})
    assert status == 0, text
    commands = [line for line in text.splitlines() if "Shell command: gexpipe" in line]
    bam = "resources/bam/ENCFF257HEE.bam"
    stages = (("peaks call", "bam"), ("abc candidates", "bam"), ("abc activity", "dnase"))
    for stage, option in stages:
        (command,) = (line for line in commands if f" {stage} " in line)
        assert f"--{option} {bam}" in command
        assert "h3k27ac" not in command
    neither = [row for row in rows if not row.startswith("K562\tdnase_bam")]
    (tmp_path / "files.tsv").write_text("\n".join([header, *neither]) + "\n")
    status, text = plan(tmp_path, target, {"files": "files.tsv"})
    assert status != 0
    assert "'K562' has no dnase_bam, atac_bam or atac_fragments row: activity needs" in text


def test_cells_beyond_the_default_ones_are_planned_to_their_stores(tmp_path: Path) -> None:
    cells = ["K562_paper", "H1", "HepG2", "HUVEC", "NHEK"]
    status, text = plan(tmp_path, " ".join(
        f"results/{kind}/{cell}{end}"
        for kind, end in (("windows", ".zarr/manifest.json"), ("examples", ".parquet"))
        for cell in cells
    ), {"cells": cells})  # fmt: skip
    assert status == 0, text
    assert "ENCFF205FNC.bam" in text and "ENCFF257HEE" not in text
    assert "--source cage --genes results/genes/genes.tsv --file resources/files/CNhs13964" in text
    assert "--column 'K562_CAGE_128*3_sum'" in text and "--column Actual_NHEK" in text
    assert "--tss-column TSS_xpresso" in text
    change = {"cells": ["NHEK"], "target": {"cells": {"NHEK": {"source": "cage"}}}}
    status, text = plan(tmp_path, "results/targets/NHEK.tsv", change)
    assert status != 0 and "the target of 'NHEK' is cage: a row with role 'cage'" in text


def test_quality_tables_of_all_cells(tmp_path: Path) -> None:
    status, text = plan(tmp_path, "results/quality.tsv", {})
    assert status == 0, text
    assert "--cell K562=results/quality/K562.tsv --cell GM12878=results/quality/GM12878.tsv" in text
    records = "--peaks results/peaks/K562/peaks.json --contacts results/contacts/K562/rows.json"
    assert f"abc quality --activity results/abc/K562/quality.json {records}" in text


def test_every_score_of_the_discovery_table_meets_crispri(tmp_path: Path) -> None:
    target = "results/crispr/K562.discovery.tsv"
    status, text = plan(tmp_path, target, {"seeds": [2, 22]})
    assert status == 0, text
    (command,) = (line for line in text.splitlines() if "gexpipe discover crispri" in line)
    table = yaml.safe_load((ROOT / "config/tables/discovery.yaml").read_text())
    for row in table["rows"]:
        assert command.count(f"--link '{row['label']}=") == 2, "one a seed"
        assert (f"--perturbation '{row['label']}'" in command) == (row["score"] == "perturbation")
    times = "attention.parquet*results/abc/K562/predictions.parquet:abc_score"
    assert command.count("--link 'EPInformer attention x ABC=") == command.count(times) == 2
    assert "--reference" not in command


def test_screen_of_all_folds_beside_the_published_values(tmp_path: Path) -> None:
    status, text = plan(tmp_path, "results/tables/epinformer_crispri.tsv", {})
    assert status == 0, text
    (command,) = (line for line in text.splitlines() if "gexpipe discover crispri" in line)
    assert command.count("--link 'EPInformer-PE-Activity attention=") == 12, "one a fold"
    assert "--cell K562 --reference 'Fulco et al., 2019'" in command
    (command,) = (line for line in text.splitlines() if "gexpipe discover screen" in line)
    assert "--measured K562=results/crispr/K562.epinformer_crispri.tsv" in command
    assert command.count("--nominated K562=results/crispr/K562.epinformer_crispri.nominated.tsv")
    own = {"cells": ["GM12878"]}
    status, text = plan(tmp_path, "results/tables/all", own)
    assert status == 0 and "epinformer_crispri" not in text, "no screen of this cell type"


def test_tested_regions_are_the_elements_of_the_papers_own_pairs(tmp_path: Path) -> None:
    status, text = plan(tmp_path, "results/tables/epinformer_fulco.tsv", {})
    assert status == 0, text
    book = "resources/files/Fulco2019_tables.xlsx --out resources/screens/Fulco2019_tables.tsv"
    assert f"gexpipe discover workbook {book}" in text
    lift = "--table resources/screens/Fulco2019_tables.tsv --chain"
    assert lift in text and "--format tsv --out resources/lifted/Fulco2019_tables.tsv" in text
    regions = "results/screened/K562.epinformer_fulco.parquet"
    (made,) = (line for line in text.splitlines() if "gexpipe discover tested" in line)
    assert "--crispr resources/lifted/Fulco2019_tables.tsv" in made
    assert "--cell K562 " in made and f"--max-distance 100000 --slot 2000 --out {regions}" in made
    (stored,) = (line for line in text.splitlines() if f"elements --table {regions}" in line)
    assert "--max-elements 0 " in stored
    scored = [line for line in text.splitlines() if f"--candidates {regions}" in line]
    assert len(scored) == 36 and all("screened/K562.epinformer_fulco.zarr" in s for s in scored)
    (command,) = (line for line in text.splitlines() if "gexpipe discover crispri" in line)
    assert f"--regions {regions}" in command and "x ABC=" not in command
    assert command.count("--attention '") == 2
    own = {"title": "T", "kind": "screen", "metrics": ["crispri"], "scoring": "tested"}
    row = {"method": "prism", "label": "P", "score": "perturbation"}
    (tmp_path / "config/tables").mkdir(parents=True)
    (tmp_path / "config/tables/own.yaml").write_text(yaml.safe_dump({**own, "rows": [row]}))
    status, text = plan(tmp_path, "results/tables/own.tsv", {})
    assert status != 0
    assert "table own, row 'P': prism reads windows; scoring: tested is for methods on" in text


def test_figures_of_discovery_are_planned(tmp_path: Path) -> None:
    (tmp_path / "known.meme").write_text("")
    change = {"discovery": {"motifs": "known.meme"}}
    status, text = plan(tmp_path, "results/motifs/K562/enhancer_encoder.tsv", change)
    assert status == 0, text
    assert "gexpipe discover motifs" in text and "--database known.meme" in text
    assert "--attribution gradient" in text
    status, text = plan(tmp_path, "results/motifs/K562/enhancer_encoder.deeplift.tsv", change)
    assert status == 0 and "--attribution deeplift --references 1000 " in text
    target = "results/figures/mutagenesis/K562/enhancer_encoder/fold8/KLF1.png"
    status, text = plan(tmp_path, target, change)
    assert status == 0 and "gexpipe discover mutagenesis KLF1 --checkpoint" in text
    assert "fold8/seed2/best.ckpt" in text and "--crispr resources/files/EPCrispr" in text
    status, text = plan(tmp_path, "results/figures/locus/K562/fold8/KLF1.png", {})
    assert status == 0, text
    (command,) = (line for line in text.splitlines() if "gexpipe discover locus" in line)
    scores = "results/scores/own/K562"
    assert " KLF1 " in command and "--link 'Prism perturbation=" in command
    assert f"--base 'Seq2Exp-soft mask={scores}/seq2exp_soft/fold8/seed2/mask.zarr.zip'" in command
    assert f"HiC perturbation={scores}/epinformer_hic/fold8/seed2/perturbation.parquet" in command
    assert "--link 'ABC=results/abc/K562/predictions.parquet:abc_score'" in command
    status, text = plan(tmp_path, "results/figures/weights/K562.prism.png", {})
    assert status == 0, text
    assert "gexpipe discover weights" in text


def test_gta_of_the_paper_is_planned(tmp_path: Path) -> None:
    status, text = plan(tmp_path, "results/tables/gta_table1.tsv", {"methods": ["prism"]})
    assert status == 0, text
    files = "resources/files"
    assert f"gexpipe gta sei --archive {files}/sei_model.tar.gz --out resources/gta/sei" in text
    assert f"--gtf {files}/MANE.v1.3.gtf.gz --tss mane --tss genes" in text
    assert "--bins 251" in text and '"weights": "resources/gta/sei/sei.pth"' in text
    assert "--cells 'GM12878 lymphoblastoid cells'" in text
    lists = f"--held-out {files}/geuvadis_genes.csv --individuals {files}/geuvadis_individuals.tsv"
    assert lists in text and "--tss mane --validation 0.2 --seed 1" in text
    assert len([line for line in text.splitlines() if "Train gta-" in line]) == 5
    assert "stand-ins" not in text and "windows" not in text


def test_signals_of_bins_and_figures_of_attention(tmp_path: Path) -> None:
    figure = "results/figures/gta/K562/gta_signals.fold11.seed2.heads.png"
    status, text = plan(tmp_path, figure, {"methods": ["gta_signals"]})
    assert status == 0, text
    assert "gexpipe gta signals --signal H3K27ac=resources/files/ENCFF465GBD.bigWig" in text
    (command,) = (line for line in text.splitlines() if "gexpipe gta attention" in line)
    assert "--bin-signals results/gta/signals/K562.zarr/manifest.json" in command
    assert "--prompts results/gta/prompts/K562.parquet" in command
    change = {"methods": ["gta"], "overrides": {"gta": {"model": {"backbone": "/no/llama"}}}}
    status, text = plan(tmp_path, figure.replace("gta_signals", "gta"), change)
    assert status != 0 and "/no/llama/config.json" in text


def test_training_sets_around_summits_are_planned(tmp_path: Path) -> None:
    change: dict[str, Any] = {"methods": ["epinformer_v2", "enhancer_encoder_summits"]}
    run = "results/runs/K562/{}/fold11/seed2/best.ckpt"
    target = f"{run.format('epinformer_v2')} {run.format('enhancer_encoder_summits')}"
    status, text = plan(tmp_path, target, change)
    assert status == 0, text
    assert "peaks given --peaks resources/files/ENCFF544LXB.bed" in text
    assert "--offsets=-1,0,1 --stride 156 --most 0 --negatives 0 " in text
    assert "--offsets=-2,-1,0,1,2 --stride 192 --most 100000 --negatives 0.05 " in text
    assert "--activity results/abc/K562/summits/repository.parquet" in text
    (command,) = (line for line in text.splitlines() if "windows elements --table" in line)
    assert "--table results/elements_from_tss/K562.parquet" in command
    assert "--min-distance -1 " in text and "--no-blank-farthest" in text
    assert f"--start-from {run.format('enhancer_encoder_v2')}" in text
    rows = (ROOT / "config/files.tsv").read_text().splitlines()
    own = "\n".join(row for row in rows if "\th3k27ac_peaks\t" not in row)
    (tmp_path / "files.tsv").write_text(own + "\n")
    status, text = plan(tmp_path, target, {**change, "files": "files.tsv"})
    assert status == 0, text
    (command,) = (
        line for line in text.splitlines() if "gexpipe peaks call" in line and "h3k27ac" in line
    )
    assert "--bam resources/bam/ENCFF232RQF.bam" in command
    assert "--pvalue 0.01 --shift 0 --extsize 200" in command


def test_a_training_set_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    change = {
        "methods": ["enhancer_encoder"],
        "overrides": {"enhancer_encoder": {"inputs": {"summits": "papers"}}},
    }
    status, text = plan(tmp_path, "results/tables/table1.tsv", change)
    assert status != 0
    said = "method enhancer_encoder: inputs.summits: no set 'papers' in summits.sets; did you mean"
    assert said in text
