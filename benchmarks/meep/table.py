"""Results of comparisons with MEEP: kept in `results.csv`, shown in `README.md` beside this file.

`python benchmarks/meep/table.py` makes the page anew from the results.
"""

import csv
import os
import platform
from collections.abc import Iterable
from datetime import date
from math import isfinite
from pathlib import Path

from dfbdesign.fdtd import find_meep
from dfbdesign.verification.certificate import Comparison

HERE = Path(__file__).resolve().parent
RESULTS, PAGE = HERE / "results.csv", HERE / "README.md"
COLUMNS = (
    "comparison", "device", "label", "quantity", "solver", "solver_uncertainty", "meep",
    "meep_uncertainty", "power", "verdict", "date", "meep_version", "machine",
)  # fmt: skip
HEAD = """# Comparisons with MEEP

Heavier than those in the tests; made once by the scripts in `benchmarks/` and recorded in
[`results.csv`](results.csv) with date, versions and machine. Wavelengths are in µm. MEEP's values
are extrapolated from three or four grids, the uncertainties are those of the certificate
(`dfbdesign.verification.certificate`): *agrees* means within the combined uncertainty, and that it
is small enough: for one period 2e-5 of a wavelength and 0.5 % of a quality factor; for finite
devices 3e-4 and 2 %, 5 % of a threshold gain, 0.2 degrees, 0.02 in reflectance and transmittance.
*Power* is that of the pixel in the error of the three runs; 2 is expected.

Made by `python benchmarks/meep/table.py`; do not edit.
"""


def recorded() -> list[dict[str, str]]:
    """All results, oldest first."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def record(comparison: str, device: str, comparisons: Iterable[Comparison]) -> None:
    """Add results, or put them in the place of older ones of the same comparison and device.

    Args:
        comparison: What was compared, such as "unit cell".
        device: Which device.
        comparisons: What both methods say.
    """
    kept = [row for row in recorded() if (row["comparison"], row["device"]) != (comparison, device)]
    about = (
        date.today().isoformat(),
        find_meep().version,
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    )
    for one in comparisons:
        power = one.time_domain.power
        values = (one.solver, one.solver_uncertainty, one.fdtd, one.fdtd_uncertainty)
        texts = (*(f"{value:.10g}" for value in values), "" if power is None else f"{power:.3f}")
        row = (comparison, device, one.label, one.quantity, *texts, one.verdict, *about)
        kept.append(dict(zip(COLUMNS, row, strict=True)))
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
    PAGE.write_text(page(kept), encoding="utf-8")


def page(rows: list[dict[str, str]]) -> str:
    """The page that shows the results."""
    text = HEAD
    for comparison in dict.fromkeys(row["comparison"] for row in rows):
        text += f"\n## {comparison.capitalize()}\n\n"
        text += "| device | quantity | solver | MEEP | difference | ± | power | verdict | run |\n"
        text += "|---|---|---|---|---|---|---|---|---|\n"
        for row in rows:
            if row["comparison"] == comparison:
                text += _line(row)
    return text


def _line(row: dict[str, str]) -> str:
    solver, meep = float(row["solver"]), float(row["meep"])
    both = float(row["solver_uncertainty"]), float(row["meep_uncertainty"])
    finite = isfinite(solver) and isfinite(meep) and meep
    difference = f"{solver / meep - 1:+.1e}" if finite else ""
    combined = f"{(both[0] ** 2 + both[1] ** 2) ** 0.5 / abs(meep):.1e}" if finite else ""
    shown = [f"{value:.8g}" if isfinite(value) else "infinite" for value in (solver, meep)]
    run = f"{row['date']}, MEEP {row['meep_version']}, {row['machine']}"
    cells = (
        row["device"], f"{row['label']} {row['quantity']}", *shown, difference, combined,
        row["power"], row["verdict"], run,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(recorded()), encoding="utf-8")
