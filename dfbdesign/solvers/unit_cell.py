r"""Complex Bloch modes of one grating period, both band edges, with labels and coupling.

The modes in a window around the target are found by a contour integral (Beyn, Linear Algebra Appl.
436, 3839 (2012), integral algorithm 2) over the resolvent of $F(k)$ (see
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
from itertools import pairwise, product
from math import inf, pi
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device, Grating, Polarization
from dfbdesign.errors import NoGuidedMode, NotConverged
from dfbdesign.materials import Axis
from dfbdesign.solvers.fourier_modal import Basis, Cell, Complex, Parity, medium
from dfbdesign.units import nm

Label = Literal["bright", "dark", "guided"]

WINDOW = 0.06
"""Half-width of the reported window, relative to the target wavelength."""
SEARCHED = 0.08
"""Half-width of the searched window: a pair of band edges across the border is not cut in two."""
LOWEST_Q = 20.0
"""Smallest quality factor searched for; film resonances of a few round trips are left out."""
MOMENTS = 4
"""Pairs of moments of the contour integral."""
ROUNDING = 1e-11
"""Changes of a wavenumber below this, relative, are rounding; with Im k so small Q is infinite."""


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
    within("accuracy", accuracy, 1e-10, 1e-2)
    edge = 0.5 * (grating.order % 2)
    wavevector = edge if wavevector is None else within("wavevector", wavevector, -0.5, 0.5)
    found = [
        mode
        for parity in _parities(wavevector)
        for mode in _converged(device, wavevector, parity, accuracy)
    ]
    return _with_coupling(device, grating, wavevector, tuple(found))


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
    solved, moves = _search(cell, centre), [inf]
    for _ in range(4):
        finer = replace(cell, basis=replace(cell.basis, harmonics=2 * cell.basis.harmonics))
        fine = _settled(finer, [(k, _padded(cell, finer, x)) for k, x in solved])
        if len(_distinct(fine)) < len(solved):  # a mode has moved too far to be followed
            fine, moves = _search(finer, centre), [inf]
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


def _search(cell: Cell, centre: float) -> list[tuple[complex, Complex]]:
    """Wavenumber and interface field of every mode in the window."""
    analytic = replace(cell, about=centre)
    starts = [
        start for contour in _contours(analytic, centre) for start in _all_inside(analytic, contour)
    ]
    return [_newton(cell, k, vector) for k, vector in starts]


def _anomalies(cell: Cell, centre: float) -> list[float]:
    """Wavenumbers at which a diffraction order grazes a half-space: branch points of F."""
    found: set[float] = set()
    for half_space in (cell.device.substrate, cell.device.superstrate):
        k = np.full(cell.basis.lateral.shape, centre + 0j)
        for _ in range(8):  # K = k n(k): dispersion is weak
            near = medium(half_space.material, k, cell.about)
            te = cell.device.polarization == "TE"
            k = np.abs(cell.basis.lateral) / np.sqrt(near.ordinary if te else near.extraordinary)
        found.update(float(value) for value in k.real)
    return sorted(found)


def _contours(cell: Cell, centre: float) -> list[tuple[float, float, float]]:
    """Centre and half axes of the searched ellipses, one between any two Rayleigh anomalies."""
    low, high = centre * (1 - SEARCHED), centre * (1 + SEARCHED)
    inner = [anomaly for anomaly in _anomalies(cell, centre) if low < anomaly < high]
    edges = [low, *inner, high]
    contours = []
    for start, end in pairwise(edges):
        middle, across = (start + end) / 2, (end - start) / 2
        # the cut below an anomaly bends by y²/2k: a narrow ellipse must not reach it
        up = min(middle / (2 * LOWEST_Q), np.sqrt(across * middle / 2))
        if across > ROUNDING * middle:
            contours.append((middle, across, float(up)))
    return contours


def _all_inside(cell: Cell, contour: tuple[float, float, float]) -> list[tuple[complex, Complex]]:
    """Wavenumber and interface field of every mode in an ellipse, as many as the winding counts."""
    middle, across, up = contour
    scale = max(across, up)
    count = _winding(cell, contour)
    if count == 0:
        return []
    found: list[tuple[complex, Complex]] = []
    for points, extra in ((32, 0), (64, 2), (128, 2), (256, 2), (512, 2)):
        angle = 2 * pi * (np.arange(points) + 0.5) / points
        k = _around(contour, angle)
        weight = (-across * np.sin(angle) + 1j * up * np.cos(angle)) / (1j * points)
        starts = [
            (middle + scale * place, vector)
            for place, vector in _beyn(
                cell.at(k).matrix(), (k - middle) / scale, weight, count + extra
            )
        ]
        found = [
            (k, vector)
            for k, vector in _distinct(_settled(cell, starts))
            if ((k.real - middle) / across) ** 2 + (k.imag / up) ** 2 < 1
        ]
        if len(found) == count:
            return found
    raise NotConverged(
        f"the search found {len(found)} modes where the contour counts {count}. "
        "Move the target wavelength a little."
    )


def _around(contour: tuple[float, float, float], angle: NDArray[np.float64]) -> Complex:
    """Wavenumbers on an ellipse."""
    middle, across, up = contour
    return np.asarray(middle + across * np.cos(angle) + 1j * up * np.sin(angle))


def _winding(cell: Cell, contour: tuple[float, float, float]) -> int:
    """Zeros of det F inside the contour, from its phase, followed in steps below one radian."""
    angle = 2 * pi * (np.arange(32) + 0.5) / 32
    phase = _phase(cell, contour, angle)
    for _ in range(20):
        steps = (np.diff(phase, append=phase[0]) + pi) % (2 * pi) - pi
        rough = np.abs(steps) > 1.0
        if not rough.any():
            return round(float(steps.sum()) / (2 * pi))
        between = (angle + np.append(angle[1:], angle[0] + 2 * pi))[rough] / 2
        place = np.flatnonzero(rough) + 1
        angle = np.insert(angle, place, between)
        phase = np.insert(phase, place, _phase(cell, contour, between))
    raise NotConverged(
        "a mode lies on the border of the search. Move the target wavelength a little."
    )


def _phase(
    cell: Cell, contour: tuple[float, float, float], angle: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Phase of det F, freed of its poles, on the contour."""
    system = cell.at(_around(contour, angle))
    sign, _ = np.linalg.slogdet(system.matrix())
    return np.asarray(np.angle(sign) + system.log_pole_factor().imag)


