# What the trained models look at, beside experiments and as figures.


rule crispr_scores:
    input:
        discovered_files,
        abc="results/abc/{cell}/predictions.parquet",
        crispr=lambda wildcards: cell_paths(wildcards.cell, "crispr"),
        genes="results/genes/genes.tsv",
    output:
        tsv="results/crispr/{cell}.scores.tsv",
        figure=report(
            "results/figures/crispr/{cell}.png",
            caption="../report/crispr.rst",
            category="Discovery",
            labels={"figure": "scores against CRISPRi", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/crispr_scores.{cell}.log",
    benchmark:
        "results/benchmarks/crispr_scores/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 8000),
        runtime="1h",
    params:
        scores=lambda wildcards, input: named_links(discovered(wildcards.cell, input.abc)),
        cell_type=lambda wildcards: SHEETS.published_as[wildcards.cell],
    message:
        "Scores of every method in {wildcards.cell} against CRISPRi"
    shell:
        "gexpipe discover crispri {params.scores} --abc {input.abc} --crispr {input.crispr}"
        " --genes {input.genes} --cell {params.cell_type} --out {output.tsv}"
        " --figure {output.figure} > {log} 2>&1"


rule weights:
    input:
        checkpoint=lambda wildcards: "results/runs/{cell}/prism/fold{fold}/seed{seed}/best.ckpt".format(
            cell=wildcards.cell, fold=config["splits"]["fold"], seed=config["seeds"][0]
        ),
        sequence="results/windows/sequence.zarr/manifest.json",
        signals="results/windows/{cell}.zarr/manifest.json",
        examples="results/examples/{cell}.parquet",
    output:
        report(
            "results/figures/weights/{cell}.png",
            caption="../report/weights.rst",
            category="Discovery",
            labels={"figure": "learned weights of Prism", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/weights.{cell}.log",
    benchmark:
        "results/benchmarks/weights/{cell}.jsonl"
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 8000),
        runtime="30m",
    message:
        "Learned weights of Prism in {wildcards.cell}"
    shell:
        "gexpipe discover weights --checkpoint {input.checkpoint} --sequence {input.sequence}"
        " --signals {input.signals} --examples {input.examples} --out {output}"
        " --threads {threads} > {log} 2>&1"


rule motifs:
    input:
        checkpoint=lambda wildcards: "results/runs/{cell}/enhancer_encoder/fold{fold}/seed{seed}/best.ckpt".format(
            cell=wildcards.cell, fold=config["splits"]["fold"], seed=config["seeds"][0]
        ),
        activity="results/abc/{cell}/elements.parquet",
        genome="resources/reference/genome.fa",
        examples="results/examples/{cell}.parquet",
        database=config["discovery"].get("motifs") or [],
    output:
        tsv="results/motifs/{cell}/motifs.tsv",
        figure=report(
            "results/motifs/{cell}/motifs.png",
            caption="../report/motifs.rst",
            category="Discovery",
            labels={"figure": "motifs of the sequence encoder", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/motifs.{cell}.log",
    benchmark:
        "results/benchmarks/motifs/{cell}.jsonl"
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 8000),
        runtime="4h",
    params:
        database=lambda wildcards, input: repeat("database", input.database),
    message:
        "Motifs that the sequence encoder reads in {wildcards.cell}"
    shell:
        "gexpipe discover motifs --checkpoint {input.checkpoint} --activity {input.activity}"
        " --genome {input.genome} --examples {input.examples} {params.database}"
        " --out {output.tsv} --figure {output.figure} --threads {threads} > {log} 2>&1"


rule locus:
    input:
        discovered_files,
        store="results/windows/{cell}.zarr/manifest.json",
        genes="results/genes/genes.tsv",
        abc="results/abc/{cell}/predictions.parquet",
        crispr=lambda wildcards: cell_paths(wildcards.cell, "crispr", True),
    output:
        report(
            "results/figures/locus/{cell}/{gene}.png",
            caption="../report/locus.rst",
            category="Discovery",
            labels={"figure": "locus of {gene}", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/locus.{cell}.{gene}.log",
    benchmark:
        "results/benchmarks/locus/{cell}.{gene}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 8000),
        runtime="1h",
    params:
        scores=lambda wildcards, input: named_links(discovered(wildcards.cell, input.abc)),
        crispr=lambda wildcards, input: repeat("crispr", input.crispr),
        cell_type=lambda wildcards: SHEETS.published_as[wildcards.cell],
        length=min(100000, config["windows"]["length"]),
    message:
        "Locus of {wildcards.gene} in {wildcards.cell}"
    shell:
        "gexpipe discover locus {input.store} {wildcards.gene} --genes {input.genes}"
        " --length {params.length} {params.scores} --link 'ABC={input.abc}:abc_score'"
        " {params.crispr} --cell {params.cell_type} --out {output} > {log} 2>&1"
