# One method on one cell type, one fold, one seed.


rule train:
    """One method on one cell type, one fold, one seed; continues where it was stopped."""
    input:
        unpack(training_data),
        examples=trainable_table,
        elements=element_store,
        mixed_signals=lambda wildcards: expand(
            store("results/windows/{cell}.zarr"), cell=mixed_cells(wildcards)
        ),
        mixed_examples=mixed_examples,
        start=start_checkpoint,
        language_model=language_model,
        index=genome_index,
    output:
        predictions="results/runs/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet",
        checkpoint="results/runs/{cell}/{method}/fold{fold}/seed{seed}/best.ckpt",
        history="results/runs/{cell}/{method}/fold{fold}/seed{seed}/history.csv",
        record="results/runs/{cell}/{method}/fold{fold}/seed{seed}/run.json",
    log:
        "logs/train/{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/train/{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        method=one_of(STUDY.networks),
    conda:
        "../envs/train.yaml"
    threads: train_threads
    resources:
        gpu=gpus(train_devices),
        gres=gres(train_devices),
        mem_mb=growing(1, 16000),
        runtime="2d",
    params:
        method=lambda wildcards: trained_method(wildcards),
        # Of a model outside this package: edited, it is another one and trained anew.
        source=lambda wildcards: STUDY.declared(wildcards.method).source,
        data=lambda wildcards, input: named_inputs(training_data(wildcards), input),
        elements=lambda wildcards, input: repeat("elements", input.elements),
        mixed=lambda wildcards, input: " ".join(
            [
                repeat("mixed-signals", input.mixed_signals),
                repeat("mixed-examples", input.mixed_examples),
            ]
        ),
        start=lambda wildcards, input: repeat("start-from", input.start),
        folder=lambda wildcards, output: str(Path(output.checkpoint).parent),
    message:
        "Train {wildcards.method} on {wildcards.cell}, fold {wildcards.fold}, seed {wildcards.seed}"
    shell:
        "gexpipe train {params.data} --examples {input.examples} {params.elements} {params.mixed}"
        " {params.start}"
        " --fold {wildcards.fold} --seed {wildcards.seed} --method {params.method:q}"
        " --replace --out {params.folder} 2>&1 | tee {log}"


rule baseline:
    """A linear, boosted or element-feature baseline on the example table."""
    input:
        unpack(trainable_tables),
    output:
        predictions="results/runs/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet",
    log:
        "logs/train/{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/baseline/{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        method=one_of(STUDY.baselines),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 4000),
        runtime="1h",
    params:
        model=lambda wildcards: TRAINED[wildcards.method]["architecture"],
        features=lambda wildcards: TRAINED[wildcards.method]["model"]["features"],
        tables=lambda wildcards, input: named_inputs(baseline_tables(wildcards), input),
    message:
        "Fit {wildcards.method} on {wildcards.cell}, fold {wildcards.fold}, seed {wildcards.seed}"
    shell:
        "gexpipe baseline train {params.tables} --model {params.model}"
        " --features {params.features} --fold {wildcards.fold} --seed {wildcards.seed}"
        " --out {output.predictions} 2>&1 | tee {log}"
