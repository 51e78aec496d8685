"""Design, verify and lay out distributed-feedback lasers in solution-processed films.

Conventions, everywhere in this package:

- Core units are µm, ps, pJ, W and K; write `860 * nm`, and `"860 nm"` in files.
- Time goes as exp(-iωt): an index n' + i n'' with n'' > 0 absorbs.
- x runs along the grating vector (the cavity), y along the lines, z up from the substrate.
  TE: E along y. TM: H along y.
- Wavelengths are in vacuum. `gain` and `loss` are power coefficients; material gain is
  4π |n''| / wavelength.
- `kappa` is complex: index coupling real, radiation imaginary and negative.
- `reflection` is a complex amplitude, `reflectance` its squared modulus.
- Q = -Re ω / (2 Im ω) of the cold cavity; the dark mode's is infinite.
- The outer half-spaces are passive.

Data flows one way: target → device → modes → laser → layout.
"""

from dfbdesign.design import design
from dfbdesign.device import (
    Device,
    GainFilm,
    Grating,
    Layer,
    Lines,
    Pump,
    Spot,
    Target,
    load_device,
    save_device,
)
from dfbdesign.errors import InputError, MeepMissing, NoGuidedMode, NotConverged, PhysicsError
from dfbdesign.finite_laser import rigorous_laser
from dfbdesign.laser import laser
from dfbdesign.laser_spectra import laser_spectra
from dfbdesign.materials import Material, material
from dfbdesign.pumping import pumped_gain, pumping
from dfbdesign.reproduce import reproduce
from dfbdesign.solvers.bands import bands
from dfbdesign.solvers.scattering import scattering
from dfbdesign.solvers.slab import slab
from dfbdesign.solvers.unit_cell import modes
from dfbdesign.verify import verify

__all__ = [
    "Device",
    "GainFilm",
    "Grating",
    "InputError",
    "Layer",
    "Lines",
    "Material",
    "MeepMissing",
    "NoGuidedMode",
    "NotConverged",
    "PhysicsError",
    "Pump",
    "Spot",
    "Target",
    "bands",
    "design",
    "laser",
    "laser_spectra",
    "load_device",
    "material",
    "modes",
    "pumped_gain",
    "pumping",
    "reproduce",
    "rigorous_laser",
    "save_device",
    "scattering",
    "slab",
    "verify",
]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version  # a tenth of a second that few need

        return version("dfbdesign")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
