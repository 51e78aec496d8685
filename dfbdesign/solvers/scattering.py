r"""Plane light on one grating period: what is reflected, transmitted and absorbed, order by order.

A wave $\exp(iK_0x)$ of unit amplitude in a half-space excites the matrix $F(k)$ of
`dfbdesign.solvers.modal` at real $k$: with $u = e + r$ outside, where $e$ comes in and $r$ goes
out, continuity of the flux $p\,\partial_z u$ at the outer interface reads

$$ F u = 2\,p\,\gamma\,e . $$

$u$ is $E_y$ (TE) or $H_y$ (TM), and so are all amplitudes. A wave of lateral wavenumber
$K_m = K_0 + 2\pi m/\Lambda$ carries the power $p\,k_z|u|^2$, with $p = 1$ (TE) or $1/\epsilon_x$
(TM). From $\nabla\!\cdot\mathrm{Im}(u^* p \nabla u)$ a slice absorbs

$$ \text{TE: } k^2\!\int \mathrm{Im}\,\epsilon\,|u|^2, \qquad
   \text{TM: } -\!\int \Big(\mathrm{Im}\frac1{\epsilon_x}\,|\partial_z u|^2
   + \mathrm{Im}\frac1{\epsilon_z}\,|\partial_x u|^2\Big) $$

of it. Nothing but the fields enters these integrals, so that reflectance, transmittance and
absorptance sum to one only if the solution is right.
"""

from dataclasses import dataclass, fields
from math import ceil, pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device, Polarization
from dfbdesign.errors import NotConverged
from dfbdesign.solvers.cell_forms import samples
from dfbdesign.solvers.convergence import LEVELS, STAIRS
from dfbdesign.solvers.cutting import periods
from dfbdesign.solvers.incidence import Incidence, Side, carried, incidence
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.modal import Cells, System
from dfbdesign.solvers.period import Period
from dfbdesign.solvers.polynomials import polynomial
from dfbdesign.units import nm

GROWTH = 1.4
"""Degrees of a level over those of the level before. The corners of lines leave errors that fall at
least as the third power (TM), so what is left is less than the last change."""
TOGETHER = 64
"""Waves that are solved together."""


@dataclass(frozen=True)
class Scattering:
    """Plane light on a device; the first axes of all arrays are those of wavelength and angle.

    Reflected and incident waves are referred to the outer interface on their side, at the line
    centre, transmitted waves to the outer interface on the other side.
    """

    polarization: Polarization
    side: Side
    """Where the light comes from."""
    wavelength: Real
    """In vacuum, shape (...) [µm]."""
    angle: Real
    """Angle of incidence from the normal, shape (...) [rad]."""
    orders: NDArray[np.int64]
    """Diffraction orders that are open anywhere in the arrays, shape (order,); 0 is specular."""
    reflection: Complex
    """Amplitude of E_y (TE) or H_y (TM), shape (..., order)."""
    transmission: Complex
    """The same on the other side. A closed order is evanescent and carries no power."""
    reflectance: Real
    """Share of the incident power, shape (..., order)."""
    transmittance: Real
    """The same."""
    reflection_angle: Real
    """Angle of the wavevector from the normal, towards +x [rad]; nan for a closed order."""
    transmission_angle: Real
    """The same on the other side."""
    absorptance: Real
    """Share absorbed in every layer, negative where it amplifies, shape (..., layer)."""
    gain_absorptance: Real
    """Share absorbed in the materials that are marked as gain, shape (...)."""
    total_transmittance: Real
    """Share that enters the half-space on the other side, shape (...)."""
    error: Real
    """Last change of any amplitude or share, a bound of the numerical error, shape (...)."""

    @property
    def total_reflectance(self) -> Real:
        """Share of the incident power reflected into all orders, shape (...)."""
        return np.asarray(self.reflectance.sum(axis=-1))

    @property
    def total_absorptance(self) -> Real:
        """Share of the incident power absorbed in all layers, shape (...)."""
        return np.asarray(self.absorptance.sum(axis=-1))


