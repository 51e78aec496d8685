"""The modes of one period against another discretisation and earlier figures; fields, refusals."""

from collections.abc import Callable
from math import inf, pi, sqrt

import numpy as np
import pytest
from unit_cells import SAPPHIRE, device, labelled, period_of, scaled, tm_device, with_functions

from dfbdesign.device import Device
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.materials import uniaxial
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import cm, nm

# --- another discretisation ---------------------------------------------------------------------

CELLS: dict[str, tuple[Callable[[], Device], float]] = {
    "reference": (lambda: device(0.3), 0.0),
    "nearly degenerate": (lambda: device(0.5), 0.0),
    "off the zone centre": (lambda: device(0.3), 0.02),
    "absorbing film on a uniaxial substrate": (
        lambda: device(0.4, film=2.53 + 0.002j, substrate=SAPPHIRE),
        0.0,
    ),
    "third order": (lambda: device(0.3, period=1298 * nm, order=3), 0.5),
    "TM": (lambda: tm_device(0.3), 0.0),
    "TM, uniaxial throughout": (
        lambda: tm_device(
            0.6, substrate=SAPPHIRE, film=uniaxial(2.53, 2.40), line=uniaxial(2.2, 2.4)
        ),
        0.0,
    ),
    "TM, off the zone centre": (lambda: tm_device(0.3), 0.02),
    "silicon lines": (
        lambda: device(
            0.4, line=3.5, film=1.45, lines=150 * nm, film_thickness=100 * nm, substrate=1.45,
            period=800 * nm, target=1460 * nm,
        ),
        0.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_wavelength_and_q_agree_with_finite_elements_within_the_stated_error(name: str) -> None:
    made, wavevector = CELLS[name][0](), CELLS[name][1]
    mesh = {"degree": 7, "levels": 2} if name == "silicon lines" else {"degree": 7, "levels": 1}
    reference = period_of(made, wavevector=wavevector, **mesh)
    found = modes(made, wavevector=wavevector, accuracy=1e-5 if name == "silicon lines" else 1e-6)
    for mode in found.modes:
        candidates = reference.near(mode.wavenumber * (1 + 1e-4), count=2)
        k = min(candidates, key=lambda each: abs(each - mode.wavenumber))
        stated = mode.wavelength_error / mode.wavelength
        assert stated < 3e-5
        assert abs(mode.wavenumber - k) < (stated + 2e-9) * abs(k)  # complex: wavelength and Q


@pytest.mark.parametrize(
    ("made", "kind", "functions", "order"),
    [
        pytest.param(device(0.3), "plane waves", (8, 16, 32), 2.9, id="TE, plane waves"),
        pytest.param(device(0.3), "polynomials", (4, 5, 6, 7), 8, id="TE, polynomials"),
        pytest.param(tm_device(0.3), "polynomials", (3, 4, 5, 6), 6, id="TM, polynomials, first"),
        pytest.param(tm_device(0.3), "polynomials", (6, 9, 13), 2.9, id="TM, corners"),
    ],
)
def test_gap_to_finite_elements_closes_as_fast_as_the_functions_allow(
    made: Device, kind: str, functions: tuple[int, ...], order: float
) -> None:
    # Plane waves: N^-3 from the jump at the walls. Polynomials: exponentially, until the weak
    # singularity of the fields at the corners of the lines takes over.
    bright = labelled(modes(made), "bright")
    (k,) = period_of(made, degree=7, levels=2).near(bright.wavenumber)
    gaps = [abs(with_functions(bright, count, kind) - k) for count in functions]
    slope = np.polyfit(np.log(functions), np.log(gaps), 1)[0]
    assert slope < -order


@pytest.mark.parametrize("wavevector", [0.0, 0.013, 0.5])
def test_both_discretisations_meet_in_the_complex_plane(wavevector: float) -> None:
    made = device(
        0.3, period=(432.5 if wavevector == 0.5 else 865) * nm, order=1 if wavevector == 0.5 else 2
    )
    for mode in modes(made, wavevector=wavevector).modes:
        waves, polynomials = (
            with_functions(mode, count, kind)
            for count, kind in ((64, "plane waves"), (12, "polynomials"))
        )
        assert abs(waves - polynomials) < 1e-9 * abs(waves)
        assert abs(waves - mode.wavenumber) < mode.wavelength_error / mode.wavelength * abs(waves)


def test_search_finds_what_finite_elements_find_in_a_film_of_many_modes() -> None:
    made = tm_device(0.35, film_thickness=1200 * nm, target=1700 * nm)
    centre = 2 * pi / 1.7
    reference = period_of(made, degree=9)
    seen = [
        k
        for guess in (0.955, 0.985, 1.015, 1.045)
        for k in reference.near(guess * centre, count=4)
        if abs(2 * pi / k.real / 1.7 - 1) < 0.055 and k.imag > -centre / 400
    ]
    found = [mode.wavenumber for mode in modes(made, accuracy=1e-5).modes]
    assert len(seen) >= 4
    for k in seen:
        assert min(abs(k - other) for other in found) < 1e-5 * abs(k)


# --- published and earlier figures --------------------------------------------------------------


@pytest.mark.parametrize(
    ("duty", "split"),
    [(0.2, 7.89), (0.3, 7.92), (0.4, 4.95), (0.5, 0.10), (0.6, -4.79), (0.7, -7.84)],
)
def test_split_against_duty_follows_the_known_stack(duty: float, split: float) -> None:
    found = modes(device(duty))
    bright, dark = labelled(found, "bright"), labelled(found, "dark")
    assert (dark.wavelength - bright.wavelength) / nm == pytest.approx(split, abs=0.008)
    assert dark.quality_factor == inf


@pytest.mark.parametrize(
    ("duty", "wavelength", "q"), [(0.3, 1666.255, 9041), (0.5, 1664.957, 5855)]
)
def test_bright_edge_of_the_known_stack(duty: float, wavelength: float, q: float) -> None:
    bright = labelled(modes(device(duty)), "bright")
    assert bright.wavelength / nm == pytest.approx(wavelength, abs=0.005)
    assert bright.quality_factor == pytest.approx(q, rel=1e-3)


def test_bright_threshold_of_the_known_stack_is_16_per_cm() -> None:
    bright = labelled(modes(device(0.3)), "bright")
    assert bright.threshold_gain is not None
    assert bright.threshold_gain * cm == pytest.approx(16, abs=0.5)


def test_lines_of_higher_index_swap_the_order_of_the_edges() -> None:
    # Film thickness fitted to the first number (the source does not state it), three predicted.
    swapped = {"line": 2.40, "film": 2.20, "film_thickness": 320.8 * nm, "target": 1655 * nm}
    few, many = (modes(device(duty, **swapped)) for duty in (0.3, 0.7))
    assert [mode.label for mode in few.modes] == ["dark", "bright"]
    assert [mode.label for mode in many.modes] == ["bright", "dark"]
    assert labelled(few, "dark").wavelength / nm == pytest.approx(1647.1, abs=0.1)
    assert labelled(few, "bright").wavelength / nm == pytest.approx(1652.4, abs=0.5)


@pytest.mark.parametrize(
    ("change", "dark", "bright"),
    [
        ({"period": 866 * nm}, 1.60, 1.59),
        ({"film_thickness": 161 * nm}, 1.42, 1.44),
        ({"lines": 51 * nm}, 1.34, 1.18),
        ({"film": 2.54}, 4.71, 4.36),
        ({"line": 2.31}, 0.16, 0.48),
        ({"substrate": 1.747}, 0.23, 0.24),
        ({"duty": 0.31}, -0.35, -0.18),
    ],
)
def test_sensitivities_of_the_known_stack(
    change: dict[str, float], dark: float, bright: float
) -> None:
    start, moved = modes(device()), modes(device(**{"duty": 0.3, **change}))
    for label, shift in (("dark", dark), ("bright", bright)):
        change_nm = (labelled(moved, label).wavelength - labelled(start, label).wavelength) / nm
        assert change_nm == pytest.approx(shift, abs=0.02)


# --- profile ------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_profile_solves_helmholtz_in_every_medium(build: Callable[..., Device]) -> None:
    made = build(0.3)
    top = sum(layer.thickness for layer in made.layers)
    points = [
        (0.03, -0.12, 1.746),
        (0.01, 0.025, 2.30),
        (0.33, 0.025, 2.53),
        (0.2, 0.13, 2.53),
        (0.1, top + 0.2, 1.0),
    ]
    for mode in modes(made, accuracy=1e-8).modes:
        for x, z, index in points:
            if made.polarization == "TM" and z == 0.025:
                continue  # a Fourier series has no second derivative where the slope jumps
            h = 4e-3
            grid = scaled(mode, x + h * np.arange(-2, 3), z + h * np.arange(-2, 3))
            second = np.array([-1, 16, -30, 16, -1]) / (12 * h**2)
            curvature = second @ grid[:, 2] + second @ grid[2]
            expected = -((index * mode.wavenumber) ** 2) * grid[2, 2]
            size = (index * abs(mode.wavenumber)) ** 2 * np.abs(grid).max()
            assert abs(curvature - expected) < (2e-2 if z == 0.025 else 1e-5) * size


def test_profile_is_continuous_symmetric_and_decays_outside() -> None:
    found = modes(device(0.3))
    x = np.linspace(-0.4, 0.4, 41)
    for mode, sign in ((labelled(found, "bright"), 1), (labelled(found, "dark"), -1)):
        for height in (0.0, 0.05, 0.21):
            below, above = mode.profile(x, np.array([height - 1e-9, height + 1e-9]))
            assert np.abs(below - above).max() < 1e-7
        field = mode.profile(x, np.array([0.1]))[0]
        assert np.abs(field - sign * field[::-1]).max() < 1e-12
        assert np.abs(mode.profile(x, np.linspace(-1, 1, 50))).max() == pytest.approx(1)
    dark = labelled(found, "dark")
    rows = dark.profile(x[x > 0.01], np.array([-2.0, -2.5, 2.21, 2.71]))
    k = dark.wavenumber.real
    for ratio, index in ((rows[1] / rows[0], 1.746), (rows[3] / rows[2], 1.0)):
        gamma = sqrt((2 * pi / 0.865) ** 2 - (index * k) ** 2)
        assert np.abs(ratio - np.exp(-0.5 * gamma)).max() < 1e-5
    bright = labelled(found, "bright")
    waves = bright.profile(np.array([0.2]), np.array([3.0, 3.1]))[:, 0]
    assert waves[1] / waves[0] == pytest.approx(np.exp(0.1j * bright.wavenumber), abs=2e-3)


# --- refusals -----------------------------------------------------------------------------------


def test_film_that_guides_nothing_is_refused() -> None:
    with pytest.raises(NoGuidedMode, match="too thin"):
        modes(device(0.3, film_thickness=10 * nm, lines=10 * nm))


def test_accuracy_out_of_reach_is_refused_with_what_was_reached() -> None:
    with pytest.raises(NotConverged, match="still carry an error of"):
        modes(tm_device(0.3), accuracy=1e-10)


def test_wavevector_outside_the_zone_and_wavelength_outside_the_data_are_refused() -> None:
    with pytest.raises(InputError, match="wavevector"):
        modes(device(0.3), wavevector=0.6)
    with pytest.raises(InputError, match="outside"):
        modes(device(0.3, film="cqd-film", target=200 * nm))
