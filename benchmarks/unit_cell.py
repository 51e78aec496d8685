"""Both band edges of one grating period: our solver, legume, grcwa, inkstone and MEEP in one run.

The cell, in constant indices: 50 nm lines of n = 2.30 in a film of n = 2.53, 160 nm of film above,
period 865 nm, duty 0.3, on n = 1.746. Every code is told a wavelength 5 nm from the mode. grcwa and
inkstone answer real frequencies only: the modes are the poles of a rational function through 13 of
their answers; an evanescent order excites both edges. legume expands the modes in those of a
slab; MEEP runs on every core with our averaging of permittivities.

Errors are against our own solver at the highest accuracy, which independent codes confirm to 1e-7
(`tests/test_unit_cell_peers.py`). Times are medians of CPU time with BLAS on one thread (MEEP: per
rank), which is the time on the clock of an idle machine; that of the sweep is on the clock.

`python benchmarks/unit_cell.py` prints the tables and draws `examples/05_accuracy.png`;
with `--no-meep` it leaves MEEP out.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import cProfile
import pstats
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from math import pi
from pathlib import Path

import legume
import numpy as np
from matplotlib.axes import Axes

from dfbdesign import Device, Grating, Layer, Lines, Target, modes
from dfbdesign.fdtd import estimate, run, unit_cell_job
from dfbdesign.fdtd.job import COARSE
from dfbdesign.fdtd.ringdown import ringdown
from dfbdesign.files import writing
from dfbdesign.plots.figure import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION, picture
from dfbdesign.solvers.unit_cell import band_edges
from dfbdesign.units import nm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import peers  # noqa: E402

PERIOD, DUTY, FILM, LINE, SUBSTRATE = 865 * nm, 0.3, 2.53, 2.30, 1.746
THICKNESSES = (50 * nm, 160 * nm)
FILM_OF = {"TE": 160 * nm, "TM": 400 * nm}
"""Film over the lines: near the cut-off of a thinner one an order grazes the substrate and divides
the search, which then takes half as long again in TM."""
START = {"TE": 1669 * nm, "TM": 1762 * nm}
"""5 nm from a mode."""
DUTIES = np.linspace(0.1, 0.9, 1000)
REPEATS = 21
RANKS = len(os.sched_getaffinity(0))
"""Processes of MEEP, one per core."""

Edges = tuple[complex, complex]
"""Wavenumbers of the bright and the dark edge [1/µm]."""


def our_device(polarization: str = "TE") -> Device:
    lines = Lines(material=LINE, duty=DUTY)
    return Device(
        substrate=SUBSTRATE,
        superstrate=1.0,
        polarization=polarization,
        layers=[
            Layer(thickness=THICKNESSES[0], material=FILM, lines=lines),
            Layer(thickness=FILM_OF[polarization], material=FILM),
        ],
        grating=Grating(period=PERIOD),
        target=Target(wavelength=START[polarization]),
    )


def ours(accuracy: float, polarization: str = "TE") -> Edges:
    """With labels, coupling and the count of all modes."""
    found = modes(our_device(polarization), accuracy=accuracy)
    even, odd = found.band_edges
    assert found.kappa
    return even.wavenumber, odd.wavenumber


def legume_modes(cut_off: float) -> Edges:
    """By guided-mode expansion; a flat second lattice vector makes it one-dimensional."""
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
    turns = np.array(solver.freqs[0]) - 1j * np.array(solver.freqs_im[0])
    dark, bright = 2 * pi * turns / PERIOD
    return bright, dark


def fourier_modal(answer: peers.Answer, orders: int) -> Edges:
    cell = peers.cell(our_device(), START["TE"])
    dark, bright = peers.poles(answer, cell, 2 * pi / START["TE"], orders)
    return bright, dark


def meep_modes(refinement: int) -> Edges:
    """From one run of the time-domain job; nothing is remembered."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DFBDESIGN_CACHE"] = folder
        recording = run(unit_cell_job(our_device(), START["TE"], refinement))
    centre = 1 / START["TE"]
    even, odd = (
        2 * pi * ringdown(signal, recording.interval, centre).nearest(centre)
        for signal in recording.signals
    )
    return even, odd


def median_time(run: Callable[[], object], repeats: int = REPEATS) -> float:
    run()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


# --- tables --------------------------------------------------------------------------------------

Row = tuple[str, str, float, Edges]
"""Code, setting, time [s], result."""


def measured(with_meep: bool) -> list[Row]:
    runs: list[tuple[str, str, Callable[[], Edges]]] = [
        *(("dfbdesign", f"{a:.0e}", lambda a=a: ours(a)) for a in (1e-4, 1e-6, 1e-7, 1e-8)),
        *(("legume", f"cut-off {c:g}", lambda c=c: legume_modes(c)) for c in (1.1, 3.1, 5.1, 8.1)),
    ]
    for name in ("grcwa", "inkstone"):
        answer = getattr(peers, f"{name}_answer")
        for n in (3, 5, 8, 13):
            runs.append((name, f"{n} orders", lambda a=answer, n=n: fourier_modal(a, n)))
    rows = [(code, setting, median_time(run), run()) for code, setting, run in runs]
    if with_meep:
        estimate.PIXELS_PER_RANK = 1000  # enough for every rank
        for refinement in (1, 2, 3):
            start = children()
            edges = meep_modes(refinement)
            setting = f"{2 * COARSE * refinement / PERIOD:.0f} pixels/um"
            rows.append(("MEEP", setting, (children() - start) / RANKS, edges))
        rows.append(extrapolated(*rows[-2:], 2, 3))
    return rows


