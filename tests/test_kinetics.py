import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.stats import binom, poisson

from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.dots import Dots, inversion
from dfbdesign.gain.kinetics import (
    Continuous,
    Pulse,
    evolve,
    gain_lifetime,
    steady_state,
)
from dfbdesign.gain.rates import Rates, absorption_rate, auger_rate
from dfbdesign.units import cm, fs, ns

LAWS = ["pair", "cubic", "bimolecular", "square"]
CORE = {"biexciton_lifetime": 230.0, "trapping_lifetime": 3200.0}
FULL = Rates(**CORE, radiative_lifetime=1000.0, absorption=0.01)


def marginal(populations):
    return populations.probability.sum(axis=-2)


def by_hand(dots, rates, doping, states):
    """Ways up and down of the pair law written out state by state."""
    up, down = np.zeros(states), np.zeros(states)
    for n in range(states):
        e, h = min(n + doping, 8), min(n, 8)
        auger = (n + doping) * n / (4 * rates.biexciton_lifetime) if 2 * n + doping > 2 else 0
        emission = rates.absorption * e * h / 64 / dots.absorption_over_emission
        down[n] = auger + n / rates.trapping_lifetime + e * h / rates.radiative_lifetime + emission
        up[n] = rates.absorption * (8 - e) * (8 - h) / 64
    return up, down


@pytest.mark.parametrize("law", LAWS)
def test_probability_is_conserved_through_pulse_and_decay(law):
    dots = Dots(doping=6.4, distribution="binomial")
    rates = Rates(**CORE, auger=law, radiative_lifetime=1000.0, absorption=0.01)
    times = np.concatenate([np.linspace(-1, 1, 21), np.geomspace(1.1, 5000, 25)])
    found = evolve(dots, rates, Pulse([0.3, 4.0, 20.0], duration=300 * fs), times)
    assert np.max(np.abs(found.probability.sum(axis=(-1, -2)) - 1)) < 1e-12
    assert found.probability.min() > -1e-10


def test_without_auger_recombination_the_distribution_stays_poisson():
    times = np.array([0.0, 100.0, 1000.0, 1e4])
    mean = np.array([0.5, 5.0])
    found = marginal(evolve(Dots(), Rates(trapping_lifetime=1000.0), Pulse(mean), times))
    left = mean[:, None] * np.exp(-times / 1000)
    expected = poisson.pmf(np.arange(found.shape[-1]), left[..., None])
    assert_allclose(found, expected, atol=1e-13)


def test_a_long_pulse_without_auger_recombination_is_poisson_about_its_convolution():
    # mean = pulse convolved with the decay: exp. of a Gaussian, in closed form
    from scipy.special import erfc

    duration, lifetime = 500.0, 300.0
    sigma = duration / np.sqrt(8 * np.log(2))
    times = np.array([-400.0, 0.0, 300.0, 1200.0, 2500.0])
    tail = erfc((sigma / lifetime - times / sigma) / np.sqrt(2))
    mean = 2 * np.exp(sigma**2 / (2 * lifetime**2) - times / lifetime) * tail
    found = evolve(Dots(), Rates(trapping_lifetime=lifetime), Pulse(4.0, duration), times)
    assert_allclose(found.excitons, mean, rtol=1e-6)
    expected = poisson.pmf(np.arange(found.probability.shape[-1]), mean[:, None])
    assert_allclose(marginal(found), expected, atol=1e-7)


@pytest.mark.parametrize("doping", [0, 7])
def test_the_matrix_exponential_agrees_with_an_ordinary_integrator(doping):
    dots = Dots(doping=doping, absorption_over_emission=0.8)
    times, duration = np.array([-0.2, 0.1, 0.5, 3.0, 50.0, 700.0]), 0.3
    found = marginal(evolve(dots, FULL, Pulse(6.0, duration), times))
    states = found.shape[-1]
    up, down = by_hand(dots, FULL, doping, states)

    def change(t, p):
        pump = 6 * np.sqrt(4 * np.log(2) / np.pi) / duration
        pump *= np.exp(-4 * np.log(2) * t**2 / duration**2)
        rise = (up + pump) * p
        rise[-1] = 0
        fall = down * p
        return np.append(0, rise[:-1]) + np.append(fall[1:], 0) - rise - fall

    start = np.eye(states)[0]
    options = {"rtol": 1e-10, "atol": 1e-13, "max_step": 1.0}
    expected = solve_ivp(change, (-0.9, 700), start, "DOP853", t_eval=times, **options).y.T
    assert_allclose(found, expected, atol=1e-8)


