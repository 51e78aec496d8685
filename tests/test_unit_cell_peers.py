"""The unit cell against public codes: grcwa and inkstone (Fourier-modal), and MEEP (time domain).

The cells span low and high contrast, a film that coats the lines, slanted walls, absorption, gain,
and orders 1 to 3, each in TE and TM.
"""

import numpy as np
import pytest
from meep_peer import extrapolated
from peers import Cell, Slab, cell_limits, grcwa_answer, inkstone_answer, limits

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.stacks import conformal_film
from dfbdesign.units import deg, nm


def ridges(
    line: float,
    duty: float,
    targets: tuple[float, float],
    film: complex = 2.53,
    period: float = 800 * nm,
    order: int = 2,
    sidewall: float = 90 * deg,
) -> tuple[Device, Device]:
    """Lines under a film on sapphire, TE and TM."""
    lines = Lines(material=line, duty=duty, sidewall=sidewall)
    te = Device(
        substrate=1.746,
        superstrate=1.0,
        layers=[
            Layer(thickness=40 * nm, material=film, lines=lines),
            Layer(thickness=280 * nm, material=film),
        ],
        grating=Grating(period=period, order=order),
        target=Target(wavelength=targets[0]),
    )
    return te, changed(te, {"polarization": "TM", "target.wavelength": targets[1]})


def on_glass(layers: tuple[Layer, ...], targets: tuple[float, float]) -> tuple[Device, Device]:
    """Lines on a guiding film on glass, TE and TM."""
    te = Device(
        substrate=1.45,
        superstrate=1.0,
        layers=layers,
        grating=Grating(period=800 * nm),
        target=Target(wavelength=targets[0]),
    )
    return te, changed(te, {"polarization": "TM", "target.wavelength": targets[1]})


BARE = (
    Layer(thickness=320 * nm, material=2.3),
    Layer(thickness=80 * nm, material=1.0, lines=Lines(material=1.9, duty=0.4)),
)
COATED = (
    Layer(thickness=240 * nm, material=2.3),
    *conformal_film(
        Lines(material=1.6, duty=0.4), 120 * nm, 800 * nm,
        film=1.8, thickness=104 * nm, above=1.0, gain=False,
    ),
)  # fmt: skip
CELLS = {
    "low contrast": ridges(2.47, 0.4, (1692 * nm, 1526 * nm)),
    "high contrast": on_glass(BARE, (1541 * nm, 1374 * nm)),
    "coated": on_glass(COATED, (1493 * nm, 1333 * nm)),
    "slanted": ridges(2.28, 0.4, (1688 * nm, 1523 * nm), sidewall=75 * deg),
    "absorbing": ridges(2.0, 0.3, (1685 * nm, 1519 * nm), film=2.53 + 0.003j),
    "amplifying": ridges(2.3, 0.4, (1688 * nm, 1523 * nm), film=2.53 - 0.003j),
    "first order": ridges(2.0, 0.5, (1680 * nm, 1514 * nm), period=400 * nm, order=1),
    "third order": ridges(2.0, 0.2, (1688 * nm, 1522 * nm), period=1200 * nm, order=3),
}
EACH = [(name, polarization) for name in CELLS for polarization in ("TE", "TM")]


def device(name: str, polarization: str) -> Device:
    return CELLS[name][polarization == "TM"]


def ours(device: Device) -> np.ndarray:
    """Wavenumbers of both band edges, ascending."""
    found = modes(device, accuracy=1e-7 if device.polarization == "TE" else 1e-6)
    return np.sort_complex([mode.wavenumber for mode in found.band_edges])


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Wavelengths to 2e-6 and quality factors to 0.5 %, or both infinite to what can be seen."""
    assert len(expected) == len(found)
    np.testing.assert_allclose(found.real, expected.real, rtol=2e-6)
    lossless = found.imag == 0
    assert np.all(np.abs(expected.imag[lossless]) < 1e-10 * expected.real[lossless])
    np.testing.assert_allclose(found.imag[~lossless], expected.imag[~lossless], rtol=5e-3)


@pytest.mark.parametrize(("name", "polarization"), [one for one in EACH if one[0] != "coated"])
def test_wavelengths_and_quality_factors_are_those_of_grcwa(name, polarization):
    cell = device(name, polarization)
    assert_same(ours(cell), limits(grcwa_answer, cell))


@pytest.mark.parametrize("polarization", ["TE", "TM"])
@pytest.mark.parametrize("name", ["coated", "absorbing", "first order"])
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value) encountered:RuntimeWarning")
def test_wavelengths_and_quality_factors_are_those_of_inkstone(name, polarization):
    cell = device(name, polarization)
    assert_same(ours(cell), limits(inkstone_answer, cell))


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_a_coat_drawn_by_hand_is_the_conformal_film(polarization):
    line, film, air = 1.6**2, 1.8**2, 1.0
    ears = Slab(40 * nm, (-0.5, -0.3, -0.2, 0.2, 0.3, 0.5), (air, film, line, film, air))
    drawn = Cell(
        polarization, 800 * nm, 0.0, 1, 1.45**2, air,
        (
            Slab(240 * nm, (-0.5, 0.5), (2.3**2,)),
            Slab(80 * nm, (-0.5, -0.2, 0.2, 0.5), (film, line, film)),
            ears,
            Slab(80 * nm, (-0.5, -0.3, 0.3, 0.5), (air, film, air)),
        ),
    )  # fmt: skip
    cell = device("coated", polarization)
    wavenumber = 2 * np.pi / cell.target.wavelength
    assert_same(ours(cell), cell_limits(grcwa_answer, drawn, drawn, wavenumber))


@pytest.mark.meep
@pytest.mark.usefixtures("fresh_meep")
@pytest.mark.parametrize(
    ("name", "polarization"), [("coated", "TE"), ("absorbing", "TM"), ("amplifying", "TM")]
)
def test_wavelengths_and_quality_factors_are_those_of_meep(name, polarization, monkeypatch):
    monkeypatch.setattr("dfbdesign.fdtd.edges.REFINEMENTS", (1, 2))
    cell = device(name, polarization)
    found = ours(cell)
    expected = np.sort_complex(extrapolated(cell))
    np.testing.assert_allclose(found.real, expected.real, rtol=5e-5)
    np.testing.assert_allclose(found.imag, expected.imag, rtol=0.02, atol=1e-8 * found.real[0])
