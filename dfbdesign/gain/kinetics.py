r"""What becomes of excitons in a dot: a master equation for their number.

The state of a dot is its number of excitons $N = 0, 1, \dots$ at a fixed number $D$ of permanent
electrons. The probability $p_N$ changes by single steps,

$$ \dot p_N = u_{N-1}p_{N-1} + d_{N+1}p_{N+1} - (u_N + d_N)\,p_N , $$

down by recombination $d_N$, up by pump light far above the band edge and by light at the band edge;
the rates are those of `dfbdesign.gain.rates`.

While nothing changes in time the solution is a matrix exponential; while a pulse lasts, all
fluences are one banded system for LSODA (Petzold, SIAM J. Sci. Stat. Comput. 4, 136 (1983)).
"""

from dataclasses import dataclass
from math import inf, isfinite, log, pi, prod, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import not_negative, positive
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.gain.dots import Dots, doping_weights, state_inversion
from dfbdesign.gain.rates import Rates, auger_rate
from dfbdesign.units import ns

Real = NDArray[np.float64]

_MOST_EXCITONS = 1000  # states per dot beyond which the request is a mistake


@dataclass(frozen=True, eq=False)
class Pulse:
    """A pump pulse far above the band edge, Gaussian in time, centred on time zero."""

    excitons: ArrayLike
    """Mean excitons per dot it makes in all, any shape."""
    duration: float = 0.0
    """Full width at half maximum; zero for a pulse shorter than everything else [ps]."""


@dataclass(frozen=True, eq=False)
class Continuous:
    """Continuous pump light far above the band edge, switched on at time zero."""

    rate: ArrayLike
    """Mean excitons per dot and time it makes, any shape [1/ps]."""


@dataclass(frozen=True, eq=False)
class Populations:
    """Probabilities of the states of a dot in the course of time."""

    dots: Dots
    """The dots."""
    times: Real
    """Times, shape (time) [ps]."""
    doping: NDArray[np.int64]
    """Permanent electrons that occur, shape (doping)."""
    probability: Real
    """Joint probability of doping and excitons, shape (..., time, doping, exciton)."""

    @property
    def excitons(self) -> Real:
        """Mean excitons per dot, shape (..., time)."""
        number = np.arange(self.probability.shape[-1])
        return np.asarray(self.probability.sum(axis=-2) @ number)

    @property
    def inversion(self) -> Real:
        """Net gain in units of the neutral band-edge absorption, shape (..., time)."""
        table = _inversion(self.dots, self.doping, self.probability.shape[-1])
        return np.asarray(np.einsum("...dn,dn->...", self.probability, table))


def evolve(dots: Dots, rates: Rates, pump: Pulse | Continuous, times: ArrayLike) -> Populations:
    """Probabilities of the states of a dot that starts without excitons.

    Args:
        dots: The dots; the doping is one number.
        rates: How excitons recombine.
        pump: Pulse or continuous light; its shape is that of the batch.
        times: Ascending times, shape (time); time zero is the centre of a pulse, or when
            continuous light is switched on [ps].

    Returns:
        The populations at these times.

    Raises:
        InputError: If the times do not ascend, continuous light is asked about before it is on, or
            a number is negative or not finite.
        PhysicsError: If the pump makes more than a thousand excitons per dot.

    Examples:
        Without recombination a pulse leaves a Poisson distribution.

        >>> left = evolve(Dots(), Rates(), Pulse(0.5, duration=300 * fs), [2.0])
        >>> left.probability[0, 0, :3].round(6)
        array([0.606531, 0.303265, 0.075816])
    """
    t = np.atleast_1d(np.asarray(times, float))
    if t.ndim != 1 or not np.all(np.isfinite(t)) or np.any(np.diff(t) < 0):
        raise InputError("times (in ps) must be one ascending list of finite numbers.")
    if isinstance(pump, Continuous):
        return _continuous(dots, rates, pump, t)
    made = not_negative("excitons", pump.excitons)
    model = _model(dots, rates, _states(float(made.max(initial=0.0)), dots))
    if not (isfinite(pump.duration) and pump.duration >= 0):
        raise InputError(f"duration (in ps) must be zero or positive, got {pump.duration}.")
    if pump.duration:
        end = 3 * pump.duration  # seven standard deviations: 1e-12 of the pulse is left out
        during, state = _pulse(model, made, pump.duration, end, t[t < end])
    else:
        end = 0.0
        state = _poisson(made, model.states)[..., None, :] * model.weights[:, None]
        dark = model.weights[:, None] * (np.arange(model.states) == 0)
        during = np.broadcast_to(dark, (int(np.sum(t < 0)), *made.shape, *dark.shape))
    after = np.diff(t[t >= end], prepend=end)
    probability = np.moveaxis(_propagate(model.generator(), state, after, during), 0, -3)
    return Populations(dots=dots, times=t, doping=model.doping, probability=probability)


