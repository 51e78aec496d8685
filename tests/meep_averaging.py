"""One period with MEEP's own averaging at interfaces, in MEEP's interpreter: the trap it is.

Started as `python -I meep_averaging.py FOLDER RESOLUTIONS...` it reads the job of a grating without
oblique walls and writes, for every number of pixels per period, what `dfbdesign.fdtd.cell` writes.
Nothing else differs: the same source, the same time step, blocks instead of our own means.
"""

import json
import runpy
import sys
from functools import partial
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np

FDTD = Path(__file__).resolve().parents[1] / "dfbdesign" / "fdtd"


def simulation(mp, job):
    """The period on square pixels, of blocks."""
    period = sum(length for length, _ in job["columns"])
    pixel = job["pixel"]
    columns, te = round(period / pixel), job["polarization"] == "TE"
    height = sum(length for length, _ in job["rows"])
    rows = 2 * ceil(height / pixel / 2)
    surface = round(-job["bottom"] / pixel) - rows // 2
    geometry = []
    for below, slab in pairwise(job["slabs"]):
        low, high = below["top"] / pixel + surface, slab["top"] / pixel + surface
        high = rows / 2 if slab is job["slabs"][-1] else high
        walls = [-period / 2, *(foot for foot, _ in slab["walls"]), period / 2]
        for (left, right), value in zip(pairwise(walls), slab["permittivity"], strict=True):
            geometry.append(
                mp.Block(
                    size=mp.Vector3((right - left) / pixel, high - low, mp.inf),
                    center=mp.Vector3((left + right) / 2 / pixel, (low + high) / 2),
                    material=mp.Medium(epsilon=value[0]),
                )
            )
    component, off = (mp.Ez, 0.0) if te else (mp.Hz, 0.5)
    column = round(columns * job["probe"][0] / sum(count for _, count in job["columns"]))
    row = round(job["probe_height"] / pixel) + surface
    points = [mp.Vector3(side * (column + off), row + off) for side in (1, -1)]
    frequency = pixel / job["wavelength"]
    sim = mp.Simulation(
        cell_size=mp.Vector3(columns, rows),
        resolution=1,
        k_point=mp.Vector3(job["wavevector"] / columns),
        default_material=mp.Medium(epsilon=job["slabs"][0]["permittivity"][0][0]),
        geometry=geometry,
        boundary_layers=[mp.PML(ceil(one / pixel), direction=mp.Y, side=side) for one, side in zip(
            job["absorber_size"], (mp.Low, mp.High), strict=True)],
        sources=[mp.Source(
            mp.GaussianSource(frequency, fwidth=0.2 * frequency), component=component,
            center=points[0],
        )],
    )  # fmt: skip
    sim.init_sim()
    return sim, component, points


def main(folder, resolutions):
    import meep as mp

    mp.verbosity(0)
    cell, worker = (runpy.run_path(str(FDTD / name)) for name in ("cell.py", "worker.py"))
    cell["record"].__globals__["simulation"] = simulation
    job = json.loads((folder / "job.json").read_text())
    period = sum(length for length, _ in job["columns"])
    job["absorber_size"] = [one * job["pixel"] for one in job["absorber"]]
    found = {}
    for resolution in resolutions:
        scaled = job | {"pixel": period / resolution}
        record = cell["record"](mp, scaled, partial(worker["sampled"], mp, scaled, folder))
        found |= {f"{name}{resolution}": array for name, array in record.items()}
    np.savez(folder / "result.npz", **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(word) for word in sys.argv[2:]])
