# Activity-by-Contact: candidate elements, their activity, element-gene scores, EPInformer's elements.


rule candidates:
    """Candidate elements of a cell type: peaks resized, the strongest by reads, promoters."""
    input:
        peaks="results/peaks/{cell}/peaks.narrowPeak",
        bams=accessibility_bams,
        indices=lambda wildcards: bam_indices(accessibility_bams(wildcards)),
        genes="results/genes/genes.tsv",
        sizes=CHROM_SIZES,
        blacklist=optional_reference("blacklist"),
        check=reference_check(),
    output:
        "results/abc/{cell}/candidates.bed",
    log:
        "logs/abc/candidates.{cell}.log",
    benchmark:
        "results/benchmarks/candidates/{cell}.jsonl"
    wildcard_constraints:
        cell=one_of([cell for cell in SHEETS.assembly if cell not in LISTED]),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("candidates"),
        runtime=lasting("candidates"),
    params:
        bams=lambda wildcards, input: repeat("bam", input.bams),
        blacklist=lambda wildcards, input: repeat("blacklist", input.blacklist),
        n_strongest=config["abc"]["n_strongest"],
        summit_extend=config["abc"]["extend"],
        promoter_extend=config["abc"]["promoter_extend"],
        double_sex="--double-sex" if config["abc"]["double_sex"] else "",
    message:
        "Candidate elements of {wildcards.cell}"
    shell:
        "gexpipe abc candidates --peaks {input.peaks} {params.bams} --genes {input.genes}"
        " --chrom-sizes {input.sizes} {params.blacklist} --n-strongest {params.n_strongest}"
        " --extend {params.summit_extend} --promoter-extend {params.promoter_extend}"
        " {params.double_sex}"
        " --out {output} > {log} 2>&1"


rule activity:
    """Reads in elements and at promoters, from alignments, as ABC's activity."""
    input:
        candidates="results/abc/{cell}/candidates.bed",
        genes="results/genes/genes.tsv",
        sizes=CHROM_SIZES,
        accessibility=accessibility_bams,
        h3k27ac=h3k27ac_bams,
        indices=lambda wildcards: bam_indices(
            accessibility_bams(wildcards) + h3k27ac_bams(wildcards)
        ),
        qnorm=quantile_reference,
    output:
        elements="results/abc/{cell}/elements.parquet",
        genes="results/abc/{cell}/genes.parquet",
        quality="results/abc/{cell}/quality.json",
    log:
        "logs/abc/activity.{cell}.log",
    benchmark:
        "results/benchmarks/activity/{cell}.jsonl"
    wildcard_constraints:
        cell=one_of(ALIGNED),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("activity"),
        runtime=lasting("activity"),
    params:
        accessibility=lambda wildcards, input: repeat("dnase", input.accessibility),
        h3k27ac=lambda wildcards, input: repeat("h3k27ac", input.h3k27ac),
        qnorm=lambda wildcards, input: repeat("qnorm-reference", input.qnorm),
        tss_slop=config["abc"]["tss_slop"],
        largest_share=config["abc"]["largest_share"],
        double_sex="--double-sex" if config["abc"]["double_sex"] else "",
    message:
        "Activity of the elements and promoters of {wildcards.cell}"
    shell:
        "gexpipe abc activity --candidates {input.candidates} --genes {input.genes}"
        " --chrom-sizes {input.sizes} {params.accessibility} {params.h3k27ac} {params.qnorm}"
        " --tss-slop {params.tss_slop} --largest-share {params.largest_share}"
        " {params.double_sex}"
        " --out-elements {output.elements} --out-genes {output.genes}"
        " --out-quality {output.quality} > {log} 2>&1"


