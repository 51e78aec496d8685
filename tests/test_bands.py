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


def slab_velocity(polarization: str, k: float, beta: float, thickness: float) -> float:
    """dk/dβ of the film, at constant phase."""

    def rise(along_k: float, along_beta: float) -> float:
        ends = (slab_phase(polarization, k + s * along_k, beta + s * along_beta, thickness)
                for s in (1, -1))  # fmt: skip
        return next(ends) - next(ends)

    return -rise(0, 1e-6) / rise(1e-6, 0)


def guided(found: Bands, band: int) -> np.ndarray:
    """Where a band is inside the window."""
    return np.flatnonzero(np.isfinite(found.wavenumber[band].real))


# --- no contrast: folded slab dispersion ---------------------------------------------------------


CENTRE, AWAY = np.linspace(-0.012, 0.012, 7), np.linspace(0.08, 0.2, 13)


@pytest.mark.parametrize(
    ("polarization", "thickness", "target", "wavevectors"),
    [
        ("TE", 210 * nm, 1670 * nm, CENTRE),  # two running waves cross at the zone centre
        ("TE", 210 * nm, 1670 * nm, CENTRE[3:]),  # at which the axis may begin
        ("TM", 450 * nm, 1790 * nm, CENTRE),
        ("TE", 600 * nm, 1785 * nm, AWAY),  # TE0 crosses TE1 away from it
        ("TM", 850 * nm, 1850 * nm, AWAY - 0.03),
    ],
)
def test_empty_lattice_bands_are_one_folded_slab_mode_each_straight_through_crossings(
    polarization: str, thickness: float, target: float, wavevectors: np.ndarray
) -> None:
    made = cell(polarization, line=FILM, thickness=thickness, target=target)
    found, q = bands(made, wavevectors, accuracy=1e-8), wavevectors
    kinds, crossings = [], 0
    for band in range(len(found.wavenumber)):
        inside = guided(found, band)
        assert np.all(np.diff(inside) == 1)  # a band is not lost on its way
        k = found.wavenumber[band, inside].real
        rising = found.group_velocity[band, inside].real > 0
        assert np.all(rising == rising[0])
        beta = 2 * pi / PERIOD * np.abs(q[inside] + (1 if rising[0] else -1))
        phases = [slab_phase(polarization, *pair, thickness) for pair in zip(k, beta, strict=True)]
        assert phases == pytest.approx(np.full(len(k), np.rint(phases[0])), abs=1e-7)
        slope = [
            slab_velocity(polarization, *pair, thickness) for pair in zip(k, beta, strict=True)
        ]
        assert np.abs(found.group_velocity[band, inside]) == pytest.approx(slope, rel=1e-4)
        kinds.append((int(np.rint(phases[0])), bool(rising[0])))
    assert len(set(kinds)) == len(kinds)  # none is followed in two pieces
    for one in found.wavenumber.real:
        for other in found.wavenumber.real:
            apart = (one - other)[np.isfinite(one - other)]
            crossings += int(np.any(apart > 1e-9) and np.any(apart < -1e-9))
    assert crossings == (0 if q[0] == 0 else 2)  # each pair counts twice


# --- with contrast -------------------------------------------------------------------------------


def hyperbola_misfit(made: Device) -> tuple[float, float]:
    """How far (k_1 - k_2)²/4 is from C² + (q/n_g)², relative to the last; and |C|/k."""
    edges = modes(made, accuracy=1e-8)
    assert edges.kappa is not None
    assert edges.n_group is not None
    coupling = edges.kappa / edges.n_group
    q = np.array([0.0, 4e-4])
    found = bands(made, q, accuracy=1e-8)
    assert found.wavenumber.shape == (2, 2)
    half = (found.wavenumber[0] - found.wavenumber[1]) / 2
    assert half[0] ** 2 == pytest.approx(coupling**2, rel=1e-6)
    moved = (q[1] * 2 * pi / PERIOD / edges.n_group) ** 2
    return abs(half[1] ** 2 - coupling**2 - moved) / moved, abs(coupling / found.wavenumber[0, 0])


@BOTH
def test_bands_near_the_centre_are_the_hyperbola_of_coupled_waves(polarization: str) -> None:
    # coupled-wave theory leaves out terms of relative size C/k at most: they fall with contrast
    form = {} if polarization == "TE" else {"thickness": 450 * nm, "target": 1760 * nm}
    misfits = [hyperbola_misfit(cell(polarization, line=line, **form)) for line in (2.3, 2.415)]
    (strong, coupling), (weak, less) = misfits
    assert strong < 2 * coupling
    assert weak / strong < less / coupling < 0.6


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


def two_slab_modes(line: float) -> Device:
    """A film of TE0 and TE1 with lines that couple them to each other."""
    lines = Lines(material=line, duty=0.25)
    return Device(
        substrate=SUBSTRATE,
        superstrate=1.0,
        layers=[
            Layer(thickness=100 * nm, material=FILM, lines=lines),
            Layer(thickness=500 * nm, material=FILM),
        ],
        grating=Grating(period=PERIOD),
        target=Target(wavelength=1790 * nm),
    )


def test_slab_modes_that_the_lines_couple_turn_into_each_other() -> None:
    fine = bands(two_slab_modes(2.2), np.linspace(0.12, 0.15, 11))
    assert fine.wavenumber.shape == (2, 11)
    assert np.all(np.diff(fine.wavenumber.real, axis=0) < 0)  # they keep their order
    for velocity in fine.group_velocity.real:
        assert velocity[0] * velocity[-1] < 0  # and turn around
    coarse = bands(two_slab_modes(2.2), [0.12, 0.15])
    assert coarse.wavenumber == pytest.approx(fine.wavenumber[:, [0, -1]], rel=1e-6)


def test_the_gap_between_two_slab_modes_grows_with_the_contrast() -> None:
    gaps = []
    for line, centre in ((2.48, 0.1386), (2.43, 0.1393)):
        q = centre + np.linspace(-0.004, 0.004, 9)
        found = bands(two_slab_modes(line), q, accuracy=1e-8)
        square = (found.wavenumber[0] - found.wavenumber[1]).real ** 2
        quadratic = np.polynomial.Polynomial.fit(q, square, 4)
        lowest = min(quadratic(np.linspace(q[0], q[-1], 2001)))
        gaps.append(np.sqrt(lowest) / (FILM**2 - line**2))
    assert gaps[1] == pytest.approx(gaps[0], rel=0.1)


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
    found = bands(made, centre + steps, accuracy=1e-8)
    unit = 2 * pi / PERIOD
    wide = (found.wavenumber[:, 4] - found.wavenumber[:, 0]) / (2e-3 * unit)
    narrow = (found.wavenumber[:, 3] - found.wavenumber[:, 1]) / (1e-3 * unit)
    slope = (4 * narrow - wide) / 3
    assert np.abs(found.group_velocity[:, 2] - slope).max() < 2e-5
    assert np.abs(narrow - wide).max() > 5e-5  # difference quotients have settled less


def test_first_order_bands_turn_around_at_the_zone_edge() -> None:
    made = cell(order=1, target=3300 * nm, thickness=400 * nm)
    found = bands(made, np.linspace(0.48, 0.5, 5))
    assert found.wavenumber.shape == (2, 5)
    assert np.all(found.group_velocity[:, -1] == 0)
    assert np.all(np.abs(np.diff(np.abs(found.group_velocity.real), axis=1)) > 0)
    assert found.wavelength[0, -1] < found.wavelength[1, -1]
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
