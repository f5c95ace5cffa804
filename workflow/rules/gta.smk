# What GTA reads: features of bins around the TSS, prompts, the Geuvadis target, and stand-ins.


localrules:
    gta_genes,
    sei,
    prompts,
    geuvadis,


rule gta_genes:
    """The TSS that GTA's bins are centred on."""
    input:
        genes="results/genes/genes.tsv",
        gtf=tagged_models,
    output:
        "results/gta/genes.tsv",
    log:
        "logs/gta/genes.log",
    benchmark:
        "results/benchmarks/gta_genes/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 8000),
        runtime="30m",
    params:
        tss=repeat("tss", config["gta"]["tss"]),
        gtf=lambda wildcards, input: repeat("gtf", input.gtf),
    message:
        "TSS that the bins of GTA are centred on"
    shell:
        "gexpipe gta genes --genes {input.genes} {params.gtf} {params.tss} --out {output}"
        " > {log} 2>&1"


rule stand_ins:
    """A small random Sei and language model, for simulated genomes and tests."""
    output:
        sei=f"{STAND_INS}/sei_model.tar.gz",
        backbone=[f"{STAND_INS}/backbone/{name}" for name in STAND_IN_FILES],
    log:
        "logs/gta/stand_ins.log",
    benchmark:
        "results/benchmarks/stand_ins/all.jsonl"
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 2000),
        runtime="15m",
    params:
        seed=config["gta"]["stand_ins"],
        folder=lambda wildcards, output: Path(output.sei).parent,
    message:
        "Small random stand-ins for Sei and the language model"
    shell:
        "gexpipe gta stand-ins --seed {params.seed} --out {params.folder} > {log} 2>&1"


rule sei:
    """The two files of Sei's release that are read."""
    input:
        sei_archive,
    output:
        weights=f"{SEI}/sei.pth",
        projection=f"{SEI}/projvec_targets.npy",
    log:
        "logs/gta/sei.log",
    benchmark:
        "results/benchmarks/sei/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(0.1, 2000),
        runtime="1h",
    params:
        folder=lambda wildcards, output: Path(output.weights).parent,
    message:
        "Unpack Sei"
    shell:
        "gexpipe gta sei --archive {input} --out {params.folder} > {log} 2>&1"


rule bin_features:
    """Sei's features of the bins around every TSS."""
    input:
        unpack(extractor_files),
        fasta="resources/reference/genome.fa",
        index="resources/reference/genome.fa.fai",
        genes="results/gta/genes.tsv",
    output:
        written_store("results/gta/bins.zarr"),
    log:
        "logs/gta/bins.log",
    benchmark:
        "results/benchmarks/bin_features/all.jsonl"
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(2, 16000),
        runtime="1d",
    params:
        bins=config["gta"]["bins"],
        extractor=json.dumps(found_extractor(), sort_keys=True),
    message:
        "Features of the bins around every TSS"
    shell:
        "gexpipe gta features --fasta {input.fasta} --genes {input.genes} --bins {params.bins}"
        " --extractor {params.extractor:q} --threads {threads} --out {output} 2>&1 | tee {log}"


rule bin_signals:
    """Mean signals of a cell type over GTA's bins."""
    input:
        signals=lambda wildcards: list(signal_paths(wildcards.cell).values()),
        notes=lambda wildcards: notes(signal_rows(wildcards.cell)),
        genes="results/gta/genes.tsv",
        sizes=CHROM_SIZES,
    output:
        written_store("results/gta/signals/{cell}.zarr"),
    log:
        "logs/gta/signals.{cell}.log",
    benchmark:
        "results/benchmarks/bin_signals/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 8000),
        runtime="4h",
    params:
        signals=lambda wildcards: repeat(
            "signal",
            [f"{name}={here(path)}" for name, path in signal_paths(wildcards.cell).items()],
        ),
        bins=config["gta"]["bins"],
    message:
        "Mean signals of {wildcards.cell} over the bins"
    shell:
        "gexpipe gta signals {params.signals} --genes {input.genes} --chrom-sizes {input.sizes}"
        " --bins {params.bins} --out {output} > {log} 2>&1"


