"""Files by accession: resolved on a portal or a mirror, fetched, verified, recorded."""

from gexpipe.download.portals import Found, Request
from gexpipe.download.run import download

__all__ = ["Found", "Request", "download"]
