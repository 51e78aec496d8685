"""The cells of `tests/test_unit_cell_peers.py` by MEEP and by our solver, TE and TM.

Two grids, extrapolated (`tests/meep_peer.py`); every dimension lies on pixels' edges on both, but
for slanted walls, which MEEP gets as stairs thinner than its pixels. Every cell takes one core
for half a minute.

Last run: 21 November 2026, MEEP 1.25.0, Debian 12 on two shared cores. MEEP's wavelengths and Q
over ours, minus 1, for the even and the odd edge; edges without Q lose less than MEEP can tell:

                             even        Q        odd        Q
    low contrast   TE    -2.4e-07   +0.00%   -2.3e-07        -
    low contrast   TM    +3.5e-07   -0.00%   +3.0e-07        -
    high contrast  TE    -1.5e-07   -0.00%   -2.4e-08        -
    high contrast  TM    +2.3e-05   -0.23%   +2.7e-05        -
    coated         TE    -1.7e-07   +0.00%   +1.9e-07        -
    coated         TM    +1.5e-05   -0.02%   +2.6e-05        -
    slanted        TE    -2.0e-07   +0.00%   -7.7e-08        -
    slanted        TM    +3.2e-06   +0.25%   +2.4e-07        -
    absorbing      TE    -1.5e-06   +0.20%   -1.2e-06   -0.26%
    absorbing      TM    +6.5e-06   -0.15%   +5.4e-06   +0.15%
    amplifying     TE    -1.1e-06   +0.07%   -1.2e-06   -0.09%
    amplifying     TM    +1.3e-06   -0.04%   +4.7e-07   +0.04%
    first order    TE    -1.5e-07        -   +2.4e-07        -
    first order    TM    +7.9e-06        -   -1.4e-05        -
    third order    TE    -1.8e-07   +0.00%   -5.9e-08   +0.02%
    third order    TM    +4.7e-06   +0.13%   +4.0e-06   +0.22%
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dfbdesign import modes
from dfbdesign.fdtd import find_meep

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from meep_peer import extrapolated
from test_unit_cell_peers import EACH, device


def line(name: str, polarization: str) -> str:
    start = time.perf_counter()
    cell = device(name, polarization)
    theirs = extrapolated(cell)
    ours = [mode.wavenumber for mode in modes(cell, accuracy=1e-6).band_edges]
    parts = []
    for our, their in zip(ours, theirs, strict=True):
        lossless = f"1/Q {-2 * their.imag / their.real:6.0e}"
        quality = f"{our.imag / their.imag - 1:+8.2%}" if our.imag else lossless
        parts.append(f"{our.real / their.real - 1:+9.1e} {quality:>11}")
    return f"{name:15}{polarization:4}{''.join(parts)}{time.perf_counter() - start:7.0f} s"


def main() -> None:
    wanted = [pair for pair in EACH if len(sys.argv) < 2 or pair[0] in sys.argv[1:]]
    print(f"MEEP {find_meep().version}: MEEP's wavelengths and Q over ours - 1, even and odd")
    with ThreadPoolExecutor(2) as pool:
        for text in pool.map(lambda pair: line(*pair), wanted):
            print(text, flush=True)


if __name__ == "__main__":
    main()