rule summit_bins:
    """Bins around H3K27ac summits and their activity: a training set of EPInformer's encoder."""
    input:
        peaks="results/peaks/{cell}/h3k27ac.narrowPeak",
        accessibility=accessibility_bams,
        h3k27ac=h3k27ac_bams,
        indices=lambda wildcards: bam_indices(
            accessibility_bams(wildcards) + h3k27ac_bams(wildcards)
        ),
        sizes=CHROM_SIZES,
        blacklist=optional_reference("blacklist"),
    output:
        "results/abc/{cell}/summits/{summits}.parquet",
    log:
        "logs/abc/summit_bins.{cell}.{summits}.log",
    benchmark:
        "results/benchmarks/summit_bins/{cell}.{summits}.jsonl"
    wildcard_constraints:
        summits=one_of(config["summits"]["sets"]),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("activity"),
        runtime=lasting("activity"),
    params:
        accessibility=lambda wildcards, input: repeat("dnase", input.accessibility),
        h3k27ac=lambda wildcards, input: repeat("h3k27ac", input.h3k27ac),
        blacklist=lambda wildcards, input: repeat("blacklist", input.blacklist),
        bins=lambda wildcards: bin_options(config["summits"]["sets"][wildcards.summits]),
    message:
        "Bins around H3K27ac summits of {wildcards.cell}: {wildcards.summits}"
    shell:
        "gexpipe abc summit-bins --peaks {input.peaks} {params.accessibility} {params.h3k27ac}"
        " --chrom-sizes {input.sizes} {params.blacklist} {params.bins} --out {output}"
        " > {log} 2>&1"


rule activity_from_counts:
    """The same activity, from the count tables of a finished ABC run."""
    input:
        element_dnase=lambda wildcards: cell_paths(wildcards.cell, "element_dnase_counts"),
        element_h3k27ac=lambda wildcards: cell_paths(
            wildcards.cell, "element_h3k27ac_counts", optional=True
        ),
        promoter_dnase=lambda wildcards: cell_paths(wildcards.cell, "promoter_dnase_counts"),
        promoter_h3k27ac=lambda wildcards: cell_paths(
            wildcards.cell, "promoter_h3k27ac_counts", optional=True
        ),
        promoters=lambda wildcards: cell_paths(wildcards.cell, "promoter_regions"),
        genes="results/genes/genes.tsv",
        sizes=CHROM_SIZES,
        qnorm=quantile_reference,
    output:
        elements="results/abc/{cell}/elements.parquet",
        genes="results/abc/{cell}/genes.parquet",
        quality="results/abc/{cell}/quality.json",
    log:
        "logs/abc/activity.{cell}.log",
    benchmark:
        "results/benchmarks/activity_from_counts/{cell}.jsonl"
    wildcard_constraints:
        cell=one_of(COUNTED),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 4000),
        runtime="1h",
    params:
        counts=lambda wildcards, input: named_inputs(
            ["element_dnase", "promoter_dnase", "element_h3k27ac", "promoter_h3k27ac"], input
        ),
        qnorm=lambda wildcards, input: repeat("qnorm-reference", input.qnorm),
        tss_slop=config["abc"]["tss_slop"],
        largest_share=config["abc"]["largest_share"],
    message:
        "Activity of the elements and promoters of {wildcards.cell}, from count tables"
    shell:
        "gexpipe abc from-counts {params.counts} --promoters {input.promoters} {params.qnorm}"
        " --genes {input.genes} --chrom-sizes {input.sizes} --tss-slop {params.tss_slop}"
        " --largest-share {params.largest_share}"
        " --out-elements {output.elements} --out-genes {output.genes}"
        " --out-quality {output.quality} > {log} 2>&1"


rule activity_from_lists:
    """Candidates and activity, from the lists of a finished ABC run."""
    input:
        elements=lambda wildcards: cell_paths(wildcards.cell, "abc_elements"),
        activity=lambda wildcards: cell_paths(wildcards.cell, "abc_genes"),
        genes="results/genes/genes.tsv",
        sizes=CHROM_SIZES,
    output:
        candidates="results/abc/{cell}/candidates.bed",
        elements="results/abc/{cell}/elements.parquet",
        genes="results/abc/{cell}/genes.parquet",
        quality="results/abc/{cell}/quality.json",
    log:
        "logs/abc/activity.{cell}.log",
    benchmark:
        "results/benchmarks/activity_from_lists/{cell}.jsonl"
    wildcard_constraints:
        cell=one_of(LISTED),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 4000),
        runtime="1h",
    message:
        "Elements and activity of {wildcards.cell}, from ABC's lists"
    shell:
        "gexpipe abc from-lists --elements {input.elements} --activity {input.activity}"
        " --genes {input.genes} --chrom-sizes {input.sizes}"
        " --out-candidates {output.candidates} --out-elements {output.elements}"
        " --out-genes {output.genes} --out-quality {output.quality} > {log} 2>&1"


