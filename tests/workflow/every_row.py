"""Every row of every table on the tiny simulated genome, as small as it gets.

    python -m tests.workflow.every_row FOLDER

Runs results/tables/all of it: half an hour or more of CPU, so by hand. Its numbers mean nothing;
that every row has some does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pybigtools
import yaml

from gexpipe.config import load_yaml
from tests.project import ROOT, Project, simulate

TINY = load_yaml(ROOT / "config/simulator/tiny.yaml")
# Rows of SIM3, as docs/add_a_cell.md adds them.
SIM3 = [
    ("dnase_bam", "1", "encode", "ENCFF914SIM", "bam"),
    ("dnase_bigwig", "1", "encode", "ENCFF916SIM", "bigWig"),
    ("h3k27ac_bam", "1", "encode", "ENCFF917SIM", "bam"),
    ("h3k27ac_bigwig", "1", "encode", "ENCFF919SIM", "bigWig"),
    ("hic", "1", "4dn", "4DNFISIM0903", "mcool"),
    ("cage", "1", "fantom5", "CNhs90902", "ctss"),
]
# Stand-ins for Prism's further signals: other tracks of the cell types.
FURTHER = {
    "SIM1": ("ENCFF907SIM", "ENCFF904SIM"),
    "SIM2": ("ENCFF913SIM", "ENCFF910SIM"),
    "SIM3": ("ENCFF919SIM", "ENCFF916SIM"),
}
_WINDOW = {"inputs": {"length": 512}, "model": {"d_model": 8, "layers": 1, "center": 256}}
_ELEMENTS = {
    "model": {"encoder_widths": [8] * 5, "summary_widths": [8, 8, 8, 4], "d_model": 8, "layers": 1,
              "heads": 2},
    "train": {"batch_size": 4, "steps": 4, "precision": "32-true", "warmup_steps": 1},
}  # fmt: skip
_GTA = {
    "model": {"backbone": "resources/gta/stand_ins/backbone", "dtype": "float32", "blocks": 2,
              "bins": 21, "selected": 5, "context": 96},
    "train": {"batch_size": 4, "steps": 4},
}  # fmt: skip
_ENFORMER = {"dim": 384, "depth": 1, "heads": 2, "attn_dim_key": 8, "num_downsamples": 3,
             "hidden": 8, "target_length": 16}  # fmt: skip
_ENCODER = {
    "model": {"encoder_widths": [8] * 5, "mlp_width": 8},
    "train": {"batch_size": 4, "steps": 4, "warmup_steps": 1, "precision": "32-true"},
}
# Models beside GTA and beside EPInformer on the hold-out genes: predictions of a command.
RELEASED = ("xpresso", "expecto", "basenji", "enformer")
MEAN = """
import sys

import pandas as pd

