"""Files by accession: resolved on a portal or a mirror, fetched, verified, recorded."""

from gexpipe.download.one_file import download
from gexpipe.download.portals import Found, Request

__all__ = ["Found", "Request", "download"]
