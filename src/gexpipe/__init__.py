"""gexpipe: from accession numbers to a gene-expression benchmark."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("gexpipe")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
