# Benchmark tables beside the published values, controls, and figures.


localrules:
    metrics,
    shuffled_metrics,
    table,
    controls,
    scatter,
    costs,


rule table:
    input:
        metrics="results/metrics/runs.tsv",
        published=str(locate(config["published"], BASE)),
        declaration=f"{BASE}/config/tables/{{table}}.yaml",
    output:
        tsv="results/tables/{table}.tsv",
        md=report(
            "results/tables/{table}.md",
            caption="../report/table.rst",
            category="Tables",
        ),
    log:
        "logs/tables/{table}.log",
    benchmark:
        "results/benchmarks/table/{table}.jsonl"
    wildcard_constraints:
        table="|".join(TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        methods=labels(),
        cells=published_cells(),
    message:
        "Table {wildcards.table}, beside the published values"
    shell:
        "gexpipe tables benchmark --metrics {input.metrics} --published {input.published}"
        " --declaration {input.declaration} {params.methods} {params.cells} --out {output.tsv} > {log} 2>&1"


rule controls:
    input:
        metrics="results/metrics/runs.tsv",
        shuffled="results/metrics/shuffled.tsv",
    output:
        tsv="results/tables/controls.tsv",
        md="results/tables/controls.md",
    log:
        "logs/tables/controls.log",
    benchmark:
        "results/benchmarks/controls/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        methods=labels(),
    message:
        "Controls: the same models with windows shuffled between genes"
    shell:
        "gexpipe tables controls --metrics {input.metrics} --shuffled {input.shuffled}"
        " {params.methods} --out {output.tsv} > {log} 2>&1"


rule scatter:
    input:
        lambda wildcards: expand(
            "results/runs/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet",
            cell=wildcards.cell,
            method=wildcards.method,
            fold=config["splits"]["fold"],
            seed=config["seeds"],
        ),
    output:
        report(
            "results/figures/scatter/{cell}.{method}.png",
            caption="../report/scatter.rst",
            category="Predicted against observed",
            labels={"cell": "{cell}", "method": "{method}"},
        ),
    log:
        "logs/tables/scatter.{cell}.{method}.log",
    benchmark:
        "results/benchmarks/scatter/{cell}.{method}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 2000),
        runtime="15m",
    params:
        files=lambda wildcards, input: repeat("predictions", input),
        label=lambda wildcards: METHODS[wildcards.method]["label"],
    message:
        "Predicted against observed: {wildcards.method}, {wildcards.cell}"
    shell:
        "gexpipe tables scatter {params.files} --title {params.label:q} --cell {wildcards.cell}"
        " --out {output} > {log} 2>&1"


rule costs:
    input:
        "results/metrics/runs.tsv",
        "results/metrics/shuffled.tsv" if LEARNED else [],
    output:
        tsv="results/tables/costs.tsv",
        md=report(
            "results/tables/costs.md",
            caption="../report/costs.rst",
            category="Tables",
        ),
    log:
        "logs/tables/costs.log",
    benchmark:
        "results/benchmarks/costs/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 1000),
        runtime="15m",
    message:
        "Time and memory of every rule"
    shell:
        "gexpipe tables costs --benchmarks results/benchmarks --out {output.tsv} > {log} 2>&1"
