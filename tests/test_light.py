"""Light in, light out: rate equations against limits, books and other calculations."""

import json
from dataclasses import dataclass, replace
from math import log, pi, sqrt

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.optimize import curve_fit

from dfbdesign.device import changed, save_device
from dfbdesign.errors import InputError
from dfbdesign.gain.dots import Dots
from dfbdesign.gain.kinetics import Pulse, evolve
from dfbdesign.gain.published import SHELL
from dfbdesign.gain.rates import Rates
from dfbdesign.lasers.envelope import GaussianPulse, SampledPulse, Steady
from dfbdesign.lasers.light_curve import continuous_light, light, pulse_threshold
from dfbdesign.lasers.light_model import light_model
from dfbdesign.lasers.light_reading import LightCurve
from dfbdesign.lasers.output import output
from dfbdesign.lasers.overlap import pieces_of
from dfbdesign.lasers.published_lasers import LOSS, published_laser, published_threshold
from dfbdesign.lasers.rate_equations import RateModel, simulate
from dfbdesign.lasers.rate_steps import Steps
from dfbdesign.plots import light_curve, light_pulse, light_spectrum
from dfbdesign.solvers.transfer_matrix import cold_mode_near
from dfbdesign.units import SPEED_OF_LIGHT, cm, fs, nm, ps, uJ, um

UNIT = uJ / cm**2
DOPED = published_laser("doped")
PULSE = GaussianPulse(300 * fs)
ALL = Rates(485 * ps, "cubic", 3200 * ps, 3e6 * ps)


def books(found) -> float:
    return max(np.abs(found.exciton_gap).max(), np.abs(found.photon_gap).max())


@pytest.fixture(scope="module")
def doped() -> LightCurve:
    return light(DOPED, SHELL)


def small_model(doping=(6, 7), states=14, modes=2, **given) -> RateModel:
    """Two kinds of dots in three parts, two modes; nothing in it is even."""
    g, n = 8, np.arange(float(states))
    d = np.array(doping)[:, None]
    e, h = np.minimum(n + d, g), np.minimum(n + 0 * d, g)
    dots = np.array([3e4, 5e4, 2e4])
    coupling = np.array([[6e-5, 9e-5, 2e-5], [3e-5, 4e-5, 8e-5]])[:modes]
    return RateModel(
        **{
            "weights": np.array([0.4, 0.6])[: len(doping)] / sum([0.4, 0.6][: len(doping)]),
            "emission": e * h / g**2 / 0.9,
            "absorption": (g - e) * (g - h) / g**2,
            "auger": (n + d) * n / 800,
            "trapping": n / 300 + 0 * d,
            "radiation": e * h / 2000,
            "dots": dots,
            "filling": np.array([1.0, 0.7, 0.2]),
            "coupling": coupling,
            "gain": coupling * dots * np.array([1.02, 0.97, 1.01]),
            "pull": 0.1 * coupling * dots,
            "loss": np.array([0.35, 0.4])[:modes],
            "frequency": np.zeros(modes),
            "excess": np.array([1.0, 1.3])[:modes],
        }
        | given
    )


# Books


@pytest.mark.parametrize(
    ("changes", "rates", "envelope"),
    [
        ({}, SHELL, PULSE),
        ({"film.preset": "taghipour2023-neutral"}, ALL, PULSE),
        ({"film.doping_distribution": "binomial"}, SHELL, PULSE),
        ({"film.doping_distribution": "saturated-poisson"}, ALL, GaussianPulse(40 * ps)),
        ({"pump.spot.shape": "gaussian"}, ALL, PULSE),
        ({"pump.spot.shape": "disk"}, SHELL, SampledPulse(np.arange(4.0), np.array([0, 2, 1, 0]))),
        ({"grating.facets.left": "cleaved"}, SHELL, PULSE),
    ],
    ids=["doped", "neutral", "binomial", "long-pulse", "gaussian", "disk", "facet"],
)
def test_every_exciton_and_every_photon_is_found_again(changes, rates, envelope):
    shape = changes.get("pump.spot.shape")
    device = changed(DOPED, {"pump.spot.length": 300 * um} | changes) if shape else DOPED
    device = changed(device, changes)
    model = light_model(device, rates, 20 / cm, along=2, deep=2)
    excitons = model.static_threshold() * np.array([0.5, 1.5, 3.0])
    model = model.with_room(excitons.max())
    found = simulate(model.rates, envelope, excitons, 120.0, 1e-2)
    assert books(found) < 1e-9
    assert found.lost[2].sum() > 0.2 * found.pumped[2]  # it did lase
    assert np.all(found.auger > 0)
    assert np.all(found.trapped > 0)
    left = np.einsum(
        "lbdn,n,b->l", found.populations, np.arange(model.rates.states), model.rates.dots
    )
    assert_allclose(found.excitons[-1], left, rtol=1e-12)
    assert_allclose(found.populations.sum(axis=(-1, -2)), 1, rtol=1e-11)
    made = model.rates.dots @ model.rates.filling * excitons
    assert_allclose(found.pumped, made, rtol=1e-3)  # what the pulse brings


