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

| where | what |
|---|---|
| `dfbdesign.device` | what is made: layers, lines, grating, pump; the device file |
| `dfbdesign.materials` | index data with their sources |
| `dfbdesign.solvers` | Maxwell's equations, several independent ways |
| `dfbdesign.gain` | electrons and dots |
| `dfbdesign.lasers` | thresholds, spectra, beams of finite devices |
| `dfbdesign.designs` | choosing dimensions, and learning them |
| `dfbdesign.studies` | any of it over many values |
| `dfbdesign.waveguides` | channels, bends, couplers, plain films |
| `dfbdesign.layout` | GDS, read back and checked |
| `dfbdesign.fdtd`, `dfbdesign.verification` | MEEP, and what it says of the others |
| `dfbdesign.plots`, `dfbdesign.reports` | pictures and pages |
| `dfbdesign.cli` | the command `dfb` |
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dfbdesign.designs.calibration import calibrate as calibrate
    from dfbdesign.designs.calibration import next_ladder as next_ladder
    from dfbdesign.designs.calibration import prepared as prepared
    from dfbdesign.designs.calibration import updated as updated
    from dfbdesign.designs.design import design as design
    from dfbdesign.designs.goals import best as best
    from dfbdesign.designs.ladder import Goal as Goal
    from dfbdesign.designs.ladder import chip_of as chip_of
    from dfbdesign.designs.ladder import ladder as ladder
    from dfbdesign.designs.readings import Reading as Reading
    from dfbdesign.designs.readings import load_readings as load_readings
    from dfbdesign.designs.spread import Spread as Spread
    from dfbdesign.designs.spread import load_spread as load_spread
    from dfbdesign.designs.tolerance import tolerance as tolerance
    from dfbdesign.device import Device as Device
    from dfbdesign.device import GainFilm as GainFilm
    from dfbdesign.device import Grating as Grating
    from dfbdesign.device import Layer as Layer
    from dfbdesign.device import Lines as Lines
    from dfbdesign.device import Pump as Pump
    from dfbdesign.device import Spot as Spot
    from dfbdesign.device import Target as Target
    from dfbdesign.device import load_device as load_device
    from dfbdesign.device import save_device as save_device
    from dfbdesign.errors import InputError as InputError
    from dfbdesign.errors import MeepMissing as MeepMissing
    from dfbdesign.errors import NoGuidedMode as NoGuidedMode
    from dfbdesign.errors import NotConverged as NotConverged
    from dfbdesign.errors import PhysicsError as PhysicsError
    from dfbdesign.lasers.beam import beam as beam
    from dfbdesign.lasers.beam import far_field as far_field
    from dfbdesign.lasers.finite_laser import rigorous_laser as rigorous_laser
    from dfbdesign.lasers.laser import laser as laser
    from dfbdesign.lasers.laser_spectra import laser_spectra as laser_spectra
    from dfbdesign.lasers.light_curve import continuous_light as continuous_light
    from dfbdesign.lasers.light_curve import light as light
    from dfbdesign.lasers.lobes import lobes as lobes
    from dfbdesign.lasers.pumping import pumped_gain as pumped_gain
    from dfbdesign.lasers.pumping import pumping as pumping
    from dfbdesign.lasers.reproduce import reproduce as reproduce
    from dfbdesign.materials import Material as Material
    from dfbdesign.materials import material as material
    from dfbdesign.solvers.bands import bands as bands
    from dfbdesign.solvers.scattering import scattering as scattering
    from dfbdesign.solvers.slab import slab as slab
    from dfbdesign.solvers.unit_cell import modes as modes
    from dfbdesign.studies.study import study as study
    from dfbdesign.verification.finite import verify_finite as verify_finite
    from dfbdesign.verification.verify import verify as verify

_MODULES = {
    "Device": "dfbdesign.device",
    "GainFilm": "dfbdesign.device",
    "Goal": "dfbdesign.designs.ladder",
    "Grating": "dfbdesign.device",
    "InputError": "dfbdesign.errors",
    "Layer": "dfbdesign.device",
    "Lines": "dfbdesign.device",
    "Material": "dfbdesign.materials",
    "MeepMissing": "dfbdesign.errors",
    "NoGuidedMode": "dfbdesign.errors",
    "NotConverged": "dfbdesign.errors",
    "PhysicsError": "dfbdesign.errors",
    "Pump": "dfbdesign.device",
    "Reading": "dfbdesign.designs.readings",
    "Spot": "dfbdesign.device",
    "Spread": "dfbdesign.designs.spread",
    "Target": "dfbdesign.device",
    "bands": "dfbdesign.solvers.bands",
    "beam": "dfbdesign.lasers.beam",
    "best": "dfbdesign.designs.goals",
    "calibrate": "dfbdesign.designs.calibration",
    "chip_of": "dfbdesign.designs.ladder",
    "continuous_light": "dfbdesign.lasers.light_curve",
    "design": "dfbdesign.designs.design",
    "far_field": "dfbdesign.lasers.beam",
    "ladder": "dfbdesign.designs.ladder",
    "laser": "dfbdesign.lasers.laser",
    "laser_spectra": "dfbdesign.lasers.laser_spectra",
    "light": "dfbdesign.lasers.light_curve",
    "load_device": "dfbdesign.device",
    "load_readings": "dfbdesign.designs.readings",
    "load_spread": "dfbdesign.designs.spread",
    "lobes": "dfbdesign.lasers.lobes",
    "material": "dfbdesign.materials",
    "modes": "dfbdesign.solvers.unit_cell",
    "next_ladder": "dfbdesign.designs.calibration",
    "prepared": "dfbdesign.designs.calibration",
    "pumped_gain": "dfbdesign.lasers.pumping",
    "pumping": "dfbdesign.lasers.pumping",
    "reproduce": "dfbdesign.lasers.reproduce",
    "rigorous_laser": "dfbdesign.lasers.finite_laser",
    "save_device": "dfbdesign.device",
    "scattering": "dfbdesign.solvers.scattering",
    "slab": "dfbdesign.solvers.slab",
    "study": "dfbdesign.studies.study",
    "tolerance": "dfbdesign.designs.tolerance",
    "updated": "dfbdesign.designs.calibration",
    "verify": "dfbdesign.verification.verify",
    "verify_finite": "dfbdesign.verification.finite",
}
"""Where each public name is made: imported when first asked for, as few need them all."""

__all__ = [*_MODULES]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("dfbdesign")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
