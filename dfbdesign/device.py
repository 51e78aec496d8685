"""What is made: layers, lines, grating, film and pump of one device, and the file that holds them.

A device is read from the substrate up. All values are frozen and checked on construction; lengths
are in µm (`860 * nm`), or a text with its unit (`"860 nm"`). The same models read and write the
device file, where every quantity must carry its unit.

Examples:
    >>> device = Device(
    ...     substrate="sapphire-c",
    ...     layers=[
    ...         Layer(thickness=50 * nm, material="cqd-film", gain=True,
    ...               lines=Lines(material="tio2-ald", duty=0.35)),
    ...         Layer(thickness=160 * nm, material="cqd-film", gain=True),
    ...     ],
    ...     superstrate="air",
    ...     grating=Grating(period=870 * nm),
    ...     target=Target(wavelength=1670 * nm),
    ... )
    >>> device.layers[0].lines.duty
    0.35
"""

from collections.abc import Iterator
from math import pi
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from dfbdesign.checks import nearest, positive, within
from dfbdesign.errors import InputError
from dfbdesign.files import read_toml, to_toml, writing
from dfbdesign.grating import Apodisation as Apodisation
from dfbdesign.grating import Facet as Facet
from dfbdesign.grating import FacetReflection as FacetReflection
from dfbdesign.grating import Facets as Facets
from dfbdesign.grating import Grating as Grating
from dfbdesign.grating import PhaseShift as PhaseShift
from dfbdesign.grating import Slip as Slip
from dfbdesign.materials import Material, constant, uniaxial
from dfbdesign.pump import Pump as Pump
from dfbdesign.pump import Spot as Spot
from dfbdesign.schema import Angle, Length, MaterialReference, Part, Wavenumber, explain
from dfbdesign.units import deg, nm

Polarization = Literal["TE", "TM"]
DopingDistribution = Literal["fixed", "mixture", "binomial", "saturated-poisson"]


class Lines(Part):
    """The lines of a patterned layer; the layer's own material fills the space between them."""

    material: MaterialReference
    duty: float
    """Line width over period, at half height."""
    sidewall: Angle = pi / 2
    """Angle of the side walls [rad]; 90 degrees is a rectangle."""
    centre: float = 0.0
    """Where the middle of the line lies in the period [period]; the period's own middle is 0."""
    gain: bool = False
    """Whether the lines carry the gain."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        within("duty", self.duty, 0, 1, "Write 0.5 for half line, half gap.")
        within("sidewall (in degrees)", self.sidewall / deg, 20, 160)
        within("centre", self.centre, -0.5, 0.5, "It is a fraction of the period.")
        return self


class Layer(Part):
    """One layer, uniform or patterned with lines."""

    thickness: Length
    material: MaterialReference
    lines: Lines | None = None
    further_lines: tuple[Lines, ...] = ()
    """More of the same period, painted before `lines`, which cover them: a film that coats the
    lines, a second line, the ears of a U."""
    gain: bool = False
    """Whether this layer's material (between the lines, if any) carries the gain."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.thickness > 0:
            raise InputError(f"thickness must be positive, got {self.thickness / nm:g} nm.")
        if not self.thickness < 1000:
            raise InputError(f"thickness must be below 1 mm, got {self.thickness:g} um.")
        if self.further_lines and self.lines is None:
            raise InputError("further_lines need lines = { ... } first: the lines painted last.")
        return self

    def painted(self) -> tuple[Lines, ...]:
        """All lines in the order in which they cover each other, the visible ones last."""
        return self.further_lines if self.lines is None else (*self.further_lines, self.lines)

    def regions(self) -> tuple[tuple[float, Material, bool], ...]:
        """What the layer consists of at half height: share of the period, material, gain."""
        shares, free = [], [(-0.5, 0.5)]
        for line in reversed(self.painted()):
            low, high = line.centre - line.duty / 2, line.centre + line.duty / 2
            seen, rest = 0.0, []
            for a, b in free:
                spans = [(max(a, low + turn), min(b, high + turn)) for turn in (-1, 0, 1)]
                spans = [span for span in spans if span[1] > span[0]]
                seen += sum(b - a for a, b in spans)
                edges = [a, *(edge for span in spans for edge in span), b]
                rest += list(zip(edges[::2], edges[1::2], strict=True))
            free = rest
            shares.append((seen, line.material, line.gain))
        return ((sum(b - a for a, b in free), self.material, self.gain), *reversed(shares))


