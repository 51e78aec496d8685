"""Gain against fluence with recombination: our master equation beside a loop of solve_ivp.

Forty fluences, a pulse of 300 fs, 1 ns of kinetics at 501 times, neutral PbS dots with a biexciton
lifetime of 230 ps. The loop integrates the same equations, one fluence after the other, with LSODA
as scipy gives it, no more tightly than the same result to 1e-6 needs. Times are medians of
processor time on one core, so that a busy machine does not matter; each line also says its ratio to
the first.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

from dfbdesign.gain.dots import Dots
from dfbdesign.gain.kinetics import Pulse, evolve
from dfbdesign.gain.rates import Rates, auger_rate
from dfbdesign.units import fs, ns, ps

RATES = Rates(biexciton_lifetime=230 * ps, trapping_lifetime=3.2 * ns)
EXCITONS = np.linspace(0.3, 12, 40)
DURATION = 300 * fs
TIMES = np.linspace(0, 1000, 501)
STATES = 52


def ours() -> np.ndarray:
    return evolve(Dots(), RATES, Pulse(EXCITONS, DURATION), TIMES).inversion


def loop() -> np.ndarray:
    n = np.arange(float(STATES))
    down = auger_rate(n, n, RATES) + n / RATES.trapping_lifetime
    inversion = (2 * np.minimum(n, 8) - 8) / 8
    sharpness = 4 * np.log(2) / DURATION**2
    found = []
    for made in EXCITONS:

        def change(t: float, p: np.ndarray, made: float = made) -> np.ndarray:
            rise = made * np.sqrt(sharpness / np.pi) * np.exp(-sharpness * t**2) * p
            rise[-1] = 0
            fall = down * p
            return np.append(0, rise[:-1]) + np.append(fall[1:], 0) - rise - fall

        start = np.eye(STATES)[0]
        options = {"rtol": 1e-6, "atol": 1e-8, "first_step": DURATION / 100}
        pulse = solve_ivp(
            change,
            (-3 * DURATION, 3 * DURATION),
            start,
            "LSODA",
            t_eval=[0, 3 * DURATION],
            max_step=DURATION,
            **options,
        )
        after = solve_ivp(
            change, (3 * DURATION, TIMES[-1]), pulse.y[:, -1], "LSODA", t_eval=TIMES[1:], **options
        )
        found.append(inversion @ np.column_stack([pulse.y[:, 0], after.y]))
    return np.array(found)


def median_time(run: Callable[[], object], repeats: int) -> float:
    run()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    difference = np.max(np.abs(ours() - loop()))
    fast, slow = median_time(ours, 9), median_time(loop, 3)
    print(f"master equation, all fluences at once {fast * 1e3:8.1f} ms   1.0")
    print(f"loop of scipy solve_ivp               {slow * 1e3:8.1f} ms {slow / fast:5.1f}")
    print(f"largest difference of the inversion   {difference:.1e}")


if __name__ == "__main__":
    main()
