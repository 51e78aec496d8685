"""A chip of 10 000 gratings of 580 lines: our writer beside one rectangle per line and gdsfactory.

100 periods from 840 to 860 nm in steps of 0.2 nm times 100 duties, on a 1 nm grid, so that all
gratings differ; ours is written, read back through KLayout and checked line by line, with labels,
marks, manifest and preview. The others write the lines alone, each grating in a cell of its own,
on fewer gratings, and are scaled up to the same number. Every writer runs in a process of its own,
for its peak memory.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import gdstk
import numpy as np

from dfbdesign import Device, Grating, Layer, Lines
from dfbdesign.layout import Chip, write_layout
from dfbdesign.layout.chip_file import Array
from dfbdesign.units import nm, um

LINES, SIDE = 580, 100
PERIODS = 840 * nm + 0.2 * nm * np.arange(SIDE)
DUTIES = np.linspace(0.25, 0.35, SIDE)


def ours(suffix: str, worst: bool = False) -> Callable[[Path, int], int]:
    """Ours; in the worst case every period is irrational and no grating is like another."""

    def write(folder: Path, side: int) -> int:
        lines = Lines(material="tio2-ald", duty=0.3)
        grating = Grating(period=850 * nm, length=LINES * 850 * nm, width=100 * um)
        device = Device(
            substrate="sapphire-c",
            superstrate="air",
            layers=[Layer(thickness=50 * nm, material="cqd-film", lines=lines)],
            grating=grating,
        )
        rng = np.random.default_rng(0)
        columns = [
            Array(
                device=device,
                period=tuple(840 * nm + 20 * nm * rng.random(side)) if worst else PERIODS[:side],
                duty=(duty,) if worst else tuple(DUTIES[:side]),
                length=() if worst else (LINES * 850 * nm,),
            )
            for duty in (DUTIES[:side] if worst else DUTIES[:1])
        ]
        chips = [Chip(array=tuple(columns[i : i + 26])) for i in range(0, len(columns), 26)]
        size = 0
        for number, chip in enumerate(chips):
            written = write_layout(chip, folder / f"{number}{suffix}")
            size += written.files[0].stat().st_size
        return size

    return write


def rectangles(folder: Path, side: int) -> int:
    library = gdstk.Library(unit=1e-6, precision=1e-9)
    for i, period in enumerate(PERIODS[:side]):
        for j, duty in enumerate(DUTIES[:side]):
            cell = library.new_cell(f"g{i}_{j}")
            for k in range(LINES):
                cell.add(gdstk.rectangle((k * period, 0), (k * period + duty * period, 100)))
    library.write_gds(folder / "all.gds")
    return (folder / "all.gds").stat().st_size


def gdsfactory(folder: Path, side: int) -> int:
    import gdsfactory as gf

    gf.gpdk.PDK.activate()
    chip = gf.Component("chip")
    for i, period in enumerate(PERIODS[:side]):
        for j, duty in enumerate(DUTIES[:side]):
            cell = gf.Component(f"g{i}_{j}")
            for k in range(LINES):
                left, right = k * period, k * period + duty * period
                cell.add_polygon([(left, 0), (right, 0), (right, 100), (left, 100)], layer=(1, 0))
            chip.add_ref(cell)
    chip.write_gds(folder / "all.gds")
    return (folder / "all.gds").stat().st_size


def _measure(name: str, side: int, queue: object) -> None:
    writer = WRITERS[name]
    with tempfile.TemporaryDirectory() as folder:
        start, cpu = time.perf_counter(), time.process_time()
        size = writer(Path(folder), side)
        took, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    queue.put((took, cpu, size / 1e6, peak))  # type: ignore[attr-defined]


WRITERS = {
    "ours, GDS, checked": ours(".gds"),
    "ours, OASIS, checked": ours(".oas"),
    "ours, GDS, irrational periods": ours(".gds", worst=True),
    "one rectangle per line (gdstk)": rectangles,
    "one rectangle per line (gdsfactory)": gdsfactory,
}


def main() -> None:
    small = {"one rectangle per line (gdstk)": 40, "one rectangle per line (gdsfactory)": 10}
    print(f"{SIDE**2} gratings of {LINES} lines; time and size scaled where fewer were written")
    first = 0.0
    for name in WRITERS:
        side = small.get(name, SIDE)
        context = get_context("fork")
        queue = context.Queue()
        process = context.Process(target=_measure, args=(name, side, queue))
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(f"{name} failed")
        took, cpu, size, peak = queue.get()
        scale = (SIDE / side) ** 2
        first = first or took
        print(
            f"{name:38s} {side**2:6d} written {took * scale:8.2f} s "
            f"(CPU {cpu * scale:8.2f} s) {size * scale:8.1f} MB "
            f"{peak:6.0f} MB peak {took * scale / first:7.1f} x"
        )


if __name__ == "__main__":
    main()
