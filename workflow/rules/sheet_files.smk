# Which files of the sheets a rule reads.


def bam_indices(paths):
    """Indices of the BAM files among some alignment files."""
    return [f"{path}.bai" for path in paths if path.endswith(".bam")]


def as_downloaded(wildcards):
    """The BAM as its portal has it, or as it was converted from CRAM."""
    path = f"resources/files/{wildcards.name}.bam"
    return path if path in SHEETS.by_path else f"resources/converted/{wildcards.name}.bam"


def accessibility_role(cell):
    """dnase_bam, or atac_bam or atac_fragments for a cell type that only has ATAC-seq."""
    roles = ["dnase_bam", "atac_bam", "atac_fragments"]
    return next((role for role in roles if cell_paths(cell, role, optional=True)), "atac_bam")


def accessibility_bams(wildcards):
    """DNase (or ATAC) alignments of a cell type."""
    found = cell_paths(wildcards.cell, accessibility_role(wildcards.cell), optional=True)
    if not found:
        raise UserError(
            f"cell {wildcards.cell!r} has no dnase_bam, atac_bam or atac_fragments row: activity "
            "needs one (or abc_elements and abc_genes), peaks too (or a row with role peaks)",
            config["files"],
        )
    return found


def h3k27ac_bams(wildcards):
    """H3K27ac alignments of a cell type, if any."""
    return cell_paths(wildcards.cell, "h3k27ac_bam", optional=True)


def h3k27ac_to_peak(wildcards):
    """H3K27ac alignments that peaks are called on."""
    found = h3k27ac_bams(wildcards)
    if not found:
        raise UserError(
            f"cell {wildcards.cell!r} has no h3k27ac_peaks or h3k27ac_bam row: a training set around "
            "H3K27ac summits needs one (or a method without inputs.summits)",
            config["files"],
        )
    return found


def cells_with(*roles):
    """Cells of the configuration that have a file of every one of these roles."""
    return [cell for cell in config["cells"] if all(cell_paths(cell, r, True) for r in roles)]


def signal_paths(cell):
    """Signal name -> local bigWig (or bigBed) of a cell type, in stored order."""
    return {name: signal_path(cell, role) for name, role in config["windows"]["signals"].items()}


def signal_path(cell, role):
    """The track of a role; of single-cell fragments, where there is no other accessibility."""
    single = role == "dnase_bigwig" and cell_paths(cell, "atac_fragments", optional=True)
    if single and not cell_paths(cell, role, optional=True):
        return f"resources/pseudobulk/{cell}.bigWig"
    return cell_paths(cell, role)[0]


def fragments_row(wildcards):
    """The row of the sheet that a pseudobulk is made of."""
    rows = SHEETS.cell_files(wildcards.cell, "atac_fragments")
    return next(row for row in rows if row.accession == wildcards.name)


def fragment_barcodes(wildcards):
    """The table that says which barcodes are of the cell type, if any."""
    row = SHEETS.barcodes_of(fragments_row(wildcards))
    return [row.path] if row else []


# What a file of some formats is when its chromosome names are compared.
CHECKED_AS = {"cram": "bam", "fragments": "tagAlign"}


def signal_rows(cell):
    """Rows of the sheet that `signal_paths` are made of."""
    roles = config["windows"]["signals"].values()
    return [row for role in roles for row in SHEETS.cell_files(cell, role, True)[:1]]


def checked_files(wildcards):
    """Every file of a cell type whose chromosome names can be compared."""
    cell = wildcards.cell
    # Of a cell type that starts from counts or lists, alignments are not read.
    aligned = [accessibility_role(cell), "h3k27ac_bam"] if cell in ALIGNED else []
    roles = [*aligned, "hic"]
    roles += config["windows"]["signals"].values()
    roles += ["cage"] if target_settings(wildcards)["source"] == "cage" else []
    return [row for role in dict.fromkeys(roles) for row in SHEETS.cell_files(cell, role, True)]


