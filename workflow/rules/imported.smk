# Files of an imported archive, in the place of those that the workflow would make.


if PREPARED and STORED:
    raise WorkflowError(
        f"{PREPARED.folder}: prepared data are taken into folders, not into a default storage; run "
        "without --default-storage-provider, or without importing them"
    )

if PREPARED:

    if workflow.is_main_process:  # not in each job
        logger.info(
            f"{PREPARED.folder}: prepared data of {', '.join(PREPARED.cells)} are read, not made"
        )

    # Before every rule that would make one of its files.
    ruleorder: imported > genome > genes > mrna > splits > quality_table > quality
    ruleorder: imported > target > named_target > candidates > activity > activity_from_counts
    ruleorder: imported > scores > peaks > elements > element_store > examples > named_examples
    ruleorder: imported > sequence_store > signal_store > gta_genes > bin_features > prompts
    ruleorder: imported > bin_signals > geuvadis > given_peaks
    ruleorder: imported > activity_from_lists > scores_from_predictions

    localrules:
        imported,

    rule imported:
        """A file of imported data, its checksum compared."""
        input:
            lambda wildcards: PREPARED.source(wildcards.path),
        output:
            "{path}",
        log:
            "logs/imported/{path}.log",
        benchmark:
            "results/benchmarks/imported/{path}.jsonl"
        wildcard_constraints:
            path=one_of(PREPARED.offers),
        conda:
            "../envs/prepare.yaml"
        threads: 1
        resources:
            mem_mb=growing(0.001, 1000),
            runtime="2h",
        params:
            folder=str(PREPARED.folder),
            sha256=lambda wildcards: PREPARED.sums[wildcards.path],
        message:
            "Take {wildcards.path} from the imported data"
        shell:
            "gexpipe import {params.folder:q} --only {wildcards.path:q} > {log} 2>&1"
