"""Cleaved facets: the guided wave's own reflection against plane waves, a closed box, and modes."""

from math import pi

import numpy as np
import pytest
from finite_gratings import device
from lasers import made

from dfbdesign import InputError, laser
from dfbdesign.device import Device, FacetReflection, Facets, Grating, Layer, Target
from dfbdesign.lasers.stretches import facets_of
from dfbdesign.solvers.facet import facet_reflection
from dfbdesign.solvers.finite import finite_modes
from dfbdesign.units import nm

WAVELENGTH = 1674 * nm
BOTH = {"facets": Facets(left="cleaved", right="cleaved")}


def film(thickness, index, below, above, order=2):
    """A film whose target and period are those of its own guided wave."""
    made = Device(
        substrate=below,
        superstrate=above,
        layers=[Layer(thickness=thickness, material=index)],
        grating=Grating(period=WAVELENGTH / 2, order=order),
        target=Target(wavelength=WAVELENGTH),
    )
    from dfbdesign import slab

    n_eff = slab(made).fundamental("TE").n_eff.real
    grating = Grating(period=order * WAVELENGTH / (2 * n_eff), order=order)
    return made.model_copy(update={"grating": grating}), n_eff


def test_where_the_film_hardly_guides_the_facet_is_fresnels():
    gaps = []
    for contrast in (0.2, 0.1, 0.05):
        # Thinner contrasts in thicker films: the same normalised frequency.
        thickness = 0.4 * np.sqrt(0.2 / contrast)
        plane, n_eff = film(thickness, 2.5, 2.5 - contrast, 2.5 - contrast)
        gaps.append(abs(facet_reflection(plane) - (n_eff - 1) / (n_eff + 1)))
    gaps = np.array(gaps)
    assert gaps[0] > 0.02
    assert gaps[:-1] / gaps[1:] == pytest.approx(2, rel=0.15)


def in_a_box(below, above, thickness=0.21, indices=(1.746, 2.53, 1.0), count=320):
    """Reflection of the same wave between two mirrors, in sines over the whole height."""
    height, m = below + thickness + above, np.arange(1, count + 1)
    k, steps = 2 * pi / WAVELENGTH, m[:, None] - m

    def until(z):
        with np.errstate(divide="ignore", invalid="ignore"):
            difference = np.where(steps == 0, z, np.sin(steps * pi * z / height) * height / pi)
        difference = difference / np.where(steps == 0, 1, steps)
        total = m[:, None] + m
        return (difference - np.sin(total * pi * z / height) * height / (pi * total)) / height

    marks = [until(z) for z in (0.0, below, below + thickness, height)]
    permittivity = sum(n**2 * (b - a) for n, a, b in zip(indices, marks, marks[1:], strict=False))
    across = (m * pi / height) ** 2
    squares, modes = np.linalg.eigh(k**2 * permittivity - np.diag(across))
    film, air = np.sqrt(squares + 0j), np.sqrt(k**2 - across + 0j)
    # V (a + b) = c and V q (a - b) = p c with the amplitudes a in, b back and c out.
    value, slope = air[:, None] * modes, modes * film
    return np.linalg.solve(value + slope, (slope - value)[:, -1])[-1]


def test_the_reflection_is_that_between_far_mirrors_on_average_over_their_places():
    found = facet_reflection(film(0.21, 2.53, 1.746, 1.0)[0])
    boxes = [in_a_box(7 + 0.13 * n, 6 + 0.19 * n) for n in range(14)]
    assert np.mean(boxes) == pytest.approx(found, abs=5e-3)
    assert abs(found) > 0.42  # a plane wave of the same index has 0.32


@pytest.mark.parametrize("order", [1, 2])
def test_the_device_file_asks_for_the_wave_or_for_fresnel(order):
    sign = -1 if order == 1 else 1
    facets = Facets(left="cleaved", right="fresnel")
    device = made(order=order, facets=facets)
    left, right = facets_of(device)
    n_eff = order * 1670 * nm / (2 * device.grating.period)
    assert left == pytest.approx(sign * facet_reflection(device), rel=1e-12)
    assert right == pytest.approx(sign * (n_eff - 1) / (n_eff + 1), rel=1e-12)
    tm = device.model_copy(update={"polarization": "TM"})
    assert facets_of(tm)[0] == facets_of(tm)[1]


def test_coupled_modes_between_cleaved_facets_are_the_rigorous_ones():
    # A third of the amplitude of Fresnel's formula is missing: it is off by 40 %.
    rigorous = finite_modes(device(160, **BOTH), count=2, accuracy=1e-6)
    fresnel = Facets(left="fresnel", right="fresnel")
    own, plane = laser(device(160, **BOTH)).modes, laser(device(160, facets=fresnel)).modes
    for mode in rigorous:
        near, far = (
            min(modes, key=lambda other: abs(other.wavelength - mode.wavelength))
            for modes in (own, plane)
        )
        assert near.threshold_material_gain == pytest.approx(mode.threshold.gain, rel=0.02)
        assert near.cold_quality_factor == pytest.approx(mode.quality_factor, rel=0.01)
        assert near.wavelength == pytest.approx(mode.wavelength, rel=3e-5)
        assert far.threshold_material_gain > 1.2 * mode.threshold.gain
    first = own[0].threshold_material_gain / rigorous[0].threshold.gain - 1
    assert abs(first) < 6e-3


def test_the_rigorous_solver_has_no_place_for_a_plane_wave():
    for facet in ("fresnel", FacetReflection(reflection=(0.3, 0))):
        with pytest.raises(InputError, match="needs a structure"):
            finite_modes(device(20, facets=Facets(left=facet)))
