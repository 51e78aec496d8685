"""The rigorous finite solver against an eigenproblem in 2-D, laws and limits."""

from dataclasses import replace
from math import pi
from pathlib import Path

import numpy as np
import pytest
from finite_gratings import PERIOD, chain, device
from finite_witness import Axis, FiniteGrating

from dfbdesign import Device, Grating, InputError, Layer, Lines, NoGuidedMode, load_device, modes
from dfbdesign.device import FacetReflection, Facets, PhaseShift
from dfbdesign.errors import NotConverged
from dfbdesign.solvers import finite_slices
from dfbdesign.solvers.finite import GratingSection, finite_modes
from dfbdesign.solvers.finite_blocks import endless, inside, joined, repeated
from dfbdesign.solvers.finite_chain import Chain
from dfbdesign.solvers.finite_field import Row, row_field
from dfbdesign.solvers.finite_search import Solver, band_edges, root
from dfbdesign.solvers.finite_slices import heights
from dfbdesign.units import cm, deg, nm

ABOUT = 2 * pi / 1.67
STRONG = {"line": 1.7, "duty": 0.35}
"""Feeds back so much that a dozen periods show it."""


def witness(periods, degree=7, **more):
    return FiniteGrating(
        (0.05, 0.16), (2.53, 2.53), (1.7, None), 0.35, PERIOD, periods, 1.746, 1.0, degree=degree,
        **more,
    )  # fmt: skip


def gaps_to(found, known):
    """Distance of each wavenumber to the nearest known one, relative."""
    return [float(np.abs(known - k).min() / abs(k)) for k in found]


# The whole structure as one sparse eigenproblem


def test_cold_modes_are_those_of_a_sparse_eigenproblem_of_the_whole_structure():
    found = [mode.cold_wavenumber for mode in finite_modes(device(16, **STRONG), accuracy=1e-7)]
    assert len(found) == 4
    coarse, fine = (witness(16, degree).modes(3.77 - 0.05j, 6) for degree in (4, 7))
    assert max(gaps_to(found, coarse)) > 5 * max(gaps_to(found, fine))  # the witness closes in
    assert max(gaps_to(found, fine)) < 1e-6


def test_no_mode_of_the_eigenproblem_is_missed():
    known = witness(16, 5).modes(3.77 - 0.05j, 6)
    solver = Solver(chain(device(16, **STRONG), degree=6), 3.77)
    poles = np.array(solver.poles(np.linspace(3.5, 4.05, 90), gain=0.0))
    within = known[(known.real > 3.5) & (known.real < 4.05) & (known.imag > -0.09)]
    assert len(within) == 3
    assert max(gaps_to(within, poles)) < 1e-4


def test_at_threshold_the_eigenproblem_with_that_gain_neither_grows_nor_decays():
    mode = finite_modes(device(20, **STRONG), count=1, accuracy=1e-7)[0]
    index = mode.threshold.gain / (2 * mode.threshold.wavenumber)
    known = witness(20, gain_index=index).modes(mode.threshold.wavenumber + 0.001j, 2)
    assert gaps_to([mode.threshold.wavenumber], known)[0] < 1e-6
    assert mode.threshold.gain > 1000 / cm


@pytest.mark.parametrize("cause", ["shift", "facet"])
def test_a_phase_shift_and_a_facet_act_as_in_the_eigenproblem(cause):
    shift = {"phase_shifts": [PhaseShift(position=0.5, shift=PERIOD / 4)]}
    facet = {"facets": Facets(right="cleaved")}
    made = device(16, **STRONG, **(shift if cause == "shift" else facet))
    mode = finite_modes(made, count=1, accuracy=1e-7)[0]
    more = {"shift": PERIOD / 4} if cause == "shift" else {"facet": True}
    known = witness(16, **more).modes(mode.cold_wavenumber + 0.01, 3)
    plain = witness(16, 5).modes(mode.cold_wavenumber + 0.01, 3)
    assert gaps_to([mode.cold_wavenumber], known)[0] < 2e-6
    assert gaps_to([mode.cold_wavenumber], plain)[0] > 1e-3


# Convergence


def test_the_basis_converges_exponentially():
    made, poles = device(160), []
    for degree in (4, 6, 8, 10, 14):
        poles.append(Solver(chain(made, degree), ABOUT).pole(3.7439 - 0.00415j))
    errors = np.abs(np.array(poles[:-1]) / poles[-1] - 1)
    assert (errors[1:] < errors[:-1] / 5).all()
    assert errors[-1] < 1e-9


