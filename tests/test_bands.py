"""Bands against the dispersion of the empty lattice, coupled waves, and their own slopes."""

from math import atan, pi, sqrt

import numpy as np
import pytest

from dfbdesign.device import Device, Grating, Layer, Lines, Target
from dfbdesign.errors import InputError, NoGuidedMode
from dfbdesign.solvers.bands import Bands, bands
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import nm

PERIOD, FILM, SUBSTRATE = 865 * nm, 2.53, 1.746
BOTH = pytest.mark.parametrize("polarization", ["TE", "TM"])


def cell(
    polarization: str = "TE",
    *,
    line: complex = 2.30,
    film: complex = FILM,
    thickness: float = 210 * nm,
    target: float = 1670 * nm,
    order: int = 2,
    duty: float = 0.3,
) -> Device:
    """A film with lines in its lowest 50 nm."""
    return Device(
        polarization=polarization,
        substrate=SUBSTRATE,
        superstrate=1.0,
        layers=[
            Layer(thickness=50 * nm, material=film, lines=Lines(material=line, duty=duty)),
            Layer(thickness=thickness - 50 * nm, material=film),
        ],
        grating=Grating(period=PERIOD, order=order),
        target=Target(wavelength=target),
    )


def slab_phase(polarization: str, k: float, beta: float, thickness: float) -> float:
    """Round trip phase of the film over 2π, an integer m for its mode TE_m or TM_m."""
    turn = sqrt((FILM * k) ** 2 - beta**2)
    total = 2 * turn * thickness
    for index in (SUBSTRATE, 1.0):
        ratio = 1.0 if polarization == "TE" else (FILM / index) ** 2
        total -= 2 * atan(ratio * sqrt(beta**2 - (index * k) ** 2) / turn)
    return total / (2 * pi)


def guided(found: Bands, band: int) -> np.ndarray:
    """Where a band is inside the window."""
    return np.flatnonzero(np.isfinite(found.wavenumber[band].real))


# --- no contrast: folded slab dispersion ---------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("thickness", "target", "wavevectors"),
    [
        # two running waves cross at the zone centre; TE0 crosses TE1 (TM0: TM1) away from it
        ({"TE": 210 * nm, "TM": 450 * nm}, {"TE": 1670 * nm, "TM": 1790 * nm}, (-0.012, 0.012)),
        ({"TE": 600 * nm, "TM": 600 * nm}, {"TE": 1785 * nm, "TM": 1910 * nm}, (-0.01, 0.2)),
    ],
    ids=["at the centre", "of two slab modes"],
)
def test_empty_lattice_bands_are_one_folded_slab_mode_each_straight_through_crossings(
    polarization: str,
    thickness: dict[str, float],
    target: dict[str, float],
    wavevectors: tuple[float, float],
) -> None:
    depth = thickness[polarization]
    made = cell(polarization, line=FILM, thickness=depth, target=target[polarization])
    q = (
        np.linspace(*wavevectors, 22)[:-1]
        if wavevectors[0] == -0.01
        else np.linspace(*wavevectors, 7)
    )
    found = bands(made, q, accuracy=1e-9)
    kinds, crossings = [], 0
    for band in range(len(found.wavenumber)):
        inside = guided(found, band)
        assert np.all(np.diff(inside) == 1)  # a band is not lost on its way
        k = found.wavenumber[band, inside].real
        rising = found.group_velocity[band, inside].real > 0
        assert np.all(rising == rising[0])
        beta = 2 * pi / PERIOD * np.abs(q[inside] + (1 if rising[0] else -1))
        phases = [slab_phase(polarization, *pair, depth) for pair in zip(k, beta, strict=True)]
        assert phases == pytest.approx(np.full(len(k), np.rint(phases[0])), abs=1e-7)
        kinds.append((int(np.rint(phases[0])), bool(rising[0])))
    assert len(set(kinds)) == len(kinds)  # none is followed in two pieces
    for one, other in ((a, b) for a in found.wavenumber.real for b in found.wavenumber.real):
        difference = (one - other)[np.isfinite(one - other)]
        crossings += int(np.any(difference > 0) and np.any(difference < 0))
    assert crossings >= 2


# --- with contrast -------------------------------------------------------------------------------