rule scores:
    """Activity-by-Contact scores of all element-gene pairs of a cell type."""
    input:
        elements="results/abc/{cell}/elements.parquet",
        genes="results/genes/genes.tsv",
        contacts=measured_contacts,
        note=contacts_note,
    output:
        "results/abc/{cell}/predictions.parquet",
    log:
        "logs/abc/scores.{cell}.log",
    benchmark:
        "results/benchmarks/scores/{cell}.jsonl"
    wildcard_constraints:
        cell=one_of([cell for cell in SHEETS.assembly if cell not in SCORED]),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("scores"),
        runtime=lasting("scores"),
    params:
        contacts=lambda wildcards, input: repeat("contacts", input.contacts),
        window=config["abc"]["window"],
        gamma=config["contact"]["gamma"],
        scale=config["contact"]["scale"],
        gamma_reference=config["contact"]["gamma_reference"],
        pseudocount_distance=config["contact"]["pseudocount_distance"],
    message:
        "ABC scores of {wildcards.cell}"
    shell:
        "gexpipe abc scores --elements {input.elements} --genes {input.genes}"
        " {params.contacts} --window {params.window} --gamma {params.gamma}"
        " --scale {params.scale} --gamma-reference {params.gamma_reference}"
        " --pseudocount-distance {params.pseudocount_distance} --out {output} > {log} 2>&1"


rule scores_from_predictions:
    """The scores of a finished ABC run, or EPInformer's links."""
    input:
        predictions=lambda wildcards: cell_paths(wildcards.cell, "abc_predictions"),
        elements="results/abc/{cell}/elements.parquet",
        genes="results/genes/genes.tsv",
    output:
        "results/abc/{cell}/predictions.parquet",
    log:
        "logs/abc/scores.{cell}.log",
    benchmark:
        "results/benchmarks/scores_from_predictions/{cell}.jsonl"
    wildcard_constraints:
        cell=one_of(SCORED),
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(25, 4000),
        runtime="2h",
    params:
        predictions=lambda wildcards, input: repeat("predictions", input.predictions),
        window=config["abc"]["window"],
    message:
        "Scores of {wildcards.cell}, from ABC's predictions"
    shell:
        "gexpipe abc from-predictions {params.predictions} --elements {input.elements}"
        " --genes {input.genes} --window {params.window} --out {output} > {log} 2>&1"


rule abc_files:
    """ABC scores as the files of ABC's own pipeline, with its names and columns."""
    input:
        predictions="results/abc/{cell}/predictions.parquet",
        elements="results/abc/{cell}/elements.parquet",
        activity="results/abc/{cell}/genes.parquet",
        genes="results/genes/genes.tsv",
        expression=lambda wildcards: cell_paths(wildcards.cell, "rnaseq", optional=True),
    output:
        every="results/abc/{cell}/Predictions/EnhancerPredictionsAllPutative.tsv.gz",
        silent="results/abc/{cell}/Predictions/EnhancerPredictionsAllPutativeNonExpressedGenes.tsv.gz",
        full="results/abc/{cell}/Predictions/EnhancerPredictionsFull.tsv",
        short="results/abc/{cell}/Predictions/EnhancerPredictions.tsv",
        pairs="results/abc/{cell}/Predictions/EnhancerPredictionsFull.bedpe",
        stats="results/abc/{cell}/Predictions/GenePredictionStats.tsv",
    log:
        "logs/abc/abc_files.{cell}.log",
    benchmark:
        "results/benchmarks/abc_files/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(8, 4000),
        runtime="6h",
    params:
        expression=lambda wildcards, input: repeat("expression", input.expression),
        threshold=config["abc"]["threshold"],
        folder=lambda wildcards, output: str(Path(output.every).parent),
    message:
        "ABC's own files of {wildcards.cell}"
    shell:
        "gexpipe abc export --predictions {input.predictions} --elements {input.elements}"
        " --activity {input.activity} --genes {input.genes} {params.expression}"
        " --cell {wildcards.cell} --threshold {params.threshold}"
        " --out-folder {params.folder} > {log} 2>&1"


