# Benchmark tables beside the published values, controls, and figures.


localrules:
    metrics,
    shuffled_metrics,
    table,
    table_metrics,
    size_table,
    reproduced,
    table_figure,
    all_tables,
    controls,
    scatter,
    table_scatter,
    costs,
    provenance,
    front,


rule table_metrics:
    """Metrics of the runs of one table."""
    input:
        lambda wildcards: told((wildcards.table,)),
        predictions=lambda wildcards: PLANS[wildcards.table].predictions(),
        only=gene_set,
        genes=lambda wildcards: "results/genes/genes.tsv" if gene_set(wildcards) else [],
    output:
        "results/metrics/{table}.tsv",
    log:
        "logs/tables/metrics.{table}.log",
    benchmark:
        "results/benchmarks/table_metrics/{table}.jsonl"
    wildcard_constraints:
        table=one_of(RUN_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        files=lambda wildcards, input: repeat("predictions", input.predictions),
        only=lambda wildcards, input: repeat("only", input.only),
        genes=lambda wildcards, input: repeat("genes", input.genes),
        pool=lambda wildcards: " ".join(
            ["--pool"] * bool({"by_fold", "pooled"} & TABLES[wildcards.table].keys())
            + ["--ensemble"] * bool(TABLES[wildcards.table].get("ensemble"))
        ),
        bootstrap=lambda wildcards: repeat(
            "bootstrap", [n for n in [TABLES[wildcards.table].get("bootstrap")] if n]
        ),
    message:
        "Metrics of the runs of table {wildcards.table}"
    shell:
        "gexpipe tables metrics {params.files} {params.pool} {params.bootstrap} {params.only}"
        " {params.genes} --out {output} > {log} 2>&1"


rule table:
    """A table of the papers: mean and sd over runs beside the published values."""
    input:
        metrics="results/metrics/{table}.tsv",
        published=local(str(locate(config["published"], BASE))),
    output:
        tsv="results/tables/{table}.tsv",
        md="results/tables/{table}.md",
        html=report(
            "results/tables/{table}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "form": "table"},
        ),
    log:
        "logs/tables/{table}.log",
    benchmark:
        "results/benchmarks/table/{table}.jsonl"
    wildcard_constraints:
        table=one_of(RUN_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        lines=lambda wildcards: lines(wildcards.table),
        metrics=lambda wildcards: repeat("metric", TABLES[wildcards.table]["metrics"]),
        cells=lambda wildcards: published_cells(wildcards.table),
        title=lambda wildcards: TABLES[wildcards.table]["title"],
        folds=lambda wildcards: " ".join(
            f"--{option.replace('_', '-')}"
            for option in ("by_fold", "pooled")
            if TABLES[wildcards.table].get(option)
        ),
    message:
        "Table {wildcards.table}, beside the published values"
    shell:
        "gexpipe tables benchmark --metrics {input.metrics} --published {input.published}"
        " --lines {params.lines:q} {params.metrics} {params.cells} --title {params.title:q}"
        " {params.folds} --out {output.tsv} > {log} 2>&1"


rule parameters:
    """Parameter counts of the models of a table."""
    output:
        "results/metrics/parameters.{table}.tsv",
    log:
        "logs/tables/parameters.{table}.log",
    benchmark:
        "results/benchmarks/parameters/{table}.jsonl"
    wildcard_constraints:
        table=one_of(SIZE_TABLES),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 2000),
        runtime="15m",
    params:
        methods=lambda wildcards: json.dumps(PLANS[wildcards.table].settings, sort_keys=True),
    message:
        "Parameters of the models of table {wildcards.table}"
    shell:
        "gexpipe models --methods {params.methods:q} --out {output} > {log} 2>&1"


rule size_table:
    """A table of parameter counts beside the published ones."""
    input:
        counts="results/metrics/parameters.{table}.tsv",
        published=local(str(locate(config["published"], BASE))),
    output:
        tsv="results/tables/{table}.tsv",
        md="results/tables/{table}.md",
        html=report(
            "results/tables/{table}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "form": "table"},
        ),
    log:
        "logs/tables/{table}.log",
    benchmark:
        "results/benchmarks/size_table/{table}.jsonl"
    wildcard_constraints:
        table=one_of(SIZE_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        lines=lambda wildcards: lines(wildcards.table),
        title=lambda wildcards: TABLES[wildcards.table]["title"],
    message:
        "Table {wildcards.table}, beside the published values"
    shell:
        "gexpipe tables parameters --counts {input.counts} --published {input.published}"
        " --lines {params.lines:q} --title {params.title:q} --out {output.tsv} > {log} 2>&1"


rule long_range:
    """How far contact reaches, beside Prism's table 8."""
    input:
        stores=expand(store("results/windows/{cell}.zarr"), cell=config["cells"]),
        elements=expand("results/elements/{cell}.parquet", cell=config["cells"]),
        published=local(str(locate(config["published"], BASE))),
    output:
        tsv="results/tables/prism_table8.tsv",
        md="results/tables/prism_table8.md",
        html=report(
            "results/tables/prism_table8.html",
            caption="../report/long_range.rst",
            category="Tables",
            labels={"table": "prism_table8", "form": "table"},
        ),
    log:
        "logs/tables/long_range.log",
    benchmark:
        "results/benchmarks/long_range/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 4000),
        runtime="30m",
    params:
        stores=lambda wildcards, input: by_cell("store", input.stores),
        elements=lambda wildcards, input: by_cell("elements", input.elements),
        cells=repeat("cell", [f"{cell}={SHEETS.published_as[cell]}" for cell in config["cells"]]),
    message:
        "How far contact reaches, beside Prism's table 8"
    shell:
        "gexpipe windows long-range {params.stores} {params.elements} {params.cells}"
        " --published {input.published} --out {output.tsv} > {log} 2>&1"


rule paired:
    """Differences between all rows of a table, with intervals over genes."""
    input:
        lambda wildcards: PLANS[wildcards.table].predictions(),
    output:
        tsv="results/tables/{table}.paired.tsv",
        md="results/tables/{table}.paired.md",
        html="results/tables/{table}.paired.html",
    log:
        "logs/tables/paired.{table}.log",
    benchmark:
        "results/benchmarks/paired/{table}.jsonl"
    wildcard_constraints:
        table=one_of(RUN_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        files=lambda wildcards, input: repeat("predictions", input),
        lines=lambda wildcards: lines(wildcards.table),
    message:
        "Table {wildcards.table}: paired bootstrap between its rows"
    shell:
        "gexpipe tables paired {params.files} --lines {params.lines:q} --out {output.tsv}"
        " > {log} 2>&1"


rule table_figure:
    """A table drawn beside its published values."""
    input:
        "results/tables/{table}.tsv",
    output:
        report(
            "results/figures/tables/{table}.png",
            caption="../report/table_figure.rst",
            category="Tables",
            labels={"table": "{table}", "form": "figure"},
        ),
    log:
        "logs/tables/figure.{table}.log",
    benchmark:
        "results/benchmarks/table_figure/{table}.jsonl"
    wildcard_constraints:
        table=one_of(DRAWN_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        title=lambda wildcards: TABLES[wildcards.table]["title"],
        metric=lambda wildcards: TABLES[wildcards.table]["figure"]["metric"],
        x=lambda wildcards: repeat("x", TABLES[wildcards.table]["figure"].get("x", [])),
    message:
        "Figure of table {wildcards.table}"
    shell:
        "gexpipe tables figure --table {input} --metric {params.metric} --title {params.title:q}"
        " {params.x} --out {output} > {log} 2>&1"


rule all_tables:
    """All tables of the papers and their figures: results/tables/all."""
    input:
        expand("results/tables/{table}.tsv", table=STUDY.built),
        expand(
            "results/figures/tables/{table}.png",
            table=[name for name in STUDY.built if name in DRAWN_TABLES],
        ),
        figures_of_all(),
        "results/tables/prism_table8.tsv",
        "results/tables/published.tsv",
        lambda wildcards: told(tuple(name for name in STUDY.built if name not in SIZE_TABLES)),
    output:
        "results/tables/all",
    log:
        "logs/tables/all.log",
    benchmark:
        "results/benchmarks/all_tables/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        tables="\n".join(
            [
                *(f"{name}\t{TABLES[name]['title']}" for name in STUDY.built),
                "prism_table8\tHow far contact reaches (Prism, table 8)",
                "published\tEvery published number, and whether it is reproduced",
            ]
        ),
    message:
        "All tables"
    shell:
        "echo {params.tables:q} > {output} 2> {log}"


rule training_curves:
    """Error on the validation genes in the course of training, of every method of a cell type."""
    input:
        own_histories,
    output:
        report(
            "results/figures/training/{cell}.png",
            caption="../report/training.rst",
            category="Training",
            labels={"figure": "error in the course of training", "cell": "{cell}"},
        ),
    log:
        "logs/tables/training.{cell}.log",
    benchmark:
        "results/benchmarks/training_curves/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        histories=lambda wildcards, input: repeat(
            "history",
            [f"{METHODS[Path(path).parts[3]]['label']}={path}" for path in input],
        ),
    message:
        "Training curves of {wildcards.cell}"
    shell:
        "gexpipe tables curves {params.histories} --title {wildcards.cell:q} --out {output}"
        " > {log} 2>&1"


rule reproduced:
    """Every published number: computed here, left out, or what it needs."""
    input:
        tables=expand("results/tables/{table}.tsv", table=COMPARED_TABLES),
        published=local(str(locate(config["published"], BASE))),
    output:
        tsv="results/tables/published.tsv",
        md="results/tables/published.md",
        html=report(
            "results/tables/published.html",
            caption="../report/reproduced.rst",
            category="Tables",
            labels={"table": "every published number", "form": "table"},
        ),
    log:
        "logs/tables/reproduced.log",
    benchmark:
        "results/benchmarks/reproduced/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        tables=lambda wildcards, input: repeat(
            "table", [f"{Path(path).stem}={path}" for path in input.tables]
        ),
    message:
        "Every published number, and whether it is reproduced"
    shell:
        "gexpipe tables reproduced {params.tables} --published {input.published}"
        " --out {output.tsv} > {log} 2>&1"


rule controls:
    """Test error of every method, with shuffled windows, and of a linear model."""
    input:
        metrics="results/metrics/runs.tsv",
        shuffled="results/metrics/shuffled.tsv",
        # Named by the metrics: the interval of their difference is taken over genes.
        predictions=controlled_runs(
            "results/runs/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet"
        ),
        exchanged=controlled_runs(
            "results/shuffled/{cell}/{method}/fold{fold}/seed{seed}/predictions.parquet"
        ),
    output:
        tsv="results/tables/controls.tsv",
        md="results/tables/controls.md",
        html=report(
            "results/tables/controls.html",
            caption="../report/controls.rst",
            category="Tables",
            labels={"table": "controls", "form": "table"},
        ),
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
    """Predicted against observed expression of a method on a cell type."""
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


rule table_scatter:
    """Predicted against observed expression of one row of a table, all its folds together."""
    input:
        lambda wildcards: PLANS[wildcards.table].predictions(
            runs=[wildcards.method], cells=[wildcards.cell]
        ),
    output:
        report(
            "results/figures/scatter/{table}/{cell}.{method}.png",
            caption="../report/scatter.rst",
            category="Predicted against observed",
            labels={"cell": "{cell}", "method": "{method}, table {table}"},
        ),
    log:
        "logs/tables/scatter.{table}.{cell}.{method}.log",
    benchmark:
        "results/benchmarks/table_scatter/{table}.{cell}.{method}.jsonl"
    wildcard_constraints:
        table=one_of(RUN_TABLES),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 2000),
        runtime="15m",
    params:
        files=lambda wildcards, input: repeat("predictions", input),
        label=lambda wildcards: TRAINED[wildcards.method]["label"],
    message:
        "Predicted against observed: {wildcards.method}, {wildcards.cell}, table {wildcards.table}"
    shell:
        "gexpipe tables scatter {params.files} --title {params.label:q} --cell {wildcards.cell}"
        " --out {output} > {log} 2>&1"


