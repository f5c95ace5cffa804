# Where files lie when Snakemake is given a default storage (--default-storage-provider): what rules
# name is in the storage then, and jobs find copies of it. docs/clusters.md says how to run so.
STORED = workflow.storage_settings.default_storage_provider is not None

if STORED and workflow.is_main_process:
    logger.info(
        "default storage: costs.tsv and provenance.tsv are no part of `all`; they are made of files "
        "that only a run in a folder finds (docs/clusters.md)"
    )


def here(path):
    """Where a job finds a file that rules name ``path``, for commands that name it otherwise."""
    if not STORED:
        return path
    prefix = workflow.storage_settings.default_storage_prefix.rstrip("/")
    at = f"{prefix}/{path}" if prefix else path
    return str(workflow.storage_registry.default_storage_provider.object(at).local_path())


def store(folder):
    """What rules that read a store depend on: its manifest, written last; all of it in a storage."""
    return folder if STORED else f"{folder}/manifest.json"


def written_store(folder):
    """The same of the rule that writes it. A folder that is no output keeps parts that did not change."""
    return directory(folder) if STORED else f"{folder}/manifest.json"


def beside(*paths):
    """Files that lie beside what a rule reads and are looked for there; a storage has to be told."""
    return list(paths) if STORED else []


def notes(rows):
    """Notes of the downloads that some rows of the sheets are read from, as far as they are read."""
    return beside(*dict.fromkeys(f"{row.path}.json" for row in rows if row.ready == row.path))


def folders_only(wildcards):
    """No file: refuses, under a default storage, a table of what happens to lie in folders."""
    if STORED:
        raise UserError(
            "this table is made of what lies in folders, notes of downloads and benchmarks, not in a "
            "default storage: copy resources/ and results/ into a folder and run it there",
            "--default-storage-provider",
        )
    return []
