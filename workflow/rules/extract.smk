# Expression models of others: what they say at every TSS, and methods that read it.


rule extract:
    """What a model of others says at every TSS; of a genome and its genes, of no cell type."""
    input:
        extractor_inputs,
        fasta="resources/reference/genome.fa",
        index="resources/reference/genome.fa.fai",
        genes="results/genes/genes.tsv",
    output:
        written_store("results/extracted/{extractor}.zarr"),
    log:
        "logs/extract/{extractor}.log",
    benchmark:
        "results/benchmarks/extract/{extractor}.jsonl"
    wildcard_constraints:
        extractor=one_of(config["extractors"]),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(2, 24000),
        runtime="2d",
    params:
        extractor=lambda wildcards: json.dumps(
            config["extractors"][wildcards.extractor], sort_keys=True
        ),
        # Of a model outside this package: edited, it is another one.
        source=lambda wildcards: extractor_source(
            wildcards.extractor, config["extractors"][wildcards.extractor]
        ),
    message:
        "Ask {wildcards.extractor} about every gene"
    shell:
        "gexpipe extract --name {wildcards.extractor} --extractor {params.extractor:q}"
        " --fasta {input.fasta} --genes {input.genes} --threads {threads} --out {output}"
        " 2>&1 | tee {log}"


rule extracted:
    """Predictions of a method that reads it: zero-shot, or ridge regression."""
    input:
        store=extracted_store,
        examples=trainable_table,
    output:
        "results/runs/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet",
    log:
        "logs/train/{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/extracted/{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        method=one_of(STUDY.reading("extracted")),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 8000),
        runtime="2h",
    params:
        method=lambda wildcards: untrained_method(wildcards),
        cell=lambda wildcards: SHEETS.stands_for[wildcards.cell],
    message:
        "Fit {wildcards.method} on {wildcards.cell}, fold {wildcards.fold}, seed {wildcards.seed}"
    shell:
        "gexpipe baseline extracted --method {params.method:q} --store {input.store}"
        " --examples {input.examples} --cell {params.cell:q} --fold {wildcards.fold}"
        " --out {output} 2>&1 | tee {log}"