def test_continuous_books_balance_and_the_light_is_what_the_excitons_lose():
    model = small_model()
    found = simulate(model, Steady(), np.array([0.005, 0.03, 0.1]), 3000.0, 1e-3)
    assert books(found) < 1e-9
    rates = found.populations.transpose(0, 1, 2, 3)
    lost = np.einsum(
        "lbdn,dn,b->l", rates, model.auger + model.trapping + model.radiation, model.dots
    )
    pumped = np.array([0.005, 0.03, 0.1]) * (model.dots @ model.filling)
    assert_allclose(found.leaving[-1].sum(axis=-1), pumped - lost, rtol=1e-4)


def test_the_photons_that_leave_add_up_to_those_lost(doped):
    found = doped.simulation
    steps = np.diff(found.times)[:, None, None]
    total = np.sum(steps * (found.leaving[1:] + found.leaving[:-1]) / 2, axis=0)
    lit = found.lost > 1e6
    assert_allclose(total[lit], found.lost[lit], rtol=5e-3)


# Limits


def test_without_light_the_dots_follow_the_master_equation():
    """Without coupling the populations are those of matrix exponentials."""
    dots = Dots(doping=6.6, distribution="mixture")
    film = replace(light_model(DOPED, SHELL).film, doping=6.6, doping_distribution="mixture")
    model = light_model(DOPED, SHELL, deep=2, along=1)
    model = replace(model, film=film).with_room(2.0)
    rates = replace(
        model.rates, coupling=0 * model.rates.coupling, filling=np.ones_like(model.rates.filling)
    )
    expected = evolve(dots, SHELL, Pulse([0.4, 2.0], 300 * fs), [50.0]).probability[:, 0]
    gaps = []
    for tolerance in (1e-2, 1e-3, 1e-4):
        found = simulate(rates, PULSE, np.array([0.4, 2.0]), 50.0, tolerance)
        ours = found.populations[:, 0]
        gaps.append(np.abs(ours - expected[..., : ours.shape[-1]]).max())
    assert gaps[2] < 5e-6
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2]


def linear_laser(loss=0.3) -> RateModel:
    """Every electron level full: gain in proportion to the excitons, a laser of class B."""
    n = np.arange(9.0)[None, :]
    return small_model(
        doping=(8,), states=9, modes=1,
        emission=n / 8, absorption=0 * n, auger=0 * n, trapping=n / 200, radiation=0 * n,
        dots=np.array([1e11]), filling=np.array([1.0]), weights=np.array([1.0]),
        coupling=np.array([[4e-10]]), gain=np.array([[40.0]]), pull=np.array([[0.0]]),
        loss=np.array([loss]), frequency=np.array([0.0]), excess=np.array([1.0]),
    )  # fmt: skip


def test_a_linear_laser_starts_and_clamps_where_its_gain_meets_its_loss():
    model = linear_laser()
    threshold = 8 * 0.3 / 40 / 200  # 40/ps times N/8 against 0.3/ps; excitons live 200 ps
    above = threshold * np.array([1.01, 1.02, 1.05, 1.1, 1.2])
    found = simulate(model, Steady(), above, 60000.0, 1e-4)
    slope, offset = np.polyfit(above, found.photons[-1, :, 0], 1)
    assert -offset / slope == pytest.approx(threshold, rel=1e-4)
    assert slope == pytest.approx(1e11 / 0.3, rel=1e-4)  # every further exciton is a photon
    assert_allclose(found.excitons[-1] / 1e11, 8 * 0.3 / 40, rtol=1e-4)


