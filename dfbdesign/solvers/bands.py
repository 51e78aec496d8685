r"""Bands of a grating: its modes along an axis of Bloch wavevectors, followed through crossings.

Every wavevector is searched completely by `dfbdesign.solvers.unit_cell.modes`; the modes of
neighbouring wavevectors are then joined by the overlap of the periodic parts of their fields and
by their slopes. A Bloch wavevector $q$ along x moves a mode by

$$ \frac{\mathrm{d}k}{\mathrm{d}q}
   = -\frac{y^T(\partial F/\partial q)x}{y^T(\partial F/\partial k)x},
   \qquad y^T\frac{\partial F}{\partial q}x
   = i\int \frac{1}{\epsilon_z}\,(u\,\partial_x v - v\,\partial_x u) $$

(without $1/\epsilon_z$ for TE), $u$ being the mode and $v \propto e^{-iqx}$ its left field. Where
bands cross without interaction the fields tell them apart and the slopes go straight on; where
they repel each other the fields turn into each other gradually, and the step is halved until it is
seen to. A gap that no halving resolves is passed straight.
"""

from dataclasses import dataclass, replace
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device, Polarization
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.solvers.cell_coupling import mixing
from dfbdesign.solvers.cell_forms import wavenumber_form, wavevector_form
from dfbdesign.solvers.cell_mode import CellMode, quality_factors
from dfbdesign.solvers.convergence import Solved
from dfbdesign.solvers.lateral import Complex, Real
from dfbdesign.solvers.mode_search import joined
from dfbdesign.solvers.unit_cell import modes

CLEAR = 0.75
"""Squared overlap with one mode of the next wavevector above which a band is followed."""
HALVINGS = 6
"""How often a step is halved where it is not clear which mode follows which."""
TOGETHER = 1e-9
"""Modes closer than this (relative) are one, as many times degenerate."""


@dataclass(frozen=True)
class Bands:
    """Bands along an axis of wavevectors, in the order of their wavelengths where they begin."""

    polarization: Polarization
    wavevector: Real
    """Bloch wavevector from the zone centre, shape (wavevector,) [2π/period]."""
    wavenumber: Complex
    """ω/c, Im < 0 for a mode that decays, shape (band, wavevector) [1/µm]; nan where a band is
    outside the searched window."""
    group_velocity: Complex
    """dk/dβ along x, in units of the vacuum speed of light, shape (band, wavevector)."""
    label: NDArray[np.str_]
    """bright, dark or guided, as for a single mode, shape (band, wavevector); empty where nan."""
    wavelength_error: Real
    """Bound of the numerical error, shape (band, wavevector) [µm]."""

    @property
    def wavelength(self) -> Real:
        """Vacuum wavelengths, shape (band, wavevector) [µm]."""
        return np.asarray(2 * pi / self.wavenumber.real)

    @property
    def quality_factor(self) -> Real:
        """Quality factors, infinite for modes that cannot decay; shape (band, wavevector)."""
        return quality_factors(self.wavenumber)

    def _repr_png_(self) -> bytes:  # what a notebook shows
        from dfbdesign.plots.displays import png

        return png(self)


def bands(device: Device, wavevectors: ArrayLike, accuracy: float | None = None) -> Bands:
    """Bands of the infinite grating around the target wavelength.

    Args:
        device: Needs a grating and a target.
        wavevectors: Bloch wavevectors from the zone centre, ascending, shape (wavevector,)
            [2π/period].
        accuracy: Largest relative numerical error of any wavelength; `None` as for `modes`.

    Returns:
        All bands that pass the window that `modes` searches, each followed through it.

    Raises:
        InputError: If the wavevectors do not ascend within [-0.5, 0.5], and as for `modes`.
        NoGuidedMode: If no wavevector has a mode in the window.
        NotConverged: If the accuracy is not reached or modes were missed; with the last residual.

    Examples:
        >>> lines = Lines(material=2.30, duty=0.3)
        >>> device = Device(
        ...     substrate=1.746, superstrate=1.0,
        ...     layers=[Layer(thickness=50 * nm, material=2.53, lines=lines),
        ...             Layer(thickness=160 * nm, material=2.53)],
        ...     grating=Grating(period=865 * nm), target=Target(wavelength=1670 * nm),
        ... )
        >>> found = bands(device, [0.0, 0.01])
        >>> np.round(found.wavelength / nm, 1)
        array([[1666.3, 1656. ],
               [1674.2, 1684.7]])
    """
    q = np.atleast_1d(np.asarray(wavevectors, dtype=float))
    if q.ndim != 1 or q.size == 0 or not np.all(np.diff(q) > 0):
        raise InputError("wavevectors must ascend along one axis, such as linspace(0, 0.1, 21).")
    for extreme in (q[0], q[-1]):
        within("wavevector", float(extreme), -0.5, 0.5)
    axis = _Axis(device, accuracy)
    points = [axis.at(float(one)) for one in q]
    if not any(point.modes for point in points):
        raise NoGuidedMode(
            f"no {device.polarization} mode at any of these wavevectors in the window around the "
            "target. Move the target wavelength."
        )
    return _table(device, q, *_followed(axis, points))


