"""Coupled-mode theory of uniform gratings against the published theory, limits and conservation."""

from math import pi

import numpy as np
import pytest
from scipy.linalg import expm

from dfbdesign.errors import InputError, NotConverged
from dfbdesign.solvers import coupled_mode
from dfbdesign.solvers.coupled_mode import (
    dispersion,
    radiation_loss,
    reflection,
    threshold_modes,
    transmission,
)

# H. Kogelnik and C. V. Shank, J. Appl. Phys. 43, 2327 (1972): αL and |δ|L of modes 0 to 3, from
# their equations solved as an eigenvalue problem and as a matrix exponential.
INDEX_COUPLED = {
    0.1: [(4.606909, 1.976373), (5.006756, 5.549619), (5.333672, 8.884506), (5.587823, 12.135178)],
    0.5: [(2.609465, 2.315010), (3.270021, 5.783774), (3.659699, 9.051988), (3.938818, 12.264644)],
    1: [(1.754815, 2.666332), (2.524320, 5.948908), (2.939035, 9.162357), (3.228398, 12.347832)],
    2: [(0.984669, 3.379719), (1.769205, 6.295632), (2.208178, 9.392458), (2.510036, 12.520483)],
    3: [(0.622615, 4.148565), (1.327928, 6.738398), (1.772164, 9.693766), (2.081637, 12.748118)],
    5: [(0.301904, 5.832174), (0.811381, 7.900655), (1.223096, 10.533352), (1.532660, 13.396832)],
    10: [(0.091131, 10.469044), (0.312045, 11.77295), (0.572615, 13.68599), (0.820093, 15.995093)],
}
GAIN_COUPLED = {
    0.1: 4.501025,
    0.5: 2.233991,
    1: 1.0,
    1.25: 0.532078,
    pi / 2: 0.0,
    2: -0.638045,
}
GAIN_COUPLED_FIRST_PAIR = {
    0.1: (4.810762, 3.811123),
    0.5: (3.022475, 4.054271),
    1: (2.301223, 4.119963),
    2: (1.647523, 3.927779),
}
QUARTER_WAVE = {0.5: 2.442174, 1: 1.526468, 1.25: 1.242907, 2: 0.697135, 3: 0.328255, 5: 0.068277}

# R. F. Kazarinov and C. H. Henry, IEEE J. Quantum Electron. 21, 144 (1985), antireflection-coated:
# (h2 L, h1 L) and the lowest (αL, δL).
SECOND_ORDER = {
    (2, 0.1): [(1.008912, -3.329819), (1.156848, 3.429028), (1.828710, -6.240384)],
    (2, 0.5): [(1.071373, -3.131154), (1.810924, 3.613341), (2.040484, -6.013909)],
    (2, 1): [(1.084190, -2.905146), (2.255934, -5.731200), (2.563223, 3.792599)],
    (5, 0.5): [(0.356991, -5.781507), (0.975243, -7.800692), (1.236390, 5.875314)],
    (10, 0.5): [(0.111758, -10.459727), (0.383056, -11.745285), (0.702140, -13.643521)],
    (10, 1): [(0.131042, -10.448800), (0.450732, -11.712625)],
}


def modes(kappa, length=1.0, reach=20.0, **kwargs):
    """(αL, δL) of all modes, lowest threshold first."""
    found = threshold_modes(
        kappa / length, length, (-reach / length, 1.01 * reach / length), **kwargs
    )
    return [(mode.gain / 2 * length, mode.detuning * length) for mode in found]


@pytest.mark.parametrize(("kappa", "printed"), INDEX_COUPLED.items())
@pytest.mark.parametrize("length", [1.0, 500.0])
def test_index_coupled_modes_of_kogelnik_and_shank(kappa, printed, length):
    found = modes(kappa, length)
    expected = [(alpha, sign * delta) for alpha, delta in printed for sign in (-1, 1)]
    assert np.array(found[:8]) == pytest.approx(np.array(expected), abs=1e-6)


