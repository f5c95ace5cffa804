# Genome, genes and their TSS, mRNA features, splits, targets, and one early check of names.

from gexpipe.reference.folds import folds_of


localrules:
    genes,
    splits,
    mrna,
    target,
    named_target,
    agreement,
    examples,
    named_examples,
    check,
    check_reference,


FOLDS_OF = folds_of(config["splits"]["folds"], config["reference"]["assembly"])


rule lift:
    """A table of intervals carried over from another assembly."""
    input:
        table=lambda wildcards: SHEETS.lifted[wildcards.file].table,
        chain=lambda wildcards: SHEETS.chain(SHEETS.lifted[wildcards.file].assembly).path,
    output:
        table="resources/lifted/{file}",
        unmapped="resources/lifted/unmapped/{file}.tsv",
    log:
        "logs/reference/lift.{file}.log",
    benchmark:
        "results/benchmarks/lift/{file}.jsonl"
    wildcard_constraints:
        file=one_of(SHEETS.lifted),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 2000),
        runtime="1h",
    params:
        format=lambda wildcards: SHEETS.lifted[wildcards.file].format.replace("xlsx", "tsv"),
    message:
        "Carry {wildcards.file} over to the genome's assembly"
    shell:
        "gexpipe reference lift --table {input.table} --chain {input.chain}"
        " --format {params.format} --out {output.table} --unmapped {output.unmapped} > {log} 2>&1"


rule genome:
    """The genome decompressed and indexed, and its chromosome sizes."""
    input:
        lambda wildcards: reference_path("fasta"),
    output:
        fasta="resources/reference/genome.fa",
        index="resources/reference/genome.fa.fai",
        sizes="resources/reference/chrom.sizes",
    log:
        "logs/reference/genome.log",
    benchmark:
        "results/benchmarks/genome/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("genome"),
        runtime=lasting("genome"),
    message:
        "Decompress and index the genome"
    shell:
        "gexpipe reference genome --source {input} --fasta {output.fasta} --chrom-sizes {output.sizes}"
        " > {log} 2>&1"


rule genes:
    """The gene table: id, symbol, TSS, strand."""
    input:
        gene_source,
    output:
        "results/genes/genes.tsv",
    log:
        "logs/reference/genes.log",
    benchmark:
        "results/benchmarks/genes/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("genes"),
        runtime=lasting("genes"),
    params:
        source=config["genes"]["source"],
        chromosomes=repeat("chromosome", config["reference"]["chromosomes"]),
        tss=(
            f"--tss-column {config['genes']['tss_column']}"
            if config["genes"]["source"] == "table"
            else ""
        ),
    message:
        "Gene table: one TSS per gene"
    shell:
        "gexpipe reference genes --source {params.source} --table {input} {params.chromosomes}"
        " {params.tss} --out {output} > {log} 2>&1"


rule splits:
    """Which part every gene is of, in the twelve leave-chromosome-out folds."""
    input:
        genes="results/genes/genes.tsv",
        own=reference_path("splits") if FOLDS_OF == "file" else [],
    output:
        "results/genes/splits.tsv",
    log:
        "logs/reference/splits.log",
    benchmark:
        "results/benchmarks/splits/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 2000),
        runtime="15m",
    params:
        folds=lambda wildcards, input: repeat("own", input.own) or f"--folds {FOLDS_OF}",
    message:
        "Leave-chromosome-out folds"
    shell:
        "gexpipe reference splits --genes {input.genes} {params.folds} --out {output} > {log} 2>&1"


rule mrna:
    """The eight mRNA features of every gene."""
    input:
        table=mrna_source,
        genes="results/genes/genes.tsv",
        fasta=("resources/reference/genome.fa" if config["genes"]["mrna_features"] == "gtf" else []),
    output:
        "results/genes/mrna.tsv",
    log:
        "logs/reference/mrna.log",
    benchmark:
        "results/benchmarks/mrna/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("mrna"),
        runtime=lasting("mrna"),
    params:
        source=config["genes"]["mrna_features"],
        fasta=lambda wildcards, input: repeat("fasta", input.fasta),
    message:
        "The eight mRNA features"
    shell:
        "gexpipe reference mrna --source {params.source} --table {input.table}"
        " --genes {input.genes} {params.fasta} --out {output} > {log} 2>&1"


rule target:
    """The expression target of a cell type: from CAGE, RNA-seq or a published table."""
    input:
        files=target_files,
        genes="results/genes/genes.tsv",
    output:
        "results/targets/{cell}.tsv",
    log:
        "logs/reference/target.{cell}.log",
    benchmark:
        "results/benchmarks/target/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("target"),
        runtime=lasting("target"),
    params:
        files=lambda wildcards, input: repeat("file", input.files),
        source=lambda wildcards: target_settings(wildcards)["source"],
        column=lambda wildcards: target_settings(wildcards)["column"],
        window=lambda wildcards: target_settings(wildcards)["window"],
        strand=lambda wildcards: target_settings(wildcards)["strand"],
        transform=lambda wildcards: target_settings(wildcards)["transform"],
    message:
        "Expression target of {wildcards.cell}"
    shell:
        "gexpipe reference target --source {params.source} --genes {input.genes} {params.files}"
        " --column {params.column:q} --window {params.window} --strand {params.strand}"
        " --transform {params.transform} --out {output} > {log} 2>&1"


