"""Lasers of every kind whose beams are looked at."""

from dataclasses import replace
from functools import cache
from math import sqrt
from pathlib import Path

from finite_gratings import device

from dfbdesign import Spot, beam, laser, load_device
from dfbdesign.device import Apodisation, Facets, PhaseShift, Slip, changed
from dfbdesign.units import nm, um

REFERENCE = load_device(Path(__file__).parents[1] / "examples" / "reference.toml")
QUARTER = (PhaseShift(position=0.5, shift=217.5 * nm),)
IN_TM = {
    "polarization": "TM", "substrate.material": 1.746, "superstrate.material": 1.0,
    "layers.0.material": 2.5, "layers.1.material": 2.5, "layers.1.thickness": 400 * nm,
    "layers.0.lines.material": 1.0, "grating.period": 800 * nm, "grating.length": 100 * um,
    "target.wavelength": 1650 * nm, "pump.spot": Spot(),
}  # fmt: skip
DEVICES = {
    "the reference": {},
    "a short stripe": {"pump.spot.length": 200 * um},
    "absorbing film": {f"layers.{n}.material": 2.52 + 0.0002j for n in (0, 1)},
    "unpumped ends": {
        "grating.facets": Facets(left="unpumped", right="unpumped"),
        "grating.length": 300 * um, "pump.spot.length": 290 * um,
    },
    "a Gaussian spot": {"pump.spot": Spot(shape="gaussian", length=300 * um)},
    "a disk": {"pump.spot": Spot(shape="disk", length=300 * um)},
    "a cleaved end": {"grating.facets": Facets(left="cleaved", right="open")},
    "a quarter-wave shift": {"grating.phase_shifts": QUARTER},
    "a slip": {"grating.slips": (Slip(position=0.3, slip=-40 * nm),)},
    "TM": IN_TM,
    "first order": {"grating.order": 1, "grating.period": 435 * nm},
    "third order": {"grating.order": 3, "grating.period": 1305 * nm},
    "fourth order": {"grating.order": 4, "grating.period": 1740 * nm},
    "third order in TM": {
        **IN_TM, "grating.order": 3, "grating.period": 1200 * nm, "grating.length": 150 * um,
    },
    "chirp": {"grating.chirp": 0.5 * nm},
    "chirp in third order": {
        "grating.order": 3, "grating.period": 1305 * nm, "grating.chirp": 0.5 * nm,
    },
    "apodised lines": {"grating.apodisation": Apodisation(duty=(0.2, 0.35, 0.25))},
}  # fmt: skip


@cache
def solved(name):
    return laser(changed(REFERENCE, DEVICES[name]))


def without_width(name):
    """Its beam as that of a line."""
    return replace(beam(solved(name)), across=None)


def grating(contrast, periods, duty=0.3, **more):
    """Lines of low contrast in a film, in second order."""
    line = sqrt(2.53**2 - contrast * (2.53**2 - 2.42**2))
    return device(periods, line, duty, **more)
