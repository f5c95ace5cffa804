"""Sample and file sheets: the tables that say which cell types exist and which files they have."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gexpipe.config import load_yaml, validate
from gexpipe.download.archive import split_member
from gexpipe.download.portals import same_assembly
from gexpipe.errors import UserError, at_row
from gexpipe.records import content_key
from gexpipe.rows import read_rows

__all__ = [
    "EXTENSIONS",
    "NOT_PUBLISHED",
    "FileRow",
    "Sheets",
    "load_sheets",
    "locate",
    "read_sheet",
]

# File format -> extension of the local file. Gzipped text keeps its own magic bytes, not a name.
EXTENSIONS = {
    "bam": "bam",
    "cram": "cram",
    "tagAlign": "tagAlign.gz",
    "bigWig": "bigWig",
    "bigBed": "bigBed",
    "hic": "hic",
    "mcool": "mcool",
    "cool": "cool",
    "ctss": "ctss.bed.gz",
    "bed": "bed",
    "bedpe": "bedpe",
    "fragments": "fragments.tsv.gz",
    "tsv": "tsv",
    "csv": "csv",
    "xlsx": "xlsx",
    "gtf": "gtf.gz",
    "fasta": "fa.gz",
    "chain": "chain.gz",
    "zip": "zip",
    "tar": "tar.gz",
}

# Roles of which several files are used together; of any other role a cell has one.
POOLED = (
    "dnase_bam", "atac_bam", "h3k27ac_bam", "cage", "rnaseq", "element_dnase_counts",
    "element_h3k27ac_counts", "promoter_dnase_counts", "promoter_h3k27ac_counts",
    "abc_predictions", "atac_fragments", "barcodes",
)  # fmt: skip
# Roles that need another one, and those of which a cell type has one.
_NEEDS = (
    ("abc_elements", "abc_genes"), ("abc_genes", "abc_elements"), ("barcodes", "atac_fragments"),
)  # fmt: skip
_EITHER = (
    ("abc_elements", "element_dnase_counts"), ("atac_fragments", "atac_bam"),
    ("atac_fragments", "dnase_bam"),
)  # fmt: skip
# Names of scores that stand in the CRISPRi tables anyway.
OWN_SCORES = ("ABC", "abc_score", "activity", "contact", "distance")
# In the place of the cell type whose published values stand beside another's: there is none.
NOT_PUBLISHED = "-"
LIFTED = ("bed", "ctss", "tsv", "csv", "xlsx")  # can be carried to another assembly


Sheet = Sequence[Mapping[str, str]]


def read_sheet(path: str | Path, schema: Path) -> list[dict[str, str]]:
    """Read a TSV sheet and validate every row.

    Raises
    ------
    UserError
        Naming sheet, line and column of the first bad row.
    """
    rows = read_rows(path, "sheet", separator="\t")
    _check_header(rows.header, load_yaml(schema)["required"], path)
    sheet = rows.records()
    for number, values in zip(rows.numbers, sheet, strict=True):
        validate(values, schema, at_row(path, number))
    return sheet


def _check_header(found: list[str], required: list[str], path: str | Path) -> None:
    """Raise a `UserError` for a column that is missing, by its name or for want of tabs."""
    missing = [name for name in required if name not in found]
    if not missing:
        return
    if len(found) == 1:
        raise UserError(
            f"the header is one column, {found[0][:60]!r}: a sheet's columns are separated by "
            f"tabs, not by blanks, commas or semicolons; expected {', '.join(required)}, ...",
            path,
        )
    raise UserError(f"no column {missing[0]!r} in the header: {', '.join(found)}", path)


@dataclass(frozen=True)
class FileRow:
    """One row of a file sheet.

    Attributes
    ----------
    cell : str
        Name of the cell type; empty for reference files.
    role, replicate, source, accession, format, url, md5 : str
        As in the sheet; empty strings where nothing is given.
    assembly : str
        Empty, or the other assembly that the file is on: it is lifted over.
    """

    cell: str
    role: str
    replicate: str
    source: str
    accession: str
    format: str
    url: str
    md5: str
    assembly: str = ""

    @property
    def path(self) -> str:
        """Where the workflow keeps the file, relative to the working directory."""
        return f"resources/files/{self.accession}.{EXTENSIONS[self.format]}"

    @property
    def table(self) -> str:
        """The file, or the table that a workbook is turned into."""
        workbook = self.format == "xlsx"
        return f"resources/screens/{self.accession}.tsv" if workbook else self.path

    @property
    def ready(self) -> str:
        """The file that stages read: alignments as a BAM in order, other assemblies lifted over.

        Of single-cell fragments, the insertions of the row's cell type.
        """
        if self.assembly:
            return f"resources/lifted/{Path(self.table).name}"
        if self.format == "fragments":
            return f"resources/pseudobulk/{self.cell}.{self.accession}.tagAlign.gz"
        aligned = self.format in ("bam", "cram")
        return f"resources/bam/{self.accession}.bam" if aligned else self.table


def _published_as(row: Mapping[str, str]) -> str:
    """Cell type whose published values stand beside this one's; `NOT_PUBLISHED` for a stand-in."""
    return row.get("published_as") or (NOT_PUBLISHED if row.get("stands_for") else row["cell"])


