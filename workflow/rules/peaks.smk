# MACS3 peaks on pooled DNase (or ATAC) alignments.


rule cram_to_bam:
    """A CRAM file of the sheet as BAM."""
    input:
        cram="resources/files/{name}.cram",
        fasta="resources/reference/genome.fa",
    output:
        "resources/converted/{name}.bam",
    log:
        "logs/peaks/convert.{name}.log",
    benchmark:
        "results/benchmarks/cram_to_bam/{name}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(0.1, 2000),
        runtime="6h",
    message:
        "Convert {wildcards.name}.cram to BAM"
    shell:
        "gexpipe peaks convert --cram {input.cram} --fasta {input.fasta} --out {output}"
        " > {log} 2>&1"


# A file in order is linked, not copied.
rule sort_bam:
    """An alignment file of the sheet ordered by coordinate and indexed."""
    input:
        as_downloaded,
    output:
        bam="resources/bam/{name}.bam",
        index="resources/bam/{name}.bam.bai",
    log:
        "logs/peaks/sort.{name}.log",
    benchmark:
        "results/benchmarks/sort_bam/{name}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 4
    resources:
        mem_mb=measured("sort_bam"),
        runtime=lasting("sort_bam"),
    params:
        memory_mb=768,
    message:
        "Order and index {wildcards.name}.bam"
    shell:
        "gexpipe peaks sort --bam {input} --out {output.bam} --threads {threads}"
        " --memory-mb {params.memory_mb} > {log} 2>&1"


rule peaks:
    """MACS3 peaks of a cell type's pooled alignments."""
    input:
        bams=accessibility_bams,
        indices=lambda wildcards: bam_indices(accessibility_bams(wildcards)),
        check="results/checks/{cell}.json",
    output:
        peaks="results/peaks/{cell}/peaks.narrowPeak",
        record="results/peaks/{cell}/peaks.json",
    log:
        "logs/peaks/{cell}.log",
    benchmark:
        "results/benchmarks/peaks/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("peaks"),
        runtime=lasting("peaks"),
    params:
        bams=lambda wildcards, input: repeat("bam", input.bams),
        pvalue=config["peaks"]["pvalue"],
        shift=config["peaks"]["shift"],
        extsize=config["peaks"]["extsize"],
        genome_size=config["peaks"]["genome_size"],
        pairs=config["peaks"]["pairs"],
        expected=config["peaks"]["expected"],
    message:
        "MACS3 peaks of {wildcards.cell}"
    shell:
        "gexpipe peaks call {params.bams} --pvalue {params.pvalue} --shift {params.shift}"
        " --extsize {params.extsize} --genome-size {params.genome_size} --pairs {params.pairs}"
        " --expected {params.expected} --out {output.peaks} > {log} 2>&1"
