from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import lambertw
from scipy.stats import binom, poisson

from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.dots import (
    Dots,
    bleach,
    detailed_balance,
    doping_weights,
    excitons_for_inversion,
    inversion,
    occupations,
    transparency_threshold,
)
from dfbdesign.units import meV

SPREAD = ["mixture", "binomial", "saturated-poisson"]


def poisson_kept_at_the_band_edge(offered: float, degeneracy: int = 8) -> float:
    k = np.arange(200)
    return float(np.sum(np.minimum(k, degeneracy) * poisson.pmf(k, offered)))


def sampled_electrons(rng, doping, distribution, size, degeneracy=8):
    """Permanent electrons of many dots, drawn as the words of each model say."""
    if distribution in ("fixed", "mixture"):
        return np.floor(doping) + (rng.random(size) < doping - np.floor(doping))
    if distribution == "binomial":
        return (rng.random((size, degeneracy)) < doping / degeneracy).sum(axis=1)
    low, high = 0.0, 100.0  # the offered number whose band-edge mean is the doping
    for _ in range(60):
        middle = (low + high) / 2
        short = poisson_kept_at_the_band_edge(middle, degeneracy) < doping
        low, high = (middle, high) if short else (low, middle)
    return np.minimum(rng.poisson(high, size), degeneracy)


@pytest.mark.parametrize(
    ("degeneracy", "threshold"), [(2, 1.14619), (4, 2.08850), (6, 3.05552), (8, 4.03548)]
)
def test_neutral_dots_turn_transparent_at_the_tabulated_thresholds(degeneracy, threshold):
    assert_allclose(transparency_threshold(Dots(degeneracy=degeneracy)), threshold, atol=5e-6)


def test_each_permanent_electron_lowers_the_threshold_as_tabulated():
    tabulated = [4.03548, 3.52934, 3.02943, 2.53367, 2.04073, 1.54984, 1.06009, 0.56714, 0]
    assert_allclose(transparency_threshold(Dots(range(9))), tabulated, atol=5e-6)


def test_seven_electrons_leave_the_omega_constant():
    # N >= 1 fills the eighth level: 7 + (1 - exp(-N)) + N = 8 but for P(N > 8) = 2e-9
    assert_allclose(transparency_threshold(Dots(7)), lambertw(1).real, atol=1e-8)


@pytest.mark.parametrize(("fraction", "threshold"), [(0.4, 0.4016), (0.294, 0.45), (0.020, 0.56)])
def test_a_mixture_of_seven_and_eight_follows_lambert_of_the_part_with_seven(fraction, threshold):
    ours = transparency_threshold(Dots(7 + fraction, "mixture"))
    assert_allclose(ours, lambertw(1 - fraction).real, atol=1e-8)
    assert_allclose(ours, threshold, atol=5e-4)


@pytest.mark.parametrize(
    ("distribution", "doping", "threshold"),
    [
        ("mixture", 7.0, 0.5671),
        ("mixture", 7.4, 0.4016),
        ("binomial", 7.0, 0.6484),
        ("binomial", 7.4, 0.4296),
        ("saturated-poisson", 7.0, 0.7305),
        ("saturated-poisson", 7.4, 0.4795),
        # Poisson doping of that mean, of which only what fits stays at the band edge
        ("saturated-poisson", poisson_kept_at_the_band_edge(7.0), 1.0806),
        ("saturated-poisson", poisson_kept_at_the_band_edge(7.4), 0.9618),
    ],
)
def test_the_doping_distribution_moves_the_threshold_as_tabulated(distribution, doping, threshold):
    assert_allclose(transparency_threshold(Dots(doping, distribution)), threshold, atol=5e-5)


@pytest.mark.parametrize("ratio", [1.0, 0.6, 1.7])
@pytest.mark.parametrize(("doping", "distribution"), [(7, "fixed"), *((5.3, d) for d in SPREAD)])
def test_means_agree_with_dots_drawn_at_random(doping, distribution, ratio):
    rng = np.random.default_rng(20230517)
    size, excitons = 400_000, 1.7
    electrons = sampled_electrons(rng, doping, distribution, size)
    pairs = rng.poisson(excitons, size)
    n_e, n_h = np.minimum(pairs + electrons, 8), np.minimum(pairs, 8)
    gain = (n_e * n_h / ratio - (8 - n_e) * (8 - n_h)) / 64
    dots = Dots(doping, distribution, absorption_over_emission=ratio)
    for sample, exact in zip(
        (n_e, n_h, gain), (*occupations(excitons, dots), inversion(excitons, dots)), strict=True
    ):
        assert abs(sample.mean() - exact) < 4 * sample.std() / np.sqrt(size)