class Sheets:
    """The three sheets together, with the questions the rules ask.

    Parameters
    ----------
    samples, files, reference : sequence of mappings
        Validated sheets, a mapping a row.
    names : dict
        Sheet name (samples, files, reference) -> path, for messages.
    assembly : str
        The genome's; files of another one are lifted over.
    """

    def __init__(
        self,
        samples: Sheet,
        files: Sheet,
        reference: Sheet,
        names: dict[str, str],
        assembly: str = "",
    ) -> None:
        self.names = names
        self.genome = assembly
        self.assembly = {row["cell"]: row["assembly"] for row in samples}
        self.published_as = {row["cell"]: _published_as(row) for row in samples}
        self.stands_for = {
            row["cell"]: row.get("stands_for") or row.get("published_as") or row["cell"]
            for row in samples
        }
        self._cell_rows = _rows(files, names["files"], assembly)
        self._reference_rows = _rows(reference, names["reference"], assembly)
        for row in self._cell_rows:
            if row.cell not in self.assembly:
                raise UserError(
                    f"{row.role} row: cell {row.cell!r} is not in {names['samples']} "
                    f"(cells there: {', '.join(self.assembly)})",
                    names["files"],
                )
        self._check_replicates()
        self._check_together()
        self._check_accessions()
        self.lifted = {Path(r.table).name: r for r in self.by_path.values() if r.assembly}
        for row in self.lifted.values():
            self._check_lift(row)

    def _check_replicates(self) -> None:
        seen: dict[tuple[str, str], FileRow] = {}
        for row in self._cell_rows:
            first = seen.setdefault((row.cell, row.role), row)
            if first is not row and row.role not in POOLED:
                raise UserError(
                    f"{row.cell} has two {row.role} rows ({first.accession} and {row.accession}): "
                    f"only files of {', '.join(POOLED)} are used together",
                    self.names["files"],
                )

    def _check_together(self) -> None:
        """Rows that need others, or replace what others are for."""
        for cell in self.assembly:
            roles = {row.role for row in self._cell_rows if row.cell == cell}
            wrong = [
                f"{role} needs a row {other}"
                for role, other in _NEEDS
                if role in roles and other not in roles
            ]
            wrong += [
                f"rows {one} and {other}, one of them is expected"
                for one, other in _EITHER
                if {one, other} <= roles
            ]
            if wrong:
                raise UserError(f"{cell}: {wrong[0]}", self.names["files"])
        for row in self._cell_rows:
            if (row.role == "atac_fragments") != (row.format == "fragments"):
                raise UserError(
                    f"{row.cell} {row.role} {row.accession}: format {row.format}; role "
                    "atac_fragments and format fragments go together",
                    self.names["files"],
                )
            if row.format == "xlsx" and not row.role.startswith("crispr"):
                raise UserError(
                    f"{row.cell} {row.role} {row.accession}: format xlsx, which only a crispr row "
                    "may have; save the sheet as tsv or csv",
                    self.names["files"],
                )

        for row in self._cell_rows:
            given = row.role.startswith("predictor:")
            if (row.format == "bedpe" and not given) or (
                given and row.format not in ("tsv", "bedpe")
            ):
                raise UserError(
                    f"{row.cell} {row.role} {row.accession}: format {row.format}; a predictor row "
                    "is tsv or bedpe, and only it may be bedpe",
                    self.names["files"],
                )
            if given:
                self.predictors(row.cell)

    def predictors(self, cell: str) -> dict[str, tuple[str, str]]:
        """Name -> (file that stages read, column or "") of the predictor rows of a cell."""
        found: dict[str, tuple[str, str]] = {}
        for row in self._cell_rows:
            role, _, name = row.role.partition(":")
            if row.cell != cell or role != "predictor":
                continue
            name, _, column = name.partition(":")
            if name in OWN_SCORES:
                raise UserError(
                    f"{cell} predictor:{name}: {name} is a score of ours; another name is expected",
                    self.names["files"],
                )
            if name in found:
                raise UserError(f"{cell} has two predictor rows {name!r}", self.names["files"])
            found[name] = (row.ready, column)
        return found

    def barcodes_of(self, row: FileRow) -> FileRow | None:
        """The table of barcodes of a row of fragments: of the same replicate, or the only one."""
        tables = self.cell_files(row.cell, "barcodes", optional=True)
        same = [table for table in tables if table.replicate == row.replicate]
        fragments = self.cell_files(row.cell, "atac_fragments")
        found = same or (tables if len(tables) == 1 and len(fragments) == 1 else [])
        if len(found) > 1 or (tables and not found):
            raise UserError(
                f"{row.cell}: {len(found)} barcodes rows of replicate {row.replicate or 'none'}, "
                f"one is expected for the fragments {row.accession}",
                self.names["files"],
            )
        return found[0] if found else None

    def _check_accessions(self) -> None:
        seen: dict[str, FileRow] = {}
        for row in [*self._cell_rows, *self._reference_rows]:
            first = seen.setdefault(row.path, row)
            if (first.source, first.url) != (row.source, row.url):
                raise UserError(
                    f"accession {row.accession!r} stands for two different files "
                    f"({first.source} {first.url} and {row.source} {row.url})",
                    self.names["files"],
                )
        self.by_path = seen

    def _check_lift(self, row: FileRow) -> None:
        if not row.assembly:
            return
        if row.role.startswith("abc_"):
            raise UserError(
                f"{row.accession} is on {row.assembly}: there is no liftover of {row.role} files, "
                "whose distances and contacts are of that assembly",
                self.names["files"],
            )
        if row.format not in LIFTED:
            raise UserError(
                f"{row.accession} is on {row.assembly}: there is no liftover of {row.format} "
                f"files, only of {', '.join(LIFTED)}",
                self.names["files"],
            )
        self.chain(row.assembly)

    def chain(self, assembly: str) -> FileRow:
        """The chain file from another assembly to the genome's, by UCSC's name for it."""
        name = f"{assembly}To{self.genome}".lower()
        for row in self._reference_rows:
            if row.role == "chain" and row.accession.lower() == name:
                return row
        raise UserError(
            f"no row with role 'chain' and accession {assembly}To{self.genome.capitalize()}",
            self.names["reference"],
        )

    def check_cell(self, cell: str) -> None:
        """Raise `UserError` when the configuration asks for a cell that has no sample row."""
        if cell not in self.assembly:
            raise UserError(
                f"unknown cell {cell!r}; {self.names['samples']} has {', '.join(self.assembly)}",
                "config: cells",
            )
        named = self.assembly[cell]
        if self.genome and not same_assembly(named, self.genome):
            raise UserError(
                f"cell {cell!r} is on {named}, reference.assembly is {self.genome}: name the "
                "genome's in both; a file on another assembly says so in its own column assembly",
                self.names["samples"],
            )

    def rows_of(self, cells: Iterable[str]) -> list[FileRow]:
        """Rows of some cell types and all reference rows, one a file."""
        wanted = set(cells)
        rows = [row for row in self._cell_rows if row.cell in wanted]
        return list({row.path: row for row in [*rows, *self._reference_rows]}.values())

    def cell_files(self, cell: str, role: str, optional: bool = False) -> list[FileRow]:
        """Rows of one role of a cell, in replicate order."""
        rows = [row for row in self._cell_rows if row.cell == cell and row.role == role]
        if not rows and not optional:
            raise UserError(f"cell {cell!r} has no row with role {role!r}", self.names["files"])
        return sorted(rows, key=lambda row: row.replicate)

    def reference_file(self, role: str) -> FileRow:
        """The reference row of a role."""
        found = self.find_reference(role)
        if found is None:
            raise UserError(f"no row with role {role!r}", self.names["reference"])
        return found

    def download_options(self, path: str) -> str:
        """Options of ``gexpipe download`` that fetch the row whose local file is ``path``."""
        row = self.by_path[path]
        named = {
            "source": row.source, "accession": row.accession, "format": row.format,
            "url": row.url, "md5": row.md5, "assembly": row.assembly or self.genome,
        }  # fmt: skip
        return " ".join(f"--{key} {shlex.quote(value)}" for key, value in named.items() if value)

    def content(self, path: str) -> str:
        """What tells whether the user's own file behind ``path`` is still the one that was taken.

        Empty for rows of portals; Snakemake runs a download again when it changes.
        """
        row = self.by_path[path]
        origin, _ = split_member(row.url)
        return content_key(origin, Path(path)) if row.source == "path" else ""

    def used_as(self) -> dict[str, str]:
        """Local path of every file -> the roles it has, ``CELL ROLE`` or ``ROLE``."""
        uses: dict[str, list[str]] = {}
        for row in [*self._cell_rows, *self._reference_rows]:
            uses.setdefault(row.path, []).append(f"{row.cell} {row.role}".strip())
        return {path: ", ".join(roles) for path, roles in uses.items()}

    def reference_roles(self) -> set[str]:
        """Roles of the reference sheet."""
        return {row.role for row in self._reference_rows}

    def find_reference(self, role: str) -> FileRow | None:
        """The reference row of a role, or None."""
        rows = [row for row in self._reference_rows if row.role == role]
        if len(rows) > 1:
            raise UserError(f"{len(rows)} rows with role {role!r}", self.names["reference"])
        return rows[0] if rows else None

    def named_references(self, role: str) -> dict[str, FileRow]:
        """Reference rows of the roles ROLE:NAME, by name."""
        roles = sorted(name for name in self.reference_roles() if name.startswith(f"{role}:"))
        return {name.partition(":")[2]: self.reference_file(name) for name in roles}