rule elements:
    """The elements of each gene that EPInformer reads."""
    input:
        predictions="results/abc/{cell}/predictions.parquet",
        genes="results/genes/genes.tsv",
    output:
        "results/elements/{cell}.parquet",
    log:
        "logs/abc/elements.{cell}.log",
    benchmark:
        "results/benchmarks/elements/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=measured("elements"),
        runtime=lasting("elements"),
    params:
        min_distance=config["elements"]["min_distance"],
        max_distance=config["elements"]["max_distance"],
        max_elements=config["elements"]["max_elements"],
        slot=config["elements"]["slot"],
        farthest="blank" if config["elements"]["blank_farthest"] else "no-blank",
    message:
        "EPInformer's elements of {wildcards.cell}"
    shell:
        "gexpipe abc elements --predictions {input.predictions} --genes {input.genes}"
        " --min-distance {params.min_distance}"
        " --max-distance {params.max_distance} --max-elements {params.max_elements}"
        " --slot {params.slot} --{params.farthest}-farthest --out {output} > {log} 2>&1"


# The same from the TSS on, the gene's own promoter among them (inputs.own_promoter of a method); one
# at the farthest distance is an element like any other.
use rule elements as elements_from_tss with:
    output:
        "results/elements_from_tss/{cell}.parquet",
    log:
        "logs/abc/elements_from_tss.{cell}.log",
    benchmark:
        "results/benchmarks/elements_from_tss/{cell}.jsonl"
    params:
        min_distance=-1,  # exclusive
        max_distance=config["elements"]["max_distance"],
        max_elements=config["elements"]["max_elements"],
        slot=config["elements"]["slot"],
        farthest="no-blank",
    message:
        "EPInformer's elements of {wildcards.cell}, the promoters themselves among them"


rule quality:
    """Reads, peaks, elements and contact coverage of a cell type beside the expected ranges."""
    input:
        activity="results/abc/{cell}/quality.json",
        peaks=lambda wildcards: (
            [] if wildcards.cell not in ALIGNED else f"results/peaks/{wildcards.cell}/peaks.json"
        ),
        contacts=lambda wildcards: [
            path.replace(".npz", ".json") for path in [measured_contacts(wildcards)] if path
        ],
    output:
        "results/quality/{cell}.tsv",
    log:
        "logs/abc/quality.{cell}.log",
    benchmark:
        "results/benchmarks/quality/{cell}.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 2000),
        runtime="30m",
    params:
        peaks=lambda wildcards, input: repeat("peaks", input.peaks),
        contacts=lambda wildcards, input: repeat("contacts", input.contacts),
    message:
        "Quality of the preparation of {wildcards.cell}"
    shell:
        "gexpipe abc quality --activity {input.activity} {params.peaks} {params.contacts}"
        " --out {output} > {log} 2>&1"


rule quality_table:
    """The quality of all cell types in one table."""
    input:
        expand("results/quality/{cell}.tsv", cell=config["cells"]),
    output:
        "results/quality.tsv",
    log:
        "logs/abc/quality_table.log",
    benchmark:
        "results/benchmarks/quality_table/all.jsonl"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=growing(4, 2000),
        runtime="30m",
    params:
        cells=lambda wildcards, input: by_cell("cell", input),
    message:
        "Quality of the preparation of all cell types"
    shell:
        "gexpipe abc quality-table {params.cells} --out {output} > {log} 2>&1"
