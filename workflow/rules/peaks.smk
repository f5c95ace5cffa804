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
    wildcard_constraints:
        cell=one_of([cell for cell in SHEETS.assembly if cell not in PEAKED]),
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


rule given_peaks:
    """Peaks of the sheet, in the place of MACS3's."""
    input:
        peaks=lambda wildcards: cell_paths(wildcards.cell, "peaks"),
        sizes=CHROM_SIZES,
    output:
        peaks="results/peaks/{cell}/peaks.narrowPeak",
        record="results/peaks/{cell}/peaks.json",
    log:
        "logs/peaks/{cell}.log",
    benchmark:
        "results/benchmarks/given_peaks/{cell}.jsonl"
    wildcard_constraints:
        cell=one_of(PEAKED),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 2000),
        runtime="30m",
    params:
        expected=config["peaks"]["expected"],
    message:
        "Peaks of {wildcards.cell}, as they are given"
    shell:
        "gexpipe peaks given --peaks {input.peaks} --chrom-sizes {input.sizes}"
        " --expected {params.expected} --out {output.peaks} > {log} 2>&1"


# Their summits are the middle of the bins that EPInformer's sequence encoder is trained on.
use rule peaks as h3k27ac_peaks with:
    input:
        bams=h3k27ac_to_peak,
        indices=lambda wildcards: bam_indices(h3k27ac_to_peak(wildcards)),
        check="results/checks/{cell}.json",
    output:
        peaks="results/peaks/{cell}/h3k27ac.narrowPeak",
        record="results/peaks/{cell}/h3k27ac.json",
    log:
        "logs/peaks/h3k27ac.{cell}.log",
    benchmark:
        "results/benchmarks/h3k27ac_peaks/{cell}.jsonl"
    wildcard_constraints:
        cell=one_of([cell for cell in SHEETS.assembly if cell not in MARKED]),
    params:
        bams=lambda wildcards, input: repeat("bam", input.bams),
        pvalue=config["summits"]["pvalue"],
        shift=0,
        extsize=config["summits"]["extsize"],
        genome_size=config["peaks"]["genome_size"],
        pairs=config["peaks"]["pairs"],
        expected=config["peaks"]["expected"],
    message:
        "MACS3 peaks of H3K27ac of {wildcards.cell}"


use rule given_peaks as given_h3k27ac_peaks with:
    input:
        peaks=lambda wildcards: cell_paths(wildcards.cell, "h3k27ac_peaks"),
        sizes=CHROM_SIZES,
    output:
        peaks="results/peaks/{cell}/h3k27ac.narrowPeak",
        record="results/peaks/{cell}/h3k27ac.json",
    log:
        "logs/peaks/h3k27ac.{cell}.log",
    benchmark:
        "results/benchmarks/given_h3k27ac_peaks/{cell}.jsonl"
    wildcard_constraints:
        cell=one_of(MARKED),
    message:
        "Peaks of H3K27ac of {wildcards.cell}, as they are given"


rule pseudobulk:
    """Tn5 insertions of a cell type, from single-cell fragments."""
    input:
        fragments=lambda wildcards: fragments_row(wildcards).path,
        barcodes=fragment_barcodes,
        sizes=CHROM_SIZES,
    output:
        tags="resources/pseudobulk/{cell}.{name}.tagAlign.gz",
        record="resources/pseudobulk/{cell}.{name}.tagAlign.gz.json",
    log:
        "logs/peaks/pseudobulk.{cell}.{name}.log",
    benchmark:
        "results/benchmarks/pseudobulk/{cell}.{name}.jsonl"
    wildcard_constraints:
        name=one_of(row.accession for row in SHEETS.by_path.values() if row.format == "fragments"),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(0.001, 4000),
        runtime="4h",
    params:
        barcodes=lambda wildcards, input: (
            f"{repeat('barcodes', input.barcodes)} {repeat('cell', wildcards.cell)}"
            if input.barcodes
            else ""
        ),
    message:
        "Insertions of {wildcards.cell} from the fragments {wildcards.name}"
    shell:
        "gexpipe peaks fragments --fragments {input.fragments} --chrom-sizes {input.sizes}"
        " {params.barcodes} --out {output.tags} 2>&1 | tee {log}"


rule pseudobulk_signal:
    """The accessibility signal of a cell type that has single-cell fragments."""
    input:
        tags=lambda wildcards: cell_paths(wildcards.cell, "atac_fragments"),
        sizes=CHROM_SIZES,
    output:
        "resources/pseudobulk/{cell}.bigWig",
    log:
        "logs/peaks/pseudobulk_signal.{cell}.log",
    benchmark:
        "results/benchmarks/pseudobulk_signal/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(20, 8000),
        runtime="4h",
    params:
        tags=lambda wildcards, input: repeat("tags", input.tags),
    message:
        "Accessibility signal of {wildcards.cell} from its fragments"
    shell:
        "gexpipe peaks coverage {params.tags} --chrom-sizes {input.sizes} --out {output} > {log} 2>&1"
