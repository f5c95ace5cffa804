# Every file of the sheets, from its portal or the mirror: verified, resumable, recorded.


localrules:
    download,


rule download:
    """One file of the sheets: fetched, verified, recorded."""
    output:
        # Not removed before a job: a file that is there and right is checked, not fetched again.
        file=update("resources/files/{file}"),
        record=update("resources/files/{file}.json"),
    log:
        "logs/download/{file}.log",
    benchmark:
        "results/benchmarks/download/{file}.jsonl"
    wildcard_constraints:
        file=one_of(Path(path).name for path in SHEETS.by_path),
    # What was fetched stays, so that a later try goes on there.
    retries: 2
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        downloads=1,
        mem_mb=growing(0, 500),
        runtime="12h",
    params:
        row=lambda wildcards: SHEETS.download_options(f"resources/files/{wildcards.file}"),
        # A user's own file that was edited or replaced is taken again, whatever its time says.
        content=lambda wildcards: SHEETS.content(f"resources/files/{wildcards.file}"),
        mirror=repeat(
            "mirror", [config["download"]["mirror"]] if config["download"]["mirror"] else []
        ),
        addresses=repeat(
            "address", [f"{a}={b}" for a, b in config["download"]["addresses"].items()]
        ),
        # Another choice checks the files that are there again; none is fetched for it.
        tries=config["download"]["tries"],
        policy=" ".join(
            f"--on-{what} {config['download'][f'on_{what}']}"
            for what in ("archived", "revoked", "assembly")
        ),
    message:
        "Download {wildcards.file}"
    shell:
        "gexpipe download {params.row} {params.mirror} {params.addresses}"
        " --tries {params.tries} {params.policy} --out {output.file} 2>&1 | tee {log}"