def _settled(cell: Cell, starts: list[tuple[complex, Complex]]) -> list[tuple[complex, Complex]]:
    """The modes that Newton steps reach; a start too rough to reach one is counted as missing."""
    found = []
    for k, vector in starts:
        try:
            found.append(_newton(cell, k, vector))
        except NotConverged:
            continue
    return found


def _distinct(found: list[tuple[complex, Complex]]) -> list[tuple[complex, Complex]]:
    """Each mode once: equal wavenumbers count as one mode only if the fields are equal too."""
    kept: list[tuple[complex, Complex]] = []
    for k, x in found:
        known = any(
            abs(k - other) < 1e-9 * abs(k)
            and abs(np.vdot(x, y)) > 0.999 * np.linalg.norm(x) * np.linalg.norm(y)
            for other, y in kept
        )
        if not known:
            kept.append((k, x))
    return kept


def _beyn(F: Complex, place: Complex, weight: Complex, count: int) -> list[tuple[complex, Complex]]:
    """So many eigenvalues and eigenvectors, those inside the contour among them.

    `place` is k relative to the middle of the contour, scaled to a modulus of one at most.
    """
    size = F.shape[-1]
    probe = np.random.default_rng(0).standard_normal((size, min(size, count + 2)))
    solved = np.linalg.solve(F, probe)
    # More modes than interfaces share a harmonic in a thick film: their fields at the interfaces
    # depend on each other, and only higher moments tell them apart.
    moments = [
        np.einsum("k,kij->ij", weight * place**power, solved) for power in range(2 * MOMENTS)
    ]
    hankel, shifted = (
        np.block([[moments[i + j + start] for j in range(MOMENTS)] for i in range(MOMENTS)])
        for start in (0, 1)
    )
    left, singular, right = np.linalg.svd(hankel, full_matrices=False)
    rank = min(count, int((singular > singular[0] * np.finfo(float).eps).sum()))
    left, singular, right = left[:, :rank], singular[:rank], right[:rank]
    values, vectors = np.linalg.eig(left.conj().T @ shifted @ right.conj().T / singular)
    return [(complex(v), left[:size] @ vectors[:, i]) for i, v in enumerate(values)]


def _newton(cell: Cell, k: complex, vector: Complex) -> tuple[complex, Complex]:
    """Refine a mode; the Rayleigh quotient of a symmetric F converges faster than Newton."""
    step: complex = inf
    for _ in range(20):
        system = cell.at(np.asarray(k))
        F = system.matrix()
        vector = np.asarray(np.linalg.solve(F, vector))
        vector = np.asarray(vector / np.abs(vector).max())
        step = complex(-(vector @ F @ vector) / system.wavenumber_form(system.field(vector)))
        k += step
        if abs(step) < ROUNDING * abs(k):
            return k, vector
        if not abs(step) < 0.1 * abs(k):
            break
    raise NotConverged(
        f"the mode near {2 * pi / k.real / nm:.3f} nm did not settle: "
        f"last relative step {abs(step / k):.1e}."
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
        k, vector = _newton(pumped, k, vector)
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
