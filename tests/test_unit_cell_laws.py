"""Closed forms, limits and conservation laws of the modes of one period."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import atan, cos, inf, pi, sin, sqrt

import numpy as np
import pytest
from scipy.optimize import brentq
from unit_cells import (
    SAPPHIRE,
    at,
    cells_of,
    dense,
    device,
    labelled,
    scaled,
    tm_device,
    with_functions,
    zero_of_matrix,
)
from witnesses import Period, Sheet

from dfbdesign.device import Device, Grating, Layer, Target
from dfbdesign.materials import Material, uniaxial
from dfbdesign.solvers.cell_forms import wavenumber_form
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.units import nm

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
    assert wavenumber_form(system, *interfaces(here))[0] == pytest.approx(slope, rel=2e-8)


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