def checked_paths(wildcards):
    """Local paths of `checked_files`."""
    return [row.ready for row in checked_files(wildcards)]


def unrecorded():
    """Records, still to be made, of sheet files that are there without one."""
    there = [Path(path) for path in SHEETS.by_path if Path(path).exists()]
    records = [path.with_name(f"{path.name}.json") for path in there]
    return [str(record) for record in records if not record.exists()]


def reference_path(role):
    """Local path of a reference file."""
    return SHEETS.reference_file(role).ready


def optional_reference(role):
    """Local path of a reference file, as a list that is empty where the sheet has none."""
    row = SHEETS.find_reference(role)
    return [row.ready] if row else []


def checked_reference():
    """Interval files of the reference sheet whose chromosome names can be compared."""
    found = [SHEETS.find_reference(role) for role in ("blacklist", "mask_blacklist")]
    return [row for row in found if row]


def reference_check():
    """Record of the comparison of `checked_reference`, if there is anything to compare."""
    return ["results/checks/reference_files.json"] if checked_reference() else []


def mask_blacklist():
    """Blacklist of the window masks: its own row, else the one that ABC uses."""
    return optional_reference("mask_blacklist") or optional_reference("blacklist")


def gene_source(wildcards):
    """The file that the gene table is made from."""
    roles = {"table": "gene_table", "gtf": "gtf", "bed": "genes_bed"}
    return reference_path(roles[config["genes"]["source"]])


def mrna_source(wildcards):
    """The file that mRNA features are made from."""
    return reference_path("gene_table" if config["genes"]["mrna_features"] == "table" else "gtf")


def target_settings(wildcards):
    """A cell type's settings of a target: of the default one, or of one with a name."""
    name = getattr(wildcards, "target", None)
    target = config["targets"][name] if name else config["target"]
    return target_of(target, SHEETS, wildcards.cell)


def target_files(wildcards):
    """The file or files that a cell type's target is made from."""
    source = target_settings(wildcards)["source"]
    if source == "none":
        return []
    return reference_path("gene_table") if source == "table" else cell_paths(wildcards.cell, source)


def quantile_reference(wildcards):
    """ABC's quantile-normalisation reference, unless it is switched off."""
    return optional_reference("qnorm_reference") if config["abc"]["quantile_normalize"] else []


def contact_matrix(wildcards):
    """The contact matrix of a cell type, if any; balanced by FAN-C where the configuration says so."""
    if wildcards.cell in config["contact"]["balance"]:
        return f"resources/balanced/{wildcards.cell}.cool"
    return cell_paths(wildcards.cell, "hic", optional=True)


def average_contacts(wildcards):
    """Average Hi-C for a cell type without a matrix, where the reference sheet has it."""
    has_matrix = cell_paths(wildcards.cell, "hic", optional=True)
    return [] if has_matrix else optional_reference("average_hic")


def measured_contacts(wildcards):
    """Contact rows of a cell type that has a matrix or an average; else scores use the power law."""
    measured = cell_paths(wildcards.cell, "hic", optional=True) or average_contacts(wildcards)
    return f"results/contacts/{wildcards.cell}/rows.npz" if measured else []


def contacts_note(wildcards):
    """The record beside `measured_contacts`."""
    rows = measured_contacts(wildcards)
    return beside(rows.replace(".npz", ".json")) if rows else []


def gene_set(wildcards):
    """The file that names the genes of a table, as a list that is empty where all count."""
    role = TABLES[wildcards.table].get("genes")
    return optional_reference(role) if role else []


def predictor_files(wildcards):
    """Element-gene scores of others that a cell type's rows name."""
    return [path for path, _ in SHEETS.predictors(wildcards.cell).values()]


def predictor_options(wildcards):
    """``--predictor NAME=FILE`` or ``NAME=FILE:COLUMN`` of them."""
    given = SHEETS.predictors(wildcards.cell).items()
    items = [f"{name}={':'.join(filter(None, asked))}" for name, asked in given]
    return repeat("predictor", items)
