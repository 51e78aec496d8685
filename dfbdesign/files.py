"""Files: quantities with units, TOML, and writes that never leave half a file."""

import math
import os
import re
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tomli_w

from dfbdesign.errors import InputError
from dfbdesign.units import cm, deg, fs, mm, nm, ns, pm, ps, rad, uJ, um

if TYPE_CHECKING:
    import pint

Kind = Literal["length", "time", "angle", "wavenumber", "fluence", "energy", "current", "exposure"]

_CORE: dict[Kind, tuple[str, str]] = {
    # kind: (core unit in pint's words, example for the error message)
    "length": ("micrometer", "860 nm"),
    "time": ("picosecond", "300 fs"),
    "angle": ("radian", "80 deg"),
    "wavenumber": ("1/micrometer", "100 1/cm"),
    "fluence": ("picojoule/micrometer**2", "160 uJ/cm^2"),
    "energy": ("picojoule", "32 meV"),
    "current": ("coulomb/picosecond", "1 nA"),
    "exposure": ("coulomb/micrometer**2", "240 uC/cm^2"),
}

# What nearly all files say, without pint: it takes longer to load than most answers take.
_COMMON: dict[Kind, dict[str, float]] = {
    "length": {"pm": pm, "nm": nm, "um": um, "mm": mm, "cm": cm},
    "time": {"fs": fs, "ps": ps, "ns": ns},
    "angle": {"deg": deg, "rad": rad},
    "wavenumber": {"1/um": 1 / um, "1/cm": 1 / cm},
    "fluence": {"uJ/cm^2": uJ / cm**2},
}
_NUMBER_AND_UNIT = re.compile(r"([-+]?[0-9]{1,17}(?:\.[0-9]{0,17})?(?:e[-+]?[0-9]{1,2})?) (\S+)")


@cache
def _registry() -> "pint.UnitRegistry[float]":
    import pint  # a quarter of a second to load: only who reads a file pays for it

    return pint.UnitRegistry()


@cache
def parse_quantity(text: str, kind: Kind) -> float:
    """Number in core units (µm, ps, pJ, rad) of a text such as "860 nm".

    Args:
        text: Number and unit.
        kind: What the unit must measure.

    Returns:
        The value in core units.

    Raises:
        InputError: If the text is no number with a unit, or the unit measures something else.

    Examples:
        >>> parse_quantity("860 nm", "length")
        0.86
        >>> parse_quantity("860 ps", "length")
        Traceback (most recent call last):
        ...
        dfbdesign.errors.InputError: must be a length such as "860 nm", got "860 ps" (time)
    """
    match = _NUMBER_AND_UNIT.fullmatch(text)
    size = _COMMON.get(kind, {}).get(match[2]) if match else None
    value = float(match[1]) * size if match and size else _parsed_by_pint(text, kind)
    return float(f"{value:.15g}")  # 870 nm is 0.87 µm, not 0.8700000000000001


def _parsed_by_pint(text: str, kind: Kind) -> float:
    import pint

    unit, example = _CORE[kind]
    article = "an" if kind[0] in "aeiou" else "a"
    wanted = f'must be {article} {kind} such as "{example}"'
    try:
        quantity: pint.Quantity = _registry().Quantity(text)  # type: ignore[type-arg]
    except Exception as error:  # pint raises a dozen unrelated types on malformed text
        raise InputError(f'{wanted}, got "{text}" (not a number with a unit)') from error
    if kind != "angle" and quantity.dimensionless:
        raise InputError(f'{wanted}, got "{text}" (no unit)')
    try:
        value = float(quantity.to(unit).magnitude)
    except pint.DimensionalityError as error:
        dimension = str(quantity.dimensionality).replace("[", "").replace("]", "")
        raise InputError(f'{wanted}, got "{text}" ({dimension})') from error
    if not math.isfinite(value):
        raise InputError(f'{wanted}, got "{text}" (not finite)')
    return value


def read_toml(path: Path) -> dict[str, Any]:
    """Content of a TOML file.

    Args:
        path: The file.

    Returns:
        The tables of the file.

    Raises:
        InputError: If the file is missing, unreadable or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a valid TOML file: {error}.") from error


def to_toml(content: dict[str, Any]) -> str:
    """TOML text of nested tables.

    Args:
        content: Tables of strings, numbers, lists and tables.

    Returns:
        The text.
    """
    return tomli_w.dumps(content)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; it becomes `path` only when the block succeeds.

    Args:
        path: Where the finished file shall stand.

    Yields:
        A path of the same suffix in the same folder, to write to.

    Raises:
        InputError: If the folder is missing, read-only or full; the old file is left as it was.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder. Name a file in it.")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}. Choose an existing, writable folder."
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp made it private
        temporary.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}. The old file, if any, is unchanged."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