@pytest.mark.parametrize("excitons", [1e-6, 0.3, 4.0, 20.0, 1e3])
def test_means_agree_with_the_sum_over_all_dots_written_out(excitons):
    n = np.arange(3000)
    weight = poisson.pmf(n, excitons)
    filled = binom.pmf(np.arange(9), 8, 0.6)
    n_e = np.minimum(n + np.arange(9)[:, None], 8)
    n_h = np.minimum(n, 8)
    gain = (n_e * n_h / 0.8 - (8 - n_e) * (8 - n_h)) / 64
    dots = Dots(4.8, "binomial", absorption_over_emission=0.8)
    electrons, holes = occupations(excitons, dots)
    assert_allclose(electrons, filled @ n_e @ weight, rtol=1e-12)
    assert_allclose(holes, n_h @ weight, rtol=1e-12)
    assert_allclose(inversion(excitons, dots), filled @ gain @ weight, atol=1e-12)


def test_few_excitons_each_fill_one_level_to_full_precision():
    assert_allclose(occupations(1e-12, Dots())[1], 1e-12, rtol=1e-12)


@pytest.mark.parametrize("distribution", SPREAD)
def test_without_pump_the_absorption_is_what_the_doping_leaves(distribution):
    doping = np.array([0, 0.5, 4.2, 7.9, 8])
    assert_allclose(inversion(0, Dots(doping, distribution)), -(1 - doping / 8), atol=1e-14)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 2.0])
def test_full_levels_give_the_emission_strength_itself(ratio):
    dots = Dots(range(9), absorption_over_emission=ratio)
    assert_allclose(inversion(1e3, dots), 1 / ratio, rtol=1e-14)


def test_without_a_spectral_shift_the_law_is_linear():
    excitons = np.linspace(0, 20, 41)
    dots = Dots(5.3, "saturated-poisson")
    electrons, holes = occupations(excitons, dots)
    assert_allclose(inversion(excitons, dots), (electrons + holes - 8) / 8, atol=1e-14)


@pytest.mark.parametrize("ratio", [1.0, 0.7, 0.2, 1.5])
def test_a_single_level_with_a_spectral_shift_follows_its_closed_form(ratio):
    # (1 - exp(-N)) / ratio = exp(-N)
    dots = Dots(degeneracy=1, absorption_over_emission=ratio)
    assert_allclose(transparency_threshold(dots), np.log1p(ratio), rtol=1e-12)


def test_a_spectral_shift_turns_the_omega_constant_into_lambert_of_the_ratio():
    ratio = detailed_balance(-18 * meV, 300)
    dots = Dots(7, absorption_over_emission=ratio)
    assert_allclose(transparency_threshold(dots), lambertw(ratio).real, atol=1e-8)


def test_looking_to_the_red_of_the_absorption_lowers_the_neutral_threshold_below_poisson():
    ratios = [detailed_balance(-shift * meV, 300) for shift in (0, 2, 4.75, 10)]
    thresholds = [
        float(transparency_threshold(Dots(absorption_over_emission=ratio))) for ratio in ratios
    ]
    assert all(after < before for before, after in pairwise(thresholds))
    assert thresholds[2] == pytest.approx(3.80, abs=0.005)  # measured, core/shell film


def test_detailed_balance_is_a_boltzmann_factor():
    assert detailed_balance(0, 300) == 1
    # k = 8.617333e-5 eV/K
    assert_allclose(detailed_balance(-32 * meV, 293), np.exp(-0.032 / (8.617333e-5 * 293)), 1e-6)


@pytest.mark.parametrize("distribution", SPREAD)
def test_doping_weights_are_probabilities_of_the_given_mean(distribution):
    doping = np.linspace(0, 8, 33)
    weights = doping_weights(Dots(doping, distribution))
    assert weights.shape == (33, 9)
    assert np.all(weights > -1e-15)
    assert_allclose(weights.sum(axis=-1), 1, rtol=1e-14)
    assert_allclose(weights @ np.arange(9), doping, atol=1e-13)


