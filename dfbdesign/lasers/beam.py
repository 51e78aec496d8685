r"""The beam of a finite laser: what its mode radiates through the surface, near and far.

**Near field.** Plane waves leave every piece of the grating (`dfbdesign.lasers.emitters`): along
the normal in second order, at several angles in higher orders, none in first. On the surface they
make the field $E(x, y) = f(y)\sum_p e_p(x)\,e^{iK_p x}$, with f from `dfbdesign.lasers.across`.

**Far field.** The angular spectrum of that field. With E_z from $\nabla\cdot E = 0$, the power per
solid angle is $n^3 k^2\cos^2\theta\,|E|^2/4\pi^2$, at every angle.

**Polarisation.** In TE, E points along the lines (y). A wave in the film that runs at a small angle
to x has its E turned with it, R and S opposite ways: beside $E_y = u_R R + u_S S$ there is
$E_x = -(k_y/\beta)(u_R R - u_S S)$; in TM, $E_y = (k_y/\beta)(u_R R - u_S S)$ beside E_x. This is
to first order in the contrast of the lines.

Coupled waves are right to first order in the coupling, $\kappa/\beta$; so are the amplitudes.
Not in the model: spontaneous emission, which is unpolarised and has no lobes; several modes at
once; echoes between the faces of the substrate, whose refraction is that of its ordinary index.
"""

from dataclasses import dataclass
from math import pi
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.device import Polarization
from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.lasers.across import Across, across
from dfbdesign.lasers.emitters import Emitters, emitters
from dfbdesign.lasers.laser import Laser
from dfbdesign.lasers.output import Output, mode_of, output
from dfbdesign.solvers.cell_radiation import cell_radiation

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Side = Literal["up", "down", "below"]

GRAZING = 1e-12
"""Square of the smallest cosine that refraction is worked out for."""


@dataclass(frozen=True, eq=False)
class Beam:
    """What a mode radiates per photon generated in it."""

    wavelength: float
    """In vacuum [µm]."""
    polarization: Polarization
    index_above: float
    """Refractive index of the superstrate."""
    index_below: float
    """Ordinary index of the substrate."""
    propagation: float
    """Propagation constant β of the waves in the film [1/µm]."""
    emitters: Emitters
    """The near field along x."""
    across: Across | None
    """The near field along y; `None` if no width is known: then powers are those of a line."""
    output: Output
    """Where the photons go."""
    crossed: tuple[float, float]
    """Power of the field u_R R - u_S S, up and down."""

    @property
    def wavenumber(self) -> float:
        """In vacuum [1/µm]."""
        return 2 * pi / self.wavelength

    def index(self, side: Side) -> float:
        """Refractive index on a side: "below" is the air behind the substrate."""
        return {"up": self.index_above, "down": self.index_below, "below": 1.0}[side]


@dataclass(frozen=True, eq=False)
class FarField:
    """Field in the direction of each angle, all of one shape."""

    along: Complex
    """Angular spectrum of E_y, along the lines."""
    across: Complex
    """Angular spectrum of E_x."""
    intensity: Real
    """Power per solid angle [1/sr], or per angle in the xz plane for a line [1/rad], of one photon
    generated in the mode."""


def beam(laser: Laser, number: int = 0) -> Beam:
    """The beam of a threshold mode.

    Args:
        laser: The solved device.
        number: Of its mode, from 0 for the lowest threshold.

    Returns:
        The beam: for `near_field`, `far_field`, `lobes` and `polarization_ratio`.

    Raises:
        InputError: If there is no such mode, or the period has no mirror plane.
        PhysicsError: If the grating radiates nothing through its surface, as in first order.

    Examples:
        The dark mode radiates two lobes, and nothing along the normal.

        >>> from dfbdesign import laser, load_device
        >>> found = beam(laser(load_device("examples/reference.toml")))
        >>> far = far_field(found, "up", [-0.002, 0.0, 0.002])
        >>> print((far.intensity / far.intensity.max()).round(3))
        [1. 0. 1.]
    """
    mode, device = mode_of(laser, number), laser.cell.band_edges[0].device
    radiation, shares = cell_radiation(laser.cell), output(laser, number)
    if not radiation.loss.any() or not radiation.lateral.size:
        raise PhysicsError(
            f"a grating of order {device.need_grating().order} with these lines radiates nothing "
            "through its surface: its light leaves through the ends. Choose order 2."
        )
    n_above, n_below = (
        complex(side.material.index(mode.wavelength)).real
        for side in (device.superstrate, device.substrate)
    )
    pieces, crossed = emitters(mode, device, radiation, (n_above, n_below))
    grating = device.need_grating()
    return Beam(
        wavelength=mode.wavelength,
        polarization=device.polarization,
        index_above=n_above,
        index_below=n_below,
        propagation=pi * grating.order / grating.period,
        emitters=pieces,
        across=across(device),
        output=shares,
        crossed=crossed,
    )


