# Zarr stores of windows around each TSS. The manifest, written last, is what rules depend on.


rule sequence_store:
    """The window store of bases, which all cell types share."""
    input:
        fasta="resources/reference/genome.fa",
        index="resources/reference/genome.fa.fai",
        genes="results/genes/genes.tsv",
    output:
        written_store("results/windows/sequence.zarr"),
    log:
        "logs/windows/sequence.log",
    benchmark:
        "results/benchmarks/sequence_store/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 4
    resources:
        mem_mb=measured("sequence_store"),
        runtime=lasting("sequence_store"),
    params:
        length=config["windows"]["length"],
    message:
        "Base codes of every window"
    shell:
        "gexpipe windows sequence --fasta {input.fasta} --genes {input.genes}"
        " --length {params.length} --threads {threads} --out {output} > {log} 2>&1"


rule signal_store:
    """The window store of a cell type: signals, masks, contact."""
    input:
        signals=lambda wildcards: list(signal_paths(wildcards.cell).values()),
        genes="results/genes/genes.tsv",
        sizes=CHROM_SIZES,
        contacts="results/contacts/{cell}/rows.npz",
        contacts_note=beside("results/contacts/{cell}/rows.json"),
        peaks="results/peaks/{cell}/peaks.narrowPeak",
        elements="results/abc/{cell}/candidates.bed",
        blacklist=mask_blacklist(),
        notes=lambda wildcards: notes(signal_rows(wildcards.cell)),
    output:
        written_store("results/windows/{cell}.zarr"),
    log:
        "logs/windows/{cell}.log",
    benchmark:
        "results/benchmarks/signal_store/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 4
    resources:
        mem_mb=measured("signal_store"),
        runtime=lasting("signal_store"),
    params:
        signals=lambda wildcards: repeat(
            "signal",
            [f"{name}={here(path)}" for name, path in signal_paths(wildcards.cell).items()],
        ),
        blacklist=lambda wildcards, input: repeat("blacklist", input.blacklist),
        length=config["windows"]["length"],
        gamma=config["windows"]["contact_gamma"],
        coverage=config["windows"]["contact_coverage"],
    message:
        "Signals, masks and contact of every window of {wildcards.cell}"
    shell:
        "gexpipe windows signals {params.signals} --genes {input.genes} --chrom-sizes {input.sizes}"
        " --contacts {input.contacts} --peaks {input.peaks} --elements {input.elements}"
        " {params.blacklist} --length {params.length} --contact-gamma {params.gamma}"
        " --contact-coverage {params.coverage} --threads {threads} --out {output} > {log} 2>&1"


rule element_store:
    """The store of the elements' bases."""
    input:
        table="results/elements/{cell}.parquet",
        fasta="resources/reference/genome.fa",
        index="resources/reference/genome.fa.fai",
        genes="results/genes/genes.tsv",
    output:
        written_store("results/elements/{cell}.zarr"),
    log:
        "logs/windows/elements.{cell}.log",
    benchmark:
        "results/benchmarks/element_store/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("element_store"),
        runtime=lasting("element_store"),
    params:
        slot=config["elements"]["slot"],
        max_elements=config["elements"]["max_elements"],
    message:
        "Bases of the distinct elements of {wildcards.cell}"
    shell:
        "gexpipe windows elements --table {input.table} --fasta {input.fasta}"
        " --genes {input.genes} --slot {params.slot} --max-elements {params.max_elements}"
        " --out {output} > {log} 2>&1"


use rule element_store as element_store_from_tss with:
    input:
        table="results/elements_from_tss/{cell}.parquet",
        fasta="resources/reference/genome.fa",
        index="resources/reference/genome.fa.fai",
        genes="results/genes/genes.tsv",
    output:
        written_store("results/elements_from_tss/{cell}.zarr"),
    log:
        "logs/windows/elements_from_tss.{cell}.log",
    benchmark:
        "results/benchmarks/element_store_from_tss/{cell}.jsonl"