def steady_state(dots: Dots, rates: Rates, pump_rate: ArrayLike) -> Populations:
    """Populations under continuous pump light in the long run, by detailed balance.

    Args:
        dots: The dots; the doping is one number.
        rates: How excitons recombine.
        pump_rate: Mean excitons per dot and time, any shape [1/ps].

    Returns:
        The populations, with one time: infinity.

    Raises:
        InputError: If a rate is negative or not finite.
        PhysicsError: If the excitons pile up beyond a thousand per dot.

    Examples:
        >>> steady_state(Dots(), Rates(trapping_lifetime=100.0), 0.02).excitons.round(9)
        array([2.])
    """
    rate = not_negative("pump_rate", pump_rate)
    model = _model(dots, rates, _MOST_EXCITONS)
    if np.any(model.down[:, 1:] == 0):
        raise PhysicsError(
            "some number of excitons never decays, so they pile up: give a trapping_lifetime or a "
            "radiative_lifetime."
        )
    with np.errstate(divide="ignore"):  # no pump, no way up
        ratio = np.log(model.up[:, :-1] + rate[..., None, None]) - np.log(model.down[:, 1:])
    start = np.zeros((*ratio.shape[:-1], 1))
    height = np.concatenate([start, np.cumsum(ratio, axis=-1)], axis=-1)
    height = np.exp(height - height.max(axis=-1, keepdims=True))
    probability = height / height.sum(axis=-1, keepdims=True)
    if np.any(probability[..., -1] > 0):
        raise PhysicsError(
            f"more than {_MOST_EXCITONS} excitons per dot pile up: pump less, or give a lifetime."
        )
    highest = int(np.max(np.nonzero(probability.reshape(-1, _MOST_EXCITONS).any(axis=0))))
    probability = probability[..., None, :, : highest + 1] * model.weights[:, None]
    return Populations(dots, np.array([inf]), model.doping, probability)


def gain_lifetime(dots: Dots, rates: Rates, excitons: ArrayLike, longest: float = 100 * ns) -> Real:
    """Time for which a pulse much shorter than the recombination leaves gain.

    Args:
        dots: The dots; the doping is one number.
        rates: How excitons recombine.
        excitons: Mean excitons per dot right after the pulse, any shape.
        longest: Time within which gain must end [ps].

    Returns:
        Gain lifetime, of the shape of the excitons; zero where there is no gain at all [ps].

    Raises:
        InputError: If a number of excitons is negative or not finite.
        PhysicsError: If there is gain still after the longest time.

    Examples:
        >>> rates = Rates(biexciton_lifetime=230 * ps, trapping_lifetime=3.2 * ns)
        >>> gain_lifetime(Dots(), rates, [5, 6, 8]).round(0)
        array([36., 63., 99.])
    """
    made = not_negative("excitons", excitons)
    model = _model(dots, rates, _states(float(made.max(initial=0.0)), dots))
    table = _inversion(dots, model.doping, model.states)
    generator = model.generator()
    state = _poisson(made, model.states)[..., None, :] * model.weights[:, None]
    alive = np.sum(state * table, axis=(-1, -2)) > 0
    time, step = np.zeros(made.shape), positive("longest (in ps)", longest)
    while step > longest * 2.0**-45:  # halving: go on wherever there is gain after the step
        later = _step(_propagator(generator, step), state)
        ahead = alive & (np.sum(later * table, axis=(-1, -2)) > 0)
        state = np.where(ahead[..., None, None], later, state)
        time, step = time + step * ahead, step / 2
    if np.any(time >= longest):
        raise PhysicsError(f"gain outlasts {longest:g} ps: the dots lose no excitons, or too few.")
    return time