def test_a_short_pulse_turns_into_the_instantaneous_one_linearly_in_its_duration():
    rates, late = Rates(**CORE), [50.0]
    sudden = evolve(Dots(), rates, Pulse(6.0), late).inversion[0]
    gaps = [
        abs(evolve(Dots(), rates, Pulse(6.0, t), late).inversion[0] - sudden) for t in (4, 2, 1)
    ]
    assert_allclose(np.divide(gaps[:-1], gaps[1:]), [2, 2], rtol=0.02)


def gillespie(rates, doping, start, times, dots, seed):
    """Direct stochastic simulation: excitons of many dots at given times."""
    random = np.random.default_rng(seed)
    up, down = by_hand(Dots(), rates, doping, 60)
    n, now = start.copy(), np.zeros(dots)
    seen = np.empty((len(times), dots), dtype=int)
    for number, time in enumerate(times):
        running = np.ones(dots, dtype=bool)
        while running.any():
            total = up[n] + down[n]
            with np.errstate(divide="ignore"):
                wait = np.where(total > 0, random.exponential(size=dots) / total, np.inf)
            jump = running & (now + wait < time)  # else: memoryless, start afresh at `time`
            rises = random.random(dots) * total < up[n]
            now = np.where(jump, now + wait, np.where(running, time, now))
            n = np.where(jump, n + np.where(rises, 1, -1), n)
            running = jump
        seen[number] = n
    return seen


@pytest.mark.parametrize("doping", [0, 7])
def test_a_stochastic_simulation_of_single_dots_agrees_within_its_error(doping):
    times, dots, mean = np.array([5.0, 40.0, 300.0]), 40_000, 5.0
    start = np.random.default_rng(1).poisson(mean, dots)
    seen = gillespie(FULL, doping, start, times, dots, seed=2)
    p = marginal(evolve(Dots(doping=doping), FULL, Pulse(mean), times))
    for number in range(len(times)):
        counts = np.bincount(seen[number], minlength=p.shape[-1])
        expected = dots * p[number]
        often = expected > 10
        spread = np.sqrt(expected * (1 - p[number]))[often]
        score = np.sum(((counts[often] - expected[often]) / spread) ** 2)
        assert score < often.sum() + 4 * np.sqrt(2 * often.sum())
        error = seen[number].std() / np.sqrt(dots)
        assert abs(seen[number].mean() - p[number] @ np.arange(p.shape[-1])) < 4 * error


# From the same equations solved apart from this code, in time steps of 0.5 ps; the values are the
# first step without gain. Exciton lifetime 3.2 ns.
LIFETIMES = [
    (230, 0, "cubic", [5, 6, 8], [8.5, 14.5, 21.5]),
    (230, 0, "pair", [5, 6, 8], [36.5, 63.5, 99]),
    (485, 0, "cubic", [5, 6, 8], [17.5, 30, 44.5]),
    (485, 0, "pair", [5, 6, 8], [72.5, 126, 197.5]),
    (485, 7, "cubic", [0.7, 1, 2], [12.5, 32, 66]),
    (485, 7, "pair", [0.7, 1, 2], [45.5, 121, 259.5]),
]


@pytest.mark.parametrize(("biexciton", "doping", "law", "excitons", "expected"), LIFETIMES)
def test_gain_lifetimes_are_those_of_an_independent_solution(
    biexciton, doping, law, excitons, expected
):
    rates = Rates(biexciton_lifetime=biexciton, auger=law, trapping_lifetime=3.2 * ns)
    found = gain_lifetime(Dots(doping=doping), rates, excitons)
    assert np.all((found <= expected) & (found > np.array(expected) - 0.5))


def test_inversion_is_zero_at_the_gain_lifetime_and_there_is_none_below_transparency():
    rates, dots = Rates(**CORE), Dots(doping=7.4, distribution="binomial")
    lifetime = gain_lifetime(dots, rates, [1.5, 0.1])
    assert lifetime[1] == 0
    found = evolve(dots, rates, Pulse(1.5), lifetime[:1])
    assert abs(found.inversion[0]) < 1e-10


def test_right_after_a_sudden_pulse_the_inversion_is_that_of_poisson_filling():
    for dots in (Dots(), Dots(doping=7.4, distribution="saturated-poisson")):
        found = evolve(dots, Rates(**CORE), Pulse([0.4, 4.0]), [-1.0, 0.0]).inversion
        assert_allclose(found[:, 1], inversion([0.4, 4.0], dots), atol=1e-12)
        assert_allclose(found[:, 0], inversion(0.0, dots), atol=1e-12)


@pytest.mark.parametrize("law", LAWS)
def test_every_law_gives_the_neutral_biexciton_its_lifetime_and_the_exciton_none(law):
    rates = Rates(biexciton_lifetime=485, auger=law)
    assert_allclose(auger_rate([2, 1, 0], [2, 1, 0], rates), [1 / 485, 0, 0])