rule prompts:
    """NCBI's record of every gene as a prompt."""
    input:
        genes="results/genes/genes.tsv",
        info=lambda wildcards: reference_path("gene_info"),
        summaries=lambda wildcards: reference_path("gene_summary"),
    output:
        "results/gta/prompts/{cell}.parquet",
    log:
        "logs/gta/prompts.{cell}.log",
    benchmark:
        "results/benchmarks/prompts/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 4000),
        runtime="30m",
    params:
        cells=lambda wildcards: config["gta"]["words"].get(
            wildcards.cell, f"{wildcards.cell} cells"
        ),
    message:
        "NCBI's records of the genes as prompts, {wildcards.cell}"
    shell:
        "gexpipe gta prompts --genes {input.genes} --info {input.info}"
        " --summaries {input.summaries} --cells {params.cells:q} --out {output} > {log} 2>&1"


rule geuvadis:
    """GTA's example table: median expression over individuals, held-out genes."""
    input:
        table=lambda wildcards: cell_paths(wildcards.cell, "geuvadis"),
        genes="results/gta/genes.tsv",
        held_out=lambda wildcards: reference_path("held_out"),
        individuals=optional_reference("individuals"),
    output:
        "results/examples/{cell}.{target}.parquet",
    log:
        "logs/gta/geuvadis.{cell}.{target}.log",
    benchmark:
        "results/benchmarks/geuvadis/{cell}.{target}.jsonl"
    wildcard_constraints:
        target=one_of(GEUVADIS),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 4000),
        runtime="30m",
    params:
        individuals=lambda wildcards, input: repeat("individuals", input.individuals),
        transform=lambda wildcards: target_settings(wildcards)["transform"],
        tss=repeat("tss", config["gta"]["geuvadis"]["tss"]),
        validation=config["gta"]["geuvadis"]["validation"],
        seed=config["gta"]["geuvadis"]["seed"],
    message:
        "Median expression over individuals, {wildcards.cell}"
    shell:
        "gexpipe gta geuvadis --table {input.table} --genes {input.genes}"
        " --held-out {input.held_out} {params.individuals} --transform {params.transform}"
        " {params.tss} --validation {params.validation} --seed {params.seed} --out {output}"
        " > {log} 2>&1"


rule gta_attention:
    """Figures of what a trained GTA attends to and selects."""
    input:
        unpack(stores),
        checkpoint="results/runs/{cell}/{method}/fold{fold}/seed{seed}/best.ckpt",
        examples=example_table,
        language_model=language_model,
    output:
        attention=report(
            "results/figures/gta/{cell}/{method}.fold{fold}.seed{seed}.attention.png",
            caption="../report/gta_attention.rst",
            category="Discovery",
            labels={"figure": "text prototypes over bins: {method}", "cell": "{cell}"},
        ),
        heads=report(
            "results/figures/gta/{cell}/{method}.fold{fold}.seed{seed}.heads.png",
            caption="../report/gta_heads.rst",
            category="Discovery",
            labels={"figure": "what heads attend to: {method}", "cell": "{cell}"},
        ),
        selected=report(
            "results/figures/gta/{cell}/{method}.fold{fold}.seed{seed}.selected.png",
            caption="../report/gta_selected.rst",
            category="Discovery",
            labels={"figure": "bins that are selected: {method}", "cell": "{cell}"},
        ),
        numbers="results/figures/gta/{cell}/{method}.fold{fold}.seed{seed}.tsv",
    log:
        "logs/gta/attention.{cell}.{method}.fold{fold}.seed{seed}.log",
    benchmark:
        "results/benchmarks/gta_attention/{cell}.{method}.fold{fold}.seed{seed}.jsonl"
    wildcard_constraints:
        method=one_of(STUDY.reading("bins")),
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(1),
        gres=gres(1),
        mem_mb=growing(1, 16000),
        runtime="2h",
    params:
        data=lambda wildcards, input: named_inputs(stores(wildcards), input),
    message:
        "What GTA looks at: {wildcards.method}, {wildcards.cell}"
    shell:
        "gexpipe gta attention --checkpoint {input.checkpoint} {params.data}"
        " --examples {input.examples} --out {output.attention} --heads {output.heads}"
        " --selected {output.selected} --numbers {output.numbers} --threads {threads}"
        " > {log} 2>&1"
