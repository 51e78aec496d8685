"""Slab modes against closed forms, conservation laws, finite differences and published values."""

from itertools import pairwise
from math import atan, pi, sqrt

import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import eigs

from dfbdesign.device import Device, Grating, Layer, Lines, Target, changed
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.solvers.multilayer import (
    Stack,
    _mode_function,
    cutoff_thickness,
    guided,
    leaky,
)
from dfbdesign.solvers.multilayer_field import profile
from dfbdesign.solvers.slab import chromatic_dispersion, slab, stack_of
from dfbdesign.units import SPEED_OF_LIGHT, nm, um

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


def patterned(**kwargs):
    return Device(
        substrate="sapphire-c",
        layers=[
            Layer(
                thickness=50 * nm,
                material="cqd-film",
                lines=Lines(material="tio2-ald", duty=0.35),
            ),
            Layer(thickness=240 * nm, material="cqd-film", gain=True),
        ],
        superstrate="air",
        grating=Grating(period=870 * nm),
        target=Target(wavelength=1.6),
        **kwargs,
    )


def test_group_index_equals_the_finite_difference_over_wavelength():
    device, step = patterned(), 1e-4
    modes = slab(device).modes
    assert {mode.polarization for mode in modes} == {"TE", "TM"}
    for number, mode in enumerate(modes):
        up, down = (slab(device, 1.6 + sign * step).modes[number].n_eff for sign in (1, -1))
        slope = (up - down).real / (2 * step)
        assert mode.n_group == pytest.approx(mode.n_eff.real - 1.6 * slope, abs=1e-6)


def test_modal_gain_is_confinement_times_material_gain():
    for polarization in ("TE", "TM"):
        device = Device(
            substrate={"material": {"index": 1.744}},
            layers=[
                Layer(thickness=300 * nm, material={"index": 2.6}),
                Layer(thickness=40 * nm, material={"index": 1.8}),
            ],
            superstrate="air",
        )
        confinement = slab(device, 1.6).fundamental(polarization).confinement
        for layer in (0, 1):
            index = device.layers[layer].material.index(1.6) - 1e-6j
            amplifying = changed(device, {f"layers.{layer}.material": complex(index)})
            n_eff = slab(amplifying, 1.6).fundamental(polarization).n_eff
            assert -n_eff.imag / 1e-6 == pytest.approx(confinement[layer], rel=1e-6)


def test_confinement_of_a_thick_film_exceeds_one_as_slow_light_does():
    stack = Stack.of(1.55, [0.25], [1.0, 3.4, 1.0])
    along, _ = profile(stack, "TE", guided(stack, "TE")[0]).sensitivity()
    assert 2 * 3.4 * along[1].real > 1


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_field_obeys_the_wave_equation_and_the_boundary_conditions(polarization):
    stack = Stack.of(1.66, [0.15, 8.0, 0.35, 3.0], [1.744, 2.2, 1.6, 2.6 + 0.01j, 1.2, 1.0])
    n_eff = guided(stack, polarization)[0]
    mode = profile(stack, polarization, n_eff)
    edges, k0, h = np.r_[0, np.cumsum(stack.thickness)], 2 * pi / 1.66, 1e-3
    middles = np.r_[-0.3, (edges[1:] + edges[:-1]) / 2, edges[-1] + 0.3]
    u = np.array([mode.field(middles + s * h) for s in (-1, 0, 1)])
    second = (u[0] + u[2]) / (k0 * h) ** 2 - 2 * u[1] / (k0 * h) ** 2
    assert second / u[1] == pytest.approx(n_eff**2 - stack.ordinary, rel=1e-4)
    a = stack.coefficients(polarization)[0]
    for edge, (below, above) in zip(edges, pairwise(a), strict=True):
        d = 1e-6
        left = mode.field(edge - d * np.arange(3))
        right = mode.field(edge + 1e-12 + d * np.arange(3))
        scale = np.abs(left[0])
        assert abs(left[0] - right[0]) < 1e-9 * scale
        slope_left = (3 * left[0] - 4 * left[1] + left[2]) / (2 * d) / below
        slope_right = -(3 * right[0] - 4 * right[1] + right[2]) / (2 * d) / above
        assert slope_left == pytest.approx(slope_right, abs=2e-8 * scale / d)


def test_absorbed_power_is_what_the_mode_loses():
    stack = Stack.of(1.66, [0.3, 0.2], [1.744, 2.6 + 0.01j, 1.9 - 0.003j, 1.0])
    n_eff = guided(stack, "TE")[0]
    z = np.linspace(-6, 6, 240001)
    u = np.abs(profile(stack, "TE", n_eff).field(z)) ** 2
    medium = np.searchsorted([0, 0.3, 0.5], z)
    assert (n_eff**2).imag == pytest.approx(
        (stack.ordinary[medium].imag * u).sum() / u.sum(), rel=3e-4
    )