@dataclass(frozen=True)
class Nudge:
    """Continuous light that grows a little stronger at a time."""

    at: float
    begin: float = 0.0
    end: float = 1e9
    step: float = 4.0

    def rate(self, time):
        return 1.001 if time > self.at else 1.0

    def slope(self, time):
        return 0.0


@pytest.mark.parametrize("above", [1.5, 3.0])
def test_relaxation_oscillations_ring_as_the_class_b_formula_says(above):
    """Small-signal: N' = P - N/τ - cNS, S' = (TN - L)S gives ω² = (r-1)L/τ - (r/2τ)²."""
    loss, lifetime = 0.3, 200.0
    threshold = 8 * loss / 40 / lifetime
    found = simulate(linear_laser(loss), Nudge(2400.0), np.array([above * threshold]), 3000.0, 1e-3)
    ringing = found.times > 2408
    time, photons = found.times[ringing] - 2400, found.photons[ringing, 0, 0]

    def model(t, level, size, rate, frequency, phase):
        return level + size * np.exp(-rate * t) * np.cos(frequency * t + phase)

    expected = sqrt((above - 1) * loss / lifetime - (above / lifetime / 2) ** 2)
    size = np.ptp(photons) / 2
    start = (photons[-1], size, above / lifetime / 2, 1.1 * expected, 0.0)
    fit, _ = curve_fit(model, time, photons, start)
    assert abs(fit[3]) == pytest.approx(expected, rel=0.003)
    assert fit[2] == pytest.approx(above / lifetime / 2, rel=0.02)


def test_continuous_light_starts_at_the_static_threshold_of_the_long_run():
    """Which is that of detailed balance, with Auger recombination, in the real device."""
    model = light_model(DOPED, SHELL, 34 / cm, along=2, deep=3)
    rate = model.static_threshold(continuous=True)
    model = model.with_room(8 * rate * 485)
    levels = rate * np.array([1 - 1e-4, 1 + 1e-4, 1.3])
    found = simulate(model.rates, Steady(), levels, 1e5, 1e-3)
    photons = found.photons.sum(axis=-1).max(axis=0)
    assert photons[0] < 1e5 < 1e8 < photons[1]
    assert abs(found.growth[-1, 2, 0]) < 1e-4 * model.rates.loss[0]  # gain is clamped
    assert books(found) < 1e-9


def test_with_even_depth_the_static_threshold_is_that_of_the_finite_laser():
    device = changed(DOPED, {"pump.spot.length": 250 * um, "pump.spot.shape": "stripe"})
    model = light_model(device, SHELL)
    pumped = (model.rates.filling > 0).astype(float)
    even = replace(model, rates=replace(model.rates, filling=pumped))
    for number, mode in enumerate(model.modes[:2]):
        assert even.static_threshold(number) == pytest.approx(mode.excitons_per_dot, rel=1e-7)
    assert model.static_threshold() > 1.03 * model.modes[0].excitons_per_dot  # unevenness costs


def test_loss_costs_the_gain_that_makes_up_for_it():
    plain, lossy = (light_model(DOPED, SHELL, loss) for loss in (0.0, 50 / cm))
    confinement = plain.modes[0].pumped.waves.confinement
    more = (lossy.rates.loss - plain.rates.loss)[0] / (
        2 * SPEED_OF_LIGHT * plain.overlaps[0].slope.sum().imag
    )
    assert more == pytest.approx(50 / cm / confinement, rel=0.03)  # a mode is not quite a wave
    assert lossy.shares[0, 3] > 0.3
    assert_allclose(lossy.shares.sum(axis=1), 1, rtol=1e-12)


# Overlaps


