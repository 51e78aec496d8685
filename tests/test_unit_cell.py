"""The unit cell against another discretisation, closed forms, limits and conservation laws."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import atan, cos, inf, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from witnesses import Period, Permittivity, Sheet

from dfbdesign.device import Device, Grating, Layer, Lines, Target
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.materials import Axis, Material, uniaxial
from dfbdesign.solvers.cell_coupling import pairs
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.solvers.contours import anomalies
from dfbdesign.solvers.convergence import Solved
from dfbdesign.solvers.lateral import fourier, polynomial
from dfbdesign.solvers.modal import Cells, System
from dfbdesign.solvers.mode_search import joined
from dfbdesign.solvers.period import periods
from dfbdesign.solvers.unit_cell import CellModes, modes
from dfbdesign.units import cm, nm

SAPPHIRE = uniaxial(1.746, 1.738)


def device(
    duty: float = 0.3,
    *,
    line: object = 2.30,
    film: object = 2.53,
    substrate: object = 1.746,
    superstrate: object = 1.0,
    lines: float = 50 * nm,
    film_thickness: float = 160 * nm,
    period: float = 865 * nm,
    order: int = 2,
    polarization: str = "TE",
    target: float = 1670 * nm,
    gain: bool = True,
    line_gain: bool = False,
) -> Device:
    """The reference cell, or one that differs from it in what is named."""
    return Device(
        polarization=polarization,
        substrate=substrate,
        superstrate=superstrate,
        layers=[
            Layer(
                thickness=lines,
                material=film,
                gain=gain,
                lines=Lines(material=line, duty=duty, gain=line_gain),
            ),
            Layer(thickness=film_thickness, material=film, gain=gain),
        ],
        grating=Grating(period=period, order=order),
        target=Target(wavelength=target),
    )


def tm_device(duty: float = 0.3, **change: object) -> Device:
    """A thicker film, which guides TM well above the light line of the substrate."""
    return device(
        duty, **{"polarization": "TM", "film_thickness": 400 * nm, "target": 1760 * nm, **change}
    )


def period_of(
    made: Device, wavelength: float = 1.67, wavevector: float = 0.0, **mesh: int
) -> Period:
    """The same cell for the finite elements, materials taken at one wavelength."""

    def pair(material: Material) -> Permittivity:
        return complex(material.permittivity(wavelength)), complex(
            material.permittivity(wavelength, "extraordinary")
        )

    sheets = [
        Sheet(
            layer.thickness,
            pair(layer.material),
            pair(layer.lines.material) if layer.lines else None,
            layer.lines.duty if layer.lines else 0.5,
        )
        for layer in made.layers
    ]
    ends = pair(made.substrate.material), pair(made.superstrate.material)
    return Period(sheets, *ends, made.need_grating().period, made.polarization, wavevector, **mesh)


def labelled(found: CellModes, label: str) -> CellMode:
    (mode,) = [mode for mode in found.modes if mode.label == label]
    return mode


def dense(system: System) -> np.ndarray:
    """The matrix F of every solve, assembled as it is written, nothing eliminated."""
    n, count = system.square.shape[-1], len(system.modes) + 1
    F = np.zeros((len(system.k), count, n, count, n), dtype=complex)
    for number, one in enumerate(system.modes):
        T, C = one.fluxes
        F[:, number, :, number] += T
        F[:, number + 1, :, number + 1] += T
        F[:, number, :, number + 1] -= C
        F[:, number + 1, :, number] -= C
    diagonal = np.arange(n)
    for upper in (False, True):
        end = count - 1 if upper else 0
        F[:, end, diagonal, end, diagonal] += system.outer(upper)[1]
    return F.reshape(len(system.k), count * n, count * n)


def at(cells: Cells, k: complex, sector: int = 0, gain: float = 0.0) -> System:
    one = np.array([sector])
    return cells.at(np.array([k], dtype=complex), np.array([0]), one, np.array([gain]))


def zero_of_matrix(cells: Cells, near: complex, sector: int = 0, gain: float = 0.0) -> complex:
    """Zero of F(k) by a secant on its smallest eigenvalue: none of the solver's derivatives."""

    def smallest(k: complex) -> complex:
        values = np.linalg.eigvals(dense(at(cells, k, sector, gain))[0])
        return complex(values[np.abs(values).argmin()])

    a, b = near * (1 + 1e-7), near
    fa, fb = smallest(a), smallest(b)
    for _ in range(20):
        a, b, fa = b, b - fb * (b - a) / (fb - fa), fb
        if abs(b - a) < 2e-13 * abs(b):
            return b
        fb = smallest(b)
    raise AssertionError(f"no zero near {near}")