genes = pd.read_csv(sys.argv[1], sep="\\t")
near = genes["promoter_activity"] if "promoter_activity" in genes else genes["tss"]
genes.assign(predicted=near.rank(pct=True))[["gene_id", "predicted"]].to_csv(
    sys.argv[2], sep="\\t", index=False
)
"""


def configuration() -> dict[str, Any]:
    """What differs from the tiny configuration."""
    windows = ("caduceus", "caduceus_signals", "macs3", "mamba", "prism", "infer", "seq2exp_hard")
    masks = ("seq2exp_soft", "seq2exp_retrain")
    masked = {**_WINDOW, "model": {**_WINDOW["model"], "generator_layers": 1}}
    retrained = {**masked, "model": {**masked["model"], "share": 0.75}}
    variants = (
        *(f"epinformer_{name}" for name in ("promoter", "pe", "activity", "hic", "v2")),
        *(f"epinformer_v2_{name}" for name in ("distance", "activity", "hic")),
    )
    encoders = ("enhancer_encoder", "enhancer_encoder_summits", "enhancer_encoder_v2")
    return {
        "cells": ["SIM1", "SIM2", "SIM3"],
        "windows": {
            "signals": {
                "H3K27ac": "h3k27ac_bigwig", "DNase": "dnase_bigwig", "H3K4me3": "signal:H3K4me3",
                "ChIA_PET": "signal:ChIA_PET", "DNase_footprint": "signal:DNase_footprint",
            }
        },
        "pretrained": {
            "caduceus": {"start_from": "caduceus"}, "enformer": {"start_from": "enformer"}
        },
        "target": {"cells": {"SIM3": {"source": "cage"}}},
        "targets": {"rnaseq": {"source": "cage", "transform": "log10p1"}},
        "methods": [
            "enformer", "hyena", *windows, *masks, "epinformer", "gta", "linear",
        ],
        "overrides": {
            "all": {"train": {"steps": 2, "warmup_steps": 1, "batch_size": 4}},
            **dict.fromkeys(windows, _WINDOW),
            **dict.fromkeys(masks, masked),
            "seq2exp_retrain": retrained,
            **dict.fromkeys(("epinformer", *variants), _ELEMENTS),
            "hyena": {
                "inputs": {"length": 512},
                "model": {"d_model": 8, "layers": 1, "filter_width": 8, "center": 256},
            },
            "enformer": {"inputs": {"length": 512}, "model": _ENFORMER},
            "gta": _GTA, "gta_signals": _GTA,
            **dict.fromkeys(encoders, _ENCODER),
        },
        "tables": {
            "bins": {51: 5, 101: 9, 151: 13, 201: 17, 251: 21},
            "overrides": {
                "all": {"seeds": 1, "folds": [11]},
                # Rows that the tiny configuration leaves out.
                **{name: {"only": every} for name, every in left_out().items()},
            },
            "build": None,
        },
        "discovery": {"loci": []},
    }  # fmt: skip


def left_out() -> dict[str, list[str]]:
    """Table -> the settings of all its rows, where the tiny configuration names some of them."""
    tiny = load_yaml(ROOT / "config/tiny.yaml")["tables"]["overrides"]
    rows = {n: load_yaml(ROOT / f"config/tables/{n}.yaml")["rows"] for n in tiny if n != "all"}
    return {name: sorted({row.get("setting", "") for row in rows[name]}) for name in rows}


def add_third_cell(sheets: Path) -> None:
    """Append the rows of SIM3, whose files the mirror has."""
    with (sheets / "samples.tsv").open("a") as out:
        out.write("SIM3\tsim38\tthe third cell type\tH1\n")
    with (sheets / "files.tsv").open("a") as out:
        for role, replicate, source, accession, kind in SIM3:
            out.write(f"SIM3\t{role}\t{replicate}\t{source}\t{accession}\t{kind}\t\t\n")


def make(folder: Path) -> Project:
    """The project's files below ``folder``."""
    simulate(folder)
    sheets = folder / "simulated/config"
    add_third_cell(sheets)
    _write_footprints(folder / "footprints.bb")
    write_workbook(folder)
    with (sheets / "files.tsv").open("a") as out:
        book = (folder / "screen.xlsx").resolve()
        out.write(f"SIM1\tcrispr:fulco\t1\tpath\tscreen\txlsx\t{book}\t\n")
        for cell, (mark, loops) in FURTHER.items():
            out.write(f"{cell}\tsignal:H3K4me3\t1\tencode\t{mark}\tbigWig\t\t\n")
            out.write(f"{cell}\tsignal:ChIA_PET\t1\tencode\t{loops}\tbigWig\t\t\n")
            place = (folder / "footprints.bb").resolve()
            out.write(
                f"{cell}\tsignal:DNase_footprint\t1\tpath\t{cell}.footprints\tbigBed\t{place}\t\n"
            )
    genes = folder / "holdout.txt"
    known = pd.read_parquet(folder / "simulated/truth/genes.parquet")
    genes.write_text("\n".join(known["gene_id"]) + "\n")
    with (sheets / "reference.tsv").open("a") as out:
        out.write(f"holdout\tpath\tholdout\ttsv\t{genes.resolve()}\t\n")
    _write_methods(folder / "config/methods")
    (folder / "mean.py").write_text(MEAN)
    return Project(folder)


def _write_footprints(out: Path) -> None:
    rng = np.random.default_rng(1)
    lines = [
        (chrom, int(start), int(start) + 12, "")
        for chrom, size in TINY["chromosomes"].items()
        for start in np.unique(rng.integers(0, size - 20, 400) // 20 * 20)
    ]
    pybigtools.open(str(out), "w").write(dict(TINY["chromosomes"]), sorted(lines))


def write_workbook(folder: Path) -> Path:
    """The simulated screen as Fulco et al. have theirs: ``screen.xlsx``."""
    table = pd.read_csv(folder / "simulated/truth/crispri.tsv", sep="\t")
    names = {
        "chrom": "chr", "chromStart": "start", "chromEnd": "end", "measuredGeneSymbol": "Gene",
        "startTSS": "Gene TSS", "EffectSize": "Fraction change in gene expr",
        "Significant": "Significant",
    }  # fmt: skip
    mine = table[table["CellType"] == "SIM1"].rename(columns=names)[list(names.values())]
    own = {"Activity": 1.0, "Normalized HiC Contacts": 0.5}
    out = folder / "screen.xlsx"
    mine.assign(**own).to_excel(out, sheet_name="Supplementary Table 6a", index=False, startrow=1)
    return out


def _write_methods(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in RELEASED:
        method = {
            "name": f"released_{name}", "label": name, "architecture": "external",
            "model": {"command": "python mean.py {examples} {out}", "files": ["mean.py"]},
        }  # fmt: skip
        (folder / f"released_{name}.yaml").write_text(yaml.safe_dump(method))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    project = Project(place) if (place / "simulated").exists() else make(place)
    done = project.run("--quiet", "all", "--keep-going", "--", "results/tables/all",
                       change=configuration())  # fmt: skip
    sys.stdout.write((done.stdout + done.stderr)[-6000:])
    sys.exit(done.returncode)