def _half_space(value: Any) -> Any:
    if isinstance(value, str | int | float | complex | Material):
        return {"material": value}
    if isinstance(value, dict) and "material" not in value:
        raise InputError('needs a material, such as material = "sapphire-c".')
    return value


class _HalfSpace(Part):
    """The substrate or the superstrate: passive, and without end."""

    material: MaterialReference


HalfSpace = Annotated[_HalfSpace, BeforeValidator(_half_space)]


class Target(Part):
    """Where the laser shall emit."""

    wavelength: Length

    @model_validator(mode="after")
    def _check(self) -> Self:
        positive("wavelength (in um)", self.wavelength)
        return self


class GainFilm(Part):
    """The gain film: a preset by name, and fields that replace the preset's."""

    preset: str | None = None
    doping: float | None = Field(default=None, ge=0)
    """Permanent electrons per dot."""
    doping_distribution: DopingDistribution | None = None
    degeneracy: int | None = Field(default=None, ge=1)
    """Electron levels, and hole levels, at the band edge of one dot."""
    dot_diameter: Length | None = Field(default=None, gt=0)
    packing_fraction: float | None = Field(default=None, gt=0, le=1)
    absorbed_fraction: float | None = Field(default=None, gt=0, le=1)
    """Fraction of the incident pump that the film absorbs."""
    pump_wavelength: Length | None = Field(default=None, gt=0)
    """Pump wavelength the absorbed fraction belongs to."""
    thickness: Length | None = Field(default=None, gt=0)
    """Film thickness the absorbed fraction belongs to."""
    band_edge_absorption: Wavenumber | None = Field(default=None, gt=0)
    """Absorption of the neutral film at the lasing wavelength."""
    absorption_over_emission: float | None = Field(default=None, gt=0)
    """Spectral weight of absorption over that of emission at the lasing wavelength."""


class Measured(Part):
    """One laser of the same stack that was made and measured."""

    period: Length
    wavelength: Length
    """Measured lasing wavelength."""
    note: str = ""


class Device(Part):
    """A whole device; sections that a calculation does not need may be absent."""

    name: str = "unnamed device"
    polarization: Polarization = "TE"
    substrate: HalfSpace
    layers: tuple[Layer, ...] = Field(alias="layer", min_length=1)
    """From the substrate up."""
    superstrate: HalfSpace
    grating: Grating | None = None
    target: Target | None = None
    film: GainFilm | None = None
    pump: Pump | None = None
    measured: tuple[Measured, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        patterned = any(layer.lines for layer in self.layers)
        if patterned and self.grating is None:
            raise InputError('has lines but no grating. Add [grating] with a period = "870 nm".')
        return self

    def materials(self) -> Iterator[Material]:
        """Every material of the stack, from the substrate up (some more than once)."""
        yield self.substrate.material
        for layer in self.layers:
            yield layer.material
            for line in layer.painted():
                yield line.material
        yield self.superstrate.material

    def need_plain_lines(self, who: str) -> None:
        """Refuse lines beside the middle of the period, or more than one kind in a layer.

        Args:
            who: What cannot take them, as the error shall name it.

        Raises:
            InputError: If there are such lines.
        """
        for number, layer in enumerate(self.layers, start=1):
            if layer.further_lines or (layer.lines is not None and layer.lines.centre != 0):
                raise InputError(
                    f"layer {number}: {who} takes one line in the middle of each period, without "
                    "further_lines or centre. Use the unit cell (dfb modes) for this layer."
                )

    def need_grating(self) -> Grating:
        """The grating, or a clear error when the device has none."""
        if self.grating is None:
            raise InputError('this needs a [grating] section with a period, such as "870 nm".')
        return self.grating

    def need_target(self) -> Target:
        """The target, or a clear error when the device has none."""
        if self.target is None:
            raise InputError(
                'this needs a [target] section with a wavelength, such as "1670 nm": '
                "modes are searched around it."
            )
        return self.target

    def _repr_png_(self) -> bytes:  # what a notebook shows
        from dfbdesign.plots.displays import png

        return png(self)


def load_device(path: str | Path) -> Device:
    """Read a device file.

    Args:
        path: A TOML file as the README describes it.

    Returns:
        The checked device.

    Raises:
        InputError: If the file cannot be read or anything in it is wrong; one line, naming the
            field, the value and the remedy.
    """
    path = Path(path)
    return device_from(read_toml(path), path)


def device_from(content: dict[str, Any], path: Path) -> Device:
    """Device of the tables of a device file.

    Args:
        content: The tables.
        path: The file they came from: named in errors, and where its data files are looked for.

    Returns:
        The checked device.

    Raises:
        InputError: If anything in it is wrong.
    """
    try:
        return Device.model_validate(content, context={"folder": path.parent})
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from None


def device_tables(device: Device) -> dict[str, Any]:
    """The tables of the device file of a device.

    Args:
        device: The device.

    Returns:
        Strings with units, numbers, lists and tables, as they stand in the file.
    """
    tables: dict[str, Any] = device.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
    )
    return tables