def cells_of(made: Device, functions: int, wavevector: float = 0.0, kind: str = "") -> Cells:
    """The period in so many plane waves (TE) or polynomials of such a degree (TM)."""
    (period,) = periods(made, wavevector)
    kind = kind or {"TE": "plane waves", "TM": "polynomials"}[made.polarization]
    return Cells(period, (fourier if kind == "plane waves" else polynomial)(period, functions))


def with_functions(mode: CellMode, functions: int, kind: str = "") -> complex:
    wavevector = float(mode.cells.period.wavevector[0])
    cells = cells_of(mode.device, functions, wavevector, kind)
    return zero_of_matrix(cells, mode.wavenumber, 1 if mode.parity == "odd" else 0)


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


# --- planar limits ------------------------------------------------------------------------------


def planar(made: Device, beta: float, index: float, near: float) -> float:
    """Wavenumber of the planar film at one propagation constant, from the phase condition."""
    thickness = sum(layer.thickness for layer in made.layers)
    te = made.polarization == "TE"

    def shift(half_space: Material, k: float, q: float) -> float:
        o = float(half_space.permittivity(2 * pi / k).real)
        e = o if te else float(half_space.permittivity(2 * pi / k, "extraordinary").real)
        gamma = sqrt(o * (beta**2 / e - k**2))
        return atan(gamma / q if te else gamma * index**2 / (o * q))

    def phase(k: float) -> float:
        q = sqrt((index * k) ** 2 - beta**2)
        ends = made.substrate.material, made.superstrate.material
        return q * thickness - sum(shift(end, k, q) for end in ends)

    return float(brentq(phase, near * 0.98, near * 1.02, xtol=1e-14, rtol=1e-14))


@pytest.mark.parametrize("substrate", [1.746, SAPPHIRE], ids=["isotropic", "uniaxial"])
@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
@pytest.mark.parametrize(
    ("duty", "line", "index"),
    [(0.3, 2.53, 2.53), (0.0, 3.0, 2.53), (1.0, 2.53, 2.53), (1e-6, 2.53, 2.53)],
    ids=["no contrast", "no lines", "lines all over", "lines a millionth wide"],
)
def test_without_contrast_both_edges_are_the_planar_mode(
    duty: float, line: float, index: float, build: Callable[..., Device], substrate: object
) -> None:
    made = build(duty, line=line, substrate=substrate)
    found = modes(made)
    even, odd = found.band_edges
    expected = planar(made, 2 * pi / made.need_grating().period, index, even.wavenumber.real)
    for mode in (even, odd):
        assert mode.wavenumber.real == pytest.approx(expected, rel=1e-11)
        assert mode.quality_factor == inf
        assert mode.threshold_gain == 0
    assert abs(found.kappa) < 1e-10


def test_group_index_without_contrast_is_that_of_the_planar_mode() -> None:
    made = device(0.3, line=2.53)
    beta = 2 * pi / made.need_grating().period
    found = modes(made)
    k = found.modes[0].wavenumber.real
    slope = (planar(made, beta * 1.0001, 2.53, k) - planar(made, beta * 0.9999, 2.53, k)) / (
        0.0002 * beta
    )
    assert found.n_group == pytest.approx(1 / slope, rel=1e-7)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_index_coupling_tends_to_coupled_wave_theory_as_the_contrast_vanishes(order: int) -> None:
    # kappa = -k^2 Δε sin(π m D)/(π m) ∫_lines E² dz / (2 β ∫ E² dz) for lines centred at x = 0.
    duty, gaps = 0.3, []
    contrasts = (1e-3, 1e-4)
    for contrast in contrasts:
        made = device(duty, line=sqrt(2.53**2 + contrast), period=865 * nm * order / 2, order=order)
        found = modes(made, accuracy=1e-8)
        beta = order * pi / made.need_grating().period
        k = planar(made, beta, 2.53, found.modes[0].wavenumber.real)
        q, gamma = sqrt((2.53 * k) ** 2 - beta**2), sqrt(beta**2 - (1.746 * k) ** 2)
        above = sqrt(beta**2 - k**2)

        def power(low: float, high: float, q: float = q, gamma: float = gamma) -> float:
            place, weight = np.polynomial.legendre.leggauss(40)
            place = low + (high - low) * (place + 1) / 2
            field = np.cos(q * place) + gamma / q * np.sin(q * place)
            return float(np.sum(weight * (high - low) / 2 * field**2))

        top = cos(q * 0.21) + gamma / q * sin(q * 0.21)
        total = power(0, 0.21) + 1 / (2 * gamma) + top**2 / (2 * above)
        overlap = contrast * sin(pi * order * duty) / (pi * order) * power(0, 0.05)
        gaps.append(found.kappa.real / (-(k**2) * overlap / (2 * beta * total)) - 1)
    assert abs(gaps[1]) < 2e-4
    assert abs(gaps[0] / gaps[1]) == pytest.approx(10, rel=0.3)  # first order in the contrast