def test_leaky_mode_loses_what_radiates_into_the_substrate():
    stack = Stack.of(1.55, [1.0, 0.6], [3.478, 1.444, 2.0, 1.0])
    n_eff = leaky(stack, "TE")[0]
    mode = profile(stack, "TE", n_eff)
    z = np.linspace(0, 8, 160001)
    k0, u = 2 * pi / 1.55, mode.field(z)
    stored = np.trapezoid(np.abs(u) ** 2, k0 * z)
    below = mode.field(np.array([-1e-5, 0.0]))
    flux = -np.imag(np.conj(below[1]) * (below[1] - below[0]) / (k0 * 1e-5))  # downwards
    assert flux > 0
    assert (n_eff**2).imag * stored == pytest.approx(flux, rel=1e-4)


def test_leaky_mode_is_outgoing_and_grows_away_from_the_film():
    stack = Stack.of(1.55, [1.0, 0.6], [3.478, 1.444, 2.0, 1.0])
    for polarization in ("TE", "TM"):
        mode = profile(stack, polarization, leaky(stack, polarization)[0])
        down = mode.field([-1.0, -1.01])
        assert np.angle(down[1] / down[0]) > 0  # the phase of exp(-iωt) advances downwards
        assert abs(down[1]) > abs(down[0])
        up = mode.field([3.0, 3.1])
        assert abs(up[1]) < abs(up[0])


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_leak_dies_exponentially_with_the_buffer(polarization):
    bound = guided(Stack.of(1.55, [0.6], [1.444, 2.0, 1.0]), polarization)[0]
    decay = 2 * pi / 1.55 * np.sqrt(bound**2 - 1.444**2).real
    thin, thick = (
        leaky(Stack.of(1.55, [buffer, 0.6], [3.478, 1.444, 2.0, 1.0]), polarization)[0]
        for buffer in (1.0, 1.3)
    )
    assert thin.imag / thick.imag == pytest.approx(np.exp(2 * decay * 0.3), rel=0.02)
    assert abs(thick - bound) < abs(thin - bound) < 1e-3


def test_a_leaky_substrate_may_lie_on_top():
    upright = Stack.of(1.55, [1.0, 0.6], [3.478, 1.444, 2.0, 1.0])
    flipped = Stack.of(1.55, [0.6, 1.0], [1.0, 2.0, 1.444, 3.478])
    for polarization in ("TE", "TM"):
        for search in (guided, leaky):
            assert search(flipped, polarization) == pytest.approx(
                search(upright, polarization), abs=1e-12
            )


def test_patterned_layers_are_averaged_and_named():
    device = patterned()
    assert slab(device).averaged_layers == (1,)
    line, gap = (
        m.permittivity(1.6)
        for m in (device.layers[0].lines.material,) * 1 + (device.layers[0].material,)
    )
    arithmetic, harmonic = 0.35 * line + 0.65 * gap, 1 / (0.35 / line + 0.65 / gap)
    te, tm = (stack_of(device, polarization, 1.6) for polarization in ("TE", "TM"))
    assert te.ordinary[1] == pytest.approx(arithmetic)
    assert tm.ordinary[1] == pytest.approx(harmonic)
    assert tm.extraordinary[1] == pytest.approx(arithmetic)
    sapphire = device.substrate.material
    assert tm.extraordinary[0] == sapphire.permittivity(1.6, "extraordinary")


def test_a_thin_film_says_how_thick_it_must_be():
    thin = Device(
        substrate="sapphire-c",
        layers=[Layer(thickness=80 * nm, material={"index": 2.6})],
        superstrate="air",
    )
    expected = r"no guided TE mode at 1660 nm: the film is below the 87\.4 nm cut-off on n = 1\.744"
    with pytest.raises(NoGuidedMode, match=expected):
        slab(thin, 1660 * nm)
    with pytest.raises(NoGuidedMode, match="no layer has an index above"):
        slab(changed(thin, {"layers.0.material": 1.5}), 1660 * nm)
    thick_for_te = changed(thin, {"layers.0.thickness": 160 * nm})
    with pytest.raises(NoGuidedMode, match="no guided TM mode"):
        slab(thick_for_te, 1660 * nm).fundamental("TM")
    with pytest.raises(NoGuidedMode, match=r"TM mode .* cut-off"):
        slab(changed(thick_for_te, {"polarization": "TM"}), 1660 * nm)
    with pytest.raises(NoGuidedMode, match="no thickness of layer 1"):
        cutoff_thickness(Stack.of(1.66, [0.1], [1.7, 1.5, 1.0]), "TE", 1)


