r"""Where the power of plane light goes in a stack of layers, patterned by lines or not.

The field is expanded in the orders $k_m = k_0 n_1\sin\theta + 2\pi m/\Lambda$ along the grating
vector. With $S$ the amplitudes of $E_y$ (TE) or $H_y$ (TM) and $\zeta$ the depth, each layer obeys
$S'' = -Q S$ and has the transverse partner $U = B S'/ik_0$, with ($K$ the diagonal matrix of
$k_m$, $[\![f]\!]$ the Toeplitz matrix of the Fourier coefficients of $f$)

| | $Q$ | $B$ |
|---|---|---|
| TE | $k_0^2[\![\epsilon]\!] - K^2$ | $1$ |
| TM | $[\![1/\epsilon]\!]^{-1}(k_0^2 - K[\![\epsilon]\!]^{-1}K)$ | $[\![1/\epsilon]\!]$ |

(the inverse rule in TM: Li, J. Opt. Soc. Am. A 13, 1870 (1996)). The power flow is
$\mathrm{Re}\,S^\dagger U$, and what is absorbed per depth $k_0\,\mathrm{Im}\,\epsilon\,|E|^2$ of
the same units, as a fraction of the incident flow. Order zero alone is the averaged grating: the
mean permittivity in TE, the harmonic mean across the lines in TM.

The admittance, $U = YS$, is carried from the last interface to the first and the field back from
the first to the last; both recursions only ever shrink, so thick absorbing layers are no trouble.
"""

from dataclasses import dataclass
from math import pi, sin
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.device import Polarization
from dfbdesign.errors import InputError

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Slice:
    """One layer: lines in a surrounding material."""

    thickness: float
    """Thickness [µm]."""
    index: complex
    """Index of the material between the lines, or of the whole layer."""
    line_index: complex = 1.0
    """Index of the lines."""
    duty: float = 0.0
    """Line width over period."""


@dataclass(frozen=True)
class Beam:
    """Plane light in the plane of the grating vector."""

    wavelength: float
    """Vacuum wavelength [µm]."""
    angle: float = 0.0
    """Angle of incidence in the first medium [rad]."""
    polarization: Polarization = "TE"
    """E (TE) or H (TM) along the lines."""


@dataclass(frozen=True)
class StackLight:
    """Where the power goes, as fractions of the incident; layers in the order light meets them."""

    orders: NDArray[np.int64]
    """Diffraction orders, shape (order)."""
    reflection: Complex
    """Amplitude reflection at the lit surface, of E_y or H_y, shape (order)."""
    reflected: Real
    """Reflected power, shape (order)."""
    transmitted: Real
    """Power that enters the last medium, shape (order)."""
    absorbed: Real
    """Power that each layer absorbs, shape (layer)."""
    depth: Real
    """Depths inside each layer from its lit surface, shape (layer, point) [µm]."""
    density: Real
    """Absorbed power per depth there, in the lines and between them, shape (layer, part, point),
    part = 0 between, 1 in the lines [1/µm]."""


def stack_light(
    first: complex,
    slices: tuple[Slice, ...],
    last: complex,
    beam: Beam,
    period: float = 1.0,
    orders: int = 0,
    points: int = 33,
) -> StackLight:
    """Reflection, transmission and absorption of a stack of passive layers.

    Args:
        first: Index of the medium the light comes from; transparent.
        slices: The layers, in the order light meets them.
        last: Index of the last medium.
        beam: The light.
        period: Period of the lines [µm].
        orders: Highest diffraction order on either side; 0 averages over the lines.
        points: Number of depths per layer, ends included, at which the density is given.

    Returns:
        The powers, as fractions of the incident one.

    Raises:
        InputError: If the first medium absorbs (incident power is then undefined), any medium has
            gain, or the polarisation, the angle or the number of orders makes no sense.

    Examples:
        A quarter wave of index 1.5 on glass of index 2.25 does not reflect.

        >>> light = stack_light(1, (Slice(1 / 6, 1.5),), 2.25, Beam(1.0))
        >>> round(float(light.reflected[0]), 12), round(float(light.transmitted[0]), 12)
        (0.0, 1.0)
    """
    _check(first, slices, last, beam, orders)
    k0 = 2 * pi / beam.wavelength
    number = np.arange(-orders, orders + 1)
    along = np.asarray(k0 * first.real * sin(beam.angle) + 2 * pi * number / period)
    media = [_Medium.of(one, along, k0, beam.polarization) for one in slices]
    entry, exit_ = (_admittance(n, along, k0, beam.polarization) for n in (first, last))

    back: list[Complex] = []
    admittance = np.asarray(np.diag(exit_))
    for medium in reversed(media):
        returned = medium.returned(admittance)
        back.insert(0, returned)
        admittance = medium.admittance(returned)
    incident = np.where(number == 0, 1.0 + 0j, 0)
    # S = incident + reflected, U = entry (incident - reflected) = Y S
    field: Complex = np.asarray(np.linalg.solve(np.diag(entry) + admittance, 2 * entry * incident))
    scale = float(entry[orders].real)
    reflection = np.asarray(field - incident)
    flow, density = [float(np.vdot(field, admittance @ field).real) / scale], []
    depth = np.array([one.thickness for one in slices])[:, None] * np.linspace(0, 1, points)
    for medium, returned, where in zip(media, back, depth, strict=True):
        across, partner = medium.fields(returned, field, where)
        density.append(medium.losses(across, partner) / scale)
        field = across[-1]
        flow.append(float(np.vdot(field, partner[-1]).real) / scale)
    return StackLight(
        orders=number,
        reflection=reflection,
        reflected=np.abs(reflection) ** 2 * entry.real / scale,
        transmitted=np.abs(field) ** 2 * exit_.real / scale,
        absorbed=-np.diff(flow),
        depth=depth,
        density=np.reshape(density, (len(slices), 2, points)),
    )


