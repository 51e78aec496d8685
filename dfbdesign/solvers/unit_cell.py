r"""Complex Bloch modes of one grating period, both band edges, with labels and coupling.

The modes in a window around the target are found by a contour integral (Beyn, Linear Algebra Appl.
436, 3839 (2012), integral algorithm 1) over the resolvent of $F(k)$ (see
`dfbdesign.solvers.fourier_modal`), counted by the winding of $\det F$ along the same contour, and
refined by Newton steps on the eigenvalue of $F$ next to zero. A search that does not find as many
modes as the winding counts is an error, never a shorter list. At the centre and the edge of the
Brillouin zone a symmetric period splits into even and odd fields, which are solved separately, so
that two band edges stay apart however close they are.

With the bright (even) and dark (odd) wavenumbers $k_b, k_d$, centre $k_c = (k_b + k_d)/2$ and
$C = (k_b - k_d)/2$, the bands near the symmetry point are $(k - k_c)^2 = C^2 + (q/n_g)^2$; the
coupled-mode coefficient is $\kappa = n_g C$: real for index coupling, with $\mathrm{Im}\,\kappa<0$
for radiation. The group index follows from the matrix element of $\partial F/\partial q$ between
both fields, $1/n_g^2 = m_{bd} m_{db} / (f_b f_d)$ with $f = x^T (\partial F/\partial k)\, x$.

Material data exist for real wavelengths; permittivities are continued to complex frequency to
first order, so Q includes the dispersion of the materials.
"""

from dataclasses import dataclass, field, replace
from math import inf, pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device, Grating, Polarization
from dfbdesign.errors import NoGuidedMode, NotConverged
from dfbdesign.solvers.fourier_modal import Basis, Cell, Complex, Field, Parity
from dfbdesign.units import nm

Label = Literal["bright", "dark", "guided"]

WINDOW = 0.06
"""Half-width of the searched window, relative to the target wavelength."""
LOWEST_Q = 20.0
"""Smallest quality factor searched for; film resonances of a few round trips are left out."""


@dataclass(frozen=True)
class CellMode:
    """One Bloch mode of the infinite grating."""

    label: Label
    """bright (radiates along the normal), dark (symmetry forbids it), guided (nothing radiates)."""
    wavenumber: complex
    """ω/c, Im < 0 for a mode that decays [1/µm]."""
    wavelength_error: float
    """Numerical error of the wavelength: its change on doubling the harmonics [µm]."""
    threshold_gain: float | None
    """Material gain of the gain layers at which the infinite grating lases [1/µm]; `None` without
    a gain layer."""
    gain_slope: complex | None
    """dk/dg, exact derivative of the wavenumber with respect to material gain."""
    confinement: float | None
    """Modal over material gain (both power, per length); `None` without gain or group index."""
    cell: Cell = field(repr=False, compare=False)
    vector: Complex = field(repr=False, compare=False)

    @property
    def wavelength(self) -> float:
        """Vacuum wavelength 2π / Re k [µm]."""
        return 2 * pi / self.wavenumber.real

    @property
    def quality_factor(self) -> float:
        """-Re k / (2 Im k); infinite for a mode that cannot decay."""
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
    """Power a running wave loses to radiation per length, -2 n_group Im k_c [1/µm]."""

    @property
    def band_edges(self) -> tuple[CellMode, CellMode]:
        """Even and odd band edge of the pair next to the target.

        Raises:
            NoGuidedMode: If the window holds no such pair.
        """
        return _pair(self.modes, 2 * pi / self.modes[0].cell.device.need_target().wavelength)


