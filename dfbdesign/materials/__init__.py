"""Refractive-index data with their sources: `material("tio2-ald")` and friends.

One cited data set per file in `data/`; nothing is fetched at run time. Time goes as exp(-iωt), so a
positive imaginary part of the index absorbs. Wavelengths outside a data set's range are an error.

Examples:
    >>> from dfbdesign.materials import material
    >>> round(float(material("sapphire-c").index(1.66).real), 5)
    1.74423
"""

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from math import inf, isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import nearest, within
from dfbdesign.errors import InputError
from dfbdesign.materials.dispersion import Dispersion
from dfbdesign.units import nm

__all__ = [
    "Axis",
    "Dispersion",
    "Material",
    "as_material",
    "constant",
    "material",
    "names",
    "tabulated",
    "uniaxial",
]

Axis = Literal["ordinary", "extraordinary"]


@dataclass(frozen=True)
class Material:
    """Optical properties of one material; uniaxial materials have their axis along z."""

    name: str
    """Short name, as a device file says it."""
    reference: Any
    """What a device file says for this material: a name or an inline table."""
    ordinary: Dispersion
    """Permittivity for fields in the plane (x, y)."""
    extraordinary: Dispersion | None = None
    """Permittivity for fields along z; `None` for an isotropic material."""
    wavelength_range: tuple[float, float] = (0.0, inf)
    """Shortest and longest vacuum wavelength of the data [µm]."""
    description: str = ""
    """What the sample was."""
    source: str = ""
    """Author, journal, year and DOI."""

    def __hash__(self) -> int:
        return hash((self.name, self.ordinary, self.extraordinary, self.wavelength_range))

    @property
    def is_uniaxial(self) -> bool:
        """Whether fields along z see another index."""
        return self.extraordinary is not None

    @property
    def is_constant(self) -> bool:
        """Whether its indices are the same at every wavelength."""
        parts = (self.ordinary, self.extraordinary or self.ordinary)
        return all(part.is_constant for part in parts)

    def permittivity(
        self, wavelength: ArrayLike, axis: Axis = "ordinary"
    ) -> NDArray[np.complex128]:
        """Complex relative permittivity.

        Args:
            wavelength: Vacuum wavelength, any shape [µm].
            axis: "ordinary" for fields in the plane, "extraordinary" for fields along z.

        Returns:
            Permittivity of the same shape as `wavelength`.

        Raises:
            InputError: If a wavelength is outside the range of the data.
        """
        self.check_range(wavelength)
        return self._along(axis).permittivity(wavelength)

    def permittivity_slope(
        self, wavelength: ArrayLike, axis: Axis = "ordinary"
    ) -> NDArray[np.complex128]:
        """Derivative of the permittivity with respect to vacuum wavelength [1/µm].

        Args:
            wavelength: Vacuum wavelength, any shape [µm].
            axis: "ordinary" for fields in the plane, "extraordinary" for fields along z.

        Returns:
            d(permittivity)/d(wavelength) of the same shape.

        Raises:
            InputError: If a wavelength is outside the range of the data.
        """
        self.check_range(wavelength)
        return self._along(axis).slope(wavelength)

    def index(self, wavelength: ArrayLike, axis: Axis = "ordinary") -> NDArray[np.complex128]:
        """Complex refractive index n' + i n'', n'' > 0 absorbing.

        Args:
            wavelength: Vacuum wavelength, any shape [µm].
            axis: "ordinary" for fields in the plane, "extraordinary" for fields along z.

        Returns:
            Index of the same shape as `wavelength`.

        Raises:
            InputError: If a wavelength is outside the range of the data.
        """
        return np.asarray(np.sqrt(self.permittivity(wavelength, axis)))

    def check_range(self, wavelength: ArrayLike) -> None:
        """Raise if any wavelength is outside the range of the data.

        Args:
            wavelength: Vacuum wavelength, any shape [µm].

        Raises:
            InputError: Naming the wavelength, the range and the material.
        """
        low, high = self.wavelength_range
        values = np.atleast_1d(np.asarray(wavelength, dtype=float))
        outside = values[~((values >= low) & (values <= high))]
        if outside.size:
            raise InputError(
                f"wavelength {outside[0] / nm:g} nm is outside {low / nm:g}-{high / nm:g} nm, "
                f'the range of "{self.name}" ({self.source or "as given"}). '
                "Use another data set or give the index as a constant."
            )

    def with_index_offset(self, offset: float) -> "Material":
        """The same material with a number added to its index (both axes).

        Args:
            offset: Added to the refractive index at every wavelength.

        Returns:
            The shifted material, which a device file can hold.
        """
        base = self.reference
        if isinstance(base, dict) and "name" in base:
            offset, base = offset + base.get("index_offset", 0.0), base["name"]
        if isinstance(base, str):
            return as_material({"name": base, "index_offset": offset})
        if isinstance(base, dict) and "index" in base:
            return constant(_number(base["index"]) + offset)
        raise InputError(
            f'an index offset needs a named or constant material, got "{self.name}". '
            "Give the film as a name or as { index = ... }."
        )

    def _along(self, axis: Axis) -> Dispersion:
        if axis == "extraordinary" and self.extraordinary is not None:
            return self.extraordinary
        return self.ordinary


