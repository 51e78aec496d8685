"""The rate equations of light and dots: books, limits, and other integrations."""

from dataclasses import dataclass, replace
from math import log, pi, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.optimize import curve_fit

from dfbdesign.device import changed
from dfbdesign.gain.dots import Dots
from dfbdesign.gain.kinetics import Pulse, evolve
from dfbdesign.gain.published import SHELL
from dfbdesign.gain.rates import Rates
from dfbdesign.lasers.envelope import GaussianPulse, SampledPulse, Steady
from dfbdesign.lasers.light_model import light_model
from dfbdesign.lasers.published_lasers import published_laser
from dfbdesign.lasers.rate_equations import RateModel, simulate
from dfbdesign.lasers.rate_steps import Steps
from dfbdesign.units import cm, fs, ps, uJ, um

UNIT = uJ / cm**2
DOPED = published_laser("doped")
PULSE = GaussianPulse(300 * fs)
ALL = Rates(485 * ps, "cubic", 3200 * ps, 3e6 * ps)


def books(found) -> float:
    return max(np.abs(found.exciton_gap).max(), np.abs(found.photon_gap).max())


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
