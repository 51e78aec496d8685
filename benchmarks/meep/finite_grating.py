"""A whole grating in MEEP, inside MEEP's own interpreter: python finite_grating.py FOLDER.

Reads `job.json` (that of one period, see `dfbdesign.fdtd.job`, and the number of periods) in the
folder and writes `result.npz`. The permittivity of every node is our own average, as for one
period; the film goes on beyond the grating, into absorbing layers on all sides. Only the half to
the right of the middle is simulated, with fields that are odd about it: an even number of periods
has its first dark mode among them. The record starts late, when what fades faster is gone.
"""

import json
import sys
import time
from functools import cache
from math import ceil
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dfbdesign" / "fdtd"))
import meep as mp
import numpy as np
from worker import averaged_permittivity, probe_height

BANDWIDTH = 0.03
"""Of the source, relative."""
WAIT, RECORDED = 80, 500
"""Optical cycles after the source before the record, and of the record."""


def main(folder):
    job = json.loads((folder / "job.json").read_text())
    pixels, um = job["pixels"], job["pixels"] / job["period"]
    half = job["periods"] * pixels // 2
    beyond, side = ceil(1.0 * um), ceil(1.5 * um)
    down, below, above, up = (ceil(length * um) for length in (0.9, 1.6, 0.8, 0.7))
    stack = sum(layer["thickness"] for layer in job["layers"]) * um
    rows = down + below + ceil(stack) + above + up
    rows += rows % 2
    surface = down + below - rows // 2
    grating = cache(averaged_permittivity(job))
    plain = [{**layer, "line_width": [0.0, 0.0]} for layer in job["layers"]]
    film = averaged_permittivity({**job, "layers": plain})

    def permittivity(point):
        x, z = round(2 * point.x) / 2, round(2 * (point.y - surface)) / 2
        return film(0.0, z) if abs(x) > half else grating(x % pixels - pixels / 2, z)

    frequency = job["period"] / pixels / job["wavelength"]
    pulse = mp.GaussianSource(frequency, fwidth=BANDWIDTH * frequency, cutoff=4)
    place = mp.Vector3(pixels // 4 + 4 * pixels, probe_height(job) + surface)
    mp.verbosity(0)
    sim = mp.Simulation(
        cell_size=mp.Vector3(2 * (half + beyond + side), rows),
        resolution=1,
        Courant=0.5,
        epsilon_func=permittivity,
        eps_averaging=False,
        symmetries=[mp.Mirror(mp.X, phase=-1)],
        boundary_layers=[
            mp.PML(down, direction=mp.Y, side=mp.Low),
            mp.PML(up, direction=mp.Y, side=mp.High),
            mp.PML(side, direction=mp.X),
        ],
        sources=[mp.Source(pulse, component=mp.Ez, center=place)],
    )
    began = time.time()
    sim.init_sim()
    fields = sim.fields
    cycle = 1 / frequency / fields.dt
    stride = int(cycle / 8)
    start = ceil((fields.last_source_time() / fields.dt + WAIT * cycle) / stride)
    count = start + ceil(RECORDED * cycle / stride)
    probe, signal = mp.Vector3(pixels // 4, place.y), np.zeros(count)
    for sample in range(count):
        for _ in range(stride):
            fields.step()
        signal[sample] = sim.get_field_point(mp.Ez, probe).real
    if mp.am_master():
        interval = stride * fields.dt / um
        seconds = time.time() - began
        np.savez(folder / "result.npz", signal=signal[start:], interval=interval, seconds=seconds)


main(Path(sys.argv[1]))