@pytest.mark.parametrize("shape", ["stripe", "gaussian"])
def test_growth_changes_with_the_gain_of_a_piece_as_the_cold_mode_does(shape):
    device = changed(DOPED, {"pump.spot.length": 250 * um})
    device = changed(device, {"pump.spot.shape": shape})
    model = light_model(device, SHELL)
    mode, found = model.modes[0], model.overlaps[0]
    gains = mode.pumped.gains(mode.threshold_material_gain)[0]
    pieces = pieces_of(model.laser, 4)
    group = mode.pumped.waves.n_group
    for stretch in (len(gains) // 4, len(gains) // 2):
        moved = []
        for step in (1e-7, -1e-7):
            changed_gains = gains.copy()
            changed_gains[stretch] += step
            moved.append(
                cold_mode_near(mode.pumped.frozen(changed_gains), mode.mode.detuning).detuning
            )
        expected = (moved[0] - moved[1]) / 2e-7 / group
        ours = found.slope[pieces.stretch == stretch].sum()
        assert ours == pytest.approx(expected, rel=2e-4)


def test_what_the_film_gives_is_what_leaves():
    model = light_model(changed(DOPED, {"layers.0.lines.duty": 0.47}), SHELL)
    pieces = pieces_of(model.laser, 4)
    for mode, one in zip(model.modes, model.overlaps, strict=True):
        given = one.given @ pieces.gains(mode)
        assert given == pytest.approx(one.upwards + one.downwards + one.sideways, rel=1e-5)


def test_light_is_shared_out_as_by_the_power_balance_of_the_mode():
    model = light_model(DOPED, SHELL)
    for number, ours in enumerate(model.shares):
        theirs = output(model.laser, number)
        out = np.array([theirs.up, theirs.down, theirs.left + theirs.right, theirs.materials])
        assert_allclose(ours, out / out.sum(), atol=2e-5)


def test_the_spontaneous_factor_is_that_of_mode_volume_and_density_of_states():
    """β = Γ λ⁴ / (8π n² n_g V Δλ), the textbook's, for a mode that fills the film evenly."""
    model = light_model(DOPED, SHELL)
    mode, film = model.modes[0], model.film
    waves, material = mode.pumped.waves, DOPED.layers[1].material
    index = complex(material.index(mode.wavelength)).real
    volume = model.rates.dots.sum() * (pi * film.dot_diameter**3 / 6) / film.packing_fraction
    line = 85 * nm * sqrt(pi / (4 * log(2)))
    textbook = (
        waves.confinement * mode.wavelength**4 / (8 * pi * index**2 * waves.n_group * volume * line)
    )
    # a standing wave of either edge sees more or less of the film than the running wave between
    own = model.spontaneous_factor / model.rates.excess
    edges = [[one.origin for one in model.modes].index(edge) for edge in ("dark", "bright")]
    assert own[edges].mean() == pytest.approx(textbook, rel=1.5e-2)


def test_finer_parts_move_the_light_little():
    coarse = light_model(DOPED, SHELL)
    fine = light_model(DOPED, SHELL, along=12, deep=10)
    assert coarse.static_threshold() == pytest.approx(fine.static_threshold(), rel=3e-3)
    excitons = fine.static_threshold() * np.array([1.6, 3.0])
    out = []
    for model in (coarse, fine):
        sized = model.with_room(excitons.max())
        found = simulate(sized.rates, PULSE, excitons, 300.0, 1e-3)
        out.append((found.lost * sized.energies) @ sized.shares)
    assert_allclose(out[0], out[1], rtol=0.02)


# Another integration


def radau(model: RateModel, level: float, until: float) -> np.ndarray:
    """The same equations, written down once more, for the implicit Runge-Kutta method of scipy."""
    parts, modes, states = len(model.dots), len(model.loss), model.states
    kinds = len(model.weights)
    start = np.zeros((parts, kinds, states))
    start[:, :, 0] = model.weights

    def change(time, y):
        p, photons = y[:-modes].reshape(parts, kinds, states), y[-modes:]
        rate = 2 * sqrt(log(2) / pi) / 0.3 * np.exp(-4 * log(2) * (time / 0.3) ** 2)
        derivative, grown = np.zeros_like(p), np.zeros(modes)
        for b in range(parts):
            for d in range(kinds):
                weak = sum(model.coupling[m, b] * photons[m] for m in range(modes))
                strong = weak + model.coupling[:, b] @ model.excess
                for n in range(states - 1):
                    up = (level * rate * model.filling[b] + weak * model.absorption[d, n]) * p[
                        b, d, n
                    ]
                    down = (
                        model.auger[d, n + 1] + model.trapping[d, n + 1]
                        + model.radiation[d, n + 1] + strong * model.emission[d, n + 1]
                    ) * p[b, d, n + 1]  # fmt: skip
                    derivative[b, d, n] += down - up
                    derivative[b, d, n + 1] += up - down
        for m in range(modes):
            e = np.sum(p * model.emission, axis=(1, 2))
            a = np.sum(p * model.absorption, axis=(1, 2))
            grown[m] = (model.gain[m] @ (e - a) - model.loss[m]) * photons[m]
            grown[m] += model.excess[m] * (model.dots * model.coupling[m]) @ e
        return np.append(derivative.ravel(), grown)

    found = solve_ivp(
        change, (-0.9, until), np.append(start.ravel(), np.zeros(modes)), "Radau",
        rtol=1e-8, atol=1e-9, max_step=2.0, first_step=1e-3,
    )  # fmt: skip
    assert found.success
    return found.y[-modes:, -1]


def test_the_gap_to_another_integration_closes_with_the_tolerance():
    model, level, until = small_model(doping=(7,), states=10), 1.6, 12.0
    expected = radau(model, level, until)
    gaps = []
    for tolerance in (1e-2, 1e-3, 1e-4):
        found = simulate(model, PULSE, np.array([level]), until, tolerance)
        gaps.append(np.abs(found.photons[-1, 0] / expected - 1).max())
    assert expected.max() > 1e2
    assert gaps[2] < 2e-4
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2]


