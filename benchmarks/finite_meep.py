"""A whole finite laser against MEEP: cold modes, threshold, spectrum and beam, on three grids.

The device radiates through its surface (second order): 40 periods of 810 nm, lines of n = 2.0 and
100 nm in a film of n = 2.53, 160 nm of film above, on n = 1.444; the spectrum is that of a
first-order grating. Every row is one quantity, as the rigorous finite solver gives it (for the
lobes: as the coupled waves give them) and as MEEP does, extrapolated to vanishing pixels. What is
printed is also recorded in `meep/results.csv`. Beside the spectrum stands what the coupled waves
miss of it.

    python benchmarks/finite_meep.py [modes] [shifted] [threshold] [spectrum] [far-field]
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "meep"))

from table import record

from dfbdesign import Device, Grating, Layer, Lines, Target, laser
from dfbdesign.device import PhaseShift
from dfbdesign.fdtd.extrapolation import Extrapolated
from dfbdesign.units import cm, nm
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.finite import UNITS, verify_finite

PERIODS, PERIOD = 40, 810 * nm


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


def first_order() -> Device:
    """For the spectrum, which needs both halves: shorter."""
    lines = Lines(material=2.28, duty=0.5)
    return Device(
        substrate=1.746,
        superstrate=1.0,
        layers=[Layer(thickness=300 * nm, material=2.53, gain=True, lines=lines)],
        grating=Grating(period=400 * nm, order=1, length=20 * 400 * nm),
        target=Target(wavelength=1600 * nm),
    )


def shifted() -> Device:
    """A quarter wave inserted in the middle: the mode of the gap."""
    lines = Lines(material=2.2, duty=0.5)
    shift = PhaseShift(position=0.5, shift=200 * nm)
    return Device(
        substrate=1.444,
        superstrate=1.0,
        layers=[Layer(thickness=300 * nm, material=2.53, gain=True, lines=lines)],
        grating=Grating(period=400 * nm, order=1, length=24 * 400 * nm, phase_shifts=(shift,)),
        target=Target(wavelength=1550 * nm),
    )


RUNS = {
    "far-field": (device, "far-field", f"second order, {PERIODS} periods"),
    "threshold": (device, "threshold", f"second order, {PERIODS} periods"),
    "modes": (device, "modes", f"second order, {PERIODS} periods"),
    "shifted": (shifted, "modes", "first order, 24 periods, quarter-wave shift"),
    "spectrum": (first_order, "spectrum", "first order, 20 periods"),
}


def in_units(one: Comparison) -> Comparison:
    """The same in the unit that people read, named with the quantity; wavelengths stay."""
    unit, word = UNITS.get(one.quantity, (1.0, ""))
    if not word or one.quantity == "wavelength":
        return one
    seen = one.time_domain
    return replace(
        one,
        quantity=f"{one.quantity} [{word}]",
        solver=one.solver / unit,
        solver_uncertainty=one.solver_uncertainty / unit,
        sharpness=one.sharpness / unit,
        time_domain=Extrapolated(seen.value / unit, seen.uncertainty / unit, power=seen.power),
    )


def main() -> None:
    coupled = laser(device()).modes[0]
    print(f"coupled waves: threshold {coupled.threshold_material_gain * cm:.2f} 1/cm", end=", ")
    print(
        f"{coupled.wavelength / nm:.3f} nm, {coupled.origin}, Q {coupled.cold_quality_factor:.1f}"
    )
    for what in sys.argv[1:] or RUNS:
        make, kind, name = RUNS[what]
        began = time.perf_counter()
        compared = verify_finite(make(), kind, force=True)
        found = [in_units(one) for one in compared.comparisons]
        record(f"finite device, {kind}", name, found)
        print(f"\n{what}: {time.perf_counter() - began:.0f} s")
        for one in found:
            numbers = one.solver, one.solver_uncertainty, one.fdtd, one.fdtd_uncertainty
            row = "".join(f"{number:15.8g}" for number in numbers)
            print(f"  {one.label:12}{one.quantity:24}{row}  {one.verdict}")
        for miss in compared.coupled_waves:
            print(
                f"  {miss.label:12}coupled waves miss the {miss.quantity} by {miss.difference:+.4f}"
            )


if __name__ == "__main__":
    main()
