r"""Complex Bloch modes of one grating period, both band edges, with labels and coupling.

The modes in a window around the target are the zeros of the matrix F(k) of
`dfbdesign.solvers.fourier_modal`, all of them found by `dfbdesign.solvers.mode_search`. At the
centre and the edge of the Brillouin zone a symmetric period splits into even and odd fields, which
are solved separately, so that two band edges stay apart however close they are.

With the bright (even) and dark (odd) wavenumbers $k_b, k_d$, centre $k_c = (k_b + k_d)/2$ and
$C = (k_b - k_d)/2$, the bands near the symmetry point are $(k - k_c)^2 = C^2 + (q/n_g)^2$; the
coupled-mode coefficient is $\kappa = n_g C$: real for index coupling, with $\mathrm{Im}\,\kappa<0$
for radiation. The group index follows from the matrix element of $\partial F/\partial q$ between
both fields, $1/n_g^2 = m_{bd} m_{db} / (f_b f_d)$ with $f = x^T (\partial F/\partial k)\, x$.

Material data exist for real wavelengths; permittivities are continued to complex frequency to
first order, so Q includes the dispersion of the materials.
"""

from dataclasses import dataclass, field, replace
from itertools import product
from math import inf, pi
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device, Grating, Polarization
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.materials import Axis
from dfbdesign.solvers.fourier_modal import Basis, Cell, Complex, Parity
from dfbdesign.solvers.mode_search import (
    ROUNDING,
    distinct,
    modes_around,
    refined,
    settled,
)
from dfbdesign.units import deg, nm

Label = Literal["bright", "dark", "guided"]

WINDOW = 0.06
"""Half-width of the reported window, relative to the target wavelength."""


@dataclass(frozen=True)
class CellMode:
    """One Bloch mode of the infinite grating."""

    label: Label
    """bright (radiates along the normal), dark (symmetry forbids it), guided (nothing radiates)."""
    wavenumber: complex
    """ω/c, Im < 0 for a mode that decays [1/µm]."""
    wavelength_error: float
    """Numerical error of the wavelength: twice its change on doubling the harmonics, because the
    errors of TM modes do not fall monotonically [µm]."""
    threshold_gain: float | None
    """Material gain of the gain layers at which the infinite grating lases [1/µm]; `None` without
    a gain layer, or if no gain up to 2 Re k (an index of n - i) makes it lase."""
    gain_slope: complex | None
    """dk/dg, exact derivative of the wavenumber with respect to material gain."""
    confinement: float | None
    """Modal over material gain (both power, per length); for the band edges next to the target,
    `None` for other modes and without gain."""
    cell: Cell = field(repr=False, compare=False)
    vector: Complex = field(repr=False, compare=False)

    @property
    def wavelength(self) -> float:
        """Vacuum wavelength 2π / Re k [µm]."""
        return 2 * pi / self.wavenumber.real

    @property
    def quality_factor(self) -> float:
        """-Re k / (2 Im k); infinite for a mode that cannot decay, or not within rounding."""
        if self.wavenumber.imag == 0:
            return inf
        return -self.wavenumber.real / (2 * self.wavenumber.imag)

    def profile(self, x: NDArray[np.float64], z: NDArray[np.float64]) -> Complex:
        """Field E_y (TE) or H_y (TM), scaled to a largest modulus of 1.

        Args:
            x: Positions from the line centre, shape (column,) [µm].
            z: Heights above the substrate, shape (row,) [µm].

        Returns:
            Complex field, shape (row, column).
        """
        values = _amplitudes(self, z) @ self.cell.basis.functions(x).T
        return np.asarray(values / values.flat[np.abs(values).argmax()])


@dataclass(frozen=True)
class CellModes:
    """The Bloch modes of one period in a window around the target."""

    polarization: Polarization
    wavevector: float
    """Bloch wavevector [2π/period], from the zone centre."""
    modes: tuple[CellMode, ...]
    """Sorted by wavelength."""
    n_group: float | None
    """Group index of the waves that the grating couples; `None` without a pair of band edges."""
    kappa: complex | None
    """Coupling coefficient, Im < 0 for radiation [1/µm]."""
    radiation_loss: float | None
    """Power a running wave loses per length, -2 n_group Im k_c [1/µm]: radiation, and absorption of
    the materials if there is any."""
    pair: tuple[CellMode, CellMode] | None = field(repr=False)

    @property
    def band_edges(self) -> tuple[CellMode, CellMode]:
        """Even and odd band edge of the pair next to the target.

        Raises:
            NoGuidedMode: If the window holds no such pair.
        """
        if self.pair is None:
            raise NoGuidedMode(
                "the window holds no pair of band edges. Move the target wavelength."
            )
        return self.pair