def test_depth_and_direction_of_the_absorbing_layers_do_not_matter(monkeypatch):
    made = device(160)
    first = Solver(chain(made, 12), ABOUT).pole(3.7439 - 0.00415j)
    monkeypatch.setattr(finite_slices, "TAILS", (1.4, 4.0, 15.0))
    deeper = Solver(chain(made, 14), ABOUT).pole(3.7439 - 0.00415j)
    monkeypatch.setattr(finite_slices, "RAY", np.exp(0.22j * pi))
    turned = Solver(chain(made, 14), ABOUT).pole(3.7439 - 0.00415j)
    assert abs(deeper / first - 1) < 2e-9
    assert abs(turned / first - 1) < 2e-9


def test_the_reported_error_holds_the_true_one():
    made = device(60, line=2.2)
    best = finite_modes(made, count=1, accuracy=1e-8)
    for loose, tight in zip(finite_modes(made, count=1, accuracy=1e-4), best, strict=True):
        move = abs(loose.cold_wavenumber / tight.cold_wavenumber - 1)
        assert 1e-8 < move < loose.error
        assert tight.error < 1e-8


# Laws


def port_norms(solved):
    """Integral of the square of each port mode, from element matrices of the test's own."""
    basis = solved.chain.heights
    _, masses = Axis(basis.edges, basis.degree).matrices()
    vectors = solved.port.vectors
    return np.einsum("ij,ij->j", vectors, sum(masses) @ vectors)


def test_scattering_between_all_ports_is_reciprocal():
    solved = chain(device(10, **STRONG)).at(3.77, 3.77)
    block = solved.rows[0][5]
    flux = solved.port.constants * port_norms(solved)
    for matrix in (block.reflection, block.transmission):
        weighted = flux[:, None] * matrix
        np.testing.assert_allclose(weighted, weighted.T, atol=1e-8 * np.abs(weighted).max())


def test_in_a_closed_box_no_power_is_lost(monkeypatch):
    monkeypatch.setattr(finite_slices, "RAY", 1.0)
    solved = chain(device(14, **STRONG)).at(3.77, 3.77)
    block, running = solved.rows[0][7], np.abs(solved.port.constants.imag) < 1e-6
    assert running.sum() >= 5
    flux = np.sqrt(np.real(solved.port.constants * port_norms(solved))[running])
    r, t = (
        flux[:, None] * matrix[np.ix_(running, running)] / flux
        for matrix in (block.reflection, block.transmission)
    )
    power = r.conj().T @ r + t.conj().T @ t
    np.testing.assert_allclose(power, np.eye(len(power)), atol=1e-8)
    assert 0.2 < np.abs(r).max() < 0.999


GAUSS = np.polynomial.legendre.leggauss(12)


def gauss(edges):
    """Points and weights on a row of intervals."""
    low, width = np.asarray(edges[:-1])[:, None], np.diff(edges)[:, None]
    return (low + width * (GAUSS[0] + 1) / 2).ravel(), (width * GAUSS[1] / 2).ravel()


def outward_flux(values, step):
    """Im u* du/dn at the first of equally spaced points that go outwards along the first axis."""
    powers = np.linalg.inv(np.vander(np.arange(len(values)), increasing=True))
    return np.imag(values[0].conj() * (powers[1] @ values)) / step


def walls_and_lines(periods, duty):
    """Where permittivity changes along x, and the centres of the lines."""
    centres = (np.arange(periods) + 0.5) * PERIOD
    half = duty * PERIOD / 2
    return np.unique([0.0, periods * PERIOD, *(centres - half), *(centres + half)]), centres, half