@BOTH
def test_bands_repel_each_other_as_two_coupled_waves(polarization: str) -> None:
    # (k - k_c)² = C² + (q/n_g)², C = κ/n_g; the next terms are smaller by about k_c/C q/n_g
    made = cell(
        polarization,
        **({} if polarization == "TE" else {"thickness": 450 * nm, "target": 1760 * nm}),
    )
    edges = modes(made, accuracy=1e-9)
    assert edges.kappa is not None
    assert edges.n_group is not None
    coupling = edges.kappa / edges.n_group
    q = np.array([0.0, 1e-4, 2e-4, 4e-4, 8e-4])
    found = bands(made, q, accuracy=1e-9)
    assert found.wavenumber.shape == (2, 5)
    half = (found.wavenumber[0] - found.wavenumber[1]) / 2
    moved = (q * 2 * pi / PERIOD / edges.n_group) ** 2
    gaps = np.abs(half**2 - coupling**2 - moved)[1:] / np.abs(coupling) ** 2
    print(gaps)
    assert gaps[0] < 1e-4
    assert half[0] ** 2 == pytest.approx(coupling**2, rel=1e-7)


def test_a_pair_of_bands_is_the_same_whatever_the_steps() -> None:
    # the coarse axis jumps over the gap at the zone centre, at which the bands turn around
    made = cell()
    fine = bands(made, np.linspace(-0.012, 0.012, 13))
    coarse = bands(made, [-0.012, 0.012])
    assert coarse.wavenumber == pytest.approx(fine.wavenumber[:, [0, -1]], rel=1e-6)
    assert np.all(fine.wavelength[0] < fine.wavelength[1])
    assert list(fine.label[0]) == ["bright"] * 13
    assert list(fine.label[1]) == ["dark"] * 13
    assert fine.wavenumber == pytest.approx(fine.wavenumber[:, ::-1], rel=1e-6)


def test_slab_modes_that_the_lines_couple_do_not_cross() -> None:
    made = cell(thickness=600 * nm, line=1.5, duty=0.5, target=1750 * nm)
    q = np.linspace(0.09, 0.19, 11)
    found = bands(made, q)
    print(found.wavelength * 1e3)
    print(found.group_velocity.real)


@BOTH
@pytest.mark.parametrize("film", [FILM, FILM + 0.02j])
def test_group_velocity_is_the_slope_of_the_band(polarization: str, film: complex) -> None:
    made = cell(
        polarization,
        film=film,
        line=film - 0.23,
        **({} if polarization == "TE" else {"thickness": 450 * nm, "target": 1760 * nm}),
    )
    centre, steps = 0.004, np.array([-1, -0.5, 0, 0.5, 1]) * 1e-3
    found = bands(made, centre + steps, accuracy=1e-9)
    unit = 2 * pi / PERIOD
    wide = (found.wavenumber[:, 4] - found.wavenumber[:, 0]) / (2e-3 * unit)
    narrow = (found.wavenumber[:, 3] - found.wavenumber[:, 1]) / (1e-3 * unit)
    slope = (4 * narrow - wide) / 3
    print(
        found.group_velocity[:, 2],
        np.abs(found.group_velocity[:, 2] - slope),
        np.abs(narrow - wide),
    )
    assert np.abs(found.group_velocity[:, 2] - slope).max() < 2e-5


def test_first_order_bands_turn_around_at_the_zone_edge() -> None:
    made = cell(order=1, target=2900 * nm, thickness=400 * nm)
    found = bands(made, np.linspace(0.48, 0.5, 5))
    print(found.wavelength, found.group_velocity)
    assert found.group_velocity[:, -1] == pytest.approx(0, abs=1e-9)
    assert np.all(found.label == "guided")
    assert np.all(np.isinf(found.quality_factor))


@pytest.mark.parametrize(
    ("wavevectors", "message"),
    [
        ([0.1, 0.0], "must ascend"),
        ([], "must ascend"),
        ([[0.0, 0.1]], "must ascend"),
        ([0.0, np.nan], "must ascend"),
        ([0.0, 0.6], "wavevector must lie"),
    ],
)
def test_bad_wavevectors_are_one_clear_error(wavevectors: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bands(cell(), wavevectors)


def test_a_window_without_bands_is_an_error() -> None:
    with pytest.raises(NoGuidedMode, match="Move the target"):
        bands(cell(target=2600 * nm), [0.0, 0.01])