def modes(device: Device, wavevector: float | None = None, accuracy: float = 1e-6) -> CellModes:
    """Bloch modes of the infinite grating around the target wavelength.

    Args:
        device: Needs a grating and a target.
        wavevector: Bloch wavevector in units of 2π/period from the zone centre; `None` for the
            band edges of the grating's order (0 for even, 0.5 for odd orders).
        accuracy: Largest relative change of any wavelength on doubling the harmonics.

    Returns:
        All modes within 6 % of the target wavelength, down to a quality factor of 20 in the middle
        of the window and about 100 at its border; a band edge further away, if its partner is in.

    Raises:
        InputError: If the device has no grating or target, or data do not reach the wavelength.
        NoGuidedMode: If there is no mode in the window.
        NotConverged: If the accuracy is not reached or modes were missed; with the last residual.

    Examples:
        >>> lines = Lines(material=2.30, duty=0.3)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, lines=lines),
        ...             Layer(thickness=160 * nm, material=2.53)],
        ...     grating=Grating(period=865 * nm), target=Target(wavelength=1670 * nm),
        ... )
        >>> for mode in modes(device).modes:
        ...     print(mode.label, round(mode.wavelength / nm, 1))
        bright 1666.3
        dark 1674.2
    """
    grating, target = device.need_grating(), device.need_target()
    for material in device.materials():
        material.check_range(target.wavelength)
    _check_walls(device)
    within("accuracy", accuracy, 1e-10, 1e-2)
    edge = 0.5 * (grating.order % 2)
    wavevector = edge if wavevector is None else within("wavevector", wavevector, -0.5, 0.5)
    found = [
        mode
        for parity in _parities(wavevector)
        for mode in _converged(device, wavevector, parity, accuracy)
    ]
    return _with_coupling(device, grating, wavevector, tuple(found))


def _check_walls(device: Device) -> None:
    for number, layer in enumerate(device.layers, start=1):
        if layer.lines is not None and abs(layer.lines.sidewall - pi / 2) > ROUNDING:
            raise InputError(
                f"layer {number} lines sidewall must be 90 deg here, got "
                f"{layer.lines.sidewall / deg:g} deg: slanted walls are not solved yet. Use a few "
                "thin layers of changing duty instead."
            )


def _parities(wavevector: float) -> tuple[Parity, ...]:
    return ("even", "odd") if abs(wavevector) in (0.0, 0.5) else ("none",)


def _nothing_found(device: Device, grating: Grating, wavelength: float) -> str:
    return (
        f"no {device.polarization} mode of the grating within {WINDOW:.0%} of "
        f"{wavelength / nm:g} nm: the film may be too thin to guide, or the period "
        f"({grating.period / nm:g} nm, order {grating.order}) asks for another wavelength. "
        'See "dfb slab" for the modes of the film.'
    )


def _converged(
    device: Device, wavevector: float, parity: Parity, accuracy: float
) -> list[CellMode]:
    """All modes of one parity, harmonics doubled until no wavelength moves."""
    grating, target = device.need_grating(), device.need_target()
    centre = 2 * pi / target.wavelength
    harmonics = 4 + 2 * grating.order
    cell = Cell(device, Basis(grating.period, wavevector, parity, harmonics))
    solved, moves = modes_around(cell, centre), [inf]
    for _ in range(4):
        finer = replace(cell, basis=replace(cell.basis, harmonics=2 * cell.basis.harmonics))
        fine = settled(finer, [(k, _padded(cell, finer, x)) for k, x in solved])
        if len(distinct(fine)) < len(solved):  # a mode has moved too far to be followed
            fine, moves = modes_around(finer, centre), [inf]
        else:
            moves = [abs(b - a) / centre for (a, _), (b, _) in zip(solved, fine, strict=True)]
        cell, solved = finer, fine
        if max(moves, default=0.0) <= accuracy:
            return [
                _result(cell, k, x, 4 * pi * centre * move / k.real**2)
                for (k, x), move in zip(solved, moves, strict=True)
            ]
    raise NotConverged(
        f"the band edges still move by {max(moves):.1e} (relative) at {cell.basis.harmonics} "
        f"harmonics, {accuracy:.1e} is wanted. Ask for a lower accuracy."
    )


