# What reviewers ask of a benchmark, of the rows of table 1: results/benchmark.html.
from gexpipe.benchmark.leave_out import joint_models


localrules:
    reliability,
    cross_cell,
    leakage,
    benchmark_page,


# Cell types that models can be trained on, and models that can be asked about another one.
WITH_TARGET, PORTABLE = STUDY.with_target, STUDY.portable


rule reliability:
    """Intervals of single genes, errors and coverage by kind of gene."""
    input:
        lambda wildcards: told(("table1",)),
        predictions=PLANS["table1"].predictions(),
        genes="results/genes/genes.tsv",
        fasta="resources/reference/genome.fa" if SHEETS.find_reference("fasta") else [],
    output:
        tsv="results/tables/reliability.tsv",
        md="results/tables/reliability.md",
        html=report(
            "results/tables/reliability.html",
            caption="../report/reliability.rst",
            category="Tables",
            labels={"table": "reliability", "form": "table"},
        ),
        genes="results/tables/reliability.genes.parquet",
    log:
        "logs/benchmark/reliability.log",
    benchmark:
        "results/benchmarks/reliability/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 2000),
        runtime="30m",
    params:
        files=lambda wildcards, input: repeat("predictions", input.predictions),
        lines=lines("table1"),
        fasta=lambda wildcards, input: repeat("fasta", input.fasta),
    message:
        "How far the predictions of table 1 can be trusted, gene by gene"
    shell:
        "gexpipe benchmark reliability {params.files} --lines {params.lines:q}"
        " --gene-table {input.genes} {params.fasta} --out {output.tsv} --genes {output.genes}"
        " > {log} 2>&1"


rule cross_cell:
    """Methods tested on cell types that they were not trained on."""
    input:
        lambda wildcards: left_out_told(),
        own=[path for cell in WITH_TARGET for path in own_runs(cell, PORTABLE)],
        others=[
            path for source in WITH_TARGET for path in asked_about(WITH_TARGET, source, PORTABLE)
        ],
        left_out=left_out_models(),
        examples=expand("results/examples/{cell}.parquet", cell=WITH_TARGET),
    output:
        tsv="results/tables/cross_cell.tsv",
        md="results/tables/cross_cell.md",
        html=report(
            "results/tables/cross_cell.html",
            caption="../report/cross_cell.rst",
            category="Tables",
            labels={"table": "cross_cell", "form": "table"},
        ),
    log:
        "logs/benchmark/cross_cell.log",
    benchmark:
        "results/benchmarks/cross_cell/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 2000),
        runtime="30m",
    params:
        files=lambda wildcards, input: repeat(
            "predictions", [*input.own, *input.others, *input.left_out]
        ),
        examples=lambda wildcards, input: repeat(
            "examples", [f"{cell}={path}" for cell, path in zip(WITH_TARGET, input.examples)]
        ),
        lines=lines("table1"),
        joint=joint_models(STUDY.left_out),
    message:
        "Methods tested on cell types that they were not trained on"
    shell:
        "gexpipe benchmark cells {params.files} --lines {params.lines:q} {params.examples}"
        " --joint {params.joint:q} --out {output.tsv} > {log} 2>&1"


rule leakage:
    """Test genes of which the training has seen something, and the error without them."""
    input:
        lambda wildcards: told(("table1",)),
        predictions=PLANS["table1"].predictions(),
        genes="results/genes/genes.tsv",
        splits="results/genes/splits.tsv",
        fasta="resources/reference/genome.fa" if SHEETS.find_reference("fasta") else [],
        paralogues=optional_reference("paralogues"),
        seen=[row.ready for row in SHEETS.named_references("seen").values()],
    output:
        tsv="results/tables/leakage.tsv",
        md="results/tables/leakage.md",
        html=report(
            "results/tables/leakage.html",
            caption="../report/leakage.rst",
            category="Tables",
            labels={"table": "leakage", "form": "table"},
        ),
        genes="results/tables/leakage.genes.tsv",
    log:
        "logs/benchmark/leakage.log",
    benchmark:
        "results/benchmarks/leakage/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 4000),
        runtime="1h",
    params:
        files=lambda wildcards, input: repeat("predictions", input.predictions),
        lines=lines("table1"),
        length=config["windows"]["length"],
        alike=(
            f"--bases {config['leakage']['bases']} --kmer {config['leakage']['kmer']}"
            f" --similarity {config['leakage']['similarity']}"
        ),
        fasta=lambda wildcards, input: repeat("fasta", input.fasta),
        paralogues=lambda wildcards, input: repeat("paralogues", input.paralogues),
        seen=lambda wildcards, input: repeat(
            "seen",
            [f"{name}={path}" for name, path in zip(SHEETS.named_references("seen"), input.seen)],
        ),
    message:
        "Test genes of which the training has seen something"
    shell:
        "gexpipe benchmark leakage {params.files} --lines {params.lines:q} --genes {input.genes}"
        " --splits {input.splits} --length {params.length} {params.alike} {params.fasta}"
        " {params.paralogues} {params.seen} --out {output.tsv} --by-gene {output.genes} > {log} 2>&1"


rule benchmark_page:
    """The leaderboard: methods by cell types by questions."""
    input:
        predictions=PLANS["table1"].predictions(),
        reliability="results/tables/reliability.tsv",
        leakage="results/tables/leakage.tsv",
        cells="results/tables/cross_cell.tsv" if PORTABLE and len(WITH_TARGET) > 1 else [],
        controls="results/tables/controls.tsv" if CONTROLLED else [],
    output:
        tsv="results/benchmark.tsv",
        html="results/benchmark.html",
    log:
        "logs/benchmark/page.log",
    benchmark:
        "results/benchmarks/benchmark_page/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 2000),
        runtime="30m",
    params:
        files=lambda wildcards, input: repeat("predictions", input.predictions),
        lines=lines("table1"),
        cells=lambda wildcards, input: repeat("cells", input.cells),
        controls=lambda wildcards, input: repeat("controls", input.controls),
    message:
        "The leaderboard: {output.html}"
    shell:
        "gexpipe benchmark page {params.files} --lines {params.lines:q}"
        " --reliability {input.reliability} {params.cells} {params.controls}"
        " --leakage {input.leakage} --out {output.tsv} --html {output.html} > {log} 2>&1"