@pytest.mark.parametrize(("kappa", "alpha"), GAIN_COUPLED.items())
def test_gain_coupled_modes_of_kogelnik_and_shank(kappa, alpha):
    found = modes(1j * kappa)
    assert found[0] == pytest.approx((alpha, 0), abs=1e-6)
    if kappa in GAIN_COUPLED_FIRST_PAIR:
        alpha, delta = GAIN_COUPLED_FIRST_PAIR[kappa]
        assert np.array(found[1:3]) == pytest.approx(
            np.array([(alpha, -delta), (alpha, delta)]), abs=1e-6
        )


@pytest.mark.parametrize(("kappa", "alpha"), QUARTER_WAVE.items())
def test_quarter_wave_shift_lases_at_the_line_centre(kappa, alpha):
    assert modes(kappa, phase_shift=pi / 2)[0] == pytest.approx((alpha, 0), abs=1e-6)


def test_complex_coupling_of_kogelnik_and_shank():
    assert np.array(modes(2 - 0.5j)[:3]) == pytest.approx(
        np.array([(0.571373, -3.131154), (1.310924, 3.613341), (1.540484, -6.013909)]), abs=1e-6
    )
    assert modes(1 - 1j)[0] == pytest.approx((0.590141, -1.735033), abs=1e-6)


@pytest.mark.parametrize(("coupling", "printed"), SECOND_ORDER.items())
def test_second_order_modes_of_kazarinov_and_henry(coupling, printed):
    kappa = complex(coupling[0], -coupling[1])
    found = modes(kappa, loss=radiation_loss(kappa))
    assert np.array(found[: len(printed)]) == pytest.approx(np.array(printed), abs=1e-6)
    mirrored = modes(complex(-coupling[0], -coupling[1]), loss=radiation_loss(kappa))
    flipped = [(alpha, -delta) for alpha, delta in printed]
    assert np.array(mirrored[: len(printed)]) == pytest.approx(np.array(flipped), abs=1e-6)


@pytest.mark.parametrize("kappa", [0.001, 2, 3 - 1j, 0.3 + 2j, 40.0])
def test_modes_solve_the_equation_kogelnik_and_shank_print(kappa):
    found = modes(kappa, reach=abs(kappa) + 15)
    assert len(found) >= 8
    for alpha, delta in found:
        a = alpha - 1j * delta
        gamma = np.sqrt(np.conj(kappa) ** 2 + a**2 + 0j)
        assert a * np.sinh(gamma) == pytest.approx(
            gamma * np.cosh(gamma), rel=1e-7, abs=1e-9 * abs(a)
        )


def test_weak_coupling_needs_the_logarithm_of_two_over_kappa_l():
    # K&S eq. 28: far above threshold of feedback, (αL)² + (δL)² = (κL/2)² exp(2αL).
    for alpha, delta in modes(1e-4)[:6]:
        left, right = alpha**2 + delta**2, (1e-4 / 2) ** 2 * np.exp(2 * alpha)
        assert left == pytest.approx(right, rel=1e-3)


def test_strong_coupling_limit_is_approached_as_the_square():
    errors = [modes(kappa, reach=kappa + 2)[0][0] * (kappa / pi) ** 2 - 1 for kappa in (10, 20, 40)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.03)


def test_dark_mode_of_a_long_grating_loses_nothing_and_the_bright_one_four_h1():
    kappa = 0.02 - 0.001j
    losses = []
    for length in (5000.0, 10000.0):
        found = threshold_modes(kappa, length, (-0.0205, 0.0205), loss=radiation_loss(kappa))
        dark = found[0]
        bright = min(found, key=lambda mode: abs(mode.detuning - 0.02))
        assert dark.detuning == pytest.approx(-0.02, rel=1e-3)
        assert bright.detuning == pytest.approx(0.02, rel=1e-3)
        losses.append((dark.gain, bright.gain - 4 * 0.001))
    assert losses[0][0] / losses[1][0] > 3.5
    assert abs(losses[1][0]) < 1e-5
    assert abs(losses[1][1]) < 1e-5