@dataclass(frozen=True, eq=False)
class _Model:
    """Rates between the states of a dot; shapes (doping), (doping, exciton)."""

    doping: NDArray[np.int64]
    weights: Real
    up: Real
    down: Real

    @property
    def states(self) -> int:
        return int(self.up.shape[-1])

    def generator(self, pump: Real | float = 0.0) -> Real:
        """Matrix of the master equation, shape (..., doping, exciton, exciton)."""
        up = self.up[:, :-1] + np.asarray(pump)[..., None, None]
        down = np.broadcast_to(self.down[:, 1:], up.shape)
        matrix = np.zeros((*up.shape[:-1], self.states, self.states))
        n = np.arange(self.states - 1)
        matrix[..., n + 1, n] = up
        matrix[..., n, n + 1] = down
        matrix[..., n, n] -= up
        matrix[..., n + 1, n + 1] -= down
        return matrix


def _model(dots: Dots, rates: Rates, states: int) -> _Model:
    weights = doping_weights(dots)
    if weights.ndim != 1:
        raise InputError("kinetics needs one doping. Call it once for each.")
    g, doping = dots.degeneracy, np.flatnonzero(weights)
    n = np.arange(float(states))
    electrons, holes = n + doping[:, None], np.broadcast_to(n, (len(doping), states))
    e, h = np.minimum(electrons, g), np.minimum(holes, g)
    emission = e * h / g**2 / dots.absorption_over_emission
    down = auger_rate(electrons, holes, rates) + n / rates.trapping_lifetime
    down = down + e * h / rates.radiative_lifetime + rates.absorption * emission
    up = rates.absorption * (g - e) * (g - h) / g**2
    return _Model(doping, weights[doping], up, down)


def _states(most: float, dots: Dots) -> int:
    """States needed for Poisson numbers of a mean: beyond them is less than 1e-15."""
    from scipy.special import gammainc

    numbers = np.arange(1, int(most + 8 * sqrt(most)) + 24)
    beyond = gammainc(numbers, most)  # probability of this number or more
    states = max(int(np.argmax(beyond < 1e-15)), dots.degeneracy) + 2
    if states > _MOST_EXCITONS:
        raise PhysicsError(f"{most:.4g} excitons per dot are more than a dot can hold: pump less.")
    return states


def _poisson(mean: Real, states: int) -> Real:
    """Poisson probabilities, shape (..., exciton), of means of any shape."""
    from scipy.special import gammaln, xlogy

    n = np.arange(states)
    return np.asarray(np.exp(xlogy(n, mean[..., None]) - mean[..., None] - gammaln(n + 1)))


def _inversion(dots: Dots, doping: NDArray[np.int64], states: int) -> Real:
    """Inversion of single dots, shape (doping, exciton)."""
    filled = np.minimum(np.arange(states), dots.degeneracy)
    return state_inversion(dots)[doping][:, filled]


