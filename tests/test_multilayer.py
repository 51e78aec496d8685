"""Modes of plain layers: closed forms, counts, finite differences and published values."""

from math import atan, pi, sqrt

import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import eigs

from dfbdesign.errors import NotConverged
from dfbdesign.solvers.multilayer import Stack, _mode_function, cutoff_thickness, guided, leaky
from dfbdesign.solvers.multilayer_field import profile
from dfbdesign.units import nm

N_O, N_E = 1.7442333141688295, 1.73644359480884  # sapphire at 1660 nm
FILMS = (2.4, 2.5, 2.6, 2.7, 2.8)


def film(index, thickness, extraordinary=N_O):
    return Stack.of(1.66, [thickness], [N_O, index, 1.0], [extraordinary, index, 1.0])


# Planar films on c-plane sapphire at 1.66 µm, from an independent solution of the film equation.
@pytest.mark.parametrize(
    ("thickness", "printed"),
    [
        (160 * nm, (1.78380408, 1.82532302, 1.87643834, 1.93510165, 1.99988802)),
        (200 * nm, (1.84447867, 1.90420133, 1.97143021, 2.04453750, 2.12237075)),
    ],
)
def test_te0_of_films_on_sapphire_has_every_tabulated_digit(thickness, printed):
    found = [guided(film(n, thickness), "TE") for n in FILMS]
    assert [n.size for n in found] == [1] * 5
    assert np.array(found)[:, 0].real == pytest.approx(printed, abs=0.51e-8)


@pytest.mark.parametrize(
    ("thickness", "printed"),
    [
        (160 * nm, (0.35800, 0.46729, 0.55168, 0.61925, 0.67476)),
        (200 * nm, (0.55249, 0.63800, 0.70392, 0.75633, 0.79892)),
    ],
)
def test_te0_confinement_of_films_on_sapphire_has_every_tabulated_digit(thickness, printed):
    for n, value in zip(FILMS, printed, strict=True):
        stack = film(n, thickness)
        along, _ = profile(stack, "TE", guided(stack, "TE")[0]).sensitivity()
        assert 2 * n * along[1] == pytest.approx(value, abs=0.51e-5)


@pytest.mark.parametrize(
    ("extraordinary", "printed"),
    [(N_O, (1.745774, 1.751095, 1.759560)), (N_E, (1.738258, 1.743828, 1.752497))],
)
def test_tm0_sees_the_extraordinary_index_of_sapphire(extraordinary, printed):
    for n in (2.4, 2.5):
        assert guided(film(n, 200 * nm, extraordinary), "TM").size == 0
    found = [guided(film(n, 200 * nm, extraordinary), "TM").item().real for n in (2.6, 2.7, 2.8)]
    assert found == pytest.approx(printed, abs=0.51e-6)


@pytest.mark.parametrize(
    ("index", "te", "tm"), [(2.4, 114.5, 220.1), (2.6, 87.4, 188.2), (2.8, 69.7, 166.2)]
)
def test_cut_offs_of_films_on_sapphire_are_the_tabulated_and_the_closed_form(index, te, tm):
    assert cutoff_thickness(film(index, 0.1), "TE", 1) / nm == pytest.approx(te, abs=0.051)
    assert cutoff_thickness(film(index, 0.1), "TM", 1) / nm == pytest.approx(tm, abs=0.051)
    turn = sqrt(index**2 - N_O**2)
    for polarization, weight in (("TE", 1.0), ("TM", index**2)):
        exact = [
            1.66 / (2 * pi * turn) * (atan(weight * sqrt(N_O**2 - 1) / turn) + m * pi)
            for m in range(3)
        ]
        found = [cutoff_thickness(film(index, 0.1), polarization, 1, m) for m in range(3)]
        assert found == pytest.approx(exact, rel=1e-12)


def test_a_mode_appears_exactly_at_its_cut_off():
    for polarization in ("TE", "TM"):
        cut_off = cutoff_thickness(film(2.6, 0.1), polarization, 1, order=1)
        assert guided(film(2.6, cut_off * (1 - 1e-9)), polarization).size == 1
        assert guided(film(2.6, cut_off * (1 + 1e-9)), polarization).size == 2


def test_a_symmetric_film_has_no_cut_off():
    assert cutoff_thickness(Stack.of(1.55, [0.2], [1.44, 2.0, 1.44]), "TE", 1) == 0
    assert guided(Stack.of(1.55, [1 * nm], [1.44, 2.0, 1.44]), "TE").size == 1