def test_charged_states_and_multiexcitons_follow_from_the_biexciton():
    def lifetimes(law, electrons, holes):
        return 1 / auger_rate(electrons, holes, Rates(biexciton_lifetime=485, auger=law))

    n = np.arange(3, 9)
    assert_allclose(lifetimes("cubic", n, n), 4 * 485 / (n**2 * (n - 1)))
    assert_allclose(lifetimes("bimolecular", n, n), 2 * 485 / (n * (n - 1)))
    assert_allclose(lifetimes("pair", n, n), 4 * 485 / n**2)
    assert_allclose(lifetimes("square", n, n), 4 * 485 / n**2)
    assert_allclose(lifetimes("cubic", [2, 1], [1, 2]), 4 * 485)  # trions, of either sign
    assert_allclose(lifetimes("pair", [2, 1], [1, 2]), 2 * 485)
    assert_allclose(lifetimes("cubic", 8, 1), 4 * 485 / 28)  # 7 permanent electrons, 1 exciton


def test_at_low_excitation_the_biexciton_decays_with_its_lifetime():
    found = evolve(Dots(), Rates(biexciton_lifetime=230), Pulse(1e-3), [0.0, 115.0, 230.0])
    pair = marginal(found)[:, 2]
    assert_allclose(pair / pair[0], np.exp([0, -0.5, -1]), rtol=1e-3)


def test_continuous_pumping_ends_in_the_steady_state_and_balances():
    dots, rate = Dots(doping=6.5, distribution="mixture"), np.array([0.001, 0.05])
    found = evolve(dots, FULL, Continuous(rate), [0.0, 10.0, 1e5])
    limit = steady_state(dots, FULL, rate)
    states = min(found.probability.shape[-1], limit.probability.shape[-1])
    assert_allclose(
        found.probability[:, 2, :, :states], limit.probability[:, 0, :, :states], atol=1e-12
    )
    assert found.excitons[0, 0] == 0


def test_continuous_pumping_starts_linearly_and_without_auger_saturates_as_one_exponential():
    times = np.array([1e-3, 50.0, 400.0])
    found = evolve(Dots(), Rates(trapping_lifetime=100.0), Continuous(0.03), times)
    assert_allclose(found.excitons, 3 * -np.expm1(-times / 100), rtol=1e-11)


def test_strong_light_at_the_band_edge_alone_bleaches_it_to_transparency():
    rates = Rates(absorption=1.0)
    found = evolve(Dots(), rates, Continuous(0.0), [5000.0])
    assert_allclose(found.inversion, 0, atol=1e-12)
    weights = (
        binom.pmf(np.arange(9), 8, 0.5) ** 2
    )  # pairs of 8-fold levels, equally likely fillings
    assert_allclose(marginal(found)[0, :9], weights / weights.sum(), atol=1e-12)


def test_stimulated_emission_shortens_the_gain():
    dim = gain_lifetime(Dots(), Rates(**CORE), 8.0)
    bright = gain_lifetime(Dots(), Rates(**CORE, absorption=0.5), 8.0)
    assert bright < dim / 2


def test_photons_are_absorbed_as_the_film_absorption_says():
    # a beam of 1 photon per um^3 loses c/n alpha per ps, shared by the dots
    rate = absorption_rate(1.0, band_edge_absorption=4100 / cm, dot_density=1.1e7, index=2.6)
    assert_allclose(rate, 299.792458 / 2.6 * 0.41 / 1.1e7)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Rates(biexciton_lifetime=0), "biexciton_lifetime"),
        (lambda: Rates(auger="cubik"), 'Did you mean "cubic"'),
        (lambda: Rates(absorption=-1), "absorption"),
        (lambda: evolve(Dots(), Rates(), Pulse(-1.0), [0]), "excitons must be zero or a positive"),
        (lambda: evolve(Dots(), Rates(), Pulse(1.0, -1), [0]), "duration"),
        (lambda: evolve(Dots(), Rates(), Pulse(1.0), [1, 0]), "ascending"),
        (lambda: evolve(Dots(), Rates(), Continuous(1.0), [-1, 0]), "precede"),
        (lambda: evolve(Dots(doping=[1, 2]), Rates(), Pulse(1.0), [0]), "one doping"),
        (lambda: absorption_rate(1, 0.4, 0, 2.6), "dot_density"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()


def test_physics_says_no_where_excitons_pile_up_or_gain_never_ends():
    with pytest.raises(PhysicsError, match="pump less"):
        evolve(Dots(), Rates(), Pulse(2000.0), [0])
    with pytest.raises(PhysicsError, match="pile up"):
        steady_state(Dots(), Rates(), 1.0)
    with pytest.raises(PhysicsError, match="more than 1000 excitons"):
        steady_state(Dots(), Rates(trapping_lifetime=1000.0), 2.0)
    with pytest.raises(PhysicsError, match="gain outlasts"):
        gain_lifetime(Dots(), Rates(), 8.0)