def save_device(device: Device, path: str | Path) -> None:
    """Write a device file.

    Args:
        device: The device.
        path: Where to; an existing file is replaced only when the new one is complete.

    Raises:
        InputError: If the file cannot be written.
    """
    with writing(Path(path)) as temporary:
        temporary.write_text(to_toml(device_tables(device)), encoding="utf-8")


def changed(device: Device, changes: dict[str, Any]) -> Device:
    """The same device with some values replaced.

    Args:
        device: The device to start from.
        changes: New values by path, as `{"grating.period": 0.87, "layers.0.lines.duty": 0.4}`;
            layers are counted from 0 at the substrate. Values are in core units.

    Returns:
        A new, checked device.

    Raises:
        InputError: If a path does not exist or a value is not allowed.

    Examples:
        >>> short = Grating(period=870 * nm, length=200 * um)
        >>> device = Device(
        ...     substrate="sapphire-c", superstrate="air", grating=short,
        ...     layers=[Layer(thickness=160 * nm, material="cqd-film")],
        ... )
        >>> changed(device, {"grating.length": 1000 * um}).grating.length
        1000.0
    """
    for path, value in changes.items():
        device = _replaced(device, path.split("."), value, path)
    return device


def _replaced(part: Any, keys: list[str], value: Any, path: str) -> Any:
    if not keys:
        return value
    key, *rest = keys
    if isinstance(part, tuple):
        if not (key.isdecimal() and int(key) < len(part)):
            raise InputError(f'"{path}": there is no number {key} among {len(part)}.')
        items = list(part)
        items[int(key)] = _replaced(items[int(key)], rest, value, path)
        return tuple(items)
    fields = type(part).model_fields if isinstance(part, BaseModel) else {}
    if key not in fields:
        raise InputError(f'"{path}": no field "{key}". {nearest(key, list(fields))}')
    old = {name: getattr(part, name) for name in fields}
    return type(part)(**(old | {key: _replaced(old[key], rest, value, path)}))


def without_dispersion(device: Device, wavelength: float) -> Device:
    """The same device with every index fixed at its value at one wavelength.

    Args:
        device: The device.
        wavelength: Vacuum wavelength [µm].

    Returns:
        A device of constant materials, as a time-domain solver without dispersion sees it.

    Raises:
        InputError: If the wavelength is outside the range of a material's data.
    """

    def fixed(material: Material) -> Material:
        ordinary = complex(material.index(wavelength))
        if not material.is_uniaxial:
            return constant(ordinary)
        return uniaxial(ordinary, complex(material.index(wavelength, "extraordinary")))

    changes: dict[str, Any] = {
        "substrate.material": fixed(device.substrate.material),
        "superstrate.material": fixed(device.superstrate.material),
    }
    for number, layer in enumerate(device.layers):
        changes[f"layers.{number}.material"] = fixed(layer.material)
        if layer.lines is not None:
            changes[f"layers.{number}.lines.material"] = fixed(layer.lines.material)
        for place, line in enumerate(layer.further_lines):
            changes[f"layers.{number}.further_lines.{place}.material"] = fixed(line.material)
    return changed(device, changes)