def test_steps_are_of_third_order():
    model, level = small_model(doping=(7,), states=9), np.array([1.4])

    def after(number: int) -> np.ndarray:
        run = Steps(model, GaussianPulse(3.0), level)
        step = 12.0 / number
        for k in range(number):
            _, found = run.attempt(-6.0 + k * step, step, 1.0)
            run.accept(found)
        return np.append(run.state.photons, run.moments[5] * 100)

    best = after(1600)
    gaps = [np.abs(after(number) / best - 1).max() for number in (200, 400)]
    assert np.log2(gaps[0] / gaps[1]) > 2.3


def test_many_dots_at_random_tend_to_the_rate_equations():
    """Single events drawn at random, dot by dot: the gap closes as one over the dots."""
    rng = np.random.default_rng(7)
    gaps = []
    for number, runs in ((20, 4000), (80, 2000)):
        c, loss, life, pump, until, step = 8.0 / number, 0.5, 20.0, 0.15, 6.0, 0.02
        excitons = np.zeros((runs, 9), int)  # dots of each kind in each run
        excitons[:, 0] = number
        photons = np.zeros(runs, int)
        n = np.arange(9)
        for _ in range(round(until / step)):
            up = rng.binomial(excitons, np.where(n < 8, pump * step, 0))
            left = excitons - up
            trapped = rng.binomial(left, n / life * step)
            left = left - trapped
            chance = np.minimum(c * n / 8 * step * (photons[:, None] + 1), 1)
            emitted = rng.binomial(left, chance)
            gone = rng.binomial(photons, loss * step)
            change = -up - trapped - emitted
            change[:, 1:] += up[:, :-1]
            change[:, :-1] += (trapped + emitted)[:, 1:]
            excitons, photons = excitons + change, photons + emitted.sum(axis=1) - gone
        one = linear_laser()
        model = replace(
            one, trapping=n[None, :] / life, dots=np.array([float(number)]),
            coupling=np.array([[c]]), gain=np.array([[8.0]]), loss=np.array([loss]),
        )  # fmt: skip
        found = simulate(model, Steady(), np.array([pump]), until, 1e-4)
        mean = photons.mean()
        error = photons.std() / sqrt(runs)
        gaps.append((abs(mean / found.photons[-1, 0, 0] - 1), error / mean))
    (few, few_error), (many, many_error) = gaps
    assert few > 4 * few_error  # a few dots do differ
    assert many < few / 2.5 + 3 * many_error
    assert many < 0.15


# What is read off