def near_field(beam: Beam, side: Literal["up", "down"], x: ArrayLike) -> Complex:
    """Field of each diffraction order on the surface, along the middle of the lines.

    Args:
        beam: The beam.
        side: "up" for the uppermost interface, "down" for the lowest.
        x: Positions from the middle of the device, shape (point,) [µm].

    Returns:
        Tangential E without its profile along y, by ascending wavenumber along x, shape
        (order, point): E_y in TE, E_x in TM. Along the normal, the index times |E|² is power per
        length, of one photon generated [µm^-½].
    """
    return beam.emitters.field(getattr(beam.emitters, side), np.asarray(x, dtype=float))


def radiated(beam: Beam, side: Literal["up", "down"], x: ArrayLike) -> Real:
    """Power that leaves the surface along the cavity, in all orders together.

    Args:
        beam: The beam.
        side: "up" for the uppermost interface, "down" for the lowest.
        x: Positions from the middle of the device, shape (point,) [µm].

    Returns:
        Share of the photons generated per length, shape (point,) [1/µm].
    """
    index, lateral = beam.index(side), np.median(beam.emitters.lateral, axis=1)
    cosine = np.sqrt(np.maximum(1 - (lateral / (index * beam.wavenumber)) ** 2, GRAZING))
    weight = index * (cosine if beam.polarization == "TE" else 1 / cosine)
    return np.asarray(weight @ np.abs(near_field(beam, side, x)) ** 2)


def far_field(beam: Beam, side: Side, angle_x: ArrayLike, angle_y: ArrayLike = 0.0) -> FarField:
    """Far field in given directions.

    Args:
        beam: The beam.
        side: "up" into the superstrate, "down" within the substrate, "below" in air behind its
            flat lower face.
        angle_x: Angle along x from the normal: sin(angle) is the direction's x component [rad].
        angle_y: The same along y; broadcasts against it [rad].

    Returns:
        Field and intensity, of the broadcast shape; nothing in directions that do not exist.

    Raises:
        InputError: If an angle along y is asked for, and the device has no width.
    """
    index = beam.index(side)
    along_x, along_y = (index * beam.wavenumber * np.sin(angle) for angle in (angle_x, angle_y))
    if beam.across is None and np.any(along_y):
        raise InputError(
            'angles along y need the extent of the beam there: add width = "500 um" to [grating].'
        )
    main, crossed = _at(beam, side, along_x)
    kx, ky = np.broadcast_arrays(along_x, along_y)
    profile = 1.0 if beam.across is None else beam.across.spectrum(along_y)
    te = beam.polarization == "TE"
    tilted = (-1 if te else 1) * ky / beam.propagation * crossed * profile
    ex, ey = (tilted, main * profile + 0 * ky) if te else (main * profile + 0 * ky, tilted)
    if side == "below":
        ex, ey = _refracted(beam, kx, ky, ex, ey)
    whole = (index * beam.wavenumber) ** 2
    square = np.maximum(whole - kx**2 - ky**2, 0)
    kz = np.sqrt(np.where(square > 0, square, whole))
    ez = -(kx * ex + ky * ey) / kz
    power = index * square * (np.abs(ex) ** 2 + np.abs(ey) ** 2 + np.abs(ez) ** 2)
    unit = (2 * pi) ** 2 if beam.across is not None else 2 * pi * index * beam.wavenumber
    return FarField(along=ey, across=ex, intensity=power / unit)


def _at(beam: Beam, side: Side, along_x: Real) -> tuple[Complex, Complex]:
    """Spectra along x of u_R R + u_S S and of u_R R - u_S S, of the shape of the wavenumbers."""
    found = beam.emitters
    amplitude = found.up if side == "up" else found.down
    both = (amplitude, amplitude * np.array([[1], [-1]]))
    main, crossed = (found.spectrum(one, along_x.ravel()) for one in both)
    return main.reshape(along_x.shape), crossed.reshape(along_x.shape)


def _refracted(beam: Beam, kx: Real, ky: Real, ex: Complex, ey: Complex) -> tuple[Complex, Complex]:
    """Tangential E behind the lower face of the substrate."""
    k, n = beam.wavenumber, beam.index_below
    lateral = np.hypot(kx, ky)
    inside, outside = (
        np.sqrt(np.maximum((index * k) ** 2 - lateral**2, GRAZING * k**2)) for index in (n, 1.0)
    )
    cosine = np.divide(kx, lateral, out=np.ones_like(lateral), where=lateral > 0)
    sine = np.divide(ky, lateral, out=np.zeros_like(lateral), where=lateral > 0)
    # 2Y / (Y + Y') with the admittances k_z / k across the plane of incidence, n² k / k_z in it.
    s = 2 * inside / (inside + outside) * (cosine * ey - sine * ex)
    p = 2 * n**2 * outside / (n**2 * outside + inside) * (cosine * ex + sine * ey)
    return cosine * p - sine * s, sine * p + cosine * s
