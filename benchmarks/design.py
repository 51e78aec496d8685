"""Designs, tolerances, ladders and calibrations: how long they take, and whether they keep word.

Prints the time of a target solve, alone and with a duty to choose, of 10 000 pairs of band edges,
and of ladders; the hit rates of the ladders and of the best evenly spaced ones on the same 1000
wafers, solved in full; and the coverage of 90 % intervals over 200 simulated data sets. BLAS runs
on one thread. Times are wall-clock and processor seconds of this process; the sweeps of thousands
share the cores by threads.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dfbdesign import Device, design, laser, load_device
from dfbdesign.designs.calibration import calibrate, prepared
from dfbdesign.designs.goals import AIMS, best
from dfbdesign.designs.ladder import Goal, ladder, simulated, width_of
from dfbdesign.designs.readings import Reading
from dfbdesign.designs.spread import Spread, causes, scaled, shifted, steady
from dfbdesign.designs.swept import many_modes, solved_edges, waves_of_edges
from dfbdesign.designs.tolerance import tolerance
from dfbdesign.device import changed, without_dispersion
from dfbdesign.units import nm, pm

SAMPLES, WAFERS, SETS = 10_000, 1000, 200


def timed(name: str, work: Callable[[], Any]) -> Any:
    start, used = time.perf_counter(), time.process_time()
    found = work()
    start, used = time.perf_counter() - start, time.process_time() - used
    load = os.getloadavg()[0]
    print(f"{name}: {start:.2f} s, processor {used:.2f} s, load {load:.1f}", flush=True)
    return found


def targets(device: Device) -> None:
    laser(device)  # loads what is loaded once
    made = timed("target solve: period", lambda: design(device))
    again = laser(made.device).modes[0].wavelength
    print(f"  off by {(again - device.need_target().wavelength) / pm:.3f} pm")
    duty = {"layers.0.lines.duty": (0.2, 0.8)}
    for aim in AIMS:
        timed(f"target solve: period and duty for {aim}", lambda: best(device, aim, duty))  # noqa: B023
    two = {**duty, "layers.1.thickness": (140 * nm, 180 * nm)}
    timed("target solve: period, duty and film for margin", lambda: best(device, "margin", two))


def monte_carlo(device: Device) -> None:
    for name, one in (("constant indices", without_dispersion(device, 1.67)), ("data", device)):
        one = steady(one)
        found = causes(one, scaled(Spread(), 0.1))
        amounts = np.random.default_rng(0).standard_normal((SAMPLES, len(found)))
        changes = shifted(one, found, amounts)
        timed(f"{SAMPLES} band edges, {name}", lambda: solved_edges(one, changes))  # noqa: B023
    small = tolerance(device, scaled(Spread(), 0.05), 2000)
    for quantity in small.quantities:
        print(f"  {quantity.name}: first order / exact {quantity.linear / quantity.exact:.3f}")


def ladders(device: Device) -> None:
    device = changed(without_dispersion(device, 1.665), {"target.wavelength": 1665 * nm})
    window = (1660 * nm, 1670 * nm)
    for count, at_least, duties in ((8, 1, ()), (8, 1, (0.25, 0.35, 0.65)), (9, 3, ())):
        goal = Goal(window, None, at_least)
        found = timed(
            f"ladder of {count}, {at_least} must hit, {len(duties) or 1} duties",
            partial(ladder, device, Spread(film_index=0.04), count, goal, duties),
        )
        even = found.even_probability
        print(
            f"  promised {found.probability:.4f} ± {found.probability_error:.4f}, even {even:.4f}"
        )
        ours, theirs = (simulated(found, rungs, WAFERS) for rungs in (found.rungs, found.even))
        gained = ours.astype(float) - theirs
        print(
            f"  on {WAFERS} wafers solved in full: {ours.mean():.4f}, even {theirs.mean():.4f}, "
            f"gained {gained.mean():+.4f} ± {gained.std() / np.sqrt(WAFERS):.4f}", flush=True
        )  # fmt: skip


def calibrations(device: Device) -> None:
    device = changed(without_dispersion(device, 1.66), {"target.wavelength": 1660 * nm})
    readings = tuple(
        Reading(f"A{p}{d}", "laser", p * nm, d, 1.0, 1.66 + 1.6 * (p * nm - 0.865), 0.2 * nm)
        for p in (850, 860, 870, 880)
        for d in (0.3, 0.65)
    )
    fitted = timed("fit", lambda: prepared(device, Spread(film_index=0.05), readings))
    one, random = fitted.family, np.random.default_rng(12)
    nominal, inside, best_left, effective = laser(one.device), [], [], []
    period = np.array([reading.period for reading in readings])
    width = np.array([width_of(one, reading.duty, reading.dose) for reading in readings])
    start = time.process_time()
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
        effective.append(said.effective_draws)
        moves = [sum(c.moves.get(v.path, 0.0) * z for c, z in zip(one.causes, truth, strict=True))
                 for v in said.values]  # fmt: skip
        pairs = zip(said.values, moves, strict=True)
        inside.append([v.low <= v.nominal + move <= v.high for v, move in pairs])
    used = (time.process_time() - start) / SETS
    print(f"one calibration with its data: processor {used:.2f} s")
    print(f"  90 % intervals of {len(inside)} sets cover")
    for value, share in zip(said.values, np.mean(inside, axis=0), strict=True):
        print(f"    {value.path}: {share:.3f}")
    print(f"  effective draws {min(effective):.0f} to {max(effective):.0f} of 3000")
    print(f"  best combination known to {np.median(best_left):.3f} of its prior spread")


if __name__ == "__main__":
    reference = load_device("examples/reference.toml")
    for part in (targets, monte_carlo, ladders, calibrations):
        part(reference)