# --- one wavevector ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Point:
    """The modes at one wavevector."""

    wavevector: float
    modes: tuple[CellMode, ...]
    fields: Complex
    """Periodic parts, normalised, shape (mode, place)."""
    slope: Complex
    """dk/dβ, shape (mode,)."""
    group: NDArray[np.int64]
    """Modes of one number are degenerate, and their fields arbitrary mixtures, shape (mode,)."""

    @property
    def k(self) -> Complex:
        return np.array([mode.wavenumber for mode in self.modes], dtype=complex)


@dataclass(frozen=True)
class _Axis:
    """What is solved at every wavevector."""

    device: Device
    accuracy: float | None

    def at(self, wavevector: float) -> _Point:
        try:
            found = modes(self.device, wavevector, self.accuracy).modes
        except NoGuidedMode:  # bands may leave the window
            found = ()
        fields = np.array([_periodic(mode, wavevector) for mode in found], dtype=complex)
        k = np.array([mode.wavenumber for mode in found])
        alike = np.abs(k[:, None] - k) < TOGETHER * np.abs(k)
        group = alike.argmax(axis=-1) if len(found) else np.zeros(0, dtype=int)
        slope = np.zeros(len(found), dtype=complex)
        for number in np.unique(group):
            members = np.flatnonzero(group == number)
            slope[members] = _slopes([found[member] for member in members])
        return _Point(wavevector, found, fields, slope, group)

    def between(self, one: _Point, other: _Point) -> _Point | None:
        """Halfway, unless a mode stands on the border of the search just there."""
        try:
            return self.at((one.wavevector + other.wavevector) / 2)
        except NotConverged:
            return None  # the two wavevectors that were asked for are known


def _periodic(mode: CellMode, wavevector: float) -> Complex:
    """The field on a grid, without its Bloch phase."""
    period = mode.device.need_grating().period
    x = (np.arange(32) + 0.5) / 32 - 0.5
    height = sum(layer.thickness for layer in mode.device.layers)
    z = np.linspace(-0.3 * height, 1.3 * height, 48)
    field = mode.profile(x * period, z) * np.exp(-2j * pi * wavevector * x)
    return np.asarray(field.ravel() / np.linalg.norm(field))


def _slopes(alike: list[CellMode]) -> Complex:
    """dk/dβ of modes of one wavenumber, shape (mode,)."""
    cells, count = alike[0].cells, len(alike)
    if cells.sectors == 2:  # bands are even about this point, unless even and odd fields meet
        even, odd = ([mode.found for mode in alike if mode.found.sector[0] == s] for s in (0, 1))
        crossing = np.zeros(count, dtype=complex)
        if len(even) == len(odd) == 1:
            both = Solved(cells, joined([even[0], odd[0]]), np.empty(0))
            crossing += np.sqrt(mixing(both, *np.array([[0], [1]]))) * np.array([1, -1])
        return crossing
    systems = [mode.found.system(cells) for mode in alike]
    fields = [mode.found.fields(one) for mode, one in zip(alike, systems, strict=True)]
    forms, norms = (np.empty((count, count), dtype=complex) for _ in range(2))
    for a, b in np.ndindex(count, count):
        right, left = fields[b][0], fields[a][1]
        forms[a, b] = wavevector_form(systems[b], right, systems[b], left)
        norms[a, b] = wavenumber_form(systems[b], right, left)[0]
    return np.asarray(np.linalg.eigvals(-np.linalg.solve(norms, forms)))


# --- from one wavevector to the next -------------------------------------------------------------


def _followed(axis: _Axis, points: list[_Point]) -> tuple[list[_Point], list[dict[int, int]]]:
    """The points, and at each the mode that every band has there."""
    now = points[0]
    follow = {number: number for number in range(len(now.modes))}
    seen, places = [now], [follow]
    count = len(follow)
    for point in points[1:]:
        pairs, now = _joined(axis, now, point, HALVINGS)
        follow = {band: pairs[mode] for band, mode in follow.items() if mode in pairs}
        for mode in range(len(now.modes)):
            if mode not in follow.values():
                follow[count] = mode
                count += 1
        seen.append(now)
        places.append(follow)
    return seen, places


