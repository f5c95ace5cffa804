# Methods that gexpipe does not train: their command is run, or their file read, and checked.


rule external:
    """Predictions that a method's own command or file delivers, checked."""
    input:
        unpack(external_files),
        examples=example_table,
    output:
        "results/runs/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet",
    log:
        "logs/train/{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/external/{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        method=one_of(STUDY.external),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 8000),
        runtime="1d",
    params:
        method=lambda wildcards: untrained_method(wildcards),
        paths=lambda wildcards: external_paths(wildcards),
        control="",
    message:
        "Ask {wildcards.method} for {wildcards.cell}, fold {wildcards.fold}, seed {wildcards.seed}"
    shell:
        "gexpipe external --method {params.method:q} --examples {input.examples} {params.paths}"
        " --cell {wildcards.cell:q} --fold {wildcards.fold} --seed {wildcards.seed}"
        " {params.control} --out {output} > {log} 2>&1"


use rule external as external_shuffled with:
    output:
        "results/shuffled/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet",
    log:
        "logs/evaluate/shuffled.{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/external_shuffled/{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    params:
        method=lambda wildcards: untrained_method(wildcards),
        paths=lambda wildcards: external_paths(wildcards),
        control=lambda wildcards: f"--exchange-windows {wildcards.seed}",
