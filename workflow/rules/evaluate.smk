# Controls and metrics; metrics are computed only from per-gene predictions.


rule shuffled:
    """Predictions with every gene's window exchanged for another's: a control."""
    input:
        unpack(stores),
        checkpoint="results/runs/{cell}/{method}/fold{fold}/seed{seed}/best.ckpt",
        examples=example_table,
        elements=element_store,
        language_model=language_model,
    output:
        "results/shuffled/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet",
    log:
        "logs/evaluate/shuffled.{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/shuffled/{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        method=one_of(STUDY.networks),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(1, 8000),
        runtime="2h",
    params:
        data=lambda wildcards, input: named_inputs(stores(wildcards), input),
        elements=lambda wildcards, input: repeat("elements", input.elements),
    message:
        "Predict {wildcards.cell} with windows shuffled between genes: {wildcards.method}"
    shell:
        "gexpipe evaluate predict --checkpoint {input.checkpoint} {params.data}"
        " --examples {input.examples} {params.elements}"
        " --shuffle-windows {wildcards.seed} --out {output} > {log} 2>&1"


rule tested:
    """Predictions of a trained model from changed inputs, as a table asks for."""
    input:
        unpack(stores),
        checkpoint="results/runs/{cell}/{method}/fold{fold}/seed{seed}/best.ckpt",
        examples=example_table,
        elements=element_store,
        language_model=language_model,
    output:
        "results/tested/{test}/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet",
    log:
        "logs/evaluate/tested.{test}.{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/tested/{test}.{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        test=one_of(TESTS),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(1, 8000),
        runtime="2h",
    params:
        data=lambda wildcards, input: named_inputs(stores(wildcards), input),
        elements=lambda wildcards, input: repeat("elements", input.elements),
        change=lambda wildcards: changes(TESTS[wildcards.test]),
    message:
        "Predict {wildcards.cell} with changed inputs ({wildcards.test}): {wildcards.method}"
    shell:
        "gexpipe evaluate predict --checkpoint {input.checkpoint} {params.data}"
        " --examples {input.examples} {params.elements}"
        " {params.change} --out {output} > {log} 2>&1"


rule predicted:
    """Expression of a cell type by a model that was trained on another: it needs none of its own."""
    input:
        unpack(stores),
        checkpoint="results/runs/{trained_on}/{method}/fold{fold}/seed{seed}/best.ckpt",
        examples=example_table,
        elements=element_store,
        language_model=language_model,
    output:
        "results/predicted/{cell}/from_{trained_on}/{method}/fold{fold}/seed{seed}/predictions.parquet",
    log:
        "logs/evaluate/predicted.{cell}.from_{trained_on}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/predicted/{cell}.from_{trained_on}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        trained_on=one_of(SHEETS.assembly),
        method=one_of(name for name in TRAINED if name not in STUDY.baselines),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(1, 8000),
        runtime="2h",
    params:
        data=lambda wildcards, input: named_inputs(stores(wildcards), input),
        elements=lambda wildcards, input: repeat("elements", input.elements),
    message:
        "Predict {wildcards.cell} with {wildcards.method} trained on {wildcards.trained_on}"
    shell:
        "gexpipe evaluate predict --checkpoint {input.checkpoint} {params.data}"
        " --examples {input.examples} {params.elements}"
        " --split train --split valid --split test --out {output} > {log} 2>&1"


rule metrics:
    """Metrics of the runs of table 1, and with shuffled windows."""
    input:
        runs(
            "results/runs/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet",
            METHODS,
        ),
    output:
        "results/metrics/runs.tsv",
    log:
        "logs/evaluate/metrics.log",
    benchmark:
        "results/benchmarks/metrics/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 2000),
        runtime="30m",
    params:
        files=lambda wildcards, input: repeat("predictions", input),
    message:
        "Metrics of every run"
    shell:
        "gexpipe tables metrics {params.files} --split test --out {output} > {log} 2>&1"


use rule metrics as shuffled_metrics with:
    input:
        controlled_runs(
            "results/shuffled/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet"
        ),
    output:
        "results/metrics/shuffled.tsv",
    log:
        "logs/evaluate/shuffled_metrics.log",
    benchmark:
        "results/benchmarks/shuffled_metrics/all.jsonl"
    message:
        "Metrics of every run with shuffled windows"


rule crispr:
    """ABC scores against a CRISPRi benchmark."""
    input:
        predictor_files,
        predictions="results/abc/{cell}/predictions.parquet",
        crispr=lambda wildcards: cell_paths(wildcards.cell, "crispr"),
        genes="results/genes/genes.tsv",
    output:
        metrics="results/crispr/{cell}.tsv",
        curve="results/crispr/{cell}.curve.tsv",
    log:
        "logs/evaluate/crispr.{cell}.log",
    benchmark:
        "results/benchmarks/crispr/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 8000),
        runtime="1h",
    params:
        cells=lambda wildcards: crispr_cells(wildcards.cell),
        others=predictor_options,
    message:
        "ABC scores of {wildcards.cell} against CRISPRi"
    shell:
        "gexpipe evaluate crispr --predictions {input.predictions} --crispr {input.crispr}"
        " --genes {input.genes} {params.cells} {params.others} --out {output.metrics}"
        " --curve {output.curve} > {log} 2>&1"
