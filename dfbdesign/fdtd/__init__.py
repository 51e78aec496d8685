"""MEEP as an independent witness: the band edges of one grating period in the time domain.

MEEP is not on the package index and needs its own interpreter, so it runs as a separate process;
see `find_meep` for where it is looked for. Nothing here shares code with `dfbdesign.solvers`.

.. include:: theory.md
"""

from dfbdesign.fdtd.edges import BandEdge, band_edges, bloch_modes
from dfbdesign.fdtd.extrapolation import Extrapolated, extrapolated
from dfbdesign.fdtd.interpreter import Meep, find_meep
from dfbdesign.fdtd.job import UnitCellJob, unit_cell_job
from dfbdesign.fdtd.launch import run, run_all
from dfbdesign.fdtd.store import Recording

__all__ = [
    "BandEdge",
    "Extrapolated",
    "Meep",
    "Recording",
    "UnitCellJob",
    "band_edges",
    "bloch_modes",
    "extrapolated",
    "find_meep",
    "run",
    "run_all",
    "unit_cell_job",
]