def modes(device: Device, wavevector: float | None = None, accuracy: float = 1e-6) -> CellModes:
    """Bloch modes of the infinite grating around the target wavelength.

    Args:
        device: Needs a grating and a target.
        wavevector: Bloch wavevector in units of 2π/period from the zone centre; `None` for the
            band edges of the grating's order (0 for even, 0.5 for odd orders).
        accuracy: Largest relative change of any wavelength on doubling the harmonics.

    Returns:
        All modes within 6 % of the target wavelength and above a quality factor of 20.

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
    within("accuracy", accuracy, 1e-10, 1e-2)
    edge = 0.5 * (grating.order % 2)
    wavevector = edge if wavevector is None else within("wavevector", wavevector, -0.5, 0.5)
    found = [
        mode
        for parity in _parities(wavevector)
        for mode in _converged(device, wavevector, parity, accuracy)
    ]
    if not found:
        raise NoGuidedMode(_nothing_found(device, grating, target.wavelength))
    found.sort(key=lambda mode: mode.wavelength)
    return _with_coupling(device, wavevector, tuple(found))


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
    cell = Cell(device, Basis(grating.period, wavevector, parity, harmonics), about=centre)
    starts = _all_in_window(cell, centre)
    cell = replace(cell, about=None)
    solved = [_newton(cell, k, vector) for k, vector in starts]
    for _ in range(4):
        finer = replace(cell, basis=replace(cell.basis, harmonics=2 * cell.basis.harmonics))
        fine = [_newton(finer, k, _padded(cell, finer, x)) for k, x in solved]
        moves = [abs(k1 - k0) / centre for (k0, _), (k1, _) in zip(solved, fine, strict=True)]
        cell, solved = finer, fine
        if max(moves, default=0.0) <= accuracy:
            return [
                _result(cell, k, x, move * target.wavelength)
                for (k, x), move in zip(solved, moves, strict=True)
            ]
    raise NotConverged(
        f"the band edges still move by {max(moves):.1e} (relative) at {cell.basis.harmonics} "
        f"harmonics, {accuracy:.1e} is wanted. Ask for a lower accuracy."
    )


def _contour(cell: Cell, centre: float) -> tuple[float, float, float]:
    """Centre and half axes of the searched ellipse, kept off the Rayleigh anomalies."""
    low, high = centre * (1 - WINDOW), centre * (1 + WINDOW)
    for half_space in (cell.device.substrate, cell.device.superstrate):
        index = half_space.material.index(2 * pi / centre, "extraordinary").real
        for anomaly in np.abs(cell.basis.lateral) / float(index):
            if low < anomaly <= centre:
                low = anomaly
            elif centre < anomaly < high:
                high = anomaly
    return (low + high) / 2, (high - low) / 2, centre / (2 * LOWEST_Q)


def _all_in_window(cell: Cell, centre: float) -> list[tuple[complex, Complex]]:
    """Wavenumber and interface field of every mode in the window, counted by the winding."""
    middle, across, up = _contour(cell, centre)
    for points in (32, 64, 128, 256):
        angle = 2 * pi * (np.arange(points) + 0.5) / points
        k = middle + across * np.cos(angle) + 1j * up * np.sin(angle)
        weight = (-across * np.sin(angle) + 1j * up * np.cos(angle)) / (1j * points)
        system = cell.at(k)
        F = system.matrix()
        count, steps = _winding(F, system.log_pole_factor())
        if steps > 1.0:  # the phase must be followed safely, a third of a turn is a guess
            continue
        found = _beyn(F, k - middle, weight, count)
        inside = [
            (middle + shift, vector)
            for shift, vector in found
            if (shift.real / across) ** 2 + (shift.imag / up) ** 2 < 1
        ]
        if len(inside) == count:
            return inside
    raise NotConverged(
        f"the search found {len(inside)} modes where the contour counts {count}. "
        "Move the target wavelength a little."
    )


def _winding(F: Complex, log_factor: Complex) -> tuple[int, float]:
    """Zeros of det F inside the contour, and the largest phase step between its points."""
    sign, _ = np.linalg.slogdet(F)
    phase = np.angle(sign) + log_factor.imag
    steps = np.diff(np.append(phase, phase[0]))
    steps = (steps + pi) % (2 * pi) - pi
    return round(float(steps.sum()) / (2 * pi)), float(np.abs(steps).max())


def _beyn(F: Complex, shift: Complex, weight: Complex, count: int) -> list[tuple[complex, Complex]]:
    """Eigenvalues inside the contour (relative to its middle) and eigenvectors."""
    if count == 0:
        return []
    size = F.shape[-1]
    probe = np.random.default_rng(0).standard_normal((size, min(size, count + 2)))
    solved = np.linalg.solve(F, probe)
    moment0 = np.einsum("k,kij->ij", weight, solved)
    moment1 = np.einsum("k,kij->ij", weight * shift, solved)
    left, singular, right = np.linalg.svd(moment0, full_matrices=False)
    left, singular, right = left[:, :count], singular[:count], right[:count]
    small = left.conj().T @ moment1 @ right.conj().T / singular
    values, vectors = np.linalg.eig(small)
    return [(complex(v), left @ vectors[:, i]) for i, v in enumerate(values)]


def _newton(cell: Cell, k: complex, vector: Complex) -> tuple[complex, Complex]:
    """Refine a mode; the Rayleigh quotient of a symmetric F converges faster than Newton."""
    step: complex = inf
    for _ in range(20):
        system = cell.at(np.asarray(k))
        F = system.matrix()
        vector = np.asarray(np.linalg.solve(F, vector))
        vector = np.asarray(vector / np.abs(vector).max())
        step = complex(
            -(_left(cell, vector) @ F @ vector) / system.wavenumber_form(system.field(vector))
        )
        k += step
        if abs(step) < 1e-13 * abs(k):
            return k, vector
    raise NotConverged(
        f"the mode near {2 * pi / k.real / nm:.3f} nm did not settle: "
        f"last relative step {abs(step / k):.1e}."
    )


def _left(cell: Cell, vector: Complex) -> Complex:
    """The left eigenvector of F: the field of the mirrored period."""
    if cell.basis.parity != "none":
        return vector
    return np.asarray(vector.reshape(-1, len(cell.basis.lateral))[:, ::-1].ravel())


def _padded(coarse: Cell, fine: Cell, vector: Complex) -> Complex:
    """The same field in a larger basis."""
    rows = vector.reshape(-1, len(coarse.basis.lateral))
    extra = len(fine.basis.lateral) - rows.shape[1]
    before = extra // 2 if coarse.basis.parity == "none" else 0
    return np.asarray(np.pad(rows, ((0, 0), (before, extra - before))).ravel())


def _result(cell: Cell, k: complex, vector: Complex, error: float) -> CellMode:
    if not _can_decay(cell):
        k = complex(k.real)  # what is left of Im k is rounding
    system = cell.at(np.asarray(k))
    shape = system.field(vector)
    slope = None
    if any(layer.gain or (layer.lines and layer.lines.gain) for layer in cell.device.layers):
        slope = complex(-system.gain_form(shape) / system.wavenumber_form(shape))
    threshold = None if slope is None else _threshold_gain(cell, k, vector, slope)
    return CellMode(_label(cell, shape), k, error, threshold, slope, None, cell, vector)


def _threshold_gain(cell: Cell, k: complex, vector: Complex, slope: complex) -> float:
    """Material gain that makes the wavenumber real (secant steps from the exact slope)."""
    gain, growth, rate = 0.0, k.imag, slope.imag
    for _ in range(12):
        if abs(growth) < 1e-13 * k.real:
            return gain
        step = -growth / rate
        k, vector = _newton(replace(cell, gain=gain + step), k, vector)
        rate = (k.imag - growth) / step
        gain, growth = gain + step, k.imag
    raise NotConverged(f"threshold gain: Im k / Re k is still {growth / k.real:.1e}.")


def _open_channels(cell: Cell) -> bool:
    """Whether any plane wave of this symmetry can leave into a half-space."""
    k = 2 * pi / cell.device.need_target().wavelength
    ends = (cell.device.substrate.material, cell.device.superstrate.material)
    indices = [float(end.index(2 * pi / k, "extraordinary").real) for end in ends]
    return bool((np.abs(cell.basis.lateral) < k * max(indices)).any())


def _can_decay(cell: Cell) -> bool:
    wavelength = cell.device.need_target().wavelength
    lossy = any(
        material.permittivity(wavelength, axis).imag != 0
        for material in cell.device.materials()
        for axis in ("ordinary", "extraordinary")
    )
    return lossy or cell.gain != 0 or _open_channels(cell)


def _label(cell: Cell, shape: Field) -> Label:
    basis = cell.basis
    if not _open_channels(replace(cell, basis=replace(basis, parity="none"))):
        return "guided"
    if abs(basis.wavevector) == 0.5:
        return "bright" if _open_channels(cell) else "guided"
    if basis.parity != "none":
        return "bright" if basis.parity == "even" else "dark"
    u = np.concatenate(shape.u)
    even, odd = np.abs(u + u[:, ::-1]) ** 2, np.abs(u - u[:, ::-1]) ** 2
    return "bright" if even.sum() > odd.sum() else "dark"


def _pair(found: tuple[CellMode, ...], centre: float) -> tuple[CellMode, CellMode]:
    """Even and odd band edge next to the target: by rank among their own kind."""
    evens = [mode for mode in found if mode.cell.basis.parity == "even"]
    odds = [mode for mode in found if mode.cell.basis.parity == "odd"]
    if not (evens and odds):
        raise NoGuidedMode("the window holds no pair of band edges. Move the target wavelength.")
    return min(
        ((even, odd) for even in evens for odd in odds),
        key=lambda pair: (
            abs(pair[0].wavenumber - pair[1].wavenumber)
            + abs(pair[0].wavenumber + pair[1].wavenumber - 2 * centre) / 2
        ),
    )


def _with_coupling(device: Device, wavevector: float, found: tuple[CellMode, ...]) -> CellModes:
    """Group index, coupling and confinement of the pair of band edges, if there is one."""
    polarization = device.polarization
    try:
        even, odd = _pair(found, 2 * pi / device.need_target().wavelength)
    except NoGuidedMode:
        return CellModes(polarization, wavevector, found, None, None, None)
    n_group = _group_index(even, odd)
    confined = tuple(
        replace(mode, confinement=2 * n_group * mode.gain_slope.imag)
        if mode.gain_slope is not None
        else mode
        for mode in found
    )
    kappa = n_group * (even.wavenumber - odd.wavenumber) / 2
    loss = -n_group * (even.wavenumber + odd.wavenumber).imag
    return CellModes(polarization, wavevector, confined, n_group, kappa, loss)


def _group_index(even: CellMode, odd: CellMode) -> float:
    """Group index of the coupled waves, from how a wavevector mixes both band edges."""
    harmonics = max(even.cell.basis.harmonics, odd.cell.basis.harmonics)
    start = even.cell.basis.wavevector
    step = 1e-4  # F mixes the parities in odd powers of it: an error of 1e-8
    plane = Basis(even.cell.basis.period, start + step, "none", harmonics)
    full = Cell(even.cell.device, plane)
    F = full.at(np.asarray((even.wavenumber + odd.wavenumber) / 2)).matrix()
    vectors = [_in_plane_waves(mode, plane) for mode in (even, odd)]
    lefts = [_left(full, vector) for vector in vectors]
    mixing = (lefts[0] @ F @ vectors[1]) * (lefts[1] @ F @ vectors[0])
    forms = [_form(mode) for mode in (even, odd)]
    q = step * 2 * pi / plane.period
    return float(np.sqrt(q**2 * forms[0] * forms[1] / mixing).real)


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