def _joined(
    axis: _Axis, one: _Point, other: _Point, halvings: int
) -> tuple[dict[int, int], _Point]:
    """Which mode follows which; degenerate modes of the later point in the mixtures that follow."""
    if not (one.modes and other.modes):
        return {}, other
    overlap, pairs = _assigned(axis, one, other)
    clear = (
        len(one.modes) == len(other.modes)
        and all(overlap[i, j] > CLEAR for i, j in pairs.items())
        and not _crossed(one, other, pairs)
    )
    middle = None if clear or halvings == 0 else axis.between(one, other)
    if middle is None:
        kept = {i: j for i, j in pairs.items() if overlap[i, j] > 0.5}
        return kept, _unmixed(one, other, kept)
    first, middle = _joined(axis, one, middle, halvings - 1)
    second, other = _joined(axis, middle, other, halvings - 1)
    return {i: second[j] for i, j in first.items() if j in second}, other


def _assigned(axis: _Axis, one: _Point, other: _Point) -> tuple[Real, dict[int, int]]:
    """Squared overlap of all modes, and the pairs that fit best in field and slope."""
    from scipy.optimize import linear_sum_assignment

    overlap = np.maximum(_within(one, other).T, _within(other, one))
    slope = one.slope[:, None]
    # which of the slopes at a crossing is meant is not known yet
    later = np.where(_single(other), other.slope, slope)
    unit = 2 * pi / axis.device.need_grating().period
    step = (other.wavevector - one.wavevector) * unit
    missed = np.abs((other.k - one.k[:, None]) / step - (slope + later) / 2)
    rows, columns = linear_sum_assignment(1 - overlap + missed)
    return overlap, dict(zip(rows.tolist(), columns.tolist(), strict=True))


def _single(point: _Point) -> NDArray[np.bool_]:
    """Which modes are not degenerate."""
    return np.asarray(np.bincount(point.group, minlength=len(point.group))[point.group] == 1)


def _within(one: _Point, other: _Point) -> Real:
    """Share of the fields of the one in the (degenerate) fields of the other, (other, one)."""
    found = np.empty((len(other.modes), len(one.modes)))
    for number in np.unique(other.group):
        members = np.flatnonzero(other.group == number)
        basis = np.linalg.qr(other.fields[members].T)[0]
        found[members] = np.sum(np.abs(basis.conj().T @ one.fields.T) ** 2, axis=0)
    return found


def _crossed(one: _Point, other: _Point, pairs: dict[int, int]) -> bool:
    """Whether two bands have changed their order."""
    before, after = one.k.real[list(pairs)], other.k.real[list(pairs.values())]
    first, second = before[:, None] - before, after[:, None] - after
    return bool(np.any((first * second < 0) & (np.abs(second) > TOGETHER * before.max())))


def _unmixed(one: _Point, other: _Point, pairs: dict[int, int]) -> _Point:
    """Degenerate modes of the later point in the mixtures that go on from the earlier."""
    fields, slope, group = other.fields.copy(), other.slope.copy(), other.group.copy()
    for i, j in pairs.items():
        members = np.flatnonzero(other.group == other.group[j])
        if len(members) > 1:
            basis = np.linalg.qr(other.fields[members].T)[0]
            share = basis @ (basis.conj().T @ one.fields[i])
            fields[j] = share / np.linalg.norm(share)
            near = np.abs(other.slope[members] - one.slope[i]).argmin()
            slope[j] = other.slope[members[near]]
            group[j] = len(group) + j
    _, group = np.unique(group, return_inverse=True)
    return replace(other, fields=fields, slope=slope, group=group)


def _table(device: Device, q: Real, points: list[_Point], places: list[dict[int, int]]) -> Bands:
    shape = 1 + max(max(place, default=0) for place in places), len(q)
    k, slope = (np.full(shape, complex(np.nan, np.nan)) for _ in range(2))
    error, label = np.full(shape, np.nan), np.full(shape, "", dtype="<U6")
    for column, (point, place) in enumerate(zip(points, places, strict=True)):
        for band, mode in place.items():
            found = point.modes[mode]
            k[band, column], slope[band, column] = found.wavenumber, point.slope[mode]
            error[band, column], label[band, column] = found.wavelength_error, found.label
    return Bands(device.polarization, q, k, slope, label, error)
