# What the trained models look at, beside experiments and as figures.


rule crispr_scores:
    """What models look at against CRISPRi, beside ABC, activity and distance."""
    input:
        discovered_files,
        abc="results/abc/{cell}/predictions.parquet",
        crispr=lambda wildcards: cell_paths(wildcards.cell, "crispr"),
        genes="results/genes/genes.tsv",
    output:
        tsv="results/crispr/{cell}.{table}.tsv",
        genes="results/crispr/{cell}.{table}.genes.tsv",
        figure=report(
            "results/figures/crispr/{cell}.{table}.png",
            caption="../report/crispr.rst",
            category="Discovery",
            labels={"figure": "scores of {table} against CRISPRi", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/crispr_scores.{cell}.{table}.log",
    benchmark:
        "results/benchmarks/crispr_scores/{cell}.{table}.jsonl"
    wildcard_constraints:
        table=one_of(SCORE_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 8000),
        runtime="1h",
    params:
        scores=discovered_links,
        cells=lambda wildcards: crispr_cells(wildcards.cell),
        reference=lambda wildcards: (
            repeat("reference", TABLES[wildcards.table]["reference"])
            if "reference" in TABLES[wildcards.table]
            and SHEETS.published_as[wildcards.cell] == wildcards.cell
            else ""
        ),
    message:
        "Scores of table {wildcards.table} in {wildcards.cell} against CRISPRi"
    shell:
        "gexpipe discover crispri {params.scores} --abc {input.abc} --crispr {input.crispr}"
        " --genes {input.genes} {params.cells} {params.reference} --out {output.tsv}"
        " --by-gene {output.genes} --figure {output.figure} > {log} 2>&1"


rule screen_table:
    """A table of scores against CRISPRi, beside the published values."""
    input:
        lambda wildcards: told((wildcards.table,)),
        measured=lambda wildcards: expand(
            "results/crispr/{cell}.{table}.tsv",
            cell=STUDY.screened(wildcards.table),
            table=wildcards.table,
        ),
        genes=lambda wildcards: expand(
            "results/crispr/{cell}.{table}.genes.tsv",
            cell=STUDY.screened(wildcards.table),
            table=wildcards.table,
        ),
        published=local(str(locate(config["published"], BASE))),
    output:
        tsv="results/tables/{table}.tsv",
        md="results/tables/{table}.md",
        html=report(
            "results/tables/{table}.html",
            caption="../report/screen.rst",
            category="Discovery",
            labels={"table": "{table}", "form": "table"},
        ),
    log:
        "logs/discovery/screen.{table}.log",
    benchmark:
        "results/benchmarks/screen_table/{table}.jsonl"
    wildcard_constraints:
        table=one_of(SCREEN_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        measured=lambda wildcards, input: in_order("measured", wildcards.table, input.measured),
        genes=lambda wildcards, input: in_order("by-gene", wildcards.table, input.genes),
        cells=lambda wildcards: published_cells(wildcards.table),
        lines=lambda wildcards: lines(wildcards.table),
        title=lambda wildcards: TABLES[wildcards.table]["title"],
    message:
        "Table {wildcards.table}: scores against CRISPRi, beside the published values"
    shell:
        "gexpipe discover screen {params.measured} {params.genes} {params.cells}"
        " --published {input.published} --lines {params.lines:q} --title {params.title:q}"
        " --out {output.tsv} > {log} 2>&1"


rule weights:
    """The weights of the signals that Prism learned, drawn gene by gene."""
    input:
        checkpoint=first_checkpoint,
        sequence=store("results/windows/sequence.zarr"),
        signals=store("results/windows/{cell}.zarr"),
        examples="results/examples/{cell}.parquet",
    output:
        report(
            "results/figures/weights/{cell}.{method}.png",
            caption="../report/weights.rst",
            category="Discovery",
            labels={"figure": "learned weights of {method}", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/weights.{cell}.{method}.log",
    benchmark:
        "results/benchmarks/weights/{cell}.{method}.jsonl"
    wildcard_constraints:
        method=one_of(STUDY.showing("weights")),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 8000),
        runtime="30m",
    message:
        "Learned weights of {wildcards.method} in {wildcards.cell}"
    shell:
        "gexpipe discover weights --checkpoint {input.checkpoint} --sequence {input.sequence}"
        " --signals {input.signals} --examples {input.examples} --out {output}"
        " --threads {threads} > {log} 2>&1"


rule motifs:
    """Motifs that EPInformer's sequence encoder reads (extra: motifs)."""
    input:
        checkpoint=first_checkpoint,
        activity="results/abc/{cell}/elements.parquet",
        genome="resources/reference/genome.fa",
        examples="results/examples/{cell}.parquet",
        database=[local(path) for path in [config["discovery"].get("motifs")] if path],
        index=beside("resources/reference/genome.fa.fai"),
    output:
        tsv="results/motifs/{cell}/{method}.tsv",
        figure=report(
            "results/motifs/{cell}/{method}.png",
            caption="../report/motifs.rst",
            category="Discovery",
            labels={"figure": "motifs of {method}", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/motifs.{cell}.{method}.log",
    benchmark:
        "results/benchmarks/motifs/{cell}.{method}.jsonl"
    wildcard_constraints:
        method=one_of(STUDY.showing("motifs")),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 8000),
        runtime="4h",
    params:
        database=lambda wildcards, input: repeat("database", input.database),
    message:
        "Motifs that {wildcards.method} reads in {wildcards.cell}"
    shell:
        "gexpipe discover motifs --checkpoint {input.checkpoint} --activity {input.activity}"
        " --genome {input.genome} --examples {input.examples} {params.database}"
        " --out {output.tsv} --figure {output.figure} --threads {threads} > {log} 2>&1"


rule locus:
    """A gene's neighbourhood drawn: signals, contact, scores, known elements."""
    input:
        drawn_files,
        store=store("results/windows/{cell}.zarr"),
        genes="results/genes/genes.tsv",
        abc="results/abc/{cell}/predictions.parquet",
        crispr=lambda wildcards: cell_paths(wildcards.cell, "crispr", True),
    output:
        report(
            "results/figures/locus/{cell}/fold{fold}/{gene}.png",
            caption="../report/locus.rst",
            category="Discovery",
            labels={"figure": "locus of {gene}", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/locus.{cell}.fold{fold}.{gene}.log",
    benchmark:
        "results/benchmarks/locus/{cell}.fold{fold}.{gene}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 8000),
        runtime="1h",
    params:
        bases=lambda wildcards: named_links(drawn_bases(wildcards), "base"),
        scores=lambda wildcards: named_links(drawn(wildcards, "perturbation", "attention")),
        crispr=lambda wildcards, input: repeat("crispr", input.crispr),
        truth=repeat("truth", config["discovery"]["truth"] or []),
        cells=lambda wildcards: crispr_cells(wildcards.cell),
        length=min(100000, config["windows"]["length"]),
    message:
        "Locus of {wildcards.gene} in {wildcards.cell}, models of fold {wildcards.fold}"
    shell:
        "gexpipe discover locus {input.store} {wildcards.gene} --genes {input.genes}"
        " --length {params.length} {params.bases} {params.scores}"
        " --link 'ABC={input.abc}:abc_score' {params.crispr} {params.truth} {params.cells}"
        " --out {output} > {log} 2>&1"
