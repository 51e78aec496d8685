r"""What the time domain's fits of the materials miss, and what that does to a mode.

The time domain runs fits of the permittivities at one frequency (`dfbdesign.fdtd.dispersion`). At a
mode the fit of material i misses $\Delta\epsilon_i$. Its wavenumber changes by
$\sum_i (\partial k/\partial\epsilon_i)\,\Delta\epsilon_i$ with that, by the exact derivatives that
the solver has.
"""

from dataclasses import dataclass
from math import pi

import numpy as np

from dfbdesign.device import Device
from dfbdesign.fdtd.dispersion import NO_POLES, STEP, Fit, Poles, fit, slope
from dfbdesign.fdtd.job import UnitCellJob
from dfbdesign.materials import Axis, Material
from dfbdesign.solvers.cell_mode import CellMode

AXES: tuple[Axis, Axis] = ("ordinary", "extraordinary")
POINTS = 9
"""Wavelengths at which fits are compared with the data."""


@dataclass(frozen=True)
class Fits:
    """The fits of a run."""

    wavelength: float
    """In vacuum, where they are made [µm]."""
    poles: Poles

    @classmethod
    def of(cls, job: UnitCellJob) -> "Fits":
        """Those of a run."""
        return cls(job.wavelength, job.dispersive.poles if job.dispersive else NO_POLES)

    def fitted(self, material: Material, axis: Axis) -> Fit:
        """Permittivity of a material along one axis as the run has it."""
        near = self.wavelength / (1 + np.array([-STEP, 0.0, STEP]))
        slower, here, faster = material.permittivity(near, axis)
        return fit(here, slope(slower, faster), self.poles)

    def missed(self, mode: CellMode) -> tuple[float, float]:
        """How far what the fits miss moves a mode.

        Args:
            mode: Of our solver.

        Returns:
            Change of its wavelength [µm] and of 1/Q, signed.
        """
        media, derivatives = mode.found.system(mode.cells).media, mode.gradient
        frequency = mode.wavenumber * self.wavelength / (2 * pi)
        change = 0j
        for number, filling in enumerate(mode.cells.period.fillings):
            (material,) = filling.materials
            for axis in AXES:
                exact = getattr(media[number], axis)[0]
                missed = self.fitted(material, axis).permittivity(frequency) - exact
                change += complex(getattr(derivatives, axis)[:, number].sum() * missed)
        relative = change / mode.wavenumber.real
        decay = mode.wavenumber.imag / mode.wavenumber.real
        return -mode.wavelength * relative.real, 2 * (decay * relative.real - relative.imag)

    def error(self, device: Device, shortest: float, longest: float) -> float:
        """Largest relative error of any permittivity in a band.

        Args:
            device: Its materials count.
            shortest: Vacuum wavelength [µm].
            longest: Vacuum wavelength [µm].

        Returns:
            Largest modulus of the error over the permittivity.
        """
        band = np.linspace(shortest, longest, POINTS)
        found = [
            self.fitted(material, axis).permittivity(self.wavelength / band)
            / material.permittivity(band, axis)
            for material in device.materials()
            for axis in AXES
        ]
        return float(np.abs(np.array(found) - 1).max())