def _continuous(dots: Dots, rates: Rates, pump: Continuous, times: Real) -> Populations:
    rate = not_negative("rate", pump.rate)
    if len(times) and times[0] < 0:
        raise InputError(f"times must not precede the pump light at zero, got {times[0]:g} ps.")
    most = float(rate.max(initial=0.0)) * float(times.max(initial=0.0))
    # there are never more than the pump has made, nor than in the long run
    few = most < 50
    states = _states(most, dots) if few else steady_state(dots, rates, rate).probability.shape[-1]
    model = _model(dots, rates, states)
    start = np.zeros((*rate.shape, len(model.doping), states))
    start[..., 0] = model.weights
    steps = np.diff(times, prepend=0.0)
    found = _propagate(model.generator(rate), start, steps, start[None, ...][:0])
    return Populations(dots, times, model.doping, np.moveaxis(found, 0, -3))


def _propagator(generator: Real, step: float) -> Real:
    """Transition probabilities over a time; columns made to add to one against rounding."""
    from scipy.linalg import expm

    matrix = np.maximum(expm(generator * step), 0.0)
    return np.asarray(matrix / matrix.sum(axis=-2, keepdims=True))


def _step(propagator: Real, state: Real) -> Real:
    """State (..., doping, exciton) one step later."""
    return np.asarray((propagator @ state[..., None])[..., 0])


def _propagate(generator: Real, state: Real, steps: Real, before: Real) -> Real:
    """States before, and after each of several steps; shape (step, ..., doping, exciton)."""
    known: dict[float, Real] = {}
    # doping first, then all of the batch as columns: one matrix product per doping and step
    shared = generator.ndim == 3
    batch = prod(state.shape[:-2])

    def turned(states: Real) -> Real:
        flat = states.reshape(len(states), batch, *state.shape[-2:])
        return np.moveaxis(flat, 1, -1)

    columns = turned(state[None])[0] if shared else state
    found = np.empty((len(before) + len(steps), *columns.shape))
    found[: len(before)] = turned(before) if shared else before
    for number, step in enumerate(steps, start=len(before)):
        key = float(f"{step:.12g}")  # equal steps differ in their last bits
        if key not in known:
            known[key] = _propagator(generator, step)
        columns = known[key] @ columns if shared else _step(known[key], columns)
        found[number] = columns
    return np.moveaxis(found, -1, 1).reshape(len(found), *state.shape) if shared else found


def _pulse(
    model: _Model, made: Real, duration: float, end: float, times: Real
) -> tuple[Real, Real]:
    """States at times before the end of a pulse, and at its end: LSODA, all fluences at once."""
    from scipy.integrate import solve_ivp

    shape = (*made.shape, len(model.doping), model.states)
    start = np.zeros(shape)
    start[..., 0] = model.weights
    sharpness = 4 * log(2) / duration**2
    height = np.broadcast_to(made[..., None, None] * sqrt(sharpness / pi), shape).copy()
    height[..., -1] = 0  # the last state has nowhere to go
    height = height.ravel()
    up, down = (np.broadcast_to(rate, shape).ravel() for rate in (model.up, model.down))

    def upwards(time: float) -> Real:
        return np.asarray(up + height * np.exp(-sharpness * time**2))

    def change(time: float, p: Real) -> Real:
        rising, falling = upwards(time) * p, down * p
        rate = -rising - falling
        rate[1:] += rising[:-1]
        rate[:-1] += falling[1:]
        return rate

    def bands(time: float, p: Real) -> Real:
        rising = upwards(time)
        return np.stack([down, -rising - down, rising])

    found = solve_ivp(
        change,
        (-end, end),
        start.ravel(),
        "LSODA",
        t_eval=np.append(times[times >= -end], end),
        jac=bands,
        lband=1,
        uband=1,
        max_step=duration,
        rtol=1e-8,
        atol=1e-11,
    )
    if not found.success:
        raise PhysicsError(f"the kinetics during the pulse did not converge: {found.message}")
    states = found.y.T.reshape(-1, *shape)
    before = np.broadcast_to(start, (int(np.sum(times < -end)), *shape))
    return np.concatenate([before, states[:-1]]), states[-1]
