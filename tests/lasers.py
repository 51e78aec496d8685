"""Finite lasers of one stack with constant indices, and what is read off them."""

from functools import cache
from importlib import import_module
from math import pi

import numpy as np
import pytest

from dfbdesign.device import Device, GainFilm, Grating, Layer, Lines, Pump, Spot, Target, changed
from dfbdesign.gain.film import resolve_film
from dfbdesign.lasers.cavity import film_cavity
from dfbdesign.lasers.waves import waves_of
from dfbdesign.solvers import unit_cell
from dfbdesign.units import nm

DOPED, NEUTRAL = "taghipour2023-doped", "taghipour2023-neutral"


def made(duty=0.3, order=2, film=None, spot=None, **grating):
    """A laser of the published stack with constant indices; no spot means no pump."""
    lines = Lines(material=2.30, duty=duty)
    return Device(
        substrate=1.746,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=2.53, lines=lines, gain=True),
            Layer(thickness=160 * nm, material=2.53, gain=True),
        ],
        grating=Grating(period=432.5 * nm * order, order=order, **({"length": 500} | grating)),
        target=Target(wavelength=1670 * nm),
        film=film and GainFilm(preset=film),
        pump=spot and Pump(wavelength=1030 * nm, spot=Spot(**spot)),
    )


@cache
def _cell(duty, order, period):
    return unit_cell.modes(changed(made(duty, order), {"grating.period": period}))


def cell_of(device):
    """The period of a device that differs from `made` only in what is around it."""
    grating, duty = device.grating, device.layers[0].lines.duty
    assert device.layers == made(duty).layers
    return _cell(duty, grating.order, grating.period)


@pytest.fixture(autouse=True)
def one_cell_per_stack(monkeypatch):
    """Solve each period once."""
    monkeypatch.setattr(import_module("dfbdesign.lasers.laser"), "modes", cell_of)


def cavity_of(device):
    film = resolve_film(device.film) if device.film else None
    return film_cavity(device, film, waves_of(cell_of(device)))


def gains(found):
    return np.array([mode.threshold_modal_gain for mode in found.modes])


def detunings(found):
    """n_g (k - k_c), from the reported wavelengths."""
    even, odd = found.cell.band_edges
    centre = (even.wavenumber + odd.wavenumber).real / 2
    return np.array([found.cell.n_group * (2 * pi / m.wavelength - centre) for m in found.modes])