def scattering(
    device: Device,
    wavelength: ArrayLike,
    angle: ArrayLike = 0.0,
    side: Side = "top",
    polarization: Polarization | None = None,
    accuracy: float = 1e-6,
) -> Scattering:
    """Reflection, transmission and absorption of plane light, incident in the x-z plane.

    Args:
        device: With or without a grating; no target is needed.
        wavelength: Vacuum wavelength, any shape [µm].
        angle: Angle of incidence in the half-space the light comes from, towards +x; broadcasts
            with the wavelength [rad].
        side: Where the light comes from.
        polarization: `None` for that of the device.
        accuracy: Largest numerical error of any amplitude or share.

    Returns:
        All amplitudes and shares.

    Raises:
        InputError: If an argument is out of range, data do not reach a wavelength, or the medium
            the light comes from absorbs.
        NotConverged: If the accuracy is not reached; with the last residual.

    Examples:
        >>> lines = Lines(material=2.30, duty=0.3)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, lines=lines),
        ...             Layer(thickness=160 * nm, material=2.53 + 0.01j)],
        ...     grating=Grating(period=865 * nm),
        ... )
        >>> pumped = scattering(device, 800 * nm, side="substrate")
        >>> pumped.orders
        array([-1,  0,  1])
        >>> np.round(pumped.absorptance, 4)
        array([0.    , 0.0274])
    """
    light = incidence(device, wavelength, angle, side, polarization)
    within("accuracy", accuracy, 1e-12, 1e-1)
    shape = np.broadcast_shapes(np.shape(wavelength), np.shape(angle))
    parts = [
        _converged(light.where(np.arange(i, min(i + TOGETHER, len(light.k)))), accuracy)
        for i in range(0, len(light.k), TOGETHER)
    ]
    names = (one.name for one in fields(_Scattered))
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    angles, shares = zip(*(carried(light, upper) for upper in (light.upper, not light.upper)),
                         strict=True)  # fmt: skip
    return Scattering(
        light.device.polarization,
        side,
        np.broadcast_to(np.asarray(wavelength, dtype=float), shape),
        np.broadcast_to(np.asarray(angle, dtype=float), shape),
        light.orders,
        reflectance=(np.abs(whole["reflection"]) ** 2 * shares[0]).reshape(*shape, -1),
        transmittance=(np.abs(whole["transmission"]) ** 2 * shares[1]).reshape(*shape, -1),
        reflection_angle=angles[0].reshape(*shape, -1),
        transmission_angle=angles[1].reshape(*shape, -1),
        **{name: one.reshape(shape + one.shape[1:]) for name, one in whole.items()},
    )


@dataclass(frozen=True)
class _Scattered:
    """What is compared from level to level; first axis: waves."""

    reflection: Complex
    transmission: Complex
    absorptance: Real
    gain_absorptance: Real
    total_transmittance: Real
    error: Real


def _converged(light: Incidence, accuracy: float) -> _Scattered:
    """All waves, each at the first level that changes it by no more than the accuracy."""
    now, active = _level(light, 0), np.arange(len(light.k))
    for level in range(1, LEVELS):
        after = _level(light.where(active), level)
        for name, before in vars(now).items():
            if name != "error":
                change = np.abs(getattr(after, name) - before[active])
                after.error[:] = np.maximum(after.error, change.reshape(len(active), -1).max(-1))
        for name, before in vars(now).items():
            before[active] = getattr(after, name)
        active = active[~(after.error <= accuracy)]
        if len(active) == 0:
            return now
    raise NotConverged(
        f"scattered amplitudes still carry an error of {now.error.max():.1e} at a wavelength of "
        f"{2 * pi / light.k[active[0]] / nm:g} nm, {accuracy:.1e} is wanted. "
        "Ask for a lower accuracy."
    )


def _level(light: Incidence, level: int) -> _Scattered:
    """All waves in the functions of one level, from 0."""
    turns = light.lateral * light.length / (2 * pi)
    (period,) = periods(
        light.device, turns - np.round(turns), {"grating.period": light.length}, STAIRS * 2**level
    )
    # enough for the open orders to be plane waves to rounding in the widest element
    width = max(0.5, float(np.diff(_edges(period)).max()))
    least = 6 + width * float((light.reach * light.length).max())
    degree = ceil(least * GROWTH**level)
    cells = Cells(period, polynomial(period, degree))
    waves = _plane_waves(cells, light.laterals, degree)
    return _scattered(light, cells, waves)


