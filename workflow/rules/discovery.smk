# What the trained models look at, and whether it is what acts.


localrules:
    discovery_table,
    hub,


rule element_scores:
    """How much a trained model looks at each element, by one kind of score."""
    input:
        checkpoint="results/runs/{cell}/{method}/fold{fold}/seed{seed}/best.ckpt",
        sequence=store("results/windows/sequence.zarr"),
        signals=store("results/windows/{cell}.zarr"),
        examples=example_table,
        elements=element_store,
        candidates=scored_elements,
    output:
        links="results/scores/{windows}/{cell}/{method}/fold{fold}/seed{seed}/{score}.parquet",
    log:
        "logs/discovery/{windows}.{score}.{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/element_scores/{windows}.{score}.{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        windows="own|shuffled",
        score="perturbation|attention",
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(1, 8000),
        runtime="4h",
    params:
        elements=lambda wildcards, input: repeat("elements", input.elements),
        bases=lambda wildcards, output: repeat("bases", output.get("bases", [])),
        shuffle=lambda wildcards: (
            f"--shuffle-windows {wildcards.seed}" if wildcards.windows == "shuffled" else ""
        ),
    message:
        "Score elements by {wildcards.score}, {wildcards.windows} windows: {wildcards.method}, {wildcards.cell}"
    shell:
        "gexpipe discover scores --checkpoint {input.checkpoint} --sequence {input.sequence}"
        " --signals {input.signals} --examples {input.examples} --candidates {input.candidates}"
        " {params.elements} --kind {wildcards.score} --fold {wildcards.fold} {params.shuffle}"
        " --links {output.links} {params.bases} --threads {threads} > {log} 2>&1"


use rule element_scores as base_scores with:
    output:
        links="results/scores/{windows}/{cell}/{method}/fold{fold}/seed{seed}/{score}.parquet",
        bases="results/scores/{windows}/{cell}/{method}/fold{fold}/seed{seed}/{score}.zarr.zip",
    benchmark:
        "results/benchmarks/base_scores/{windows}.{score}.{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        windows="own|shuffled",
        score=one_of(BASE_KINDS),


rule tracks:
    """Scores as BED, bedpe and bigWig for a genome browser."""
    input:
        links="results/scores/own/{cell}/{method}/fold{fold}/seed{seed}/{score}.parquet",
        genes="results/genes/genes.tsv",
        sizes=CHROM_SIZES,
    output:
        bed="results/tracks/{cell}/{method}.fold{fold}.seed{seed}.{score}.bed",
        bedpe="results/tracks/{cell}/{method}.fold{fold}.seed{seed}.{score}.bedpe",
    log:
        "logs/discovery/tracks.{cell}.{method}.fold{fold}.seed{seed}.{score}.log",
    benchmark:
        "results/benchmarks/tracks/{cell}.{method}.fold{fold}.seed{seed}.{score}.jsonl"
    wildcard_constraints:
        score="perturbation|attention",
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 4000),
        runtime="1h",
    params:
        bases=lambda wildcards, input: repeat("bases", input.get("bases", [])),
        bigwig=lambda wildcards, output: repeat("bigwig", output.get("bigwig", [])),
    message:
        "Browser tracks of {wildcards.score}: {wildcards.method}, {wildcards.cell}"
    shell:
        "gexpipe discover tracks --links {input.links} --genes {input.genes} --chrom-sizes {input.sizes}"
        " --bed {output.bed} --bedpe {output.bedpe} {params.bases} {params.bigwig} > {log} 2>&1"


use rule tracks as base_tracks with:
    input:
        links="results/scores/own/{cell}/{method}/fold{fold}/seed{seed}/{score}.parquet",
        bases="results/scores/own/{cell}/{method}/fold{fold}/seed{seed}/{score}.zarr.zip",
        genes="results/genes/genes.tsv",
        sizes=CHROM_SIZES,
    output:
        bed="results/tracks/{cell}/{method}.fold{fold}.seed{seed}.{score}.bed",
        bedpe="results/tracks/{cell}/{method}.fold{fold}.seed{seed}.{score}.bedpe",
        bigwig="results/tracks/{cell}/{method}.fold{fold}.seed{seed}.{score}.bw",
    benchmark:
        "results/benchmarks/base_tracks/{cell}/{method}.fold{fold}.seed{seed}.{score}.jsonl"
    wildcard_constraints:
        score=one_of(BASE_KINDS),


rule hub:
    """A track hub of all tracks."""
    input:
        [path for _, path in hub_tracks()],
        [f"{path.removesuffix('.bw')}.bedpe" for _, path in hub_tracks()],
    output:
        "results/tracks/hub.txt",
    log:
        "logs/discovery/hub.log",
    benchmark:
        "results/benchmarks/hub/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        tracks=repeat(
            "track",
            [f"{label}={path.removeprefix('results/tracks/')}" for label, path in hub_tracks()],
        ),
        assembly=config["reference"]["assembly"],
    message:
        "Track hub of the scores"
    shell:
        "gexpipe discover hub {params.tracks} --assembly {params.assembly:q} --out {output} > {log} 2>&1"


rule against_truth:
    """Scores against the planted truth of a simulated genome."""
    input:
        lambda wildcards: score_files(wildcards),
        examples="results/examples/{cell}.parquet",
        abc="results/abc/{cell}/predictions.parquet",
    output:
        "results/discovery/{table}/{cell}.fold{fold}.seed{seed}.tsv",
    log:
        "logs/discovery/truth.{table}.{cell}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/against_truth/{table}.{cell}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        table=one_of(TRUTH_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 4000),
        runtime="1h",
    params:
        truth=config["discovery"]["truth"],
        length=lambda wildcards: scored_window(wildcards.table),
        reach=2 * config["elements"]["max_distance"],
        scores=lambda wildcards: named_scores(wildcards),
    message:
        "Scores of {wildcards.cell} against the truth, fold {wildcards.fold}, seed {wildcards.seed}"
    shell:
        "gexpipe discover truth --folder {params.truth} --cell {wildcards.cell}"
        " --genes {input.examples} --fold {wildcards.fold} --length {params.length} --reach {params.reach}"
        " {params.scores} --link 'ABC={input.abc}:abc_score' --link 'Activity={input.abc}:activity'"
        " --link 'Distance={input.abc}:-distance' --out {output} > {log} 2>&1"


rule discovery_table:
    """A table of scores against the truth: mean and sd over runs, with controls."""
    input:
        lambda wildcards: told((wildcards.table,)),
        lambda wildcards: expand(
            "results/discovery/{table}/{cell}.fold{fold}.seed{seed}.tsv",
            table=wildcards.table,
            cell=PLANS[wildcards.table].cells,
            fold=PLANS[wildcards.table].folds,
            seed=PLANS[wildcards.table].seeds,
        ),
    output:
        tsv="results/tables/{table}.tsv",
        md="results/tables/{table}.md",
        html=report(
            "results/tables/{table}.html",
            caption="../report/discovery.rst",
            category="Discovery",
            labels={"table": "{table}", "form": "table"},
        ),
    log:
        "logs/discovery/table.{table}.log",
    benchmark:
        "results/benchmarks/discovery_table/{table}.jsonl"
    wildcard_constraints:
        table=one_of(TRUTH_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        files=lambda wildcards, input: repeat("measured", input),
        title=lambda wildcards: TABLES[wildcards.table]["title"],
    message:
        "Discovery of acting elements"
    shell:
        "gexpipe discover table {params.files} --title {params.title:q} --out {output.tsv}"
        " > {log} 2>&1"
