"""Light in, light out: forty fluences of both published lasers, beside a loop of scipy's Radau.

Times are medians of processor time on one core, the static threshold modes included. The loop
integrates the same equations for one fluence with the implicit Runge-Kutta method Radau of scipy,
with the sparsity of the Jacobian given, as tightly as the same light to 1e-3 needs; its time is
multiplied by the fluences.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import statistics
import time

import numpy as np
from scipy.integrate import solve_ivp
from scipy.sparse import bmat, diags_array, eye_array, kron

from dfbdesign.lasers.envelope import GaussianPulse
from dfbdesign.lasers.light_curve import light
from dfbdesign.lasers.published_lasers import LOSS, RECOMBINATION, published_laser
from dfbdesign.units import fs


def curve(kind):
    name = f"taghipour2023-{kind}"
    return light(published_laser(kind), RECOMBINATION[name], loss=LOSS[name])


def loop(found, level: int) -> np.ndarray:
    """Photons lost upwards at one fluence."""
    model, pulse = found.model.rates, GaussianPulse(300 * fs)
    parts, modes, states = len(model.dots), len(model.loss), model.states
    strength = found.pump[level] / found.model.fluence
    emission, absorption = model.emission[0], model.absorption[0]
    rest = model.auger[0] + model.trapping[0] + model.radiation[0]

    def change(time, y):
        p, photons = y[: parts * states].reshape(parts, states), y[parts * states :][:modes]
        light = photons @ model.coupling
        seen = light + model.excess @ model.coupling
        pump = strength * pulse.rate(time) * model.filling
        up = (light[:, None] * absorption + pump[:, None]) * p
        up[:, -1] = 0
        down = (seen[:, None] * emission + rest) * p
        flow = -up - down
        flow[:, 1:] += up[:, :-1]
        flow[:, :-1] += down[:, 1:]
        e, a = p @ emission, p @ absorption
        growth = model.gain @ (e - a) - model.loss
        chance = model.excess * ((model.dots * model.coupling) @ e)
        left = ((model.dots * model.coupling) @ (e - a) - growth) * photons
        return np.concatenate([flow.ravel(), growth * photons + chance, left])

    start = np.zeros((parts, states))
    start[:, 0] = 1
    band = diags_array([np.ones(states)] * 3, offsets=[-1, 0, 1], shape=(states, states))
    dots = kron(eye_array(parts), band)
    across = np.ones((2 * modes, parts * states))
    sparsity = bmat(
        [[dots, np.ones((parts * states, 2 * modes))], [across, np.ones((2 * modes, 2 * modes))]]
    )
    y = np.concatenate([start.ravel(), np.zeros(2 * modes)])
    for begin, end, longest in ((-0.9, 0.9, 0.05), (0.9, 1000.9, np.inf)):
        y = solve_ivp(
            change, (begin, end), y, "Radau", rtol=1e-4, atol=np.r_[np.full(parts * states, 1e-6),
            np.full(2 * modes, 1.0)], max_step=longest, jac_sparsity=sparsity,
        ).y[:, -1]  # fmt: skip
    return y[-modes:]


def main() -> None:
    for kind in ("doped", "neutral"):
        times = []
        for _ in range(5):
            start = time.process_time()
            found = curve(kind)
            times.append(time.process_time() - start)
        level = 30
        start = time.process_time()
        expected = loop(found, level)
        slow = 40 * (time.process_time() - start)
        fast = statistics.median(times)
        gap = abs(found.simulation.lost[level].sum() / expected.sum() - 1)
        shape = f"{len(found.model.rates.dots)} parts, {found.model.rates.states} states"
        print(f"{kind:8s} 40 fluences, {shape}, {len(found.model.modes)} modes {fast:6.2f} s   1.0")
        print(f"{kind:8s} loop of Radau {slow:37.1f} s {slow / fast:5.1f}   light {gap:.1e} apart")


if __name__ == "__main__":
    main()