def _check(
    first: complex, slices: tuple[Slice, ...], last: complex, beam: Beam, orders: int
) -> None:
    for index in (first, last, *(n for one in slices for n in (one.index, one.line_index))):
        if complex(index).imag < 0:
            raise InputError(f"every medium must be passive, got index {index}.")
    if complex(first).imag != 0:
        raise InputError("the medium light comes from must be transparent at the pump wavelength.")
    within("angle (in rad)", beam.angle, -1.5, 1.5)
    if beam.polarization not in get_args(Polarization):
        raise InputError(f'polarization must be TE or TM, got "{beam.polarization}".')
    within("orders", orders, 0, 200)


def _admittance(index: complex, along: Real, k0: float, polarization: Polarization) -> Complex:
    """U over S of outgoing light in a uniform medium, shape (order)."""
    steep = np.sqrt(complex(index) ** 2 * k0**2 - along**2 + 0j) / k0
    return np.asarray(steep if polarization == "TE" else steep / complex(index) ** 2)


def _toeplitz(duty: float, between: complex, inside: complex, size: int) -> Complex:
    """Matrix of the Fourier coefficients of what has one value in the lines, one between them."""
    step = np.subtract.outer(np.arange(size), np.arange(size))
    lines = duty * np.sinc(step * duty)
    return np.asarray(between * (np.eye(size) - lines) + inside * lines, dtype=complex)


@dataclass(frozen=True)
class _Medium:
    """The waves of one layer: S = across (down e^{iq zeta} + up e^{iq (L - zeta)})."""

    across: Complex
    partner: Complex
    wavenumber: Complex
    once: Complex  # e^{iqL}
    thickness: float
    forms: tuple[tuple[Complex, Complex], tuple[Complex, Complex]]
    """Absorption as quadratic forms of S and of U, for either part."""

    @classmethod
    def of(cls, one: Slice, along: Real, k0: float, polarization: Polarization) -> "_Medium":
        gap, line = complex(one.index) ** 2, complex(one.line_index) ** 2
        mean, k = _toeplitz(one.duty, gap, line, len(along)), np.diag(along / k0)
        parts = (gap.imag, 0.0), (0.0, line.imag)
        forms: list[tuple[Complex, Complex]] = []
        if polarization == "TE":
            squares, admit = mean - k @ k, np.eye(len(along), dtype=complex)
            for part in parts:
                form = k0 * _toeplitz(one.duty, *part, len(along))
                forms.append((form, np.zeros_like(form)))
        else:
            admit = _toeplitz(one.duty, 1 / gap, 1 / line, len(along))
            upright, straight = np.linalg.solve(mean, k), np.linalg.inv(admit)  # to E_z, to D_x
            squares = straight @ (np.eye(len(along)) - k @ upright)
            for part in parts:
                of_z = _toeplitz(one.duty, *part, len(along))
                of_x = _toeplitz(
                    one.duty, part[0] / abs(gap) ** 2, part[1] / abs(line) ** 2, len(along)
                )
                form = k0 * upright.conj().T @ of_z @ upright
                forms.append((form, k0 * straight.conj().T @ of_x @ straight))
        value, across = np.linalg.eig(squares)
        q = np.sqrt(value + 0j)
        q = np.where(q.imag < 0, -q, q)
        return cls(
            across=across,
            partner=admit @ across * q,
            wavenumber=np.asarray(k0 * q),
            once=np.exp(1j * k0 * q * one.thickness),
            thickness=one.thickness,
            forms=(forms[0], forms[1]),
        )

    def returned(self, beyond: Complex) -> Complex:
        """Amplitudes up from the far side, of those down to it, there."""
        return np.asarray(
            np.linalg.solve(
                self.partner + beyond @ self.across, self.partner - beyond @ self.across
            )
            * self.once
        )

    def admittance(self, returned: Complex) -> Complex:
        """Admittance at the near side."""
        there_and_back = self.once[:, None] * returned
        one = np.eye(len(self.once))
        both = self.across @ (one + there_and_back)
        return np.asarray(np.linalg.solve(both.T, (self.partner @ (one - there_and_back)).T).T)

    def fields(self, returned: Complex, near: Complex, depth: Real) -> tuple[Complex, Complex]:
        """S and U, shape (point, order), at depths, from S at the near side."""
        one = np.eye(len(self.once))
        down = np.linalg.solve(self.across @ (one + self.once[:, None] * returned), near)
        falling = np.exp(1j * self.wavenumber * depth[:, None]) * down
        rising = np.exp(1j * self.wavenumber * (self.thickness - depth[:, None])) * (
            returned @ down
        )
        return (falling + rising) @ self.across.T, (falling - rising) @ self.partner.T

    def losses(self, across: Complex, partner: Complex) -> Real:
        """Absorbed power per depth, shape (part, point)."""
        return np.array(
            [
                np.einsum("pi,ij,pj->p", across.conj(), of_s, across).real
                + np.einsum("pi,ij,pj->p", partner.conj(), of_u, partner).real
                for of_s, of_u in self.forms
            ]
        )
