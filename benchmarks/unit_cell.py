"""Both band edges of one grating period: our solver beside legume, in one run.

The cell, in constant indices: 50 nm lines of n = 2.30 in a film of n = 2.53, 160 nm of film above,
period 865 nm, duty 0.3, on n = 1.746. Errors are against our own solver at a hundred times the
accuracy, whose agreement with an independent solver the tests assert.
Times are medians, with BLAS on one thread; each line also says its ratio to the first.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import statistics
import time
from collections.abc import Callable

import legume
import numpy as np

from dfbdesign import Device, Grating, Layer, Lines, Target, modes
from dfbdesign.units import nm

PERIOD, DUTY, FILM, LINE, SUBSTRATE = 865 * nm, 0.3, 2.53, 2.30, 1.746
THICKNESSES = (50 * nm, 160 * nm)
REPEATS = 15


def our_device() -> Device:
    lines = Lines(material=LINE, duty=DUTY)
    return Device(
        substrate=SUBSTRATE,
        superstrate=1.0,
        layers=[
            Layer(thickness=THICKNESSES[0], material=FILM, lines=lines),
            Layer(thickness=THICKNESSES[1], material=FILM),
        ],
        grating=Grating(period=PERIOD),
        target=Target(wavelength=1665 * nm),
    )


def ours(accuracy: float) -> tuple[float, float, float]:
    """Bright and dark wavelength [nm] and bright Q."""
    even, odd = modes(our_device(), accuracy=accuracy).band_edges
    return even.wavelength / nm, odd.wavelength / nm, even.quality_factor


def legume_modes(cut_off: float) -> tuple[float, float, float]:
    """The same by guided-mode expansion; a flat second lattice vector makes it one-dimensional."""
    lattice = legume.Lattice([1.0, 0.0], [0.0, 0.02])
    crystal = legume.PhotCryst(lattice, eps_l=SUBSTRATE**2, eps_u=1.0)
    half = DUTY / 2
    for number, thickness in enumerate(THICKNESSES):
        crystal.add_layer(d=thickness / PERIOD, eps_b=FILM**2)
        if number == 0:
            line = legume.Poly(
                eps=LINE**2,
                x_edges=[-half, half, half, -half],
                y_edges=[-0.01, -0.01, 0.01, 0.01],
            )
            crystal.add_shape(line)
    solver = legume.GuidedModeExp(crystal, gmax=cut_off)
    solver.run(
        kpoints=np.array([[1e-5], [0.0]]), gmode_inds=[0], numeig=2, verbose=False, compute_im=True
    )
    frequency, decay = np.array(solver.freqs[0]), np.array(solver.freqs_im[0])
    (dark, bright), quality = PERIOD / frequency / nm, frequency / (2 * decay)
    return float(bright), float(dark), float(quality[1])


def median_time(run: Callable[[], object]) -> float:
    run()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    truth = ours(1e-8)
    runs: dict[str, Callable[[], tuple[float, float, float]]] = {
        "dfbdesign to 1e-6": lambda: ours(1e-6),
        "legume, cut-off 3": lambda: legume_modes(3.1),
        "legume, cut-off 5": lambda: legume_modes(5.1),
        "legume, cut-off 8": lambda: legume_modes(8.1),
    }
    print(f"{'':20}{'ms':>8}{'ratio':>8}{'bright':>12}{'dark':>12}{'bright Q':>11}")
    first = None
    for name, run in runs.items():
        seconds = median_time(run)
        first = first or seconds
        bright, dark, quality = (a - b for a, b in zip(run(), truth, strict=True))
        print(
            f"{name:20}{seconds * 1e3:8.1f}{seconds / first:8.2f}"
            f"{bright * 1e3:+9.1f} pm{dark * 1e3:+9.1f} pm{quality / truth[2]:+10.2%}"
        )


if __name__ == "__main__":
    main()
