"""What a model of others says of every gene, in zarr: one store a model and genome.

It knows no cell type: which tracks are a cell type's is asked when it is read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pyfaidx import Fasta

from gexpipe.errors import UserError
from gexpipe.extractors.ask import ask, gene_window
from gexpipe.extractors.contract import Extractor, open_extractor
from gexpipe.extractors.reading import KIND
from gexpipe.extractors.settings import ExtractorSettings, files_of
from gexpipe.extractors.sizes import Layout
from gexpipe.log import get_logger, progress
from gexpipe.methods.outside import source_digest
from gexpipe.windows.arrays import Spec, write_arrays
from gexpipe.windows.layout import encode
from gexpipe.windows.sequence import check_inside
from gexpipe.windows.store import Part, build_store, digest, source_record

__all__ = ["build_extracted"]

log = get_logger(__name__)
# Array -> what it holds; a model without tracks, or without an embedding, has one of them.
WHAT = {
    "tracks": "sums over the bins at the TSS, in the gene's direction",
    "embedding": "means over the bins at the TSS",
}


@dataclass
class _Chromosome:
    """Writes what is said of one chromosome's genes."""

    fasta: Path
    chrom: str
    genes: pd.DataFrame
    extractor: Extractor
    layout: Layout
    said: ExtractorSettings

    def __call__(self, folder: Path) -> None:
        with Fasta(str(self.fasta), as_raw=True) as genome:
            track = encode(genome[self.chrom][:])
        tss, minus = self.genes["tss"].tolist(), (self.genes["strand"] == "-").tolist()

        def block(genes: slice) -> dict[str, np.ndarray]:
            rows = list(zip(tss[genes], minus[genes], strict=True))
            starts = range(0, len(rows), self.said.batch)
            found = []
            for start in progress(starts, f"{self.chrom} ({genes.start} of {len(tss)} genes)"):
                part = rows[start : start + self.said.batch]
                codes = np.stack([gene_window(track, *row, self.layout) for row in part])
                found.append(ask(self.extractor, codes, self.layout, self.said))
            arrays = zip(WHAT, zip(*found, strict=True), strict=True)
            return {name: np.concatenate(rows) for name, rows in arrays if name in specs}

        sizes = {"tracks": len(self.extractor.tracks), "embedding": self.extractor.width}
        specs = {
            name: Spec((sizes[name],), "float32", what, {"axes": ["gene", name]})
            for name, what in WHAT.items()
            if sizes[name]
        }
        write_arrays(folder, len(tss), specs, block)


def build_extracted(
    name: str, said: ExtractorSettings, fasta: Path, genes: pd.DataFrame, out: Path
) -> None:
    """Ask a model about every gene; chromosomes whose inputs did not change are kept.

    Parameters
    ----------
    name : str
        Entry of the configuration's ``extractors``.
    said : ExtractorSettings
        Its settings.
    fasta : Path
        Genome.
    genes : DataFrame
        Gene table: TSS and strand of every gene.
    out : Path
        Store folder.
    """
    where = f"extractors.{name}"
    weights = [source_record(path) for path in files_of(said, where)]
    extractor = open_extractor(name, said)
    layout = Layout.of(extractor.sizes, said.window, where)
    log.info(
        "%s: %s bp, %d bins of %d bp at the TSS, %d tracks, embeddings of %d, on %s",
        name, f"{layout.length:,}", layout.count, extractor.sizes.bin, len(extractor.tracks),
        extractor.width, extractor.device,
    )  # fmt: skip
    source = source_record(fasta)
    asked = {k: v for k, v in asdict(said).items() if k not in ("batch", "weights", "targets")}
    known = (
        [file["sha256"] for file in weights],
        source_digest(said.place),
        extractor.recipe,
        asked,
    )
    parts, lengths = [], {}
    with Fasta(str(fasta), as_raw=True) as genome:
        for chrom, rows in genes.groupby("chrom", sort=False):
            if chrom not in genome:
                raise UserError(f"no chromosome {chrom!r}, which the gene table has", fasta)
            lengths[str(chrom)] = len(genome[chrom])
            check_inside(rows, len(genome[chrom]), layout.length, fasta)
            places = rows[["tss", "strand"]].to_numpy().tolist()
            recipe = digest(KIND, source["sha256"], *known, chrom, places)
            write = _Chromosome(Path(fasta), str(chrom), rows, extractor, layout, said)
            parts.append(Part(f"{chrom}/{KIND}", recipe, write))
    columns = ["identifier", "description", "strand_pair"]
    tracks = extractor.tracks[columns].to_dict(orient="list")
    answer = {"bins": asdict(layout), "tracks": tracks, "width": extractor.width}
    question = {"kind": KIND, "name": name, "asked": asked, "recipe": extractor.recipe}
    manifest = {**question, **answer, "sources": [source, *weights]}
    build_store(out, genes, lengths, parts, manifest)