rule costs:
    """Time and memory of every rule."""
    input:
        folders_only,
        "results/metrics/runs.tsv",
        "results/metrics/shuffled.tsv" if CONTROLLED else [],
    output:
        tsv="results/tables/costs.tsv",
        md="results/tables/costs.md",
        html=report(
            "results/tables/costs.html",
            caption="../report/costs.rst",
            category="Tables",
            labels={"table": "costs", "form": "table"},
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


rule provenance:
    """Where every file came from, with checksums, the configuration and versions."""
    input:
        folders_only,
        # Made last: then every file that was needed is there.
        table="results/tables/table1.tsv",
        quality="results/quality.tsv",
    output:
        tsv="results/provenance.tsv",
        json="results/provenance.json",
        html=report(
            "results/provenance.html",
            caption="../report/provenance.rst",
            category="Provenance",
            labels={"table": "provenance", "form": "table"},
        ),
    log:
        "logs/tables/provenance.log",
    benchmark:
        "results/benchmarks/provenance/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        files=repeat("file", [f"{path}={use}" for path, use in SHEETS.used_as().items()]),
        config=lambda wildcards: one_line(config),
    message:
        "Where every file came from"
    shell:
        "gexpipe tables provenance {params.files} --config {params.config:q} --out {output.tsv}"
        " > {log} 2>&1"


rule front:
    """The first page of a run: results/index.html, made last."""
    input:
        folders_only,
        # Listed on the page where they are.
        provenance="results/provenance.tsv",
        quality="results/quality.tsv",
        table="results/tables/table1.tsv",
        metrics="results/metrics/table1.tsv",
        predictions=PLANS["table1"].predictions(),
        controls="results/tables/controls.tsv" if CONTROLLED else [],
        costs="results/tables/costs.tsv",
        figures=scatters(),
        genes="results/genes/genes.tsv",
        stores=expand(store("results/windows/{cell}.zarr"), cell=drawn_cells()),
        links=expand("results/abc/{cell}/predictions.parquet", cell=drawn_cells(elements=True)),
    output:
        "results/index.html",
    log:
        "logs/tables/front.log",
    benchmark:
        "results/benchmarks/front/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 1000),
        runtime="15m",
    params:
        controls=lambda wildcards, input: repeat("controls", input.controls),
        figures=lambda wildcards, input: repeat("figure", input.figures),
        stores=repeat("store", expand("{cell}=results/windows/{cell}.zarr", cell=drawn_cells())),
        links=repeat(
            "links",
            expand(
                "{cell}=results/abc/{cell}/predictions.parquet", cell=drawn_cells(elements=True)
            ),
        ),
        truth=repeat("truth", config["discovery"]["truth"] or []),
        length=min(20000, config["windows"]["length"]),
    message:
        "The first page: {output}"
    shell:
        "gexpipe tables front --table {input.table} --metrics {input.metrics} {params.controls}"
        " --costs {input.costs} {params.figures} --genes {input.genes} {params.stores}"
        " {params.links} {params.truth} --length {params.length} --out {output} > {log} 2>&1"
