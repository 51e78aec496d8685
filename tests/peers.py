"""Modes of a grating period by public codes, for tests and benchmarks: grcwa and inkstone.

grcwa and inkstone are Fourier-modal solvers that answer real frequencies. The amplitude that comes
back in one diffraction order, when a wave of unit amplitude (evanescent, for the modes that no
light from outside excites) comes in, is a rational function of frequency but for branch points far
away: it is sampled on the real axis and its poles are those of its rational approximation. Nothing
of the package is used but the description of the device.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import grcwa
import numpy as np
from inkstone import Inkstone
from numpy.typing import NDArray
from scipy.interpolate import AAA

from dfbdesign.device import Device

Complex = NDArray[np.complex128]
SAMPLES = 13
"""Frequencies that a rational function is put through."""
STAIRS = 4
"""Stairs of a slanted wall in the first run."""


@dataclass(frozen=True)
class Slab:
    """A part of the period that does not change along z."""

    thickness: float
    walls: tuple[float, ...]
    """From -1/2 to 1/2 [period]."""
    permittivity: tuple[complex, ...]
    """Between the walls."""

    def harmonics(self, count: int) -> Complex:
        """Fourier coefficients of the permittivity, from -count to count."""
        m = np.arange(-count, count + 1)[:, None]
        walls = np.array(self.walls)
        phase = np.exp(-2j * pi * m * walls)
        shares = np.where(m == 0, np.diff(walls), 1j * np.diff(phase) / (2 * pi * (m + (m == 0))))
        return shares @ np.array(self.permittivity)


@dataclass(frozen=True)
class Cell:
    """One period in plain numbers."""

    polarization: str
    period: float
    wavevector: float
    """In units of 2π/period."""
    channel: int
    """Diffraction order in which the guided wave travels."""
    below: complex
    above: complex
    slabs: tuple[Slab, ...]


def cell(device: Device, wavelength: float, stairs: int = 1) -> Cell:
    """The period of a device with the permittivities at one wavelength.

    Args:
        device: The device.
        wavelength: Where the materials are evaluated [µm].
        stairs: Steps of every slanted wall.
    """
    grating = device.need_grating()
    slabs = []
    for layer in device.layers:
        slanted = any(abs(line.sidewall - pi / 2) > 1e-9 for line in layer.painted())
        count = stairs if slanted else 1
        for step in range(count):
            height = layer.thickness * ((step + 0.5) / count - 0.5)
            parts = [(-0.5, 0.5, complex(layer.material.permittivity(wavelength)))]
            for line in layer.painted():
                width = line.duty - 2 * height / np.tan(line.sidewall) / grating.period
                low, high = line.centre - width / 2, line.centre + width / 2
                value = complex(line.material.permittivity(wavelength))
                parts = [(a, min(b, low), e) for a, b, e in parts if a < low] + [
                    (max(a, high), b, e) for a, b, e in parts if b > high
                ]
                parts = sorted([*parts, (low, high, value)])
            walls = (-0.5, *(part[1] for part in parts))
            slabs.append(Slab(layer.thickness / count, walls, tuple(part[2] for part in parts)))
    return Cell(
        device.polarization,
        grating.period,
        0.5 * (grating.order % 2),
        grating.order // 2,
        complex(device.substrate.material.permittivity(wavelength)),
        complex(device.superstrate.material.permittivity(wavelength)),
        tuple(slabs),
    )


def grcwa_answer(cell: Cell, wavenumber: float, orders: int) -> complex:
    """Amplitude that comes back in the cell's channel, by grcwa.

    It takes the permittivity on a grid; the grid given has the exact Fourier coefficients.
    """
    lateral = 2 * pi * cell.wavevector / cell.period
    angle = np.arcsin(lateral / (wavenumber * np.sqrt(cell.below)) + 0j)
    solver = grcwa.obj(
        2 * orders + 2, [cell.period, 0.0], [0.0, cell.period / (2 * orders)],
        wavenumber / (2 * pi), angle, 0.0, verbose=0,
    )  # fmt: skip
    points = 4 * orders + 1
    grids = []
    solver.Add_LayerUniform(0.0, cell.below)
    for slab in cell.slabs:
        if len(slab.permittivity) == 1:
            solver.Add_LayerUniform(slab.thickness, slab.permittivity[0])
        else:
            solver.Add_LayerGrid(slab.thickness, points, 1)
            coefficients = np.fft.ifftshift(slab.harmonics(2 * orders))
            grids.append(np.fft.ifft(coefficients) * points)
    solver.Add_LayerUniform(0.0, cell.above)
    solver.Init_Setup()
    solver.GridLayer_geteps(np.concatenate(grids))
    place = int(np.flatnonzero((solver.G[:, 0] == cell.channel) & (solver.G[:, 1] == 0))[0])
    place += solver.nG if cell.polarization == "TM" else 0
    solver.a0 = np.zeros(2 * solver.nG, dtype=complex)
    solver.bN = np.zeros(2 * solver.nG, dtype=complex)
    solver.a0[place] = 1.0
    return complex(solver.GetAmplitudes(0, 0.0)[1][place])


def inkstone_answer(cell: Cell, wavenumber: float, orders: int) -> complex:
    """The same by inkstone, which has the inverse rule that TM needs."""
    solver = Inkstone(lattice=cell.period, num_g=2 * orders + 1, omega=wavenumber)
    values = {cell.below, cell.above, *(e for slab in cell.slabs for e in slab.permittivity)}
    for value in values:
        solver.AddMaterial(f"{value}", value)
    solver.AddLayer("below", 0, f"{cell.below}")
    for number, slab in enumerate(cell.slabs):
        name = f"slab {number}"
        solver.AddLayer(name, slab.thickness, f"{slab.permittivity[0]}")
        walls, parts = slab.walls, slab.permittivity
        for low, high, value in zip(walls[1:-1], walls[2:], parts[1:], strict=True):
            if value != parts[0]:
                solver.AddPattern1D(
                    layer=name, material=f"{value}", pattern_name=f"{low}",
                    width=(high - low) * cell.period, center=(high + low) / 2 * cell.period,
                    if_gibbs_correction=False,
                )  # fmt: skip
    solver.AddLayer("above", 0, f"{cell.above}")
    # at kx = 0 exactly, inkstone divides by zero
    lateral = 2 * pi * (cell.wavevector or 1e-9) / cell.period
    solver.SetExcitation(kx=lateral, ky=0.0, s_amplitude=1.0, p_amplitude=0.0)
    solver.solve()
    place = solver.pr.idx_g.index((cell.channel, 0))
    place += solver.pr.num_g if cell.polarization == "TM" else 0
    return complex(solver.sm[0][place, place])


Answer = Callable[[Cell, float, int], complex]


def poles(
    answer: Answer, cell: Cell, wavenumber: float, orders: int, window: float = 0.015
) -> Complex:
    """Complex wavenumbers of the modes around a wavenumber.

    Args:
        answer: `grcwa_answer` or `inkstone_answer`.
        cell: The period.
        wavenumber: Middle of the window [1/µm].
        orders: Diffraction orders kept on either side.
        window: Half-width of the sampled window, relative; it ends before a diffraction order
            opens or closes, where the answer is not analytic.

    Returns:
        Poles in the window, sorted by their real part.
    """
    lateral = 2 * pi / cell.period * (np.arange(-4, 5) + cell.wavevector)
    opening = np.abs(np.divide.outer(lateral, np.sqrt([cell.below, cell.above]).real))
    width = min(window, 0.8 * float(np.abs(opening / wavenumber - 1).min()))
    places = -np.cos(pi * (np.arange(SAMPLES) + 0.5) / SAMPLES)
    values = np.array([answer(cell, wavenumber * (1 + width * x), orders) for x in places])
    fit = AAA(places, values, rtol=1e-13)
    found, weight = fit.poles(), np.abs(fit.residues())
    good = (np.abs(found.real) < 1) & (np.abs(found.imag) < 1) & (weight > 1e-8 * weight.max())
    return np.asarray(np.sort_complex(wavenumber * (1 + width * found[good])))


def limits(answer: Answer, device: Device, orders: int = 10) -> Complex:
    """The modes of a device by another code, extrapolated to any number of orders and stairs.

    Errors fall with the cube of the orders in TE; in TM, where each of the two codes applies a
    slow factorisation rule to one of the field's components, with their first and second power.
    Doubled orders keep their phase against walls that lie on multiples of 1/10 period, so the
    powers are clean there. Stairs instead of a slanted wall err by the square of their height.

    Args:
        answer: `grcwa_answer` or `inkstone_answer`.
        device: Needs a target in the middle of the modes.
        orders: Of the first run.

    Returns:
        Wavenumbers, sorted by their real part.
    """
    return cell_limits(
        answer,
        cell(device, device.need_target().wavelength, STAIRS),
        cell(device, device.need_target().wavelength, 2 * STAIRS),
        2 * pi / device.need_target().wavelength,
        orders,
    )


def cell_limits(
    answer: Answer, coarse: Cell, fine: Cell, wavenumber: float, orders: int = 10
) -> Complex:
    """The same of a period with few and with twice as many stairs."""
    first, second = (poles(answer, coarse, wavenumber, n * orders) for n in (1, 2))
    found = second + (second - first) / 7
    if coarse.polarization == "TM":
        third = poles(answer, coarse, wavenumber, 4 * orders)
        found = (4 * (2 * third - second) - (2 * second - first)) / 3
    if fine != coarse:
        found = found + (poles(answer, fine, wavenumber, 2 * orders) - second) * 4 / 3
    return found
