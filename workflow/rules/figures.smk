# What the trained models look at, beside experiments and as figures.


rule screen_workbook:
    """The pairs of Fulco et al. (2019), from their workbook."""
    input:
        "resources/files/{file}.xlsx",
    output:
        "resources/screens/{file}.tsv",
    log:
        "logs/discovery/screen_workbook.{file}.log",
    benchmark:
        "results/benchmarks/screen_workbook/{file}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(20, 2000),
        runtime="30m",
    message:
        "CRISPRi pairs of {wildcards.file}"
    shell:
        "gexpipe discover workbook {input} --out {output} > {log} 2>&1"


rule tested_regions:
    """Regions that CRISPRi tested, as the elements of their genes."""
    input:
        abc="results/abc/{cell}/predictions.parquet",
        crispr=screen_of,
        genes="results/genes/genes.tsv",
    output:
        "results/screened/{cell}.{table}.parquet",
    log:
        "logs/discovery/tested_regions.{cell}.{table}.log",
    benchmark:
        "results/benchmarks/tested_regions/{cell}.{table}.jsonl"
    wildcard_constraints:
        table=one_of(STUDY.tested),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 8000),
        runtime="1h",
    params:
        pairs=screen_options,
        slot=config["elements"]["slot"],
    message:
        "Regions of table {wildcards.table} that CRISPRi tested in {wildcards.cell}"
    shell:
        "gexpipe discover tested --abc {input.abc} --crispr {input.crispr} --genes {input.genes}"
        " {params.pairs} --slot {params.slot} --out {output} > {log} 2>&1"


use rule element_store as tested_store with:
    input:
        table="results/screened/{cell}.{table}.parquet",
        fasta="resources/reference/genome.fa",
        index="resources/reference/genome.fa.fai",
        genes="results/genes/genes.tsv",
    output:
        written_store("results/screened/{cell}.{table}.zarr"),
    log:
        "logs/windows/tested.{cell}.{table}.log",
    benchmark:
        "results/benchmarks/tested_store/{cell}.{table}.jsonl"
    wildcard_constraints:
        table=one_of(STUDY.tested),
    params:
        slot=config["elements"]["slot"],
        max_elements=0,
    message:
        "Bases of the regions that CRISPRi tested in {wildcards.cell}, table {wildcards.table}"


use rule element_scores as tested_scores with:
    input:
        checkpoint="results/runs/{cell}/{method}/fold{fold}/seed{seed}/best.ckpt",
        sequence=store("results/windows/sequence.zarr"),
        signals=store("results/windows/{cell}.zarr"),
        examples=example_table,
        elements=store("results/screened/{cell}.{windows}.zarr"),
        candidates="results/screened/{cell}.{windows}.parquet",
    output:
        links="results/scores/{windows}/{cell}/{method}/fold{fold}/seed{seed}/{score}.parquet",
    benchmark:
        "results/benchmarks/tested_scores/{windows}.{score}.{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        windows=one_of(STUDY.tested),
        score="perturbation|attention",
    message:
        "Score the regions of table {wildcards.windows} by {wildcards.score}: {wildcards.method}, {wildcards.cell}"


rule crispr_scores:
    """What models look at against CRISPRi, beside ABC, activity and distance."""
    input:
        discovered_files,
        predictor_files,
        elements=screen_elements,
        crispr=screen_of,
        genes="results/genes/genes.tsv",
    output:
        tsv="results/crispr/{cell}.{table}.tsv",
        genes="results/crispr/{cell}.{table}.genes.tsv",
        nominated="results/crispr/{cell}.{table}.nominated.tsv",
        pairs="results/crispr/{cell}.{table}.pairs.tsv",
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
        pairs=screen_options,
        others=predictor_options,
        elements=lambda wildcards: "regions" if wildcards.table in STUDY.tested else "abc",
    message:
        "Scores of table {wildcards.table} in {wildcards.cell} against CRISPRi"
    shell:
        "gexpipe discover crispri {params.scores} --{params.elements} {input.elements}"
        " --crispr {input.crispr} --genes {input.genes} {params.pairs} {params.others} --out {output.tsv}"
        " --by-gene {output.genes} --nominated {output.nominated} --pairs {output.pairs}"
        " --figure {output.figure} > {log} 2>&1"