def test_bad_stacks_are_refused_in_one_line():
    with pytest.raises(InputError, match="half-space must not amplify"):
        Stack.of(1.66, [0.1], [1.7 - 1e-6j, 2.0, 1.0])
    with pytest.raises(InputError, match="index must hold substrate, 2 layers"):
        Stack.of(1.66, [0.1, 0.2], [1.7, 2.0, 1.0])
    with pytest.raises(InputError, match="thickness"):
        Stack.of(1.66, [-0.1], [1.7, 2.0, 1.0])
    with pytest.raises(InputError, match="dielectric for TM"):
        guided(Stack.of(1.66, [0.1], [1.7, 0.5 + 10j, 1.0]), "TM")
    with pytest.raises(InputError, match="target"):
        slab(changed(patterned(), {"target": None}))
    with pytest.raises(NotConverged, match="no TE mode at"):
        profile(film(2.6, 200 * nm), "TE", 1.9)


@pytest.mark.parametrize("polarization", ["TE", "TM"])
def test_the_far_field_is_the_fourier_transform_of_the_field_times_the_obliquity(polarization):
    stack = Stack.of(1.55, [3.0, 8.0, 0.2], [1.44, 1.5, 1.46, 1.52 + 0.001j, 1.0])
    mode = profile(stack, polarization, guided(stack, polarization)[1])
    z = np.linspace(-60, 40, 200001)
    angle = np.radians([-40.0, -10.0, 0.0, 3.0, 25.0])
    waves = np.exp(-2j * pi / 1.55 * np.sin(angle)[:, None] * z)
    direct = np.abs(np.cos(angle) * np.trapezoid(waves * mode.field(z), z)) ** 2
    found = mode.far_field(angle)
    assert found / found[2] == pytest.approx(direct / direct[2], rel=1e-6)


def test_the_spectrum_of_a_mode_holds_its_whole_energy():
    stack = Stack.of(1.66, [0.16], [1.744, 2.6, 1.0])
    mode = profile(stack, "TE", guided(stack, "TE")[0])
    q, z = np.linspace(-60, 60, 60001), np.linspace(-8, 8, 80001)
    own = np.trapezoid(np.abs(mode.field(z)) ** 2, 2 * pi / 1.66 * z)
    energy = np.trapezoid(np.abs(mode.spectrum(q)) ** 2, q)
    assert energy == pytest.approx(2 * pi * own, rel=1e-4)


def test_a_wide_guide_of_low_contrast_has_the_far_field_width_of_its_gaussian():
    # Far above cut-off of the second mode the field is nearly a Gaussian: half its squared
    # spectrum lies where k0 w sin θ = sqrt(2 ln 2).
    stack = Stack.of(1.3, [4.0], [3.2, 3.2045, 3.2])
    mode = profile(stack, "TE", guided(stack, "TE")[0])
    z = np.linspace(-40, 44, 20001)
    weight = np.abs(mode.field(z)) ** 2
    spread = np.sqrt(np.sum(weight * (z - 2) ** 2) / weight.sum())
    gaussian = 2 * np.arcsin(np.sqrt(2 * np.log(2)) * 1.3 / (2 * pi * 2 * spread))
    assert mode.far_field_width == pytest.approx(gaussian, rel=0.15)
    assert mode.far_field(np.radians([-5, 5])) == pytest.approx(
        mode.far_field(np.radians([5, -5])), rel=1e-9
    )


def test_a_leaky_mode_has_no_far_field():
    stack = Stack.of(1.55, [1.0, 0.6], [3.478, 1.444, 2.0, 1.0])
    with pytest.raises(InputError, match="guided modes"):
        profile(stack, "TE", leaky(stack, "TE")[0]).far_field(0.0)


def test_dispersion_is_the_second_derivative_of_the_index_with_material_dispersion():
    device, step = patterned(), 4e-3
    for number, mode in enumerate(slab(device).modes):
        if mode.kind != "guided":
            continue
        n = [slab(device, 1.6 + k * step).modes[number].n_eff.real for k in (-1, 0, 1)]
        second = (n[0] - 2 * n[1] + n[2]) / step**2
        expected = -1.6 * second / SPEED_OF_LIGHT
        assert chromatic_dispersion(device, mode) == pytest.approx(expected, rel=2e-3)


def test_field_far_away_is_zero_not_an_overflow():
    mode = slab(patterned()).fundamental("TE")
    assert np.abs(mode.field([-500 * um, 500 * um])).max() == 0
    assert np.abs(mode.field(np.linspace(-1, 1, 200))).max() == pytest.approx(1, abs=0.2)