def test_band_edges_are_even_and_odd_standing_waves():
    kappa = 0.3 - 0.1j
    for delta, wave in ((kappa, (1, 1)), (-kappa, (1, -1))):
        right_hand_side = 1j * np.array([[delta, -kappa], [kappa, -delta]])
        assert right_hand_side @ wave == pytest.approx(np.zeros(2), abs=1e-15)
        assert dispersion(delta, kappa) == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("kappa", [1.3, -2 - 0.4j, 0.7j])
@pytest.mark.parametrize("detuning", [0.0, 1.3, -2.0 + 0.3j, 5 - 0.2j])
def test_closed_forms_equal_the_matrix_exponential(kappa, detuning):
    length = 1.7
    matrix = expm(1j * np.array([[detuning, -kappa], [kappa, -detuning]]) * length)
    assert reflection(kappa, length, detuning) == pytest.approx(-matrix[1, 0] / matrix[1, 1])
    assert transmission(kappa, length, detuning) == pytest.approx(1 / matrix[1, 1])


@pytest.mark.parametrize("kappa", [0.5, 5, 50])
def test_lossless_grating_conserves_power_and_gain_adds_to_it(kappa):
    def power(delta):
        return abs(reflection(kappa, 1.0, delta)) ** 2 + abs(transmission(kappa, 1.0, delta)) ** 2

    detuning = np.linspace(-60, 60, 2001)
    assert power(detuning) == pytest.approx(1, abs=1e-12)
    assert np.all(power(detuning - 0.005j) > 1)
    assert np.all(power(detuning + 0.005j) < 1)


def test_bragg_reflection_is_tanh_with_its_phase():
    assert reflection(0.002, 500.0, 0.0) == pytest.approx(-1j * np.tanh(1.0))


def test_reflection_diverges_at_a_threshold_mode():
    kappa = 2 - 0.3j
    mode = threshold_modes(kappa, 1.0, (-8, 8.1))[0]
    at = mode.detuning - 0.5j * mode.gain
    near, nearer = (abs(reflection(kappa, 1.0, at + step)) for step in (1e-4, 1e-5))
    assert nearer / near == pytest.approx(10, rel=1e-3)


def test_dispersion_decays_forward_in_the_stop_band():
    detuning = np.linspace(-3, 3, 601) + 1e-9j
    q = dispersion(detuning, 1.0)
    assert np.all(q.imag >= 0)
    assert q**2 == pytest.approx(detuning**2 - 1)


def test_bad_arguments_say_what_to_write():
    with pytest.raises(InputError, match="kappa must not be zero"):
        threshold_modes(0, 1.0, (-1, 1))
    with pytest.raises(InputError, match="width of the detuning window"):
        threshold_modes(1, 1.0, (1, -1))
    with pytest.raises(InputError, match="length"):
        threshold_modes(1, -1.0, (-1, 1))
    with pytest.raises(InputError, match="Conjugate it"):
        radiation_loss(1 + 0.1j)


def test_a_missed_mode_is_an_error_not_a_short_list(monkeypatch):
    whole = coupled_mode._spectral
    monkeypatch.setattr(
        coupled_mode, "_spectral", lambda *args, **kwargs: whole(*args, **kwargs)[:1]
    )
    with pytest.raises(NotConverged, match="threshold modes expected but"):
        threshold_modes(2, 1.0, (-8, 8.1))


def test_a_mode_on_the_edge_of_the_window_is_an_error_not_a_guess():
    edge = threshold_modes(2, 1.0, (-5, 5))[1].detuning
    with pytest.raises(NotConverged, match="edge of"):
        threshold_modes(2, 1.0, (-5, edge))