# --- laws ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_all_lengths_scale_together(build: Callable[..., Device]) -> None:
    made = build(0.3, substrate=SAPPHIRE)
    grown = made.model_copy(
        update={
            "layers": tuple(
                layer.model_copy(update={"thickness": layer.thickness * 3.7})
                for layer in made.layers
            ),
            "grating": Grating(period=made.need_grating().period * 3.7),
            "target": Target(wavelength=made.need_target().wavelength * 3.7),
        }
    )
    for small, large in zip(modes(made).modes, modes(grown).modes, strict=True):
        assert large.wavenumber * 3.7 == pytest.approx(small.wavenumber, rel=1e-11)
        assert large.threshold_gain * 3.7 == pytest.approx(small.threshold_gain, rel=1e-6)


def test_first_order_edges_are_guided_and_live_for_ever() -> None:
    for made in (device(period=432.5 * nm, order=1), tm_device(period=432.5 * nm, order=1)):
        found = modes(made)
        assert [mode.label for mode in found.modes] == ["guided", "guided"]
        assert all(mode.quality_factor == inf for mode in found.modes)
        assert found.kappa.imag == 0


def test_third_order_edges_are_both_bright_and_fourth_order_ones_leak() -> None:
    third = modes(device(period=1297.5 * nm, order=3))
    fourth = modes(device(period=1730 * nm, order=4))
    assert [mode.label for mode in third.modes] == ["bright", "bright"]
    assert sorted(mode.label for mode in fourth.modes) == ["bright", "dark"]
    assert all(0 < mode.quality_factor < 1e6 for mode in (*third.modes, *fourth.modes))


@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_q_is_the_stored_energy_over_the_power_radiated_up_and_down(
    build: Callable[..., Device],
) -> None:
    # Poynting's theorem in the box of the layers, from the field on a grid alone:
    # -Im(k²) ∫ r|u|² = Σ over both faces of Re(k_z p) |u_0|², r = ε (TE) or 1 (TM).
    made = build(0.3)
    bright = labelled(modes(made, accuracy=3e-9), "bright")
    period, k = made.need_grating().period, bright.wavenumber
    top = sum(layer.thickness for layer in made.layers)
    x_nodes, x_weights = np.polynomial.legendre.leggauss(120)
    z_nodes, z_weights = np.polynomial.legendre.leggauss(40)
    walls, stored = (-0.5, -0.15, 0.15, 0.5), 0.0
    low = 0.0
    for number, layer in enumerate(made.layers):
        z = low + layer.thickness * (z_nodes + 1) / 2
        for piece in range(3):
            width = (walls[piece + 1] - walls[piece]) * period
            x = walls[piece] * period + width * (x_nodes + 1) / 2
            epsilon = 2.30**2 if number == 0 and piece == 1 else 2.53**2
            field = np.abs(scaled(bright, x, z)) ** 2
            weight = epsilon if made.polarization == "TE" else 1.0
            stored += weight * width * layer.thickness / 4 * (z_weights @ field @ x_weights)
        low += layer.thickness
    radiated = 0.0
    pieces = [
        (period * (low + (high - low) * (x_nodes + 1) / 2), x_weights * (high - low) / 2)
        for low, high in pairwise(walls)
    ]
    x, weights = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    lateral = 2 * pi / period * np.arange(-12, 13)
    for height, index in ((0.0, 1.746), (top, 1.0)):
        row = scaled(bright, x, np.array([height]))[0]
        amplitudes = np.exp(-1j * np.outer(lateral, x)) @ (weights * row)
        kz = np.sqrt((index * k) ** 2 - lateral**2 + 0j)
        kz = np.where((lateral == 0) == (kz.real > 0), kz, -kz)
        kz = np.where(lateral == 0, kz, 1j * np.sqrt(lateral**2 - (index * k) ** 2))
        p = 1.0 if made.polarization == "TE" else index**-2
        radiated += p * float(np.sum(kz.real * np.abs(amplitudes) ** 2)) * period
    assert radiated / stored == pytest.approx(-(k**2).imag, rel=1e-6)


