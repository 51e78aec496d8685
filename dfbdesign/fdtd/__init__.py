"""MEEP as an independent witness: the band edges of one grating period in the time domain.

MEEP is not on the package index and needs its own interpreter, so it runs as a separate process;
see `find_meep` for where it is looked for. Nothing here shares code with `dfbdesign.solvers`.
"""

from dfbdesign.fdtd.edges import BandEdge, Extrapolated, band_edges
from dfbdesign.fdtd.job import UnitCellJob, unit_cell_job
from dfbdesign.fdtd.launch import Meep, Recording, find_meep, run

__all__ = [
    "BandEdge",
    "Extrapolated",
    "Meep",
    "Recording",
    "UnitCellJob",
    "band_edges",
    "find_meep",
    "run",
    "unit_cell_job",
]
