r"""Photons in the modes of a laser and excitons in its dots, exchanged one by one.

A dot is in the state $(D, N)$ of $D$ permanent electrons and $N$ excitons, with the probability
$p_{bDN}$ in the part $b$ of the film. Mode $m$ holds $S_m$ photons. One photon makes an empty dot
of part $b$ absorb at the rate $C_{mb}$, so that

$$ \dot p_N = u_{N-1}p_{N-1} + d_{N+1}p_{N+1} - (u_N + d_N) p_N, $$
$$ u_N = P_b(t) + A_N \sum_m C_{mb} S_m, \qquad
   d_N = \mathrm{Auger}_N + \mathrm{trapping}_N + \mathrm{radiation}_N
       + E_N \sum_m C_{mb} (S_m + K_m) , $$
$$ \dot S_m = G_m S_m + R_m, \qquad
   G_m = \sum_b T_{mb}\langle E - A\rangle_b - L_m, \qquad
   R_m = K_m \sum_b M_b C_{mb} \langle E\rangle_b , $$

| symbol | meaning |
|---|---|
| $E = \hat n_e\hat n_h/\rho g^2$ | emission at the band edge, over the absorption of an empty dot |
| $A = (g-\hat n_e)(g-\hat n_h)/g^2$ | absorption, likewise |
| $M_b$ | dots in part b |
| $T_{mb}$ | change of a mode's growth with the gain of a part, to first order about threshold |
| $L_m$ | $\sum_b T_{mb}\langle E - A\rangle_b$ at the static threshold |
| $K_m$ | excess factor of spontaneous emission of modes that are not orthogonal |

Spontaneous emission into a mode is what one photon in it would stimulate (Einstein's relation as in
C. H. Henry, IEEE J. Quantum Electron. 18, 259 (1982)), times $K$ (K. Petermann, IEEE J. Quantum
Electron. 15, 566 (1979)). What the excitons give, $\sum_b M_b C_{mb}\langle E - A\rangle_b S_m$,
and what the mode grows by, $G_m S_m$, differ by what leaves it: so no photon is made or lost
unbooked.

All levels of the pump are one system for an L-stable Rosenbrock method of order 3, RODAS3 (Sandu et
al., Atmos. Environ. 31, 3459 (1997)), which keeps linear invariants: the books are integrated with
it and balance to rounding, at any step.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged
from dfbdesign.lasers.envelope import Envelope
from dfbdesign.lasers.rate_steps import State, Steps

Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RateModel:
    """Rates between the states of a dot, and what couples them to the modes."""

    weights: Real
    """Probability of each number of permanent electrons that occurs, shape (doping)."""
    emission: Real
    """E of a state, shape (doping, exciton)."""
    absorption: Real
    """A of a state, shape (doping, exciton)."""
    auger: Real
    """Auger rate of a state, shape (doping, exciton) [1/ps]."""
    trapping: Real
    """Trapping rate of a state, shape (doping, exciton) [1/ps]."""
    radiation: Real
    """Rate of spontaneous emission beside the modes, shape (doping, exciton) [1/ps]."""
    dots: Real
    """Dots in each part, shape (part)."""
    filling: Real
    """Pump light absorbed per dot, for a level of one, shape (part)."""
    coupling: Real
    """Rate at which an empty dot absorbs one photon, C, shape (mode, part) [1/ps]."""
    gain: Real
    """Change of a mode's growth with the inversion of a part, T, shape (mode, part) [1/ps]."""
    pull: Real
    """Change of a mode's angular frequency with it, shape (mode, part) [1/ps]."""
    loss: Real
    """What that growth has to make up for, L, shape (mode) [1/ps]."""
    frequency: Real
    """What the pull amounts to at threshold, shape (mode) [1/ps]."""
    excess: Real
    """Excess factor of spontaneous emission, K, shape (mode)."""

    @property
    def states(self) -> int:
        """Numbers of excitons counted."""
        return int(self.emission.shape[-1])

    @cached_property
    def _readings(self) -> Real:
        n = np.broadcast_to(np.arange(float(self.states)), self.emission.shape)
        room = (n < self.states - 1).astype(float)
        read = (self.emission, self.absorption, self.auger, self.trapping, self.radiation, n, room)
        return np.array([one.T.ravel() for one in read])

    def read(self, populations: Real) -> Real:
        """Means over the states of the dots.

        Args:
            populations: Probabilities, shape (exciton, doping, level, part).

        Returns:
            Emission, absorption, Auger, trapping and radiation rate, excitons, and probability that
            the pump finds room; shape (moment, level, part).
        """
        levels = populations.shape[2:]
        return np.asarray(
            (self._readings @ populations.reshape(-1, np.prod(levels))).reshape(-1, *levels)
        )

    def growth(self, moments: Real) -> Real:
        """G of every mode, shape (level, mode) [1/ps]."""
        return np.asarray((moments[0] - moments[1]) @ self.gain.T - self.loss)


