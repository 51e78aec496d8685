from math import inf, pi

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed
from dfbdesign.solvers.unit_cell import band_edges, modes
from dfbdesign.units import nm


def lopsided(second: float, polarization: str = "TE", order: int = 2) -> Device:
    """Two unlike lines a period, the second off the middle between the first."""
    thickness, target = (160 * nm, 1670 * nm) if polarization == "TE" else (400 * nm, 1900 * nm)
    period = {("TE", 2): 865, ("TE", 1): 432, ("TM", 2): 930}[polarization, order] * nm
    further = (Lines(material=2.1, duty=second, centre=0.27),) if second else ()
    lines = Lines(material=2.3, duty=0.3)
    return Device(
        polarization=polarization, substrate=1.746, superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=2.53, lines=lines, further_lines=further, gain=True),
            Layer(thickness=thickness, material=2.53, gain=True),
        ],
        grating=Grating(period=period, order=order), target=Target(wavelength=target),
    )  # fmt: skip


@pytest.mark.parametrize(
    # what two bands alone leave out: 3e-5 of the same period with a mirror plane (second = 0)
    ("polarization", "order", "rel"),
    [("TE", 2, 1e-5), ("TM", 2, 3e-6), ("TE", 1, 2e-4)],
)
def test_coupling_without_a_mirror_plane_is_that_of_the_bands_beside_it(
    polarization: str, order: int, rel: float
) -> None:
    made = lopsided(0.12, polarization, order)
    found = modes(made)
    one, other = found.band_edges
    assert found.kappa == found.n_group * (one.wavenumber - other.wavenumber) / 2
    if order == 2:
        assert (one.label, other.label) == ("bright", "dark")
        assert one.quality_factor < other.quality_factor < inf
    middle = (one.wavenumber + other.wavenumber) / 2
    seen = []
    for away in (0.002, 0.001):
        beside = modes(made, 0.5 * (order % 2) - away).modes
        near = sorted((mode.wavenumber for mode in beside), key=lambda k: abs(k - middle))[:2]
        half, split = (near[0] - near[1]) / 2, (one.wavenumber - other.wavenumber) / 2
        seen.append((2 * pi * away / made.grating.period / np.sqrt(half**2 - split**2)).real)
    assert found.n_group == pytest.approx((4 * seen[1] - seen[0]) / 3, rel=rel)  # two bands alone


def test_coupling_without_a_mirror_plane_passes_into_that_of_a_mirrored_period() -> None:
    mirrored = modes(lopsided(0))
    gaps = []
    for second in (0.02, 0.01):
        found = modes(lopsided(second))
        gaps.append([abs(found.kappa - mirrored.kappa), abs(found.n_group - mirrored.n_group)])
    assert_allclose(np.array(gaps[0]) / gaps[1], 2, rtol=0.1)
    assert gaps[1][0] < 0.15 * abs(mirrored.kappa)


def test_a_sweep_without_a_mirror_plane_equals_single_solves() -> None:
    duty = np.array([0.25, 0.35])
    swept = band_edges(lopsided(0.12), {"layers.0.lines.duty": duty})
    for place, one in enumerate(duty):
        single = modes(changed(lopsided(0.12), {"layers.0.lines.duty": float(one)}))
        assert_allclose(swept.kappa[place], single.kappa, rtol=1e-12)
        assert_allclose(swept.n_group[place], single.n_group, rtol=1e-12)