def extrapolated(coarse: Row, fine: Row, first: int, second: int) -> Row:
    """Two runs of MEEP, whose errors fall as the square of the pixel."""
    share = first**2 / (second**2 - first**2)
    pairs = zip(coarse[3], fine[3], strict=True)
    bright, dark = (b + (b - a) * share for a, b in pairs)
    return "MEEP, two grids", "extrapolated", coarse[2] + fine[2], (bright, dark)


def children() -> float:
    """CPU time of the processes that have ended [s]."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def errors(edges: Edges, truth: Edges) -> tuple[float, float, float]:
    """Of the bright and the dark wavelength [pm], and of the bright Q, relative."""
    pm = 1e-3 * nm
    shifts = [(2 * pi / e.real - 2 * pi / t.real) / pm for e, t in zip(edges, truth, strict=True)]
    quality = [e.real / e.imag for e in (edges[0], truth[0])]
    return shifts[0], shifts[1], quality[0] / quality[1] - 1


def table(rows: list[Row], truth: Edges) -> None:
    print(f"{'':30}{'ms':>10}{'bright':>14}{'dark':>14}{'bright Q':>11}")
    for code, setting, seconds, edges in rows:
        bright, dark, quality = errors(edges, truth)
        print(
            f"{code + ', ' + setting:30}{seconds * 1e3:10.2f}"
            f"{bright:+11.4f} pm{dark:+11.4f} pm{quality:+11.4%}"
        )


def lapack_share(run: Callable[[], object]) -> float:
    """Share of the time that is spent inside numpy.linalg."""
    run()
    profile = cProfile.Profile()
    profile.runcall(run)
    stats = pstats.Stats(profile)
    inside = sum(
        row[2] for (file, _, name), row in stats.stats.items()
        if "linalg" in file and not name.startswith("<")
    )  # fmt: skip
    return inside / stats.total_tt


def _sweep(duties: np.ndarray, counted: bool = True) -> int:
    changes = {"layers.0.lines.duty": duties}
    return len(band_edges(our_device(), changes, counted=counted).missing)


def pairs_per_second(counted: bool) -> float:
    """1000 duties in one call, which shares them among the cores."""
    _sweep(DUTIES[:50], counted)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        missing = _sweep(DUTIES, counted)
        times.append(time.perf_counter() - start)
        if missing:
            raise SystemExit(f"{missing} of the duties have no pair")
    return len(DUTIES) / min(times)


def draw(axes: Axes, rows: list[Row], truth: Edges) -> None:
    """Error of the bright wavelength and of Q against time."""
    styles = {
        "dfbdesign": (BLACK, "o"), "legume": (ORANGE, "s"), "grcwa": (BLUE, "^"),
        "inkstone": (GREEN, "v"), "MEEP": (VERMILLION, "D"), "MEEP, two grids": (VERMILLION, "d"),
    }  # fmt: skip
    for code, (colour, marker) in styles.items():
        own = [row for row in rows if row[0] == code]
        if own:
            worst = [max(map(abs, errors(edges, truth)[:2])) for *_, edges in own]
            axes.loglog(
                [seconds * 1e3 for *_, seconds, _ in own], worst,
                marker=marker, color=colour, label=code,
            )  # fmt: skip
    axes.set_xlabel("CPU time for both band edges (ms)")
    axes.set_ylabel("error of the wavelengths (pm)")
    axes.axhline(1666 * 1e-3, color=GREY, lw=0.8, ls=":")
    axes.annotate(
        "1e-6 of the wavelength", (0.92, 1666 * 1e-3), xycoords=("axes fraction", "data"),
        ha="right", va="bottom", color=GREY, fontsize=8,
    )  # fmt: skip
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1.2)


def main() -> None:
    truth = ours(3e-9)
    rows = measured("--no-meep" not in sys.argv)
    table(rows, truth)
    te, tm = (median_time(lambda p=p: ours(1e-6, p)) for p in ("TE", "TM"))
    one = our_device()
    followed = median_time(lambda: band_edges(one, {}, counted=False), 101)
    print(f"\nTE pair to 1e-6, followed: {followed * 1e3:.2f} ms")
    print(f"TE pair to 1e-6 with the count of all modes: {te * 1e3:.2f} ms")
    other = our_device("TM")
    tm_followed = median_time(lambda: band_edges(other, {}, counted=False))
    slower = tm_followed / followed
    print(f"TM pair to 1e-6, followed: {tm_followed * 1e3:.2f} ms, {slower:.1f} times TE")
    print(f"TM pair to 1e-6 with the count: {tm * 1e3:.2f} ms, {tm / te:.1f} times TE")
    for code in ("legume", "grcwa", "inkstone", "MEEP"):
        for _, setting, seconds, _ in (row for row in rows if row[0] == code):
            print(
                f"  {code}, {setting}: {seconds / followed:.2f} times the pair followed, "
                f"{seconds / te:.2f} times the pair counted"
            )
    print(f"sweep of {len(DUTIES)} duties, on the clock:")
    for counted, name in ((False, "followed"), (True, "counted")):
        print(f"  {name}: {pairs_per_second(counted):.0f} pairs/s")
    shares = (
        lapack_share(lambda: [ours(1e-6) for _ in range(20)]),
        lapack_share(lambda: _sweep(DUTIES[:256])),  # one thread
    )  # fmt: skip
    print("share of numpy.linalg: single pairs {:.0%}, sweep {:.0%}".format(*shares))
    with writing(ROOT / "examples" / "05_accuracy.png") as file:
        file.write_bytes(picture(lambda axes: draw(axes, rows, truth), width=5.2, height=3.6))


if __name__ == "__main__":
    main()
