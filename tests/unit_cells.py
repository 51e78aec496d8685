"""Grating periods that several tests solve, and ways to look into the solver."""

import numpy as np
from witnesses import Period, Permittivity, Sheet

from dfbdesign.device import Device, Grating, Layer, Lines, Target
from dfbdesign.materials import Material, uniaxial
from dfbdesign.solvers.cell_mode import CellMode
from dfbdesign.solvers.cutting import periods
from dfbdesign.solvers.lateral import fourier
from dfbdesign.solvers.modal import Cells, System
from dfbdesign.solvers.polynomials import polynomial
from dfbdesign.solvers.unit_cell import CellModes
from dfbdesign.units import nm

SAPPHIRE = uniaxial(1.746, 1.738)


def device(
    duty: float = 0.3,
    *,
    line: object = 2.30,
    film: object = 2.53,
    substrate: object = 1.746,
    superstrate: object = 1.0,
    lines: float = 50 * nm,
    film_thickness: float = 160 * nm,
    period: float = 865 * nm,
    order: int = 2,
    polarization: str = "TE",
    target: float = 1670 * nm,
    gain: bool = True,
    line_gain: bool = False,
) -> Device:
    """The reference cell, or one that differs from it in what is named."""
    return Device(
        polarization=polarization,
        substrate=substrate,
        superstrate=superstrate,
        layers=[
            Layer(
                thickness=lines,
                material=film,
                gain=gain,
                lines=Lines(material=line, duty=duty, gain=line_gain),
            ),
            Layer(thickness=film_thickness, material=film, gain=gain),
        ],
        grating=Grating(period=period, order=order),
        target=Target(wavelength=target),
    )


def tm_device(duty: float = 0.3, **change: object) -> Device:
    """A thicker film, which guides TM well above the light line of the substrate."""
    return device(
        duty, **{"polarization": "TM", "film_thickness": 400 * nm, "target": 1760 * nm, **change}
    )


def period_of(
    made: Device, wavelength: float = 1.67, wavevector: float = 0.0, **mesh: int
) -> Period:
    """The same cell for the finite elements, materials taken at one wavelength."""

    def pair(material: Material) -> Permittivity:
        return complex(material.permittivity(wavelength)), complex(
            material.permittivity(wavelength, "extraordinary")
        )

    sheets = [
        Sheet(
            layer.thickness,
            pair(layer.material),
            pair(layer.lines.material) if layer.lines else None,
            layer.lines.duty if layer.lines else 0.5,
        )
        for layer in made.layers
    ]
    ends = pair(made.substrate.material), pair(made.superstrate.material)
    return Period(sheets, *ends, made.need_grating().period, made.polarization, wavevector, **mesh)


def labelled(found: CellModes, label: str) -> CellMode:
    (mode,) = [mode for mode in found.modes if mode.label == label]
    return mode


def dense(system: System) -> np.ndarray:
    """The matrix F of every solve, assembled as it is written, nothing eliminated."""
    n, count = system.square.shape[-1], len(system.modes) + 1
    F = np.zeros((len(system.k), count, n, count, n), dtype=complex)
    for number, one in enumerate(system.modes):
        T, C = one.fluxes
        F[:, number, :, number] += T
        F[:, number + 1, :, number + 1] += T
        F[:, number, :, number + 1] -= C
        F[:, number + 1, :, number] -= C
    diagonal = np.arange(n)
    for upper in (False, True):
        end = count - 1 if upper else 0
        F[:, end, diagonal, end, diagonal] += system.outer(upper)[1]
    return F.reshape(len(system.k), count * n, count * n)


def at(cells: Cells, k: complex, sector: int = 0, gain: float = 0.0) -> System:
    one = np.array([sector])
    return cells.at(np.array([k], dtype=complex), np.array([0]), one, np.array([gain]))


def zero_of_matrix(cells: Cells, near: complex, sector: int = 0, gain: float = 0.0) -> complex:
    """Zero of F(k) by a secant on its smallest eigenvalue: none of the solver's derivatives."""

    def smallest(k: complex) -> complex:
        values = np.linalg.eigvals(dense(at(cells, k, sector, gain))[0])
        return complex(values[np.abs(values).argmin()])

    a, b = near * (1 + 1e-7), near
    fa, fb = smallest(a), smallest(b)
    for _ in range(20):
        a, b, fa = b, b - fb * (b - a) / (fb - fa), fb
        if abs(b - a) < 2e-13 * abs(b):
            return b
        fb = smallest(b)
    raise AssertionError(f"no zero near {near}")


def cells_of(made: Device, functions: int, wavevector: float = 0.0, kind: str = "") -> Cells:
    """The period in so many plane waves (TE) or polynomials of such a degree (TM)."""
    (period,) = periods(made, wavevector)
    kind = kind or {"TE": "plane waves", "TM": "polynomials"}[made.polarization]
    return Cells(period, (fourier if kind == "plane waves" else polynomial)(period, functions))


def with_functions(mode: CellMode, functions: int, kind: str = "") -> complex:
    wavevector = float(mode.cells.period.wavevector[0])
    cells = cells_of(mode.device, functions, wavevector, kind)
    return zero_of_matrix(cells, mode.wavenumber, 1 if mode.parity == "odd" else 0)


def scaled(mode: CellMode, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The profile in one fixed scale, whatever points are asked for."""
    anchor_x, anchor_z = np.array([0.1, *x]), np.array([0.11, *z])
    values = mode.profile(anchor_x, anchor_z)
    return (values / values[0, 0])[1:, 1:]