def test_photons_made_by_the_gain_leave_through_the_four_sides():
    mode = finite_modes(device(12, **STRONG), count=1, accuracy=1e-8)[0]
    walls, centres, half = walls_and_lines(12, 0.35)
    x, x_weights = gauss(walls)
    z, z_weights = gauss([0.0, 0.02, 0.05, 0.09, 0.15, 0.21])
    step = 0.005 * np.arange(8)
    columns = np.concatenate([x, step, 12 * PERIOD - step])
    u = mode.field(columns, np.concatenate([z, 0.21 + step, -step]))
    k, gain = mode.threshold.wavenumber, mode.threshold.gain
    line = (np.abs(x[:, None] - centres).min(axis=1) < half) & (z[:, None] < 0.05)
    imaginary = np.where(line, 1.7, 2.53 - 0.5j * gain / k) ** 2
    inner = u[: len(z), : len(x)]
    made = -(k**2) * np.sum(imaginary.imag * np.abs(inner) ** 2 * x_weights * z_weights[:, None])
    top, bottom = (
        outward_flux(u[rows, : len(x)], 0.005) @ x_weights
        for rows in (slice(len(z), len(z) + 8), slice(len(z) + 8, None))
    )
    left, right = (
        # These points go inwards.
        -outward_flux(u[: len(z), rows].T, 0.005) @ z_weights
        for rows in (slice(len(x), len(x) + 8), slice(len(x) + 8, None))
    )
    assert min(top, bottom, left, right) > 0.1 * made
    assert left == pytest.approx(right, rel=1e-7)  # the device is its own mirror image
    assert top + bottom + left + right == pytest.approx(made, rel=1e-5)


def test_a_passive_grating_gives_back_the_power_of_the_incident_wave():
    made, k = device(12, **STRONG), 3.80
    solved = chain(made, 13, (GratingSection(12),), 1).at(k, k)
    guided, blocks, port = solved.guided, solved.rows[0], solved.port
    block, (_, steps) = blocks[12], solved.periods[0]
    wave = np.eye(block.size, dtype=complex)[guided]
    row = Row(0.0, PERIOD, steps, inside(blocks, 12, wave, 0 * wave))
    x, weights = gauss(walls_and_lines(12, 0.35)[0])
    step = 0.005 * np.arange(8)
    beside, more = gauss(np.linspace(0.0, 30.0, 60))  # light also slants out beyond the ends
    beside = np.concatenate([beside, 30.0 + step])
    away = np.exp(1j * np.outer(port.constants, beside))
    left = block.reflection[:, [guided]] * away + wave[:, None] / away[guided]
    right = block.transmission[:, [guided]] * away
    sides = [port.vectors @ amplitudes for amplitudes in (left, right)]
    field = np.hstack([row_field(row, x), *(side[:, :-8] for side in sides)])
    functions = solved.chain.heights.functions
    up, down = (
        outward_flux(functions(z) @ field, 0.005) @ np.concatenate([weights, more, more])
        for z in (0.21 + step, -step)
    )
    z, z_weights = gauss([0.0, 0.02, 0.05, 0.09, 0.15, 0.21])
    back, on = (outward_flux((functions(z) @ side[:, -8:]).T, 0.005) @ z_weights for side in sides)
    running = np.real(port.constants[guided]) * (functions(z) @ port.vectors[:, guided]) ** 2
    incident = np.real(running @ z_weights)
    assert up / incident > 0.005
    assert on / incident > 0.1
    assert abs(up + down + back + on) < 2e-5 * incident
    reflected, passed = (
        abs(matrix[guided, guided]) ** 2 for matrix in (block.reflection, block.transmission)
    )
    assert back / incident == pytest.approx(reflected - 1, abs=5e-3)
    assert on / incident == pytest.approx(passed, abs=5e-3)


def test_waves_leave_a_slice_fading_or_running_away_at_complex_frequencies(monkeypatch):
    monkeypatch.setattr(finite_slices, "RAY", 1.0)  # rays would turn all squares upwards
    solved = chain(device(10)).at(3.7 - 0.1j, 3.7)
    q = solved.port.constants
    principal = np.sqrt(q**2)
    assert (np.abs(principal + q) < 1e-9 * np.abs(q)).any()  # some need the other root
    steep = np.abs(q.imag) > np.abs(q.real)
    assert steep.sum() > 10
    assert (q.imag[steep] > 0).all()
    assert (q.real[~steep] > 0).all()


def test_a_row_does_not_care_how_it_is_halved():
    solved = chain(device(14, **STRONG)).at(3.77 - 0.03j, 3.77)
    period = solved.periods[0][0]
    row = period
    for _ in range(6):
        row = joined(row, period)
    halved = repeated(period, [7])[7]
    np.testing.assert_allclose(halved.reflection, row.reflection, atol=1e-9)
    np.testing.assert_allclose(halved.transmission, row.transmission, atol=1e-9)