use rule target as named_target with:
    output:
        "results/targets/{cell}.{target}.tsv",
    log:
        "logs/reference/target.{cell}.{target}.log",
    benchmark:
        "results/benchmarks/named_target/{cell}.{target}.jsonl"
    wildcard_constraints:
        target=one_of(COMPUTED),
    message:
        "Target {wildcards.target} of {wildcards.cell}"


rule agreement:
    """CAGE beside RNA-seq, where a cell type has both."""
    input:
        cage=lambda wildcards: cell_paths(wildcards.cell, "cage"),
        rnaseq=lambda wildcards: cell_paths(wildcards.cell, "rnaseq"),
        genes="results/genes/genes.tsv",
    output:
        "results/targets/{cell}.agreement.json",
    log:
        "logs/reference/agreement.{cell}.log",
    benchmark:
        "results/benchmarks/agreement/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 4000),
        runtime="30m",
    params:
        cage=lambda wildcards, input: repeat("cage", input.cage),
        rnaseq=lambda wildcards, input: repeat("rnaseq", input.rnaseq),
        window=config["target"]["window"],
        strand=config["target"]["strand"],
    message:
        "CAGE of {wildcards.cell} beside its RNA-seq"
    shell:
        "gexpipe reference agreement --genes {input.genes} {params.cage} {params.rnaseq}"
        " --window {params.window} --strand {params.strand} --out {output} > {log} 2>&1"


rule examples:
    """The example table of a cell type: features, target and folds of every gene."""
    input:
        genes="results/genes/genes.tsv",
        splits="results/genes/splits.tsv",
        mrna="results/genes/mrna.tsv",
        target="results/targets/{cell}.tsv",
        activity="results/abc/{cell}/genes.parquet",
    output:
        "results/examples/{cell}.parquet",
    log:
        "logs/reference/examples.{cell}.log",
    benchmark:
        "results/benchmarks/examples/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 2000),
        runtime="15m",
    message:
        "Example table of {wildcards.cell}: features, target, folds"
    shell:
        "gexpipe reference examples --genes {input.genes} --splits {input.splits}"
        " --mrna {input.mrna} --target {input.target} --activity {input.activity}"
        " --out {output} > {log} 2>&1"


use rule examples as named_examples with:
    input:
        genes="results/genes/genes.tsv",
        splits="results/genes/splits.tsv",
        mrna="results/genes/mrna.tsv",
        target="results/targets/{cell}.{target}.tsv",
        activity="results/abc/{cell}/genes.parquet",
    output:
        "results/examples/{cell}.{target}.parquet",
    log:
        "logs/reference/examples.{cell}.{target}.log",
    benchmark:
        "results/benchmarks/named_examples/{cell}.{target}.jsonl"
    wildcard_constraints:
        target=one_of(COMPUTED),
    message:
        "Example table of {wildcards.cell} with target {wildcards.target}"


rule check:
    """Chromosome names and lengths of a cell type's files, compared with the genome's."""
    input:
        files=checked_paths,
        sizes=CHROM_SIZES,
    output:
        "results/checks/{cell}.json",
    log:
        "logs/reference/check.{cell}.log",
    benchmark:
        "results/benchmarks/check/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("check"),
        runtime=lasting("check"),
    params:
        files=lambda wildcards: repeat(
            "file",
            [
                f"{CHECKED_AS.get(row.format, row.format)}={here(row.ready)}"
                for row in checked_files(wildcards)
            ],
        ),
        chromosomes=repeat("chromosome", config["reference"]["chromosomes"]),
    message:
        "Check chromosome names and lengths of {wildcards.cell}"
    shell:
        "gexpipe check --chrom-sizes {input.sizes} {params.chromosomes} {params.files} --out {output}"
        " > {log} 2>&1"


rule check_reference:
    """The same of the files that belong to no cell type."""
    input:
        files=[row.ready for row in checked_reference()],
        sizes=CHROM_SIZES,
    output:
        "results/checks/reference_files.json",
    log:
        "logs/reference/check_reference.log",
    benchmark:
        "results/benchmarks/check_reference/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(1, 2000),
        runtime="30m",
    params:
        files=repeat("file", [f"{row.format}={here(row.ready)}" for row in checked_reference()]),
        chromosomes=repeat("chromosome", config["reference"]["chromosomes"]),
    message:
        "Check chromosome names of the blacklists"
    shell:
        "gexpipe check --chrom-sizes {input.sizes} {params.chromosomes} {params.files} --out {output}"
        " > {log} 2>&1"