def _padded(coarse: Cell, fine: Cell, vector: Complex) -> Complex:
    """The same field in a larger basis."""
    rows = vector.reshape(-1, len(coarse.basis.lateral))
    extra = len(fine.basis.lateral) - rows.shape[1]
    before = extra // 2 if coarse.basis.parity == "none" else 0
    return np.asarray(np.pad(rows, ((0, 0), (before, extra - before))).ravel())


def _result(cell: Cell, k: complex, vector: Complex, error: float) -> CellMode:
    if not _can_decay(cell, k) or abs(k.imag) < ROUNDING * k.real:
        k = complex(k.real)
    slope = _gain_slope(cell, k, vector)
    threshold = None if slope is None else _threshold_gain(cell, k, vector, slope)
    return CellMode(_label(cell, k, vector), k, error, threshold, slope, None, cell, vector)


def _gain_slope(cell: Cell, k: complex, vector: Complex) -> complex | None:
    if not any(layer.gain or (layer.lines and layer.lines.gain) for layer in cell.device.layers):
        return None
    system = cell.at(np.asarray(k))
    shape = system.field(vector)
    return complex(-system.gain_form(shape) / system.wavenumber_form(shape))


def _threshold_gain(cell: Cell, k: complex, vector: Complex, slope: complex | None) -> float | None:
    """Material gain that makes the wavenumber real, by Newton steps with the exact slope."""
    gain, limit = 0.0, 2 * k.real
    for _ in range(20):
        if abs(k.imag) < ROUNDING * k.real:
            return gain
        if slope is None or slope.imag <= 0:
            return None
        gain -= k.imag / slope.imag
        if abs(gain) > limit:
            return None
        pumped = replace(cell, gain=gain)
        k, vector = refined(pumped, k, vector)
        slope = _gain_slope(pumped, k, vector)
    raise NotConverged(f"threshold gain: Im k / Re k is still {k.imag / k.real:.1e}.")


def _open_channels(cell: Cell, k: complex) -> bool:
    """Whether any plane wave of this symmetry can leave into a half-space."""
    axis: Axis = "ordinary" if cell.device.polarization == "TE" else "extraordinary"
    ends = (cell.device.substrate.material, cell.device.superstrate.material)
    indices = [float(end.index(2 * pi / k.real, axis).real) for end in ends]
    return bool((np.abs(cell.basis.lateral) < k.real * max(indices)).any())


def _can_decay(cell: Cell, k: complex) -> bool:
    lossy = any(
        material.permittivity(2 * pi / k.real, axis).imag != 0
        for material in cell.device.materials()
        for axis in get_args(Axis)
    )
    return lossy or cell.gain != 0 or _open_channels(cell, k)


def _label(cell: Cell, k: complex, vector: Complex) -> Label:
    basis = cell.basis
    if not _open_channels(replace(cell, basis=replace(basis, parity="none")), k):
        return "guided"
    if abs(basis.wavevector) == 0.5:
        return "bright" if _open_channels(cell, k) else "guided"
    if basis.parity != "none":
        return "bright" if basis.parity == "even" else "dark"
    u = np.concatenate(cell.at(np.asarray(k)).field(vector).u)
    even, odd = np.abs(u + u[:, ::-1]) ** 2, np.abs(u - u[:, ::-1]) ** 2
    return "bright" if even.sum() > odd.sum() else "dark"


def _pair(device: Device, found: tuple[CellMode, ...]) -> tuple[CellMode, CellMode, float] | None:
    """Even and odd band edge of one slab mode next to the target, and their group index."""
    centre = 2 * pi / device.need_target().wavelength
    evens = [mode for mode in found if mode.cell.basis.parity == "even"]
    odds = [mode for mode in found if mode.cell.basis.parity == "odd"]

    def distance(pair: tuple[CellMode, CellMode]) -> float:
        even, odd = (mode.wavenumber for mode in pair)
        return abs(even - odd) + abs(even + odd - 2 * centre) / 2

    for even, odd in sorted(product(evens, odds), key=distance):
        if _likeness(even, odd) > 0.5:
            return even, odd, _group_index(even, odd)
    return None


def _likeness(even: CellMode, odd: CellMode) -> float:
    """Correlation of the fields along z: near 1 for edges of one slab mode, near 0 for two."""
    z = np.linspace(0, sum(layer.thickness for layer in even.cell.device.layers), 256)
    shapes = [
        _amplitudes(mode, z)[:, mode.cell.basis.lateral > 0] for mode in (even, odd)
    ]  # without the constant, which sines lack
    shared = min(shape.shape[1] for shape in shapes)
    a, b = (shape[:, :shared] for shape in shapes)
    return float(abs(np.vdot(a, b)) / (np.linalg.norm(a) * np.linalg.norm(b)))


