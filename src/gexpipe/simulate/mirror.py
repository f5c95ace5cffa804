"""A folder laid out as the portals are: files by accession, with the portals' metadata."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gexpipe.files import checksum

__all__ = ["HOST", "Mirror"]

# Host of the simulated ``url`` rows; the reserved top-level domain never resolves.
HOST = "simulated.invalid"

_EXTENSIONS = {
    "bam": "bam",
    "bigWig": "bigWig",
    "hic": "hic",
    "mcool": "mcool",
    "bed": "bed.gz",
    "ctss": "ctss.bed.gz",
}
_COUNTED = {"encode": "ENCFF{:03d}SIM", "4dn": "4DNFISIM{:04d}", "fantom5": "CNhs{:05d}"}


@dataclass
class Mirror:
    """Hands out accessions and places, and writes metadata once a file stands there.

    Attributes
    ----------
    root : Path
        The mirror's folder.
    assembly : str
        Assembly named in the metadata.
    rows : list of dict
        Sheet rows of the files added so far.
    """

    root: Path
    assembly: str
    rows: list[dict[str, str]] = field(default_factory=list)
    _used: dict[str, int] = field(default_factory=dict)

    def place(self, source: str, file_format: str, name: str = "") -> tuple[str, Path]:
        """Accession and path for a new file of a portal; ``name`` is FANTOM5's file-name stem."""
        number = self._used.get(source, 900) + 1
        self._used[source] = number
        extra = 90_000 if source == "fantom5" else 0
        accession = _COUNTED[source].format(number + extra)
        extension = _EXTENSIONS[file_format]
        if source == "fantom5":
            path = self.root / "fantom5" / accession / f"{name}.{accession}.{extension}"
        else:
            folder = {"encode": "encode/files", "4dn": "4dn/files-processed"}[source]
            path = self.root / folder / accession / "@@download" / f"{accession}.{extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return accession, path

    def place_url(self, path: str) -> tuple[str, Path]:
        """Address and local path for a file that the sheets name by URL."""
        url = f"https://{HOST}/{path}"
        target = self.root / "url" / HOST / urlsplit(url).path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        return url, target

    def record(
        self,
        path: Path,
        role: str,
        source: str,
        accession: str,
        file_format: str,
        cell: str = "",
        replicate: int = 0,
        url: str = "",
        output_type: str = "",
    ) -> None:
        """Write metadata beside a finished file and add its sheet row.

        A file with an empty ``role`` gets no row: it is there for whoever knows its address.
        """
        md5, size = checksum(path, "md5"), path.stat().st_size
        if source == "url":
            path.with_name(path.name + ".md5").write_text(f"{md5}  {path.name}\n", encoding="ascii")
        else:
            metadata = self._metadata(path, source, accession, file_format, md5, size)
            if source == "encode":
                metadata["output_type"] = output_type
            folder = path.parent if source == "fantom5" else path.parent.parent
            text = json.dumps(metadata, indent=1, sort_keys=True) + "\n"
            (folder / "metadata.json").write_text(text, encoding="utf-8")
        if not role:
            return
        self.rows.append(
            {
                "cell": cell,
                "role": role,
                "replicate": str(replicate) if replicate else "",
                "source": source,
                "accession": accession,
                "format": file_format,
                "url": url,
                "md5": md5 if source == "url" else "",
            }
        )

    def _metadata(
        self, path: Path, source: str, accession: str, file_format: str, md5: str, size: int
    ) -> dict[str, Any]:
        common: dict[str, Any] = {
            "accession": accession,
            "file_format": "bed" if file_format == "ctss" else file_format,
            "file_size": size,
            "md5sum": md5,
            "status": "released",
        }
        if source == "fantom5":
            return {**common, "library": accession, "assembly": self.assembly, "file": path.name}
        own = str(uuid.uuid5(uuid.NAMESPACE_URL, accession))
        folder = "files" if source == "encode" else "files-processed"
        href = f"/{folder}/{accession}/@@download/{path.name}"
        common |= {"@id": f"/{folder}/{accession}/", "uuid": own, "href": href}
        if source == "encode":
            return {**common, "assembly": self.assembly, "no_file_available": False}
        return {
            **common,
            "display_title": path.name,
            "file_type": "contact matrix",
            "genome_assembly": self.assembly,
            "upload_key": f"{own}/{path.name}",
        }