def _edges(period: Period) -> Real:
    """All walls of all slices and the middle, between which functions are smooth [period]."""
    return np.unique(np.concatenate([[0.0], *(part.walls[0] for part in period.slices)]))


def _plane_waves(cells: Cells, laterals: Real, degree: int) -> Complex:
    """Mean of exp(-iKx) f over a period, shape (wave, sector, order, n)."""
    period = cells.period
    edges = _edges(period)
    nodes, weights = np.polynomial.legendre.leggauss(2 * degree)
    widths = np.diff(edges)[:, None]
    x = (edges[:-1, None] + widths * (nodes + 1) / 2).ravel()
    w = (widths * weights / 2).ravel()
    return np.array([
        [
            (w * np.exp(-1j * np.outer(laterals[row], x * period.length[row])))
            @ cells.lateral.functions(row, sector, x)[0]
            for sector in range(cells.sectors)
        ]
        for row in range(len(laterals))
    ])  # fmt: skip


def _scattered(light: Incidence, cells: Cells, waves: Complex) -> _Scattered:
    count, sectors = waves.shape[:2]
    row, sector = (part.ravel() for part in np.indices((count, sectors)))
    system = cells.at(light.k[row].astype(complex), row, sector)
    specular = int(np.searchsorted(light.orders, 0))
    incident = waves[row, sector, specular].conj()
    flux = system.outer(light.upper)[1]
    u = system.driven(2 * flux * incident, light.upper)
    here, there = (-1, 0) if light.upper else (0, -1)

    reflected = u[:, here] - incident

    def over_sectors(parts: Complex) -> Complex:
        return np.asarray(parts.reshape(count, sectors, *parts.shape[1:]).sum(axis=1))

    def orders(amplitude: Complex) -> Complex:
        return over_sectors((waves[row, sector] @ amplitude[..., None])[..., 0])

    def power(flux: Complex, amplitude: Complex) -> Real:
        return over_sectors(np.sum(-flux.imag * np.abs(amplitude) ** 2, axis=-1) + 0j).real

    absorbed = np.apply_along_axis(over_sectors, -1, _absorbed(system, u) + 0j).real
    absorbed /= power(flux, incident)
    layers = np.zeros((len(light.device.layers), count))
    np.add.at(layers, [part.layer for part in cells.period.slices], absorbed.sum(axis=1))
    gain = np.array([filling.gain for filling in cells.period.fillings])
    return _Scattered(
        orders(reflected),
        orders(u[:, there]),
        layers.T,
        absorbed[:, gain].sum(axis=(0, 1)),
        power(system.outer(not light.upper)[1], u[:, there]) / power(flux, incident),
        np.zeros(count),
    )


def _absorbed(system: System, u: Complex) -> Real:
    """Power absorbed by every filling of every slice, shape (slice, filling, solve)."""
    period, lateral, media = system.cells.period, system.cells.lateral, system.media
    out = np.zeros((len(period.slices), len(media), len(system.k)))
    for number, part in enumerate(period.slices):
        field, rise, weights = samples(system, number, u)
        masses = system.gathered(lateral.masses[number])
        if system.te:
            shares = _shares(field, weights, masses, None)
            for filling, share in zip(part.fillings, shares, strict=True):
                out[number, filling] = system.k.real**2 * media[filling].ordinary.imag * share
            continue
        stiffnesses = system.gathered((lateral.stiffnesses or ())[number])
        along_z = _shares(rise, weights, masses, None)
        along_x = _shares(field, weights, stiffnesses, system.square)
        for filling, across, along in zip(part.fillings, along_z, along_x, strict=True):
            medium = media[filling]
            out[number, filling] = (
                -(1 / medium.ordinary).imag * across - (1 / medium.extraordinary).imag * along
            )
    return out


def _shares(
    field: Complex, weights: Real, matrices: list[Complex], diagonal: Real | None
) -> list[Real]:
    """Integrals of |u|² or |u_x|² over each filling of a slice: the first has the rest."""
    gram = np.swapaxes(field.conj() * weights[..., None], -1, -2) @ field
    whole = np.einsum("sii->si", gram).real
    later = [np.sum(matrix * gram, axis=(-1, -2)).real for matrix in matrices]
    total = np.sum(whole if diagonal is None else whole * diagonal, axis=-1)
    return [total - sum(later), *later]
