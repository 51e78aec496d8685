"""Plane waves that come in from a half-space, and the diffraction orders they can leave by."""

from dataclasses import dataclass, replace
from math import pi
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Device, Polarization, changed
from dfbdesign.errors import InputError
from dfbdesign.materials import Axis, Material
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.units import deg, nm

Side = Literal["top", "substrate"]


@dataclass(frozen=True)
class Incidence:
    """Incident waves, shape (wave,) each."""

    device: Device
    upper: bool
    k: Real
    length: Real
    """Period [µm]; of a device without grating so short that nothing is diffracted."""
    lateral: Real
    """Wavenumber along x [1/µm]."""
    orders: NDArray[np.int64]

    def where(self, rows: NDArray[np.int64]) -> "Incidence":
        """Some of the waves.

        Args:
            rows: Their places.

        Returns:
            These waves.
        """
        return replace(self, k=self.k[rows], length=self.length[rows], lateral=self.lateral[rows])

    @property
    def laterals(self) -> Real:
        """Wavenumbers along x of all orders, shape (wave, order) [1/µm]."""
        return np.asarray(self.lateral[:, None] + self.orders * 2 * pi / self.length[:, None])

    @property
    def reach(self) -> Real:
        """Largest lateral wavenumber that propagates in either half-space, (wave,) [1/µm]."""
        return np.asarray(np.maximum(self.open_to(upper=False), self.open_to(upper=True)))

    def open_to(self, upper: bool) -> Real:
        """Largest lateral wavenumber that propagates in a half-space.

        Args:
            upper: The superstrate, else the substrate.

        Returns:
            Shape (wave,) [1/µm].
        """
        across, along = self.half_space(upper)
        permittivity = across if self.device.polarization == "TE" else along
        return np.asarray(self.k * np.sqrt(np.maximum(permittivity.real, 0)))

    def half_space(self, upper: bool) -> tuple[Complex, Complex]:
        """Permittivity of a half-space.

        Args:
            upper: The superstrate, else the substrate.

        Returns:
            Along x and along z, shape (wave,) each.
        """
        end = self.device.superstrate if upper else self.device.substrate
        wavelength = 2 * pi / self.k
        return (
            end.material.permittivity(wavelength),
            end.material.permittivity(wavelength, "extraordinary"),
        )


def incidence(
    device: Device,
    wavelength: ArrayLike,
    angle: ArrayLike,
    side: Side,
    polarization: Polarization | None,
) -> Incidence:
    """Plane waves in the x-z plane.

    Args:
        device: With or without a grating.
        wavelength: Vacuum wavelength, any shape [µm].
        angle: Angle of the wavevector from the normal, towards +x; broadcasts [rad].
        side: Where the light comes from.
        polarization: `None` for that of the device.

    Returns:
        The waves, in one row.

    Raises:
        InputError: If an argument is out of range, data do not reach a wavelength, or the medium
            the light comes from absorbs.
    """
    if side not in get_args(Side):
        raise InputError(f'side must be "top" or "substrate", got "{side}".')
    if polarization is not None:
        if polarization not in get_args(Polarization):
            raise InputError(f'polarization must be "TE" or "TM", got "{polarization}".')
        device = changed(device, {"polarization": polarization})
    waves, angles = (np.ravel(one) for one in np.broadcast_arrays(
        np.asarray(wavelength, dtype=float), np.asarray(angle, dtype=float)))  # fmt: skip
    _check(device, waves, angles, side)
    k = 2 * pi / waves
    unit = np.ones_like(k)
    light = Incidence(device, side == "top", k, unit, unit, np.zeros(1, dtype=int))
    across, along = light.half_space(light.upper)
    squared = np.sin(angles) ** 2 / along.real + np.cos(angles) ** 2 / across.real
    index = np.sqrt(across.real if device.polarization == "TE" else 1 / squared)
    grating, reach = device.grating, light.reach
    length = 1 / reach.max() if grating is None else grating.period
    light = replace(light, length=length * unit, lateral=k * index * np.sin(angles))
    low = np.ceil((-reach - light.lateral) * length / (2 * pi)).min()
    high = np.floor((reach - light.lateral) * length / (2 * pi)).max()
    return replace(light, orders=np.arange(min(int(low), 0), max(int(high), 0) + 1))


def _check(device: Device, wavelength: Real, angle: Real, side: Side) -> None:
    if wavelength.size == 0:
        raise InputError("wavelength and angle must hold at least one value.")
    bad = wavelength[~(np.isfinite(wavelength) & (wavelength > 0))]
    if bad.size:
        raise InputError(f"wavelength must be positive, got {bad[0] / nm:g} nm.")
    steep = angle[~(np.abs(angle) < pi / 2)]
    if steep.size:
        raise InputError(
            f"angle must lie between -90 and 90 degrees, got {steep[0] / deg:g}. "
            'Light from the other side has side = "substrate" or "top".'
        )
    for material in device.materials():
        material.check_range(wavelength)
    end: Material = (device.superstrate if side == "top" else device.substrate).material
    for axis in get_args(Axis):
        values = end.permittivity(wavelength, axis)
        if np.any(values.imag != 0) or np.any(values.real <= 0):
            raise InputError(
                f'light cannot come in through "{end.name}", in which no wave travels without '
                "loss. Let it come from the other side, or give a real index."
            )


def carried(light: Incidence, upper: bool) -> tuple[Real, Real]:
    """Where the orders go in a half-space, and what power they carry.

    Args:
        light: Incident waves.
        upper: The superstrate, else the substrate.

    Returns:
        Angle of every order [rad], nan for a closed one; power of unit amplitude relative to that
        of the incident wave, zero for a closed one; shape (wave, order) each.
    """
    incident = _upward(light, light.upper, light.lateral[:, None])
    along_z = _upward(light, upper, light.laterals)
    te = light.device.polarization == "TE"
    ends = light.half_space(light.upper)[0], light.half_space(upper)[0]
    power = [1.0 if te else (1 / end)[:, None] for end in ends]
    open_ = np.abs(light.laterals) < light.open_to(upper)[:, None]
    angle = np.where(open_, np.arctan2(light.laterals, along_z.real), np.nan)
    share = (power[1] * along_z).real / (power[0] * incident).real
    return angle, np.where(open_, share, 0.0)


def _upward(light: Incidence, upper: bool, lateral: Real) -> Complex:
    """Wavenumber along z of outgoing waves, shape (wave, order) [1/µm]."""
    across, along = (one[:, None] for one in light.half_space(upper))
    k = light.k[:, None]
    if light.device.polarization == "TE":
        return np.sqrt(k**2 * across - lateral**2 + 0j)
    return np.sqrt((k**2 - lateral**2 / along) * across + 0j)