def test_cutting_a_section_changes_nothing():
    made = device(40, **STRONG)
    whole = finite_modes(made, count=2)
    parts = [GratingSection(9), GratingSection(20), GratingSection(11)]
    for one, other in zip(whole, finite_modes(made, parts, count=2), strict=True):
        assert other.threshold.wavenumber == pytest.approx(one.threshold.wavenumber, rel=1e-9)
        assert other.threshold.gain == pytest.approx(one.threshold.gain, rel=1e-7)
        assert other.cold_wavenumber == pytest.approx(one.cold_wavenumber, rel=1e-9)


def test_a_mirrored_device_has_the_same_modes_and_mirrored_fields():
    parts = [GratingSection(10, pump=0.5), GratingSection(8), GratingSection(12, shift=0.1)]
    mirrored = [GratingSection(12), GratingSection(8, shift=0.1), GratingSection(10, pump=0.5)]
    one, other = (
        finite_modes(device(30, **STRONG, facets=facets), sections, count=1)[0]
        for sections, facets in (
            (parts, Facets(left="cleaved")),
            (mirrored, Facets(right="cleaved")),
        )
    )
    assert other.threshold.wavenumber == pytest.approx(one.threshold.wavenumber, rel=1e-9)
    assert other.threshold.gain == pytest.approx(one.threshold.gain, rel=1e-7)
    x, z = np.linspace(0.0, 30 * PERIOD + 0.1, 50), np.linspace(-0.1, 0.3, 5)
    turned = other.field(30 * PERIOD + 0.1 - x[::-1], z)
    np.testing.assert_allclose(
        np.abs(turned[:, ::-1]), np.abs(one.field(x[::-1], z)[:, ::-1]), atol=1e-6
    )


# Limits


def test_the_endless_grating_is_the_unit_cell():
    for made in (device(10), device(10, **STRONG)):
        cell = modes(made, accuracy=3e-8)
        for edge, known in zip(band_edges(chain(made, 14), ABOUT), cell.band_edges, strict=True):
            assert abs(edge / known.wavenumber - 1) < 1e-7
        assert abs(band_edges(chain(made, 14), ABOUT)[1].imag) < 1e-8  # the dark mode is bound


def test_dispersive_uniaxial_materials_are_those_of_the_unit_cell():
    made = load_device(Path(__file__).parents[1] / "examples" / "reference.toml")
    part = Chain(made, (GratingSection(1),), 1, 0.0, heights(made, 12))
    for parity, known in enumerate(modes(made, accuracy=3e-8).band_edges):
        k = known.wavenumber
        edge = band_edges(part, k.real)[parity]  # dispersion is continued from there
        assert abs(edge / k - 1) < 1e-7


def test_odd_orders_have_the_band_edges_of_the_unit_cell_too():
    made = device(10, period=432 * nm, order=1)
    for edge, known in zip(
        band_edges(chain(made, 12), ABOUT),
        modes(made, accuracy=3e-8).band_edges,
        strict=True,
    ):
        assert abs(edge / known.wavenumber - 1) < 1e-7


def test_long_gratings_approach_the_edge_as_the_square_and_lose_as_the_cube_of_length():
    found, first_order = [], {"period": 432 * nm, "order": 1}  # nothing radiates upwards
    for count in (300, 600, 1200):
        made = device(count, line=2.0, gain=False, **first_order)
        found.append(finite_modes(made, count=1, accuracy=1e-5)[0])
    edges = [band_edges(mode.solved.chain, ABOUT) for mode in found]  # each in its own basis
    k = np.array([mode.cold_wavenumber for mode in found])
    shift = np.abs(k[:, None].real - np.real(edges)).min(axis=1)
    assert np.diff(np.log2(shift)) == pytest.approx([-2, -2], abs=0.1)
    assert np.diff(np.log2(-k.imag)) == pytest.approx([-3, -3], abs=0.15)


def test_an_unpumped_end_is_a_very_long_absorbing_grating():
    absorption = 1500 / cm
    dark = GratingSection(128, pump=0, gain=-absorption)
    long = finite_modes(device(1), [dark, GratingSection(60), dark], count=1)[0]
    both = Facets(left="unpumped", right="unpumped")
    ended = finite_modes(device(60, facets=both), absorption=absorption, count=1)[0]
    assert ended.threshold.wavenumber == pytest.approx(long.threshold.wavenumber, rel=1e-7)
    assert ended.threshold.gain == pytest.approx(long.threshold.gain, rel=1e-4)
    assert ended.quality_factor is None
    assert long.quality_factor > 1000  # of all 316 periods


