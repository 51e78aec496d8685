"""Parameter studies: a function over named axes, resumable, on one machine or a cluster.

`study` runs it and gives an `xarray.Dataset`; the axes are lists (a grid), or made by `zipped`,
`random`, `normal` and `sobol`. Without further words a study runs in this process, in one process
per core, or on a local Dask cluster, whichever pays. A Dask client takes it anywhere else. With
dask-jobqueue (`pip install dask-jobqueue`) SLURM starts the workers:

```python
from dask_jobqueue import SLURMCluster
from distributed import Client

from dfbdesign import load_device
from dfbdesign.studies import Run, sobol, study

cluster = SLURMCluster(
    queue="normal", cores=16, processes=16, memory="32GB", walltime="04:00:00",
    job_script_prologue=["export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1"],
)
cluster.adapt(maximum_jobs=20)
axes = {"duty": sobol(0.2, 0.8, 2**20), "thickness": sobol("130 nm", "190 nm", 2**20)}
with Client(cluster) as client:
    study("laser", axes, load_device("mine.toml"), path="map.zarr", run=Run(scheduler=client))
```

The workers need the package and any module of yours that holds the function, not the files. For
MEEP (`study("verify", ...)`) take fewer processes per job, `processes=4`, and say how many MPI
ranks each may use, `Run(scheduler=client, ranks=4)`: a worker runs one job at a time. If the time
of the script that calls `study` is over, call it again: it goes on from `map.zarr.partial`.
"""

from dfbdesign.studies.axes import normal as normal
from dfbdesign.studies.axes import random as random
from dfbdesign.studies.axes import sobol as sobol
from dfbdesign.studies.axes import zipped as zipped
from dfbdesign.studies.runners import Run as Run
from dfbdesign.studies.store import open_study as open_study
from dfbdesign.studies.study import study as study
