# What trained methods use, on a genome whose regulation is known (docs/stress.md).


localrules:
    stress_table,


rule stress_answers:
    """What a trained method says when the regulation of simulated genes is changed."""
    input:
        unpack(lambda wildcards: stress_files(wildcards, wildcards.cell)),
        unpack(stress_lender),
        checkpoint="results/runs/{cell}/{method}/fold{fold}/seed{seed}/best.ckpt",
    output:
        "results/stress/{cell}/{method}/fold{fold}/seed{seed}.tsv",
    log:
        "logs/stress/{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/stress_answers/{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        method=one_of(stress_methods()),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(1, 8000),
        runtime="2h",
    params:
        truth=config["discovery"]["truth"],
        data=lambda wildcards, input: named_inputs(stress_files(wildcards, wildcards.cell), input),
        other=lent,
    message:
        "Stress test of {wildcards.method} in {wildcards.cell}, seed {wildcards.seed}"
    shell:
        "gexpipe stress answers --checkpoint {input.checkpoint} {params.data} {params.other}"
        " --truth {params.truth} --cell {wildcards.cell} --fold {wildcards.fold}"
        " --out {output} --threads {threads} > {log} 2>&1"


rule stress_table:
    """One number and one picture a test, for every method of the configuration."""
    input:
        expand(
            "results/stress/{cell}/{method}/fold{fold}/seed{seed}.tsv",
            cell=STRESSED,
            method=stress_methods(),
            fold=config["splits"]["fold"],
            seed=config["seeds"],
        ),
    output:
        tsv="results/tables/stress.tsv",
        md="results/tables/stress.md",
        differences="results/tables/stress.differences.tsv",
        html=report(
            "results/tables/stress.html",
            caption="../report/stress.rst",
            category="Discovery",
            labels={"table": "stress", "form": "table"},
        ),
        figures=directory("results/figures/stress"),
    log:
        "logs/stress/table.log",
    benchmark:
        "results/benchmarks/stress_table/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        answers=lambda wildcards, input: repeat(
            "answered",
            [f"{':'.join(Path(path).parts[i] for i in (2, 3))}={path}" for path in input],
        ),
        labels=repeat("label", [f"{name}={METHODS[name]['label']}" for name in METHODS]),
        without=repeat("without", stress_skipped()),
    message:
        "Stress test: what the methods use"
    shell:
        "gexpipe stress table {params.answers} {params.labels} {params.without}"
        " --title 'Stress test: what methods use, where the truth is known'"
        " --out {output.tsv} --pictures {output.figures} > {log} 2>&1"
