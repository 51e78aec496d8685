"""Units in every doctest, and the MEEP worker (another interpreter's) out of collection."""

from typing import Any

import pytest

from dfbdesign import device, units

collect_ignore = ["dfbdesign/fdtd/worker.py"]


@pytest.fixture(autouse=True)
def _names(doctest_namespace: dict[str, Any]) -> None:
    for name in ("um", "nm", "mm", "cm", "fs", "ps", "ns", "uJ", "eV", "deg"):
        doctest_namespace[name] = getattr(units, name)
    for name in ("Device", "Grating", "Layer", "Lines", "Target"):
        doctest_namespace[name] = getattr(device, name)