def test_a_chirped_gaussian_pulse_has_the_width_of_the_closed_form(doped):
    tau, chirp = 12.0, 0.03
    time = np.linspace(-60, 60, 4001)
    found = doped.simulation
    photons = np.zeros((len(time), 1, len(doped.model.modes)))
    photons[:, 0, 0] = 1e6 * np.exp(-4 * log(2) * (time / tau) ** 2)
    detuning = np.zeros_like(photons)
    detuning[:, 0, 0] = chirp * time
    curve = replace(
        doped, simulation=replace(found, times=time, photons=photons, detuning=detuning)
    )
    spectrum = curve.spectrum(0, span=4 * nm)
    wavelength = doped.model.modes[0].wavelength
    angular = sqrt((4 * log(2) / tau) ** 2 + (chirp * tau) ** 2)
    assert spectrum.width == pytest.approx(
        angular * wavelength**2 / (2 * pi * SPEED_OF_LIGHT), rel=2e-3
    )
    assert spectrum.peak == pytest.approx(wavelength, abs=2e-6)


def test_a_higher_frequency_is_a_shorter_wavelength(doped):
    found = doped.simulation
    moved = replace(found, detuning=found.detuning + 0.5)
    curve = replace(doped, simulation=moved)
    assert curve.spectrum(20).peak < doped.spectrum(20).peak - 0.5 * nm


def test_the_threshold_of_two_straight_lines_is_where_they_meet(doped):
    pump = np.linspace(1.0, 3.0, 41)
    out = 1e-6 * pump + 5 * np.maximum(pump - 1.62, 0)
    curve = replace(doped, pump=pump, light=out[:, None] * np.ones(4), absorbed=0.2 * pump)
    assert curve.threshold == pytest.approx(1.62, rel=1e-5)
    assert curve.slope_efficiency == pytest.approx(25, rel=1e-3)
    assert curve.saturation == pytest.approx(1, rel=1e-3)


def test_the_pulse_widens_without_chirp_only_by_its_own_length(doped):
    still = light(DOPED, SHELL, doped.pump[18:20], linewidth_enhancement=0.0)
    chirped = doped.spectrum(19)
    assert still.spectrum(1).width < chirped.width
    assert doped.schawlow_townes[19] < 1e-6 * chirped.width


def test_more_pump_makes_light_sooner_shorter_and_stronger(doped):
    lit = doped.pump > 1.2 * doped.threshold
    assert np.all(np.diff(doped.build_up[lit]) < 0)
    assert np.all(np.diff(doped.width[lit]) < 0)
    assert np.all(np.diff(doped.output[lit]) > 0)
    assert np.all(doped.light.sum(axis=1) < doped.absorbed)  # a photon holds less than the pump's


def test_the_pulsed_threshold_lies_above_the_static_one_by_what_light_waits_for(doped):
    """Gain has to outlast some thirty e-foldings: the faster it decays, the more must be there."""
    fast = pulse_threshold(DOPED, Rates(250 * ps, trapping_lifetime=3200 * ps))
    slow = pulse_threshold(DOPED, Rates(20000 * ps, trapping_lifetime=3200 * ps))
    assert slow < doped.threshold < fast


def test_a_first_order_laser_is_seen_from_its_end():
    first = {"grating.period": 435 * nm, "grating.order": 1, "pump.spot.shape": "uniform"}
    found = light(changed(DOPED, first), SHELL, doped_levels())
    assert np.all(found.light[:, :2] == 0)
    assert found.threshold > 0.9 * found.static_threshold
    assert_allclose(found.output, found.light[:, 2])
    assert found.spectrum(len(found.pump) - 1).width > 0


def doped_levels() -> np.ndarray:
    """Fluences around the threshold of the doped laser."""
    return np.array([110, 120, 130, 140, 150, 160, 165, 170, 175, 180, 190]) * UNIT


# The published lasers


def test_the_ratio_of_the_published_thresholds_follows_from_the_films_alone():
    ratio = published_threshold("neutral") / published_threshold("doped")
    assert 430 / 160 / 1.5 < ratio < 430 / 160 * 1.5
    bare = [
        pulse_threshold(published_laser(kind), SHELL) for kind in ("neutral", "doped")
    ]  # presets and lifetimes alone, no loss
    assert 430 / 160 / 1.5 < bare[0] / bare[1] < 430 / 160 * 1.5


@pytest.mark.parametrize(("kind", "measured"), [("neutral", 430), ("doped", 160)])
def test_the_published_thresholds_lie_within_what_duty_and_length_span(kind, measured):
    lowest = published_threshold(kind, 0.25, 2000 * um) / UNIT
    highest = published_threshold(kind, 0.502, 200 * um) / UNIT
    assert lowest < measured < highest
    assert LOSS[f"taghipour2023-{kind}"] > 0


