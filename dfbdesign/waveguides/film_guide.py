"""A film as a waveguide: how thick it must be for amplified spontaneous emission to be seen.

A film for variable-stripe or ASE measurements should hold one mode of each polarisation it emits,
keep that mode in the gain layer, stay clear of the cut-off, and absorb the pump. All four follow
from the thickness of one layer; the pump's share from coherent transfer matrices.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import within
from dfbdesign.device import Device, Polarization, changed
from dfbdesign.errors import InputError
from dfbdesign.gain.film import resolve_film
from dfbdesign.gain.pump import absorbed_fraction, beer_lambert_extinction
from dfbdesign.solvers.multilayer import Stack, cutoff_thickness, guided
from dfbdesign.solvers.multilayer_field import profile
from dfbdesign.solvers.slab import stack_of
from dfbdesign.units import nm

Real = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FilmGuide:
    """What a film guides, by its thickness."""

    layer: int
    """The layer whose thickness varies, counted from 1 at the substrate."""
    cut_offs: dict[str, float]
    """Thickness of that layer at which TE0, TE1, TM0 and TM1 begin; 0 if always guided [µm]."""
    thickness: Real
    """Shape (thickness,) [µm]."""
    modes: dict[Polarization, NDArray[np.int64]]
    """Number of guided modes of each polarisation, shape (thickness,)."""
    confinement: Real
    """Modal over material gain of the fundamental mode in the gain layers; 0 where none is guided,
    shape (thickness,)."""
    pump_absorbed: Real | None
    """Share of the pump that the gain layers absorb, shape (thickness,); `None` without pump."""


def film_guide(device: Device, thickness: ArrayLike, layer: int | None = None) -> FilmGuide:
    """Modes, confinement and pump absorption of a film of several thicknesses.

    Args:
        device: Layers, target wavelength and, for the pump, [film] and [pump]. Lines are averaged.
        thickness: Thicknesses of one layer, shape (thickness,) [µm].
        layer: Which one, counted from 1; the thickest that carries gain if left out.

    Returns:
        The table; the fundamental mode is that of the device's polarisation.

    Raises:
        InputError: If no layer carries gain, or there is no such layer.
        NoGuidedMode: If no thickness of the layer guides.

    Examples:
        >>> from dfbdesign import load_device
        >>> found = film_guide(load_device("examples/reference.toml"), [100 * nm, 200 * nm])
        >>> round(found.cut_offs["TE0"] / nm), found.modes["TM"].tolist()
        (53, [0, 1])
    """
    layer = _varied(device) if layer is None else layer
    if not 1 <= layer <= len(device.layers):
        raise InputError(f"layer must be one of 1 to {len(device.layers)}, got {layer}.")
    wavelength = device.need_target().wavelength
    values = np.atleast_1d(np.asarray(thickness, dtype=float))
    films = [changed(device, {f"layers.{layer - 1}.thickness": float(one)}) for one in values]
    stacks: dict[Polarization, list[Stack]] = {
        name: [stack_of(film, name, wavelength) for film in films] for name in ("TE", "TM")
    }
    return FilmGuide(
        layer=layer,
        cut_offs={
            f"{name}{order}": cutoff_thickness(column[0], name, layer, order)
            for name, column in stacks.items()
            for order in (0, 1)
        },
        thickness=values,
        modes={
            name: np.array([guided(stack, name).size for stack in column])
            for name, column in stacks.items()
        },
        confinement=np.array([_confinement(film) for film in films]),
        pump_absorbed=_pump_absorbed(films),
    )


def thickness_for_confinement(
    device: Device, confinement: float, layer: int | None = None, largest: float = 2000 * nm
) -> float:
    """Least thickness of a layer at which the gain layers hold a share of the fundamental mode.

    Args:
        device: Layers and target wavelength.
        confinement: Wanted modal over material gain, between 0 and 1.
        layer: Which layer, counted from 1; the thickest that carries gain if left out.
        largest: Up to where to look [µm].

    Returns:
        The thickness [µm].

    Raises:
        InputError: If it is not reached, or the device has no gain layer.
    """
    within("confinement", confinement, 0, 1)
    values = np.linspace(largest / 50, largest, 50)
    layer = _varied(device) if layer is None else layer
    for _ in range(4):
        films = [changed(device, {f"layers.{layer - 1}.thickness": float(one)}) for one in values]
        reached = np.flatnonzero([_confinement(film) >= confinement for film in films])
        if reached.size == 0:
            raise InputError(
                f"confinement of {confinement:g} is not reached up to {largest / nm:g} nm. "
                "Ask for less, or look further."
            )
        first = int(reached[0])
        found = float(values[first])
        if first == 0:
            break
        values = np.linspace(values[first - 1], found, 16)
    return found


def _varied(device: Device) -> int:
    gain = [number for number, one in enumerate(device.layers, 1) if one.gain]
    if not gain:
        raise InputError(
            "no layer carries gain: set gain = true in one, or say which layer varies."
        )
    return max(gain, key=lambda number: device.layers[number - 1].thickness)


def _confinement(film: Device) -> float:
    stack = stack_of(film, film.polarization, film.need_target().wavelength)
    found = guided(stack, film.polarization)
    if found.size == 0:
        return 0.0
    ordinary, extraordinary = profile(stack, film.polarization, found[0]).sensitivity()
    each = np.sqrt(stack.ordinary) * ordinary + np.sqrt(stack.extraordinary) * extraordinary
    gain = [one.gain for one in film.layers]
    return float(2 * each[1:-1].real[gain].sum())


def _pump_absorbed(films: list[Device]) -> Real | None:
    first = films[0]
    if first.film is None or first.pump is None:
        return None
    film = resolve_film(first.film)
    extinction = beer_lambert_extinction(
        film.absorbed_fraction, film.thickness, first.pump.wavelength
    )
    pump = first.pump
    return np.array([absorbed_fraction(one, pump, extinction).film for one in films])