@dataclass(frozen=True, eq=False)
class Simulation:
    """Course of photons and excitons, and where each of them went."""

    times: Real
    """Times of all steps, shape (time) [ps]."""
    photons: Real
    """Photons in each mode, shape (time, level, mode)."""
    growth: Real
    """Growth rate of each mode, shape (time, level, mode) [1/ps]."""
    leaving: Real
    """Photons that leave each mode per time, shape (time, level, mode) [1/ps]."""
    chance: Real
    """Photons that spontaneous emission adds to each mode per time, likewise [1/ps]."""
    detuning: Real
    """Angular frequency of each mode less that at threshold, shape (time, level, mode) [1/ps]."""
    excitons: Real
    """Excitons in all dots, shape (time, level)."""
    pumped: Real
    """Excitons made by the pump, shape (level)."""
    auger: Real
    """Excitons lost to Auger recombination, shape (level)."""
    trapped: Real
    """Excitons trapped, shape (level)."""
    radiated: Real
    """Excitons that emitted beside the modes, shape (level)."""
    stimulated: Real
    """Photons made in each mode by stimulated emission less absorption, shape (level, mode)."""
    spontaneous: Real
    """Photons made in each mode by spontaneous emission, shape (level, mode)."""
    lost: Real
    """Photons that left each mode, shape (level, mode)."""
    populations: Real
    """Final probabilities of the states of a dot, shape (level, part, doping, exciton)."""

    @property
    def made(self) -> Real:
        """Photons made in all modes, shape (level)."""
        return np.asarray((self.stimulated + self.spontaneous).sum(axis=-1))

    @property
    def exciton_gap(self) -> Real:
        """Pumped less found again excitons, over pumped ones, shape (level)."""
        gone = self.auger + self.trapped + self.radiated + self.made
        return np.asarray((self.pumped - gone - self.excitons[-1]) / _scale(self.pumped))

    @property
    def photon_gap(self) -> Real:
        """Made less found again photons, over those made or pumped excitons, shape (level)."""
        found = self.lost.sum(axis=-1) + self.photons[-1].sum(axis=-1)
        most = np.maximum(np.abs(self.made), self.lost.sum(axis=-1))
        return np.asarray((self.made - found) / _scale(most))


def _scale(value: Real) -> Real:
    return np.where(value > 0, value, 1.0)


def simulate(
    model: RateModel, envelope: Envelope, levels: Real, until: float, tolerance: float = 1e-3
) -> Simulation:
    """Photons and excitons from the first pump light on.

    Args:
        model: The laser.
        envelope: Course of the pump.
        levels: How strong it is, in the unit of the model's filling, shape (level).
        until: When to stop [ps].
        tolerance: Error of a step: relative in the photons of a mode (of one photon at least), and
            a tenth of it in the probability of a state.

    Returns:
        The simulation; its books balance to rounding.

    Raises:
        NotConverged: If the steps become too short to go on.
    """
    run = Steps(model, envelope, np.asarray(levels, float))
    time, step = envelope.begin, min(1e-2, envelope.step)
    record = [(time, run.state.photons, run.moments)]
    while time < until:
        step = min(step, envelope.step if time < envelope.end else until - time, until - time)
        error, found = run.attempt(time, step, tolerance)
        if error <= 1:
            time = until if time + step > until * (1 - 1e-12) else time + step
            run.accept(found)
            record.append((time, run.state.photons, run.moments))
        elif not step > 1e-9:
            raise NotConverged(f"photons and excitons could not be followed beyond {time:g} ps.")
        step *= min(4.0, max(0.2, 0.85 * max(error, 1e-10) ** (-1 / 3)))
    return _simulation(model, record, run.state)


def _simulation(model: RateModel, record: list[tuple[float, Real, Real]], end: State) -> Simulation:
    times, photons, moments = (np.array(one) for one in zip(*record, strict=True))
    pumped, auger, trapped, radiated, *rest = end.books.T
    each = np.array(rest).reshape(3, len(model.loss), -1)
    stimulated, spontaneous, lost = np.moveaxis(each, 1, -1)
    inverted, exchange = moments[:, 0] - moments[:, 1], model.dots * model.coupling
    growth = inverted @ model.gain.T - model.loss
    return Simulation(
        times=times,
        photons=photons,
        growth=growth,
        leaving=(inverted @ exchange.T - growth) * photons,
        chance=model.excess * (moments[:, 0] @ exchange.T),
        detuning=inverted @ model.pull.T - model.frequency,
        excitons=moments[:, 5] @ model.dots,
        pumped=pumped,
        auger=auger,
        trapped=trapped,
        radiated=radiated,
        stimulated=stimulated,
        spontaneous=spontaneous,
        lost=lost,
        populations=end.populations.transpose(2, 3, 1, 0),
    )
