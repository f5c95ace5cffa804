"""Lightning Fabric, imported without a package that it only asks for the version of.

Fabric imports torchmetrics, where it is installed, to compare a version that nothing here depends
on; torchmetrics imports transformers and scikit-learn: three seconds before every training.
"""

from __future__ import annotations

import sys
from typing import Any

_NOT_ASKED = "torchmetrics"
_ABSENT: Any = None  # as an entry of sys.modules: an import of it fails at once

_before = sys.modules.get(_NOT_ASKED)
sys.modules.setdefault(_NOT_ASKED, _ABSENT)
try:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.utilities.warnings import PossibleUserWarning
finally:
    if _before is None:
        del sys.modules[_NOT_ASKED]

__all__ = ["Fabric", "LightningEnvironment", "PossibleUserWarning"]