# Input


def test_what_is_missing_or_wrong_is_named(doped):
    for device, rates, fluence, words in (
        (changed(DOPED, {"grating.width": None}), SHELL, [1.0], "width"),
        (changed(DOPED, {"pump": None}), SHELL, [1.0], "pump"),
        (DOPED, SHELL, [2.0, 1.0], "ascending"),
        (DOPED, SHELL, [-1.0], "ascending"),
    ):
        with pytest.raises(InputError, match=words):
            light(device, rates, fluence)
    with pytest.raises(InputError, match="loss"):
        light(DOPED, SHELL, [1.0], loss=-1.0)
    with pytest.raises(InputError, match="trapping"):
        continuous_light(DOPED, Rates(485 * ps), [0.01])
    with pytest.raises(InputError, match="kink"):
        _ = light(DOPED, SHELL, [0.1, 0.2, 0.3, 0.4]).threshold


# The command, the pictures, the report


@pytest.fixture
def device_file(tmp_path):
    save_device(DOPED, tmp_path / "device.toml")
    return tmp_path / "device.toml"


def test_the_command_prints_light_threshold_and_books(dfb, device_file):
    picture = device_file.with_suffix(".png")
    ran = dfb("light", device_file, "--json", "--plot", picture)
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert found["threshold_uj_per_cm2"] == pytest.approx(165, abs=2)  # measured 160
    assert found["static_threshold_uj_per_cm2"] < found["threshold_uj_per_cm2"]
    assert len(found["light"]) == 40
    assert found["largest_gap_of_the_books"] < 1e-9
    first = found["modes"][0]
    shares = [first[f"share_{name}"] for name in ("up", "down", "sideways", "absorbed")]
    assert sum(shares) == pytest.approx(1)
    lit = [row for row in found["light"] if row["linewidth_nm"] is not None]
    assert 0.1 < lit[0]["linewidth_nm"] < 2
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_command_takes_pulses_lifetimes_and_continuous_light(dfb, device_file):
    shape = device_file.with_name("pulse.csv")
    shape.write_text("time_ps,power\n0,0\n1,2\n2,1\n3,0\n")
    words = "--biexciton-lifetime", "300", "--loss", "0", "--json"
    ran = dfb("light", device_file, "--fluences", "100,300", "--pulse", shape, *words)
    found = json.loads(ran.out)
    assert found["threshold_uj_per_cm2"] is None  # two points hold no kink
    assert found["light"][1]["up_nj"] > 1e3 * found["light"][0]["up_nj"]
    steady = json.loads(dfb("light", device_file, "--intensities", "2e5,1e6", "--json").out)
    assert steady["light"][1]["up_w"] > 1e3 * steady["light"][0]["up_w"]


@pytest.mark.parametrize(
    ("content", "words"),
    [("time_ps,power\n0,0\n1,-2\n2,0\n", "negative"), ("time,power\n0,1\n", "time_ps")],
)
def test_a_bad_pulse_file_is_one_clear_error(dfb, device_file, content, words):
    shape = device_file.with_name("pulse.csv")
    shape.write_text(content)
    ran = dfb("light", device_file, "--pulse", shape)
    assert ran.code == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_a_film_without_published_lifetimes_needs_them(dfb, device_file):
    film = {"film.preset": "cascade-layers"}
    save_device(changed(DOPED, film), device_file)
    ran = dfb("light", device_file)
    assert ran.code == 2
    assert "lifetime" in ran.err


def test_the_pictures_show_every_pulse(doped):
    drawn = plt.figure().subplots(3)
    light_curve(drawn[0], [doped])
    assert len(drawn[0].lines[0].get_xdata()) == len(doped.pump)
    assert "145" in drawn[0].get_legend().get_texts()[0].get_text()
    light_pulse(drawn[1], doped, [20, 30])
    assert drawn[1].lines[1].get_ydata().max() == doped.power[:, 30].max()
    light_spectrum(drawn[2], doped, 20)
    assert drawn[2].lines[0].get_ydata().max() == 1
    plt.close("all")
