r"""Steps in time of the rate equations: RODAS3, with the Jacobian solved as it is built.

The stages $k_i$ of a step h obey (Sandu et al., Atmos. Environ. 31, 3459 (1997))

$$ (1/\gamma h - J) k_i = f(t + \alpha_i h,\, y + \textstyle\sum_j a_{ij} k_j)
   + \textstyle\sum_j c_{ij} k_j/h + \gamma_i h\, \partial f/\partial t . $$

In J the dots are tridiagonal, each for itself; the modes couple to them by one vector per part of
the film, so that they are what is left of a Schur complement. The books stand in no right-hand side
and follow from the rest.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfbdesign.lasers.envelope import Envelope

if TYPE_CHECKING:
    from dfbdesign.lasers.rate_equations import RateModel

Real = NDArray[np.float64]

_GAMMA = 0.5
_A = ((), (), (2.0, 0.0), (2.0, 0.0, 1.0))
_C = ((), (4.0,), (1.0, -1.0), (1.0, -1.0, -8 / 3))
_LATER, _SLOPE = (0.0, 0.0, 1.0, 1.0), (0.5, 1.5, 0.0, 0.0)
_LAST = (2.0, 0.0, 1.0, 1.0)


class State(NamedTuple):
    """Where an integration stands, or how it changes."""

    populations: Real
    """Probabilities, shape (exciton, doping, level, part)."""
    photons: Real
    """Photons, shape (level, mode)."""
    books: Real
    """Excitons pumped, lost to Auger, trapped, radiated; photons of each mode stimulated,
    spontaneous, lost; shape (level, entry)."""

    def plus(self, factors: tuple[float, ...], others: list["State"]) -> "State":
        """This state and multiples of others."""
        total = [part.copy() for part in self]
        for factor, other in zip(factors, others, strict=True):
            if factor:
                for part, more in zip(total, other, strict=True):
                    part += factor * more
        return State(*total)


@dataclass(frozen=True, eq=False)
class _Jacobian:
    """What all stages of a step share."""

    dots: tuple[Real, Real, Real]
    """Factors of the part of the dots, shape (exciton, doping, level, part) each."""
    answer: Real
    """How the dots answer to light, of the same shape."""
    moments: Real
    """The same as read off, shape (moment, level, part)."""
    modes: Real
    """What is left for the modes, shape (level, mode, mode)."""


class Steps:
    """An integration: where it stands, and how it goes on."""

    def __init__(self, model: "RateModel", envelope: Envelope, levels: Real) -> None:
        self.model, self.envelope = model, envelope
        self.pump = np.multiply.outer(levels, model.filling)
        tables = model.emission, model.absorption, model.auger + model.trapping + model.radiation
        self.emission, self.absorption, self.rest = (one.T[..., None, None] for one in tables)
        self.exchange = model.dots * model.coupling
        self.by_gain = np.einsum("mb,nb->bmn", model.gain, model.coupling)
        self.by_chance = np.einsum("m,mb,nb->bmn", model.excess, self.exchange, model.coupling)
        dark, modes = (
            np.zeros((model.states, len(model.weights), *self.pump.shape)),
            len(model.loss),
        )
        dark[0] = model.weights[:, None, None]
        none = np.zeros((len(levels), 4 + 4 * modes))
        self.state = State(dark, none[:, :modes], none[:, : 4 + 3 * modes])
        self.moments = model.read(dark)

    def attempt(self, time: float, step: float, tolerance: float) -> tuple[float, State]:
        """Try a step.

        Args:
            time: Where it starts [ps].
            step: How long it is [ps].
            tolerance: As in `simulate`.

        Returns:
            Its error over the tolerance, and where it leads.
        """
        here, jacobian = self.state, self._jacobian(time, step)
        slope = self.envelope.slope(time) * step
        aging = [self._aging(slope)] if slope else []
        change, stages = self._change(here, self.moments, time), list[State]()
        for number in range(4):
            if number >= 2:
                moved = here.plus(_A[number], stages)
                moments = self.model.read(moved.populations)
                change = self._change(moved, moments, time + _LATER[number] * step)
            rest = change.plus(tuple(c / step for c in _C[number]), stages)
            rest = rest.plus((_SLOPE[number],) * len(aging), aging) if aging else rest
            stages.append(self._stage(rest, jacobian, time, step))
        found, error = here.plus(_LAST, stages), stages[-1]
        scale = np.maximum(np.abs(here.photons), np.abs(found.photons)) + 1
        size = max(np.abs(error.photons / scale).max(), 10 * np.abs(error.populations).max())
        return float(size) / tolerance, found

    def accept(self, state: State) -> None:
        """Go on from a state.

        Args:
            state: Where a step led.
        """
        self.state, self.moments = state, self.model.read(state.populations)

    def _rates(self, photons: Real, time: float) -> tuple[Real, Real]:
        """Rates up and down from every state, shape (exciton, doping, level, part) each."""
        light = photons @ self.model.coupling
        seen = light + self.model.excess @ self.model.coupling
        pump = self.pump * self.envelope.rate(time)
        up, down = light * self.absorption, seen * self.emission
        up += pump
        up[-1] = 0  # the last state has nowhere to go
        down += self.rest
        return up, down

    def _change(self, state: State, moments: Real, time: float) -> State:
        """Time derivatives."""
        populations, photons, _ = state
        up, down = self._rates(photons, time)
        grown = self.model.growth(moments) * photons + self._spontaneous(moments)
        books = self._flux(moments, photons)
        books[:, 0] = self.envelope.rate(time) * self._pumping(moments)
        up *= populations
        down *= populations
        return State(_flow(up, down), grown, books)

    def _aging(self, slope: float) -> State:
        """What a pump of this rate would do: the time derivative of the right-hand sides."""
        populations, photons, books = self.state
        pumped = np.zeros_like(books)
        pumped[:, 0] = slope * self._pumping(self.moments)
        up = slope * self.pump * populations
        up[-1] = 0
        return State(_flow(up, np.zeros_like(up)), np.zeros_like(photons), pumped)

    def _spontaneous(self, moments: Real) -> Real:
        """Photons made in each mode by spontaneous emission, shape (level, mode) [1/ps]."""
        return np.asarray(self.model.excess * (moments[0] @ self.exchange.T))

    def _pumping(self, moments: Real) -> Real:
        """Excitons made by a pump of rate one, shape (level)."""
        return np.asarray((self.pump * moments[6]) @ self.model.dots)

    def _flux(self, moments: Real, photons: Real) -> Real:
        """Time derivatives of the books without pump, of second degree in both arguments."""
        lost = (moments[2:5] @ self.model.dots).T
        stimulated = ((moments[0] - moments[1]) @ self.exchange.T) * photons
        left = stimulated - self.model.growth(moments) * photons
        none = np.zeros((len(photons), 1))
        return np.concatenate([none, lost, stimulated, self._spontaneous(moments), left], axis=-1)

    def _jacobian(self, time: float, step: float) -> _Jacobian:
        populations, photons, _ = self.state
        up, down = self._rates(photons, time)
        factors = _factors(up, down, 1 / (_GAMMA * step))
        answer = _solve(factors, _flow(self.absorption * populations, self.emission * populations))
        moments = self.model.read(answer)
        inverted, emitted = moments[0] - moments[1], moments[0]
        modes = -photons[..., None] * np.tensordot(inverted, self.by_gain, 1)
        modes -= np.tensordot(emitted, self.by_chance, 1)
        own = np.arange(photons.shape[-1])
        modes[:, own, own] += 1 / (_GAMMA * step) - self.model.growth(self.moments)
        return _Jacobian(factors, answer, moments, modes)

    def _stage(self, rest: State, jacobian: _Jacobian, time: float, step: float) -> State:
        model, photons = self.model, self.state.photons
        alone = _solve(jacobian.dots, rest.populations)
        moments = self.model.read(alone)
        fed = photons * ((moments[0] - moments[1]) @ model.gain.T)
        fed = rest.photons + fed + self._spontaneous(moments)
        light = np.linalg.solve(jacobian.modes, fed[..., None])[..., 0]
        dose = light @ model.coupling
        moments = moments + dose * jacobian.moments
        # of second degree: half the difference is the derivative, exactly
        ahead = self._flux(self.moments + moments, photons + light)
        books = (ahead - self._flux(self.moments - moments, photons - light)) / 2
        books[:, 0] = self.envelope.rate(time) * self._pumping(moments)
        return State(alone + dose * jacobian.answer, light, _GAMMA * step * (rest.books + books))


def _flow(rising: Real, falling: Real) -> Real:
    """Change of the states from what leaves them upwards and downwards."""
    change = rising + falling
    np.negative(change, out=change)
    change[1:] += rising[:-1]
    change[:-1] += falling[1:]
    return np.asarray(change)


def _factors(up: Real, down: Real, shift: float) -> tuple[Real, Real, Real]:
    """LU factors of (shift - generator): its columns are dominant, so that no pivot is needed."""
    own, below, above = up + down + shift, -up[:-1], -down[1:]
    for n in range(1, len(own)):
        below[n - 1] /= own[n - 1]
        own[n] -= below[n - 1] * above[n - 1]
    own = 1 / own
    return below, own, above * own[:-1]


def _solve(factors: tuple[Real, Real, Real], right: Real) -> Real:
    below, own, above = factors
    found = right.copy()
    for n in range(1, len(found)):
        found[n] -= below[n - 1] * found[n - 1]
    found *= own
    for n in range(len(found) - 2, -1, -1):
        found[n] -= above[n] * found[n + 1]
    return found