def _rows(sheet: Sheet, name: str, assembly: str) -> list[FileRow]:
    fields = ("cell", "role", "replicate", "source", "accession", "format", "url", "md5")
    rows = []
    for record in sheet:
        other = record.get("assembly", "")
        other = "" if same_assembly(other, assembly) else other
        values = {field: record.get(field, "") for field in fields}
        rows.append(FileRow(**values, assembly=other))
    keys = [(row.cell, row.role, row.accession) for row in rows]
    for key in keys:
        if keys.count(key) > 1:
            raise UserError(f"the row {' '.join(key)!r} stands twice", name)
    return rows


def locate(path: str, base: Path) -> Path:
    """A configured path: absolute, or in the working directory, else beside the Snakefile."""
    here = Path(path)
    return here if here.is_absolute() or here.exists() else base / path


def load_sheets(config: dict[str, Any], base: Path, schemas: Path) -> Sheets:
    """Read and validate the three sheets that a configuration names."""
    names = {
        "samples": config["samples"],
        "files": config["files"],
        "reference": config["reference"]["files"],
    }
    schema = {"samples": "samples", "files": "files", "reference": "files"}
    tables = {
        sheet: read_sheet(locate(path, base), schemas / f"{schema[sheet]}.schema.yaml")
        for sheet, path in names.items()
    }
    genome = config["reference"]["assembly"]
    return Sheets(tables["samples"], tables["files"], tables["reference"], names, genome)