rule screened_gene:
    """The tested elements of a gene: measured and predicted change, and what each score calls."""
    input:
        pairs="results/crispr/{cell}.{table}.pairs.tsv",
        genes="results/genes/genes.tsv",
    output:
        report(
            "results/figures/screened/{cell}.{table}/{gene}.png",
            caption="../report/screened.rst",
            category="Discovery",
            labels={"figure": "tested elements of {gene}, {table}", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/screened_gene.{cell}.{table}.{gene}.log",
    benchmark:
        "results/benchmarks/screened_gene/{cell}.{table}.{gene}.jsonl"
    wildcard_constraints:
        table=one_of(SCREEN_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 2000),
        runtime="30m",
    params:
        lost=lambda wildcards: repeat(
            "perturbation",
            sorted({line.label for line in runnable(wildcards.table, "perturbation")}),
        ),
        title=lambda wildcards: TABLES[wildcards.table]["title"],
    message:
        "Tested elements of {wildcards.gene} in {wildcards.cell}, table {wildcards.table}"
    shell:
        "gexpipe discover screened {input.pairs} {wildcards.gene} --genes {input.genes}"
        " {params.lost} --title {params.title:q} --out {output} > {log} 2>&1"


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
        nominated=lambda wildcards: expand(
            "results/crispr/{cell}.{table}.nominated.tsv",
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
        nominated=lambda wildcards, input: in_order("nominated", wildcards.table, input.nominated),
        cells=lambda wildcards: published_cells(wildcards.table),
        lines=lambda wildcards: lines(wildcards.table),
        title=lambda wildcards: TABLES[wildcards.table]["title"],
    message:
        "Table {wildcards.table}: scores against CRISPRi, beside the published values"
    shell:
        "gexpipe discover screen {params.measured} {params.genes} {params.nominated} {params.cells}"
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
        activity=lambda wildcards: training_data(wildcards)["activity"],
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
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(1, 8000),
        runtime="4h",
    params:
        database=lambda wildcards, input: repeat("database", input.database),
        attribution="--attribution gradient",
    message:
        "Motifs that {wildcards.method} reads in {wildcards.cell}"
    shell:
        "gexpipe discover motifs --checkpoint {input.checkpoint} --activity {input.activity}"
        " --genome {input.genome} --examples {input.examples} {params.database} {params.attribution}"
        " --out {output.tsv} --figure {output.figure} --threads {threads} > {log} 2>&1"


use rule motifs as deep_motifs with:
    output:
        tsv="results/motifs/{cell}/{method}.deeplift.tsv",
        figure=report(
            "results/motifs/{cell}/{method}.deeplift.png",
            caption="../report/motifs.rst",
            category="Discovery",
            labels={"figure": "motifs of {method}, DeepLIFT", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/deep_motifs.{cell}.{method}.log",
    benchmark:
        "results/benchmarks/deep_motifs/{cell}.{method}.jsonl"
    resources:
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(1, 8000),
        runtime="8h",
    params:
        database=lambda wildcards, input: repeat("database", input.database),
        attribution=f"--attribution deeplift --references {config['discovery']['references']}",
    message:
        "Motifs that {wildcards.method} reads in {wildcards.cell}, by DeepLIFT"


rule mutagenesis:
    """The enhancers of a gene, mutated base by base (extra: motifs)."""
    input:
        checkpoint=lambda wildcards: expand(
            "results/runs/{cell}/{method}/fold{fold}/seed{seed}/best.ckpt",
            seed=config["seeds"][0],
            **wildcards,
        ),
        genome="resources/reference/genome.fa",
        index=beside("resources/reference/genome.fa.fai"),
        genes="results/genes/genes.tsv",
        abc="results/abc/{cell}/predictions.parquet",
        crispr=lambda wildcards: cell_paths(wildcards.cell, "crispr", True),
        database=[local(path) for path in [config["discovery"].get("motifs")] if path],
    output:
        motifs="results/mutagenesis/{cell}/{method}/fold{fold}/{gene}.motifs.tsv",
        bases="results/mutagenesis/{cell}/{method}/fold{fold}/{gene}.bases.tsv",
        windows="results/mutagenesis/{cell}/{method}/fold{fold}/{gene}.windows.tsv",
        figure=report(
            "results/figures/mutagenesis/{cell}/{method}/fold{fold}/{gene}.png",
            caption="../report/mutagenesis.rst",
            category="Discovery",
            labels={"figure": "enhancers of {gene}, mutated", "cell": "{cell}"},
        ),
    log:
        "logs/discovery/mutagenesis.{cell}.{method}.fold{fold}.{gene}.log",
    benchmark:
        "results/benchmarks/mutagenesis/{cell}.{method}.fold{fold}.{gene}.jsonl"
    wildcard_constraints:
        method=one_of(STUDY.showing("motifs")),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 8000),
        runtime="1h",
    params:
        crispr=lambda wildcards, input: repeat("crispr", input.crispr),
        cells=lambda wildcards: crispr_cells(wildcards.cell),
        database=lambda wildcards, input: repeat("database", input.database),
        reach=config["elements"]["max_distance"],
    message:
        "Enhancers of {wildcards.gene} in {wildcards.cell}, mutated base by base: {wildcards.method}"
    shell:
        "gexpipe discover mutagenesis {wildcards.gene} --checkpoint {input.checkpoint}"
        " --genome {input.genome} --genes {input.genes} --abc {input.abc} {params.crispr}"
        " {params.cells} {params.database} --max-distance {params.reach} --out {output.motifs}"
        " --bases {output.bases} --windows {output.windows} --figure {output.figure}"
        " --threads {threads} > {log} 2>&1"


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