# The guide of J. Chilwell and I. Hodgkinson, J. Opt. Soc. Am. A 1, 742 (1984), Fig. 2: four layers
# of 0.5 µm at 632.8 nm, lossless and with losses in its upper two. Guided, then leaky modes, from
# the transfer matrices that X. Zang and A. Shevchenko, APL Photonics 9, 116105 (2024), compare
# with: github.com/shelvon/ngslab, src/ngslab/demo/4layer_tmatrix.txt (commit e63b517) and
# demo/4layer_lossy_tmatrix.txt (ab71d16). Ours ends where Im n_eff exceeds 0.1; theirs goes on.
FOUR_LAYERS = {
    ("TE", "lossless"): (
        [1.62272868, 1.60527569, 1.55713615, 1.50358711],
        [1.46185664 + 0.00715587j, 1.38248922 + 0.01816588j, 1.28136443 + 0.03587739j,
         1.14231446 + 0.05287607j, 1.00303702 + 0.07077094j],
    ),
    ("TM", "lossless"): (
        [1.62003132, 1.59478848, 1.55498069, 1.50181780],
        [1.45153498 + 0.01192359j, 1.37066437 + 0.03014206j, 1.27373706 + 0.05679177j,
         1.15731285 + 0.08757849j],
    ),
    ("TE", "lossy"): (
        [1.62272868 + 0.000000673727j, 1.60527569 + 0.000166244285j,
         1.55713612 + 0.000020880097j, 1.50358696 + 0.000055032495j],
        [1.46185448 + 0.00726710j, 1.38249997 + 0.01827662j, 1.28137151 + 0.03596266j,
         1.14233026 + 0.05299360j, 1.00303470 + 0.07087449j],
    ),
    ("TM", "lossy"): (
        [1.62003131 + 0.000000892759j, 1.59478847 + 0.000165565266j,
         1.55498066 + 0.000023704828j, 1.50181764 + 0.000042530043j],
        [1.45153751 + 0.01202887j, 1.37068384 + 0.03024261j, 1.27375077 + 0.05687731j,
         1.15732794 + 0.08766890j],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("polarization", "kind"), FOUR_LAYERS)
def test_four_layer_guide_has_every_published_digit_guided_leaky_and_lossy(polarization, kind):
    loss = 1 + (1e-4j if kind == "lossy" else 0)
    stack = Stack.of(0.6328, [0.5] * 4, [1.5, 1.66, 1.60, 1.53 * loss, 1.66 * loss, 1.0])
    found = guided(stack, polarization), leaky(stack, polarization)
    for modes, published in zip(found, FOUR_LAYERS[polarization, kind], strict=True):
        assert modes.shape == (len(published),)
        assert modes == pytest.approx(np.array(published), abs=1.5e-8)
        if kind == "lossy" and modes is found[0]:  # twelve digits of Im n_eff are printed
            assert modes.imag == pytest.approx(np.imag(published), abs=1e-12)


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_symmetric_guide_solves_the_tangent_equations(polarization):
    core, cladding, width, wavelength = 3.4, 1.5, 1.1, 1.55
    n_eff = guided(Stack.of(wavelength, [width], [cladding, core, cladding]), polarization).real
    k0 = 2 * pi / wavelength
    across, decay = k0 * np.sqrt(core**2 - n_eff**2), k0 * np.sqrt(n_eff**2 - cladding**2)
    weight = 1 if polarization == "TE" else (core / cladding) ** 2
    order = np.arange(n_eff.size)
    phase = across * width - 2 * np.arctan(weight * decay / across)
    assert phase == pytest.approx(order * pi, abs=1e-11)
    assert n_eff.size == int(k0 * width * sqrt(core**2 - cladding**2) / pi) + 1


layers = st.lists(st.tuples(st.floats(0.02, 1.2), st.floats(1.0, 3.5)), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(layers, st.floats(1.0, 2.0), st.floats(1.0, 2.0), st.sampled_from(["TE", "TM"]))
def test_contour_count_finds_the_modes_that_sturm_counts(stack, below, above, polarization):
    thickness, index = zip(*stack, strict=True)
    real = Stack.of(1.55, thickness, [below, *index, above])
    lossless = guided(real, polarization)
    with_loss = np.array([below, *index, above]) + np.r_[0, np.full(len(index), 1e-13j), 0]
    try:
        lossy = guided(Stack.of(1.55, thickness, with_loss), polarization)
    except NotConverged as error:  # cores so far apart that no contour can part their modes
        assert "do not couple" in str(error)  # noqa: PT017
        assert np.min(-np.diff(lossless.real)) < 1e-11
        return
    floor = max(below, above)
    assert lossy[lossy.real > floor + 1e-7].real == pytest.approx(
        lossless[lossless.real > floor + 1e-7].real, abs=1e-9
    )


def finite_differences(stack, polarization, step, guess):
    """n_eff of the mode nearest a guess: second-order differences, walls 4 µm away."""
    edges = np.r_[0.0, np.cumsum(stack.thickness)]
    half = (np.arange(round((8 + edges[-1]) / step)) + 0.5) * step - 4
    a, c, d = (x[np.searchsorted(edges, half)] for x in stack.coefficients(polarization))
    k0 = 2 * pi / stack.wavelength
    # (u'/a)' = (N c - d) u on the nodes between half points; c and d are means of both sides.
    inverse = 1 / a / (k0 * step) ** 2
    matrix = sparse.diags(
        [inverse[1:-1], -inverse[:-1] - inverse[1:] + (d[:-1] + d[1:]) / 2, inverse[1:-1]],
        [-1, 0, 1],
    ).tocsc()
    weight = sparse.diags((c[:-1] + c[1:]) / 2).tocsc()
    found = eigs(matrix, k=1, M=weight, sigma=guess**2, return_eigenvectors=False)
    return np.sqrt(found[0])


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_finite_differences_close_on_a_lossy_uniaxial_stack_as_the_step_squared(polarization):
    index = np.array([1.744, 2.2, 2.6 + 0.02j, 1.5 - 0.01j, 2.5, 1.0])
    along = np.array([1.736, 2.3, 2.6 + 0.02j, 1.6 - 0.01j, 2.5, 1.0])
    stack = Stack.of(1.66, [0.1, 0.3, 0.1, 0.2], index, along)
    exact = guided(stack, polarization)[0]
    coarse, fine = (
        finite_differences(stack, polarization, step, exact) - exact for step in (0.005, 0.0025)
    )
    assert abs(coarse) < 1e-3
    assert coarse / fine == pytest.approx(4, rel=0.03)


def two_cores(gap, loss=0.0):
    return Stack.of(1.55, [0.3, gap, 0.3], [1.444, 2.0 + 1j * loss, 1.444, 2.0 + 1j * loss, 1.444])


@pytest.mark.parametrize("loss", [0.0, 1e-4])
@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_both_supermodes_of_far_cores_are_found_and_split_exponentially(polarization, loss):
    one = guided(Stack.of(1.55, [0.3], [1.444, 2.0 + 1j * loss, 1.444]), polarization)
    decay = 2 * pi / 1.55 * np.sqrt(one[0] ** 2 - 1.444**2)
    pairs = [guided(two_cores(gap, loss), polarization) for gap in (4.0, 5.0)]
    near, far = (pair[0] - pair[1] for pair in pairs)
    assert [pair.size for pair in pairs] == [2, 2]
    assert 1e-12 < abs(far) < 2e-5
    assert near / far == pytest.approx(np.exp(decay), rel=2e-3)
    assert pairs[1].mean() == pytest.approx(one[0], abs=1e-9)


def test_cores_beyond_all_coupling_are_still_two_modes():
    pair = guided(two_cores(20.0), "TE")
    assert pair.size == 2
    assert pair[0] == pytest.approx(pair[1], abs=1e-14)


LOSSY = np.array([1.744, 2.2, 2.6 - 0.02j, 1.6 + 0.01j, 1.0])
LOSSY_Z = np.array([1.736, 2.3, 2.6 - 0.02j, 1.5 + 0.01j, 1.0])
SILICON = np.array([3.478, 1.444, 2.0 + 0.001j, 1.3, 1.0])


@pytest.mark.parametrize("polarization", ["TE", "TM"])
@pytest.mark.parametrize(
    ("search", "index", "along", "number"),
    [(guided, LOSSY, LOSSY_Z, 0), (leaky, SILICON, SILICON, 0), (leaky, SILICON, SILICON, 1)],
)
def test_derivatives_equal_finite_differences(search, index, along, number, polarization):
    thickness = [0.15, 0.35, 0.1] if search is guided else [1.0, 0.6, 0.2]

    def n_eff(ordinary, extraordinary):
        stack = Stack(1.66, np.array(thickness), ordinary, extraordinary)
        return search(stack, polarization)[number]

    stack = Stack.of(1.66, thickness, index, along)
    exact = profile(stack, polarization, n_eff(index**2, along**2)).sensitivity()
    for axis in (0, 1):
        for medium in range(5):
            step = np.zeros((2, 5))
            step[axis, medium] = 1e-4
            up, down = (
                n_eff(index**2 + sign * step[0], along**2 + sign * step[1]) for sign in (1, -1)
            )
            assert exact[axis][medium] == pytest.approx((up - down) / 2e-4, abs=2e-8, rel=1e-6)


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_slope_of_the_mode_function_is_its_derivative(polarization):
    stack = Stack(1.66, np.array([0.15, 0.002, 0.1]), LOSSY**2, LOSSY_Z**2)
    at = np.array([3.3 + 0.2j, 2.6 - 0.1j, 5.0 + 0.01j, LOSSY[2] ** 2 * 1.0001])
    step = 1e-6
    # Both carry one positive factor that changes from place to place, so compare the phase.
    value, slope = _mode_function(stack, polarization, at, (False, False))
    for direction in (1, 1j):
        up, down = (
            _mode_function(stack, polarization, at + sign * step * direction, (False, False))[0]
            for sign in (1, -1)
        )
        turn = np.angle(up / down) / (2 * step)
        assert turn == pytest.approx((slope / value * direction).imag, rel=1e-5, abs=1e-6)
