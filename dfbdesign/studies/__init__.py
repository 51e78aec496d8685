"""Parameter studies: a function over named axes, resumable, on one machine or a cluster."""

from dfbdesign.studies.axes import normal as normal
from dfbdesign.studies.axes import random as random
from dfbdesign.studies.axes import sobol as sobol
from dfbdesign.studies.axes import zipped as zipped
from dfbdesign.studies.runners import Run as Run
from dfbdesign.studies.store import open_study as open_study
from dfbdesign.studies.study import study as study
