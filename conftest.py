"""Units in every doctest, the MEEP worker (another interpreter's) out of collection, no skips.

With DFBDESIGN_REQUIRE_MEEP=1 in the environment, as `make test` sets it, a test marked `meep` or
`browser` that was skipped has failed: a whole suite that never ran MEEP proves nothing about it.
"""

import os

# numpy reads this when it loads; on matrices this small threads would stand in each other's way.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Generator
from pathlib import Path
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


@pytest.fixture(autouse=True)
def _own_folder(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the README's example writes is not left in the project."""
    if request.node.name == "README.md":
        monkeypatch.chdir(tmp_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test of MEEP or Chromium into a failure where they are required."""
    report = yield
    required = os.environ.get("DFBDESIGN_REQUIRE_MEEP") == "1"
    skipped = report.skipped and not hasattr(report, "wasxfail")
    needed = next(filter(item.get_closest_marker, ("meep", "browser")), None)
    if required and skipped and needed:
        report.outcome = "failed"
        report.longrepr = f"{needed} is required here, but the test was skipped: {report.longrepr}"
    return report