def _with_coupling(
    device: Device, grating: Grating, wavevector: float, found: tuple[CellMode, ...]
) -> CellModes:
    """The modes in the window; group index, coupling and confinement of the pair next to it."""
    wavelength = device.need_target().wavelength
    near = [mode for mode in found if abs(mode.wavelength / wavelength - 1) <= WINDOW]
    if not near:
        raise NoGuidedMode(_nothing_found(device, grating, wavelength))
    matched = _pair(device, found)
    if matched is None or not any(mode is edge for mode in near for edge in matched[:2]):
        kept = tuple(sorted(near, key=lambda mode: mode.wavelength))
        return CellModes(device.polarization, wavevector, kept, None, None, None, None)
    n_group = matched[2]
    even, odd = (_confined(mode, n_group) for mode in matched[:2])
    others = [mode for mode in near if not any(mode is edge for edge in matched[:2])]
    kept = tuple(sorted([even, odd, *others], key=lambda mode: mode.wavelength))
    kappa = n_group * (even.wavenumber - odd.wavenumber) / 2
    loss = -n_group * (even.wavenumber + odd.wavenumber).imag
    return CellModes(device.polarization, wavevector, kept, n_group, kappa, loss, (even, odd))


def _confined(mode: CellMode, n_group: float) -> CellMode:
    if mode.gain_slope is None:
        return mode
    return replace(mode, confinement=2 * n_group * mode.gain_slope.imag)


def _group_index(even: CellMode, odd: CellMode) -> float:
    """Group index of the coupled waves, from how a wavevector mixes both band edges."""
    harmonics = max(even.cell.basis.harmonics, odd.cell.basis.harmonics)
    start = even.cell.basis.wavevector
    step = 1e-4  # F mixes the parities in odd powers of it: an error of 1e-8
    plane = Basis(even.cell.basis.period, start + step, "none", harmonics + 1)
    full = Cell(even.cell.device, plane)
    F = full.at(np.asarray((even.wavenumber + odd.wavenumber) / 2)).matrix()
    vectors = [_in_plane_waves(mode, plane) for mode in (even, odd)]
    mixing = vectors[0] @ F @ vectors[1]
    forms = _form(even), -_form(odd)  # x^T x of a sine, in plane waves, is negative
    q = step * 2 * pi / plane.period
    return float(np.sqrt(q**2 * forms[0] * forms[1] / mixing**2).real)


def _form(mode: CellMode) -> complex:
    system = mode.cell.at(np.asarray(mode.wavenumber))
    return system.wavenumber_form(system.field(mode.vector))


def _in_plane_waves(mode: CellMode, plane: Basis) -> Complex:
    """Cosine or sine amplitudes as amplitudes of exp(±imKx)."""
    rows = mode.vector.reshape(-1, len(mode.cell.basis.lateral))
    order = np.rint(mode.cell.basis.lateral * plane.period / (2 * pi) - mode.cell.basis.wavevector)
    turned = np.zeros((rows.shape[0], len(plane.lateral)), dtype=complex)
    sign = 1 if mode.cell.basis.parity == "even" else -1
    shift = round(2 * mode.cell.basis.wavevector)
    factor = np.sqrt(0.5) if sign == 1 else -1j * np.sqrt(0.5)
    for column, m in enumerate(order.astype(int)):
        zero = m == 0 and shift == 0
        turned[:, plane.harmonics + m] += rows[:, column] * (1 if zero else factor)
        if not zero:
            turned[:, plane.harmonics - m - shift] += sign * rows[:, column] * factor
    return turned.ravel()


def _amplitudes(mode: CellMode, z: NDArray[np.float64]) -> Complex:
    """Lateral amplitudes at heights above the substrate, shape (height, n)."""
    system = mode.cell.at(np.asarray(mode.wavenumber))
    u = mode.vector.reshape(len(system.slices) + 1, -1)
    out = np.zeros((len(z), u.shape[1]), dtype=complex)
    below, above = system.decay_rates()
    edges = np.concatenate([[0.0], np.cumsum([part.thickness for part in system.slices])])
    out[z < 0] = u[0] * np.exp(below * z[z < 0, None])
    for number, part in enumerate(system.slices):
        inside = (z >= edges[number]) & (z <= edges[number + 1])
        out[inside] = part.profile(u[number], u[number + 1], z[inside] - edges[number])[0]
    outside = z > edges[-1]
    out[outside] = u[-1] * np.exp(-above * (z[outside, None] - edges[-1]))
    return out
