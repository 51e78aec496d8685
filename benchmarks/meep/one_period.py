"""One period in MEEP, TE or TM, with loss or gain: python one_period.py FOLDER, MEEP's interpreter.

Reads `job.json` in the folder and writes `result.npz` there. Lengths are in pixels. Every node of
the electric field gets its own mean of the permittivity: over a tent along the interfaces, and
along the normal of the component, where E jumps, the harmonic mean over the pixel. An imaginary
part becomes a conductivity, exact at the frequency of the target.
"""

import json
import sys
from itertools import pairwise
from math import ceil
from pathlib import Path

import meep as mp
import numpy as np

COURANT, BANDWIDTH, PER_CYCLE, CYCLES = 0.5, 0.2, 8, 280


def tent(u):
    """Integral of the tent max(0, 1-|u|) up to u."""
    u = np.clip(u, -1, 1)
    return 0.5 + u - 0.5 * u * abs(u)


def box(u):
    """Integral of the pixel around 0 up to u."""
    return np.clip(u + 0.5, 0, 1)


def shares(edges, node, kernel):
    """Weight of the intervals between ascending edges, the outermost without end."""
    inner = kernel(np.asarray(edges, dtype=float) - node)
    return np.diff(np.concatenate([[0.0], inner, [1.0]]))


class Period:
    """The geometry, and the mean of the permittivity at a node."""

    def __init__(self, job):
        um = job["pixels"] / job["period"]
        self.tm = job["polarization"] == "TM"
        self.pixels = job["pixels"]
        slabs = job["slabs"]
        self.faces = np.concatenate([[0.0], np.cumsum([s["thickness"] for s in slabs])]) * um
        whole = [-0.5, 0.5]
        every = [
            (whole, [job["below"]]),
            *((s["walls"], s["permittivity"]) for s in slabs),
            (whole, [job["above"]]),
        ]
        self.layers = [(w, [complex(*e) for e in values]) for w, values in every]

    def along(self, layer, x, kernel):
        """Mean of a layer's permittivity along x."""
        walls, values = self.layers[layer]
        edges = [w * self.pixels + turn * self.pixels for turn in (-1, 0, 1) for w in walls[:-1]]
        weights = shares([*edges[1:], 1.5 * self.pixels], x, kernel)
        return sum(w * values[i % len(values)] for i, w in enumerate(weights[:-1]))

    def at(self, x, layer):
        """Permittivity of a layer at one point."""
        walls, values = self.layers[layer]
        place = (x / self.pixels + 0.5) % 1 - 0.5
        return values[min(np.searchsorted(walls, place, side="right") - 1, len(values) - 1)]

    def permittivity(self, x, z):
        """At the node of the field, told by where the node lies in its pixel."""
        across = self.tm and abs(x - round(x)) < 0.25  # E_z, normal to the layers
        weights = shares(self.faces, z, box if across else tent)
        here = [(i, w) for i, w in enumerate(weights) if w > 0]
        if across:
            return 1 / sum(w / self.along(i, x, tent) for i, w in here)
        if not self.tm:
            return sum(w * self.along(i, x, tent) for i, w in here)
        walls = {x - 0.5, x + 0.5}
        for i, _ in here:
            for turn in (-1, 0, 1):
                walls |= {
                    p for w in self.layers[i][0] if abs((p := (w + turn) * self.pixels) - x) < 0.5
                }
        return 1 / sum(
            (b - a) / sum(w * self.at((a + b) / 2, i) for i, w in here)
            for a, b in pairwise(sorted(walls))
        )


def main(folder):
    job = json.loads((folder / "job.json").read_text())
    period, um = Period(job), job["pixels"] / job["period"]
    below = job["absorber"][0] + job["buffer"][0]
    rows = below + ceil(period.faces[-1]) + job["buffer"][1] + job["absorber"][1]
    rows += rows % 2
    surface = below - rows // 2
    frequency = 1 / um / job["wavelength"]
    lossy = any(abs(e.imag) > 0 for _, values in period.layers for e in values)
    known = {}

    def epsilon(point):
        key = (round(2 * point.x), round(2 * (point.y - surface)))
        if key not in known:
            known[key] = period.permittivity(key[0] / 2, key[1] / 2)
        return known[key]

    def medium(point):
        value = epsilon(point)
        sigma = 2 * np.pi * frequency * value.imag / value.real
        return mp.Medium(epsilon=value.real, D_conductivity=sigma)

    shift = 0.5 if period.tm else 0.0
    column = round(job["pixels"] / (4 * job["order"])) - shift
    thickest = job["probe"] * um
    points = [mp.Vector3(side * column, round(thickest) + surface + shift) for side in (1, -1)]
    component = mp.Hz if period.tm else mp.Ez
    pulse = mp.GaussianSource(frequency, fwidth=BANDWIDTH * frequency)
    sim = mp.Simulation(
        cell_size=mp.Vector3(job["pixels"], rows),
        resolution=1,
        Courant=COURANT,
        k_point=mp.Vector3(job["wavevector"] / job["pixels"]),
        eps_averaging=False,
        boundary_layers=[
            mp.PML(thickness, direction=mp.Y, side=side, R_asymptotic=reflection)
            for thickness, side, reflection in zip(
                job["absorber"], (mp.Low, mp.High), job["reflection"], strict=True
            )
        ],
        sources=[mp.Source(pulse, component=component, center=points[0])],
        **(
            # MEEP asks no function whether it conducts; the extra material says that some do
            {"material_function": medium, "extra_materials": [mp.Medium(D_conductivity=1)]}
            if lossy
            else {"epsilon_func": lambda point: epsilon(point).real}
        ),
    )
    sim.init_sim()
    fields = sim.fields
    cycle = job["wavelength"] * um / fields.dt
    stride = max(1, int(cycle / PER_CYCLE))
    start = ceil(fields.last_source_time() / fields.dt / stride)
    count = start + ceil(CYCLES * cycle / stride)
    signals = np.zeros((2, count))
    for sample in range(count):
        for _ in range(stride):
            fields.step()
        here, there = (sim.get_field_point(component, point).real for point in points)
        signals[:, sample] = (here + there) / 2, (here - there) / 2
    np.savez(folder / "result.npz", signals=signals[:, start:], interval=stride * fields.dt / um)


if __name__ == "__main__":
    mp.verbosity(0)
    main(Path(sys.argv[1]))