def scaled(mode: CellMode, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The profile in one fixed scale, whatever points are asked for."""
    anchor_x, anchor_z = np.array([0.1, *x]), np.array([0.11, *z])
    values = mode.profile(anchor_x, anchor_z)
    return (values / values[0, 0])[1:, 1:]


# --- derivatives --------------------------------------------------------------------------------


@pytest.mark.parametrize("wavevector", [0.0, 0.013])
@pytest.mark.parametrize("line_gain", [False, True])
@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_gain_slope_is_the_derivative_of_the_wavenumber(
    build: Callable[..., Device], line_gain: bool, wavevector: float
) -> None:
    made = build(
        0.3, substrate=SAPPHIRE, line=uniaxial(2.3, 2.4), film=uniaxial(2.53, 2.45),
        line_gain=line_gain,
    )  # fmt: skip
    for mode in modes(made, wavevector=wavevector).modes:
        step = 1e-3
        up, down = (
            zero_of_matrix(mode.cells, mode.wavenumber, int(mode.found.sector[0]), gain)
            for gain in (step, -step)
        )
        assert mode.gain_slope == pytest.approx((up - down) / (2 * step), rel=1e-6)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(device(0.3, substrate=SAPPHIRE, line_gain=True), id="TE"),
        pytest.param(
            tm_device(
                0.3, substrate=SAPPHIRE, film=uniaxial(2.53, 2.45), line=uniaxial(2.3, 2.4),
                line_gain=True,
            ),
            id="TM, uniaxial",
        ),
        pytest.param(
            device(0.3, line="tio2-ald", film="cqd-film", substrate="sapphire-c"), id="dispersive"
        ),
        pytest.param(
            tm_device(0.3, line="tio2-ald", film="cqd-film", substrate="sapphire-c"),
            id="TM, dispersive",
        ),
        pytest.param(
            device(0.3, superstrate=1.5, film_thickness=160 * nm).model_copy(
                update={
                    "layers": (
                        *device(0.3).layers,
                        Layer(thickness=40.0, material=1.3),
                    )
                }
            ),
            id="thick cladding",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("gain", [0.0, 0.05])
@pytest.mark.parametrize("parity", ["even", "odd", "none"])
def test_wavenumber_form_is_the_derivative_of_the_matrix(
    made: Device, gain: float, parity: str
) -> None:
    k = 2 * pi / made.need_target().wavelength
    whole = cells_of(made, 8, 0.02 if parity == "none" else 0.0)
    cells, sector = replace(whole, about=k), 1 if parity == "odd" else 0
    lateral = np.sqrt(np.abs(whole.lateral.square[0, sector]))
    decay = np.exp(-lateral / 10)
    random = np.random.default_rng(2).standard_normal((2, 2, len(lateral))) * decay
    x, y = (one + 0.3j * one[::-1] for one in random)
    if cells.lateral.transposed:
        y = x

    def interfaces(near: complex) -> tuple[np.ndarray, np.ndarray]:
        """x and y where they are kept; beside them what the eliminated equations demand."""
        system = at(cells, near, sector, gain)
        return system.interfaces(x[None]), system.interfaces(y[None])

    def reduced(near: complex) -> complex:
        u, v = interfaces(near)
        return complex(v.ravel() @ dense(at(cells, near, sector, gain))[0] @ u.ravel())

    here, step = k - 2e-4j, 1e-4
    near, far = ([reduced(here + d) for d in (s, -s)] for s in (step, 2 * step))
    slope = (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * step)
    system = at(cells, here, sector, gain)
    assert system.wavenumber_form(*interfaces(here))[0] == pytest.approx(slope, rel=2e-8)


@pytest.mark.parametrize("build", [device, tm_device], ids=["TE", "TM"])
def test_at_threshold_a_film_of_that_index_lases(build: Callable[..., Device]) -> None:
    bright = labelled(modes(build(0.3)), "bright")
    amplifying = 2.53 - 1j * bright.threshold_gain * bright.wavelength / (4 * pi)
    lasing = labelled(modes(build(0.3, film=amplifying)), "bright")
    # k is real up to the change of g λ/4π between the two wavelengths
    assert abs(lasing.wavenumber.imag) < 1e-9 * lasing.wavenumber.real
    assert abs(lasing.threshold_gain) < 1e-5 * bright.threshold_gain
    assert bright.wavenumber.imag < -1e-6


def test_confinement_is_modal_over_material_gain_of_the_planar_film() -> None:
    # Variational: Γ = n ∫_film E² / (n_eff ∫ E²) without contrast and with gain all over.
    found = modes(device(0.0))
    beta, k = 2 * pi / 0.865, found.modes[0].wavenumber.real
    q, below, above = (
        sqrt((2.53 * k) ** 2 - beta**2),
        sqrt(beta**2 - (1.746 * k) ** 2),
        sqrt(beta**2 - k**2),
    )
    phase = atan(below / q)
    amplitude = 1 / cos(phase)
    inside = amplitude**2 * (0.105 + (sin(2 * (q * 0.21 - phase)) + sin(2 * phase)) / (4 * q))
    top = amplitude * cos(q * 0.21 - phase)
    expected = 2.53 * inside / (beta / k * (inside + 1 / (2 * below) + top**2 / (2 * above)))
    for mode in found.modes:
        assert mode.confinement == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(device(0.3), id="constant"),
        pytest.param(
            device(0.3, line="tio2-ald", film="cqd-film", substrate="sapphire-c"), id="dispersive"
        ),
        pytest.param(tm_device(0.3, substrate=SAPPHIRE), id="TM"),
        pytest.param(device(0.3, period=432.5 * nm, order=1), id="first order"),
    ],
)
def test_bands_near_the_edge_are_the_hyperbola_of_group_index_and_coupling(made: Device) -> None:
    edges = modes(made)
    # One number of functions throughout, so that truncation cancels in the differences.
    functions = 13 if made.polarization == "TE" else 28
    even, odd = (with_functions(mode, functions) for mode in edges.band_edges)
    centre, c = (even + odd) / 2, (even - odd) / 2
    start, gaps = edges.wavevector, []
    for fraction in (0.4, 0.2):
        q = fraction * abs(edges.kappa)
        wavevector = start + q * made.need_grating().period / (2 * pi)
        cell = cells_of(made, functions, wavevector)
        root = np.sqrt(c**2 + (q / edges.n_group) ** 2)
        gaps.append(
            max(
                abs(zero_of_matrix(cell, centre + sign * root) - centre - sign * root)
                for sign in (1, -1)
            )
            / abs(c)
        )
    assert gaps[0] < 2e-3
    assert gaps[1] < 0.3 * gaps[0]  # as the square of the wavevector


def test_dispersive_modes_solve_the_cell_of_their_own_permittivities() -> None:
    # The finite elements are given the permittivity at the complex wavenumber found, continued
    # here by a circle of real-analytic data: a polynomial through values at real wavelengths.
    made = device(0.3, line="tio2-ald", film="cqd-film", substrate="sapphire-c")
    bright = labelled(modes(made, accuracy=1e-8), "bright")
    k0 = bright.wavenumber.real

    def continued(material: Material) -> complex:
        offsets = np.linspace(-0.02, 0.02, 7)
        values = material.permittivity(2 * pi / (k0 + offsets)).real
        return complex(
            np.polynomial.Polynomial.fit(offsets, values, 6)(1j * bright.wavenumber.imag)
        )

    sheets = [
        Sheet(
            layer.thickness,
            (continued(layer.material), 1.0),
            (continued(layer.lines.material), 1.0) if layer.lines else None,
            0.3,
        )
        for layer in made.layers
    ]
    ends = [(continued(end.material), 1.0) for end in (made.substrate, made.superstrate)]
    (k,) = Period(sheets, *ends, 0.865, "TE", degree=7, levels=1).near(bright.wavenumber)
    assert abs(k - bright.wavenumber) < 2e-8 * abs(k)


# --- completeness -------------------------------------------------------------------------------


def test_two_edges_a_hundredth_of_a_nanometre_apart_both_come_back() -> None:
    split = []
    for duty in (0.4998, 0.5012):
        found = modes(device(duty))
        assert sorted(mode.label for mode in found.modes) == ["bright", "dark"]
        split.append(labelled(found, "dark").wavelength - labelled(found, "bright").wavelength)
    duty = brentq(
        lambda value: (
            labelled(modes(device(value)), "dark").wavelength
            - labelled(modes(device(value)), "bright").wavelength
            - 0.01 * nm
        ),
        0.49,
        0.52,
        xtol=1e-6,
    )
    found = modes(device(duty))
    assert labelled(found, "dark").wavelength - labelled(found, "bright").wavelength == (
        pytest.approx(0.01 * nm, rel=0.05)
    )


@pytest.mark.parametrize("target", [1572, 1620, 1720, 1774, 1779])
def test_pair_is_the_same_wherever_the_target_lies(target: float) -> None:
    # at 1572 and 1774 nm the border of the window runs between the edges
    reference, moved = modes(device(0.3)), modes(device(0.3, target=target * nm))
    assert moved.kappa == pytest.approx(reference.kappa, rel=1e-8)
    for here, there in zip(reference.modes, moved.modes, strict=True):
        assert there.wavenumber == pytest.approx(here.wavenumber, rel=1e-10)
        assert there.label == here.label


def test_modes_on_both_sides_of_a_rayleigh_anomaly_come_back() -> None:
    # TM: the guided pair lies at 1516 nm, first orders open in the substrate below 1510.3 nm
    low = tm_device(0.3, film_thickness=160 * nm, target=1500 * nm)
    high = low.model_copy(update={"target": Target(wavelength=1525 * nm)})
    below, above = modes(low, accuracy=1e-5), modes(high, accuracy=1e-5)
    assert len(above.modes) == 2
    for mode in above.modes:
        assert min(abs(mode.wavenumber - other.wavenumber) for other in below.modes) < 1e-5


@pytest.mark.parametrize("along", [1.5, 2.2])
def test_te_modes_never_see_the_index_along_the_optic_axis(along: float) -> None:
    # ordinary index 1.80: first orders open in the substrate below 1557 nm, amid the search
    for order in (1, 2):
        change = {"period": 432.5 * nm * order, "order": order, "target": 1610 * nm}
        plain = modes(device(0.3, substrate=1.80, **change))
        axial = modes(device(0.3, substrate=uniaxial(1.80, along), **change))
        assert len(plain.modes) == 2
        for here, there in zip(plain.modes, axial.modes, strict=True):
            assert there.wavenumber == pytest.approx(here.wavenumber, rel=1e-11)
            assert there.label == here.label


@pytest.mark.parametrize(("polarization", "axis"), [("TE", "ordinary"), ("TM", "extraordinary")])
def test_search_is_divided_where_an_order_grazes_the_dispersive_substrate(
    polarization: str, axis: Axis
) -> None:
    made = device(0.3, substrate="sapphire-c", polarization=polarization)
    lateral = 2 * pi / 0.865
    sapphire = made.substrate.material
    grazing = brentq(
        lambda k: k * float(sapphire.index(2 * pi / k, axis).real) - lateral, 4.0, 4.4, xtol=1e-14
    )
    centre = 1.001 * grazing  # dispersion is continued to first order from the target
    found = anomalies(replace(cells_of(made, 8), about=centre), centre)[0, 1]
    assert min(abs(k / grazing - 1) for k in found) < 1e-7


def test_odd_mode_that_reaches_a_substrate_of_high_index_leaks() -> None:
    buffered = device(0.3, substrate=3.5)
    buffered = buffered.model_copy(
        update={"layers": (Layer(thickness=600 * nm, material=1.746), *buffered.layers)}
    )
    dark = labelled(modes(buffered), "dark")  # tunnels through 600 nm into silicon
    k = 2 * pi / dark.wavelength
    decay = np.exp(-2 * 0.6 * sqrt((2 * pi / 0.865) ** 2 - (1.746 * k) ** 2))
    assert 0.1 / decay < dark.quality_factor < 1000 / decay


def test_film_thicker_than_interfaces_can_tell_apart_is_complete() -> None:
    # 5 guided modes per parity share the first harmonic and two interfaces: phase condition counts
    made = Device(
        substrate=1.45, superstrate=1.45,
        layers=[Layer(thickness=6.0, material=2.0, lines=Lines(material=2.0, duty=0.4))],
        grating=Grating(period=0.85), target=Target(wavelength=1.6),
    )  # fmt: skip
    beta, expected = 2 * pi / 0.85, []
    for order in range(40):

        def phase(k: float, order: int = order) -> float:
            q = sqrt((2.0 * k) ** 2 - beta**2)
            return q * 6.0 - 2 * atan(sqrt(beta**2 - (1.45 * k) ** 2) / q) - order * pi

        low, high = beta / 2.0 * (1 + 1e-12), beta / 1.45 * (1 - 1e-12)
        if phase(low) < 0 < phase(high):
            expected.append(float(brentq(phase, low, high, xtol=1e-13)))
    expected = [k for k in expected if abs(2 * pi / k / 1.6 - 1) < 0.06]
    assert len(expected) >= 4
    found = [mode.wavenumber for mode in modes(made).modes if mode.quality_factor == inf]
    assert len(found) == 2 * len(expected)
    for k in expected:
        assert sum(abs(k - other) < 1e-10 * k for other in found) == 2


def test_edges_of_different_slab_modes_are_not_taken_for_a_pair() -> None:
    found = modes(device(0.35, film_thickness=3000 * nm, target=1700 * nm))
    even, odd = found.band_edges
    assert abs(even.wavenumber - odd.wavenumber) < 0.02
    assert 2.3 < found.n_group < 3.2
    stranger = max(
        (mode for mode in found.modes if mode.label == "dark"),
        key=lambda mode: abs(mode.wavenumber - odd.wavenumber),
    )
    assert abs(stranger.wavenumber - odd.wavenumber) > 0.02
    both = Solved(even.cells, joined([even.found, stranger.found]), np.empty(0))
    centre = (even.wavenumber.real + stranger.wavenumber.real) / 2
    assert [len(part) for part in pairs(both, centre, 2)] == [0, 0, 0, 0]
    pair = Solved(even.cells, joined([even.found, odd.found]), np.empty(0))
    assert pairs(pair, centre, 2)[3] == pytest.approx([found.n_group], rel=1e-9)


INDEX = st.one_of(
    st.floats(1.0, 3.0),
    st.builds(complex, st.floats(1.5, 2.8), st.floats(1e-5, 5e-3)),
    st.builds(lambda n, r: uniaxial(n, n * r), st.floats(1.5, 2.6), st.floats(0.95, 1.05)),
)
LAYERS = st.lists(
    st.tuples(
        st.floats(0.02, 0.5), INDEX, st.one_of(st.none(), st.tuples(INDEX, st.floats(0.02, 0.98)))
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    layers=LAYERS,
    substrate=st.one_of(st.floats(1.3, 1.8), st.just(3.5)),
    polarization=st.sampled_from(["TE", "TM"]),
    order=st.sampled_from([1, 2, 3]),
    n_eff=st.floats(1.5, 2.3),
)
def test_a_search_returns_as_many_modes_as_the_contour_counts_and_none_that_grows(
    layers: list[tuple[float, object, tuple[object, float] | None]],
    substrate: float,
    polarization: str,
    order: int,
    n_eff: float,
) -> None:
    made = Device(
        polarization=polarization, substrate=substrate, superstrate=1.0,
        layers=[
            Layer(
                thickness=thickness, material=fill, gain=True,
                lines=Lines(material=lines[0], duty=lines[1]) if lines else None,
            )
            for thickness, fill, lines in layers
        ],
        grating=Grating(period=order * 1.6 / (2 * n_eff), order=order),
        target=Target(wavelength=1.6),
    )  # fmt: skip
    try:
        found = modes(made, accuracy=1e-3)
    except NoGuidedMode:
        return
    lossless = all(abs(material.permittivity(1.6).imag) == 0 for material in made.materials())
    for mode in found.modes:
        assert mode.quality_factor > 0
        assert mode.quality_factor == inf or mode.quality_factor < 1e11
        if (
            lossless
            and order == 2
            and mode.label == "dark"
            and substrate * made.need_grating().period < mode.wavelength
        ):
            assert mode.quality_factor == inf
        if mode.label == "guided" and lossless:
            assert mode.quality_factor == inf
    for first in found.modes:
        twins = [
            other
            for other in found.modes
            if other.parity == first.parity and abs(other.wavenumber - first.wavenumber) < 1e-9
        ]
        assert twins == [first]


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