def constant(index: complex) -> Material:
    """A material of one index at every wavelength.

    Args:
        index: Refractive index n' + i n'', n'' > 0 absorbing.

    Returns:
        The material.

    Raises:
        InputError: If the index is not finite or its real part not positive.
    """
    index = _sound(complex(index))
    return Material(
        name=f"n = {_written(index)}",
        reference={"index": _written(index)},
        ordinary=Dispersion("constant", (index.real, index.imag)),
    )


def uniaxial(ordinary: complex, extraordinary: complex) -> Material:
    """A uniaxial material of constant indices, its optic axis along z.

    Args:
        ordinary: Index for fields in the plane.
        extraordinary: Index for fields along z.

    Returns:
        The material.

    Raises:
        InputError: If an index is not finite or its real part not positive.
    """
    o, e = _sound(complex(ordinary)), _sound(complex(extraordinary))
    return Material(
        name=f"n_o = {_written(o)}, n_e = {_written(e)}",
        reference={"ordinary": _written(o), "extraordinary": _written(e)},
        ordinary=Dispersion("constant", (o.real, o.imag)),
        extraordinary=Dispersion("constant", (e.real, e.imag)),
    )


def tabulated(path: str | Path, folder: Path = Path()) -> Material:
    """A material of a user's table: columns wavelength_nm, n, k.

    Args:
        path: CSV file, with a header line naming the columns; k may be absent.
        folder: Where a relative path starts.

    Returns:
        The material, valid over the wavelengths of the file.

    Raises:
        InputError: If the file cannot be read, naming the line.
    """
    file = folder / path
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read the index file {file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the index file {file} is not UTF-8 text: {error.reason}.") from error
    rows = _table(text, file)
    return Material(
        name=str(path),
        reference={"file": str(file.resolve())},  # a device saved elsewhere still finds it
        ordinary=Dispersion("table", rows=rows),
        wavelength_range=(rows[0][0], rows[-1][0]),
        source=f"table {path}",
    )


def _table(text: str, file: Path) -> tuple[tuple[float, float, float], ...]:
    header, *lines = text.splitlines() or [""]
    columns = [name.strip() for name in header.split(",")]
    if sorted(columns) not in (["k", "n", "wavelength_nm"], ["n", "wavelength_nm"]):
        raise InputError(
            f"{file} must start with a line naming the columns wavelength_nm, n, k; got {header!r}."
        )
    rows: list[tuple[float, float, float]] = []
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        where = f"{file} line {number}"
        try:
            values = dict(zip(columns, map(float, line.split(",")), strict=True))
        except ValueError:
            raise InputError(
                f"{where}: needs {len(columns)} numbers ({', '.join(columns)}), got {line!r}."
            ) from None
        row = values["wavelength_nm"] * nm, values["n"], values.get("k", 0.0)
        if not (all(map(isfinite, row)) and row[0] > 0 and row[1] > 0 and row[2] >= 0):
            raise InputError(
                f"{where}: wavelength and n must be positive and k not negative, got {line!r}."
            )
        if rows and row[0] <= rows[-1][0]:
            raise InputError(f"{where}: wavelengths must ascend, got {line!r}.")
        rows.append(row)
    if len(rows) < 2:
        raise InputError(f"{file} needs at least two rows, got {len(rows)}.")
    return tuple(rows)


def as_material(value: Any, folder: Path = Path()) -> Material:
    """Material of whatever a device file or a script says.

    Args:
        value: A `Material`, a name, a number, or a table such as `{"index": "2.55+0.0005i"}`,
            `{"ordinary": 1.7442, "extraordinary": 1.7364}`, `{"file": "film.csv"}` or
            `{"name": "cqd-film", "index_offset": -0.1}`.
        folder: Where the path of a file starts.

    Returns:
        The material.

    Raises:
        InputError: If the value is none of these, or the name is unknown.
    """
    match value:
        case Material():
            return value
        case str():
            return material(value)
        case bool():
            pass
        case int() | float() | complex():
            return constant(value)
        case {"index": index, **rest} if not rest:
            return constant(_number(index))
        case {"ordinary": ordinary, "extraordinary": extraordinary, **rest} if not rest:
            return uniaxial(_number(ordinary), _number(extraordinary))
        case {"file": str(path), **rest} if not rest:
            return tabulated(path, folder)
        case {"name": str(name), "index_offset": int() | float() as offset, **rest} if not rest:
            base = material(name)
            within("index_offset", offset, -1, 1, "It corrects an index, it does not replace it.")
            return replace(
                base,
                name=f"{name} {offset:+g}",
                reference={"name": name, "index_offset": offset},
                ordinary=replace(base.ordinary, index_offset=offset),
                extraordinary=base.extraordinary
                and replace(base.extraordinary, index_offset=offset),
            )
    raise InputError(
        'must be a name from "dfb materials", { index = 2.55 }, '
        "{ ordinary = ..., extraordinary = ... }, { file = ... } or "
        f"{{ name = ..., index_offset = ... }}, got {value!r}."
    )


def names() -> list[str]:
    """Names of all shipped data sets, sorted."""
    folder = files("dfbdesign.materials") / "data"
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


@cache
def material(name: str) -> Material:
    """A shipped data set by name.

    Args:
        name: One of `names()`.

    Returns:
        The material.

    Raises:
        InputError: If there is no such data set; the nearest name is suggested.
    """
    known = names()
    if name not in known:
        raise InputError(f'material "{name}" is unknown. {nearest(name.lower(), known)}')
    text = (files("dfbdesign.materials") / "data" / f"{name}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    low, high = data["wavelength_range_um"]
    return Material(
        name=name,
        reference=name,
        ordinary=_dispersion(data["ordinary"]),
        extraordinary=_dispersion(data["extraordinary"]) if "extraordinary" in data else None,
        wavelength_range=(low, high),
        description=data["description"],
        source=data["source"],
    )


def _dispersion(table: dict[str, Any]) -> Dispersion:
    return Dispersion(
        formula=table["formula"],
        coefficients=tuple(table.get("coefficients", ())),
        rows=tuple(tuple(row) for row in table.get("rows", ())),
    )


def _number(text: Any) -> complex:
    if isinstance(text, int | float | complex) and not isinstance(text, bool):
        return complex(text)
    try:
        return complex(str(text).replace(" ", "").replace("i", "j"))
    except ValueError as error:
        raise InputError(
            f'index must be a number such as 2.55 or "2.55+0.0005i", got {text!r}.'
        ) from error


def _sound(index: complex) -> complex:
    if not (isfinite(index.real) and isfinite(index.imag) and index.real > 0):
        raise InputError(f"index must be finite with a positive real part, got {index}.")
    return index


def _written(index: complex) -> Any:
    if index.imag == 0:
        return index.real
    return str(index).strip("()").replace("j", "i")