def test_an_endless_grating_without_absorption_is_refused_in_the_band():
    solved = chain(device(10, line=2.45)).at(3.70, 3.70)
    # No radiation at all beside the second order: light goes on for ever.
    with pytest.raises(NotConverged, match="give it absorption"):
        endless(_lossless(solved.period(0.0)[0]))


def _lossless(block):
    phase = np.exp(0.3j) * np.eye(block.size)
    return replace(block, reflection=0 * phase, transmission=phase)


# Time domain


def test_meep_extrapolates_to_the_same_mode():
    # 160 periods, MEEP 1.25, permittivities averaged by benchmarks/finite_meep.py: wavelength [µm]
    # and Q of the first dark mode on 24 and 32 pixels per period, which err as pixel².
    wavelengths, losses = np.array([1.6803625902, 1.6794290063]), 1 / np.array([444.351, 447.013])
    weight = 24**2 / (32**2 - 24**2)
    wavelength, loss = (v[1] + (v[1] - v[0]) * weight for v in (wavelengths, losses))
    cold = Solver(chain(device(160), 12), ABOUT).pole(3.7439 - 0.00415j)
    assert 2 * pi / cold.real == pytest.approx(wavelength, rel=1e-4)
    assert -cold.real / (2 * cold.imag) == pytest.approx(1 / loss, rel=0.02)


# Input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"polarization": "TM"}, "handles TE only"),
        ({"layers": [Layer(thickness=0.2, material=2.53)]}, "needs a layer with lines"),
        (
            {
                "layers": [
                    Layer(
                        thickness=0.2,
                        material=2.53,
                        lines=Lines(material=2.3, duty=0.3, sidewall=80 * deg),
                    )
                ]
            },
            "sidewall must be 90 deg",
        ),
        ({"grating": Grating(period=PERIOD)}, "no length"),
        ({"target": None}, r"\[target\]"),
    ],
)
def test_what_is_not_solved_here_is_refused_in_one_line(change, message):
    with pytest.raises(InputError, match=message) as refused:
        finite_modes(Device(**{**dict(device(10)), **change}))
    assert "\n" not in str(refused.value)


def test_a_given_facet_reflection_is_refused():
    given = Facets(right=FacetReflection(reflection=(0.3, 0.0)))
    with pytest.raises(InputError, match=r"facets\.right"):
        finite_modes(device(10, facets=given))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (lambda: [GratingSection(0)], "periods of a section"),
        (lambda: [GratingSection(5, pump=-1)], "pump of a section"),
        (lambda: [GratingSection(5, shift=-1)], "shift of a section"),
        (lambda: [GratingSection(5, pump=0)], "nothing is pumped"),
    ],
)
def test_bad_sections_are_refused(sections, message):
    with pytest.raises(InputError, match=message):
        finite_modes(device(10), sections())


def test_a_film_that_does_not_guide_at_this_period_is_refused():
    made = device(10)
    far = Device(**{**dict(made), "grating": Grating(period=2000 * nm, length=20000 * nm)})
    with pytest.raises(NoGuidedMode, match="Choose a shorter period"):
        finite_modes(far)


def test_modes_of_a_very_strong_grating_are_all_told_apart():
    # kappa L = 20: the n-th mode of a band edge lies n² times as far from it as the first.
    found = finite_modes(device(2320), count=6, accuracy=1e-5)
    dark = band_edges(found[0].solved.chain, ABOUT)[1].real
    offsets = np.array([dark - mode.threshold.wavenumber for mode in found])
    ladder = np.sort(offsets[np.abs(offsets) < 0.005])
    order = np.sqrt(ladder / ladder[0])
    assert len(order) >= 4
    assert order == pytest.approx(np.arange(1, len(order) + 1), rel=0.06)


def test_feedback_too_strong_to_tell_modes_apart_is_refused():
    with pytest.raises(NotConverged, match="kappa L"):
        finite_modes(device(20000, line=2.0))


def test_positions_outside_are_refused():
    mode = finite_modes(device(12, **STRONG), count=1, accuracy=1e-3)[0]
    with pytest.raises(InputError, match="x must lie in"):
        mode.field([-0.1], [0.1])
    with pytest.raises(InputError, match="z must lie in"):
        mode.field([0.1], [5.0])


def test_secant_steps_that_do_not_settle_say_so():
    with pytest.raises(NotConverged, match="last secant step"):
        root(lambda k: np.exp(k), 0.0, 1.0)
