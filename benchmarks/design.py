"""Designs, tolerances, ladders and calibrations: how long they take, and whether they keep word.

Prints the time of a target solve, of 10 000 pairs of band edges, and of a ladder; the hit rate of
the ladder on 1000 wafers that are solved in full; and the coverage of 90 % intervals over 200
simulated data sets. BLAS runs on one thread, two processes share the sweeps.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from dfbdesign import Device, design, laser, load_device
from dfbdesign.designs.calibration import calibrate, prepared
from dfbdesign.designs.goals import best
from dfbdesign.designs.ladder import Goal, ladder, simulated, width_of
from dfbdesign.designs.readings import Reading
from dfbdesign.designs.spread import Spread, causes, scaled, shifted, steady
from dfbdesign.designs.swept import many_modes, solved_edges, waves_of_edges
from dfbdesign.designs.tolerance import tolerance
from dfbdesign.device import changed, without_dispersion
from dfbdesign.units import nm, pm

WORKERS, SAMPLES, WAFERS, SETS = 2, 10_000, 1000, 200


def timed(name: str, work: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    found = work()
    print(f"{name}: {time.perf_counter() - start:.2f} s", flush=True)
    return found


def targets(device: Device) -> None:
    made = timed("target solve", lambda: design(device))
    again = laser(made.device).modes[0].wavelength
    print(f"  off by {(again - device.need_target().wavelength) / pm:.3f} pm")
    duty = {"layers.0.lines.duty": (0.2, 0.8)}
    timed("best duty and period", lambda: best(device, "threshold", duty))


def monte_carlo(device: Device) -> None:
    for name, one in (("constant indices", without_dispersion(device, 1.67)), ("data", device)):
        one = steady(one)
        found = causes(one, scaled(Spread(), 0.1))
        amounts = np.random.default_rng(0).standard_normal((SAMPLES, len(found)))
        changes = shifted(one, found, amounts)
        timed(f"{SAMPLES} band edges, {name}", lambda: solved_edges(one, changes, WORKERS))  # noqa: B023
    small = tolerance(device, scaled(Spread(), 0.05), 2000, WORKERS)
    for quantity in small.quantities:
        print(f"  {quantity.name}: first order / exact {quantity.linear / quantity.exact:.3f}")


def ladders(device: Device) -> None:
    device = changed(without_dispersion(device, 1.665), {"target.wavelength": 1665 * nm})
    goal = Goal((1660 * nm, 1670 * nm))
    for duties in ((), (0.25, 0.35, 0.65)):
        found = timed(
            f"ladder of 8, {len(duties) or 1} duties",
            lambda: ladder(device, Spread(film_index=0.04), 8, goal, duties, workers=WORKERS),  # noqa: B023
        )
        even = found.even_probability
        print(
            f"  promised {found.probability:.4f} ± {found.probability_error:.4f}, even {even:.4f}"
        )
        rates = [
            simulated(found, rungs, WAFERS, workers=WORKERS) for rungs in (found.rungs, found.even)
        ]
        print(f"  on {WAFERS} wafers solved in full: {rates[0]:.4f}, even {rates[1]:.4f}")


def calibrations(device: Device) -> None:
    device = changed(without_dispersion(device, 1.66), {"target.wavelength": 1660 * nm})
    readings = tuple(
        Reading(f"A{p}{d}", "laser", p * nm, d, 1.0, 1.66 + 1.6 * (p * nm - 0.865), 0.2 * nm)
        for p in (850, 860, 870, 880)
        for d in (0.3, 0.65)
    )
    fitted = timed("fit", lambda: prepared(device, Spread(film_index=0.05), readings, WORKERS))
    one, random = fitted.family, np.random.default_rng(12)
    nominal, inside, best_left = laser(one.device), [], []
    period = np.array([reading.period for reading in readings])
    width = np.array([width_of(one, reading.duty, reading.dose) for reading in readings])
    start = time.perf_counter()
    for seed in range(SETS):
        truth = random.standard_normal(len(one.causes))
        local = random.standard_normal((len(readings), len(one.local)))
        amounts = one.amounts(truth[None], local, period, width)
        modes = many_modes(
            nominal, waves_of_edges(solved_edges(one.device, one.changes(amounts))), quality=False
        )
        found = modes.lasing("wavelength") + 0.2 * nm * random.standard_normal(len(readings))
        if np.isnan(found).any():
            print(f"  set {seed}: a device without a mode, left out")
            continue
        data = [replace(a, wavelength=float(w)) for a, w in zip(readings, found, strict=True)]
        said = calibrate(fitted, data, seed=seed)
        best_left.append(said.directions[0].remaining)
        moves = [sum(c.moves.get(v.path, 0.0) * z for c, z in zip(one.causes, truth, strict=True))
                 for v in said.values]  # fmt: skip
        pairs = zip(said.values, moves, strict=True)
        inside.append([v.low <= v.nominal + move <= v.high for v, move in pairs])
    print(f"one calibration with its data: {(time.perf_counter() - start) / SETS:.2f} s")
    print(f"  90 % intervals of {len(inside)} sets cover", np.mean(inside, axis=0).round(3))
    print(f"  best combination known to {np.median(best_left):.3f} of its prior spread")


if __name__ == "__main__":
    reference = load_device("examples/reference.toml")
    for part in (targets, monte_carlo, ladders, calibrations):
        part(reference)
