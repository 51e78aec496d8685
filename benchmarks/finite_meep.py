"""A whole finite laser against MEEP: cold modes, threshold, spectrum and beam, on three grids.

The device radiates through its surface (second order): 40 periods of 810 nm, lines of n = 2.0 and
100 nm in a film of n = 2.53, 160 nm of film above, on n = 1.444. Every row is one quantity, as the
rigorous finite solver gives it (for the lobes: as the coupled waves give them) and as MEEP does,
extrapolated to vanishing pixels. What is printed is also added to `meep/results.csv`.

    python benchmarks/finite_meep.py [modes] [threshold] [spectrum] [far-field]
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import csv
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from dfbdesign import Device, Grating, Layer, Lines, Target, __version__, laser
from dfbdesign.fdtd import find_meep
from dfbdesign.fdtd.estimate import cores
from dfbdesign.units import cm, nm
from dfbdesign.verification.finite import UNITS, FiniteVerification, verify_finite

PERIODS, PERIOD = 40, 810 * nm
TABLE = Path(__file__).parent / "meep" / "results.csv"
COLUMNS = (
    "date,meep,dfbdesign,machine,job,quantity,ours,ours_uncertainty,fdtd,fdtd_uncertainty,verdict"
)


def device() -> Device:
    lines = Lines(material=2.0, duty=0.3)
    return Device(
        substrate=1.444,
        superstrate=1.0,
        layers=[
            Layer(thickness=100 * nm, material=2.53, gain=True, lines=lines),
            Layer(thickness=160 * nm, material=2.53, gain=True),
        ],
        grating=Grating(period=PERIOD, length=PERIODS * PERIOD),
        target=Target(wavelength=1600 * nm),
    )


def compared(what: str) -> FiniteVerification:
    began = time.time()
    found = verify_finite(device(), what, force=True)
    print(f"\n{what}: {time.time() - began:.0f} s")
    return found


def write(found: FiniteVerification) -> None:
    """Print the rows, and add them to the table."""
    head = [
        datetime.now(UTC).date().isoformat(),
        find_meep().version,
        __version__,
        f"{platform.machine()}, {cores()} cores",
        f"finite second order, {PERIODS} periods: {found.what}",
    ]
    new = not TABLE.exists()
    with TABLE.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS.split(","))
        for one in found.comparisons:
            unit, name = UNITS.get(one.quantity, (1.0, ""))
            quantity = f"{one.label} {one.quantity}" + (f" [{name}]" if name else "")
            pairs = (
                (one.solver, one.solver_uncertainty),
                (one.fdtd, one.fdtd_uncertainty),
            )
            numbers = [f"{value / unit:.8g}" for pair in pairs for value in pair]
            writer.writerow([*head, quantity, *numbers, one.verdict])
            print(f"  {quantity:34}" + "".join(f"{n:>15}" for n in numbers), one.verdict)


def main() -> None:
    coupled = laser(device()).modes[0]
    print(f"coupled waves: threshold {coupled.threshold_material_gain * cm:.2f} 1/cm", end=", ")
    print(
        f"{coupled.wavelength / nm:.3f} nm, {coupled.origin}, Q {coupled.cold_quality_factor:.1f}"
    )
    for what in sys.argv[1:] or ("far-field", "threshold", "modes", "spectrum"):
        write(compared(what))


if __name__ == "__main__":
    main()
