# Contact of every TSS bin with the bins around it, from one banded read per chromosome.


rule contacts:
    """Contact of every TSS with its surroundings: from a matrix, the average, or the power law."""
    input:
        matrix=contact_matrix,
        average=average_contacts,
        genes="results/genes/genes.tsv",
        sizes=CHROM_SIZES,
        check="results/checks/{cell}.json",
    output:
        rows="results/contacts/{cell}/rows.npz",
        record="results/contacts/{cell}/rows.json",
    log:
        "logs/contacts/{cell}.log",
    benchmark:
        "results/benchmarks/contacts/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("contacts"),
        runtime=lasting("contacts"),
    params:
        matrix=lambda wildcards, input: (
            repeat("matrix", input.matrix) or repeat("average", input.average) or "--powerlaw"
        ),
        resolution=config["contact"]["resolution"],
        max_distance=config["contact"]["max_distance"],
        normalization=repeat("normalization", config["contact"]["normalization"]),
    message:
        "Contact rows of {wildcards.cell}"
    shell:
        "gexpipe contacts rows {params.matrix} --genes {input.genes} --chrom-sizes {input.sizes}"
        " --resolution {params.resolution} --max-distance {params.max_distance}"
        " {params.normalization} --out {output.rows} > {log} 2>&1"


rule balance:
    """A matrix without usable balancing weights, balanced by FAN-C (extra)."""
    input:
        lambda wildcards: cell_paths(wildcards.cell, "hic"),
    output:
        "resources/balanced/{cell}.cool",
    log:
        "logs/contacts/balance.{cell}.log",
    benchmark:
        "results/benchmarks/balance/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 8000),
        runtime="24h",
    params:
        resolution=config["contact"]["resolution"],
    message:
        "Balance the matrix of {wildcards.cell} with FAN-C"
    shell:
        "gexpipe contacts balance --matrix {input} --resolution {params.resolution} --out {output}"
        " > {log} 2>&1"
