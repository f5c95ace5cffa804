"""Gene ids without their version, where what follows the dot is a version."""

from __future__ import annotations

import re
from typing import overload

import pandas as pd

__all__ = ["without_version"]

# Ensembl's ids, with GENCODE's suffix of lifted annotations (.5_2). Elsewhere a dot is part of the
# name: AC011997.1 is a symbol, g.12 and g.77 are two genes.
_VERSION = re.compile(r"^(ENS[A-Z]*\d+)\.\d+(?:_\d+)?(?=$|_PAR)")


@overload
def without_version(names: str) -> str: ...
@overload
def without_version(names: pd.Series) -> pd.Series: ...
def without_version(names: str | pd.Series) -> str | pd.Series:
    """Cut the version of Ensembl ids (ENSG00000000001.3); other names stay whole."""
    if isinstance(names, str):
        return _VERSION.sub(r"\1", names)
    return names.astype(str).str.replace(_VERSION, r"\1", regex=True)