def test_saturated_poisson_weights_are_poisson_below_the_last_level():
    offered = 5.0
    weights = doping_weights(Dots(poisson_kept_at_the_band_edge(offered), "saturated-poisson"))
    assert_allclose(weights[:8], poisson.pmf(np.arange(8), offered), rtol=1e-11)
    assert_allclose(weights[8], poisson.sf(7, offered), rtol=1e-11)


def test_the_bleach_of_a_doped_film_is_normalised_to_what_is_left_to_bleach():
    excitons = np.array([0, 0.2, 1.0, 5.0])
    electrons, holes = occupations(excitons, Dots(7))
    # absorption over neutral absorption falls from 1/8 to 1 - (n_e + n_h)/8
    expected = 1 - (1 - (electrons + holes) / 8) / (1 / 8)
    assert_allclose(bleach(excitons, Dots(7)), expected, atol=1e-13)


@pytest.mark.parametrize("distribution", SPREAD)
def test_the_bleach_is_one_where_gain_starts(distribution):
    dots = Dots([0, 3.5, 7.4], distribution)
    assert_allclose(bleach(transparency_threshold(dots), dots), 1, atol=1e-13)


def test_arrays_give_what_single_numbers_give():
    excitons, doping = np.array([[0.1], [2.0], [9.0]]), np.array([0.0, 3.3, 7.0, 8.0])
    for distribution in SPREAD:
        block = inversion(excitons, Dots(doping, distribution))
        assert block.shape == (3, 4)
        for i, j in np.ndindex(3, 4):
            single = inversion(excitons[i, 0], Dots(doping[j], distribution))
            assert_allclose(block[i, j], single, atol=1e-15)


models = st.builds(
    Dots,
    doping=st.floats(0, 8),
    distribution=st.sampled_from(SPREAD),
    absorption_over_emission=st.floats(0.1, 10),
)


@given(dots=models, excitons=st.floats(0, 40), more=st.floats(1.001, 2))
@settings(deadline=None, max_examples=60)
def test_more_excitons_never_mean_less_gain(dots, excitons, more):
    assert inversion(excitons * more, dots) >= inversion(excitons, dots) - 1e-13


@given(
    doping=st.floats(0, 7),
    extra=st.floats(0.01, 1),
    excitons=st.floats(0, 15),
    d=st.sampled_from(SPREAD),
)
@settings(deadline=None, max_examples=60)
def test_more_doping_never_means_less_gain(doping, extra, excitons, d):
    assert (
        inversion(excitons, Dots(doping + extra, d)) >= inversion(excitons, Dots(doping, d)) - 1e-13
    )


@given(dots=models, excitons=st.floats(0.01, 12))
@settings(deadline=None, max_examples=60)
def test_excitons_for_inversion_undoes_inversion(dots, excitons):
    # 1e-13 in inversion, where the slope of the curve is at least 1e-5
    target = inversion(excitons, dots)
    assert_allclose(inversion(excitons_for_inversion(target, dots), dots), target, atol=1e-13)
    assert_allclose(excitons_for_inversion(target, dots), excitons, rtol=1e-6)


def test_an_inversion_beyond_full_levels_names_the_largest():
    with pytest.raises(PhysicsError, match=r"1\.3 is out of reach.* full levels give 1\.25"):
        excitons_for_inversion([0.1, 1.3], Dots(absorption_over_emission=0.8))


def test_an_inversion_below_the_unpumped_dots_is_refused():
    with pytest.raises(PhysicsError, match=r"-0\.2 is below .* without pump: -0\.125"):
        excitons_for_inversion(-0.2, Dots(7))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Dots(7.4), 'whole number with the "fixed" distribution, got 7.4. Set doping'),
        (lambda: Dots([1.0, 8.5]), r"doping must lie in \[0, 8\] electrons per dot, got 8.5"),
        (lambda: Dots(float("nan")), "doping must lie"),
        (lambda: Dots(1, "binomal"), 'Did you mean "binomial"'),
        (lambda: Dots(degeneracy=0), "degeneracy must be a whole number"),
        (lambda: Dots(absorption_over_emission=0), "absorption_over_emission must be a positive"),
        (lambda: inversion(-0.1, Dots()), "excitons per dot must be zero or a positive number"),
        (lambda: inversion(np.inf, Dots()), "excitons per dot"),
        (lambda: excitons_for_inversion(np.nan, Dots()), "inversion must be finite"),
        (lambda: bleach(1, Dots(8)), "leaves no absorption to be bleached"),
        (lambda: detailed_balance(0.0, -3), "temperature"),
    ],
)
def test_wrong_input_is_named_with_its_remedy(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
