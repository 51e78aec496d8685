"""Study files: a function, its device, the axes and who runs it, in TOML."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, ValidationError

from dfbdesign.checks import nearest
from dfbdesign.device import Device, load_device
from dfbdesign.errors import InputError
from dfbdesign.files import read_toml
from dfbdesign.schema import Part, explain
from dfbdesign.studies.axes import normal, random, sobol, zipped
from dfbdesign.studies.paths import Meaning, meaning
from dfbdesign.studies.runners import Run
from dfbdesign.studies.study import study
from dfbdesign.studies.verbs import verb

if TYPE_CHECKING:
    import xarray

DRAWN: dict[str, Any] = {"random": random, "normal": normal, "sobol": sobol}
SPACED: dict[str, Any] = {"linspace": np.linspace, "geomspace": np.geomspace}
KINDS = ["list", "zip", *SPACED, *DRAWN]


class Study(Part):
    """A study as its file holds it."""

    function: str
    """A public function of the package, or "package.module:function"; modules are also looked for
    beside the file."""
    device: str | None = None
    """Device file, beside this one."""
    axes: dict[str, Any] = Field(min_length=1)
    """By name: a list, or a table such as `{ linspace = [0.2, 0.8, 25] }`."""
    fixed: dict[str, Any] = Field(default={})
    """Other arguments of the function."""
    vectorised: bool = False
    """Whether the function takes arrays."""
    version: str = ""
    """Of the function."""
    seed: int = 0
    """Of what is drawn."""
    run: Run = Run()
    """Who runs it, in which pieces."""


def run_study_file(
    path: str | Path,
    output: str | Path,
    run: Mapping[str, Any] | None = None,
    replace: bool = False,
) -> "xarray.Dataset":
    """Run the study of a file.

    Args:
        path: A TOML file as the README describes it.
        output: NetCDF file or Zarr folder to write.
        run: Entries of `[run]` that take the place of the file's.
        replace: Whether another study may stand at the output, and is replaced.

    Returns:
        The data set, as `dfbdesign.study` gives it.

    Raises:
        InputError: If the file cannot be read, or anything in it is wrong.
    """
    path = Path(path)
    try:
        one = Study.model_validate(read_toml(path), context={"folder": path.parent})
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from None
    who = {name: getattr(one.run, name) for name in Run.model_fields} | dict(run or {})
    device = None if one.device is None else load_device(path.parent / one.device)
    folder = str(path.parent.resolve())
    if ":" in one.function and folder not in sys.path:
        sys.path.append(folder)
    try:
        axes = _axes(one, device)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return study(
        one.function, axes, device, fixed=one.fixed, path=output, run=Run(**who),
        vectorised=one.vectorised, version=one.version, seed=one.seed, replace=replace,
    )  # fmt: skip


def _axes(one: Study, device: Device | None) -> dict[str, Any]:
    called = verb(one.function)
    called.check(device)
    found = {}
    for name, given in _named(one.axes):
        meant = meaning(name, device, called.function, called.parameters)
        found[name] = _axis(name, given, meant)
    return found


def _named(tables: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Axes by path: TOML takes the dots of `layer.1.thickness` for tables within tables."""
    for name, given in tables.items():
        inside = before or name in {"layer", "layers", *Device.model_fields}
        if isinstance(given, dict) and inside and not set(given) & set(KINDS):
            yield from _named(given, f"{before}{name}.")
        else:
            yield f"{before}{name}", given


def _axis(name: str, given: Any, meant: Meaning) -> Any:
    if not isinstance(given, dict):
        given = {"list": given}
    ((kind, values),) = given.items() if len(given) == 1 else [("", None)]
    if kind not in KINDS:
        said = nearest(kind or next(iter(given), ""), KINDS)
        raise InputError(
            f"{name} must be a list or a table like {{ linspace = [0, 1, 5] }}. {said}"
        )
    if not isinstance(values, list):
        raise InputError(f"{name}: {kind} must be a list, got {values!r}.")
    if kind in ("list", "zip"):
        listed = [_quantity(name, value, meant) for value in values]
        return zipped(listed) if kind == "zip" else listed
    if len(values) != 3 or not isinstance(values[2], int) or values[2] < 1:
        raise InputError(f"{name}: {kind} must be two values and a number of points, got {values}.")
    first, second = (_quantity(name, value, meant) for value in values[:2])
    if kind in DRAWN:
        return DRAWN[kind](first, second, values[2])
    if not all(isinstance(end, int | float) for end in (first, second)):
        raise InputError(f"{name}: {kind} must run from a number to a number, got {values}.")
    if kind == "geomspace" and not first * second > 0:
        raise InputError(f"{name}: geomspace must run between values of one sign, got {values}.")
    return SPACED[kind](first, second, values[2])


def _quantity(name: str, value: Any, meant: Meaning) -> Any:
    """A value in core units; in a file every quantity has its unit."""
    if meant.kind is not None and not isinstance(value, str):
        raise InputError(f'{name} needs a unit: write "{value} nm" or the like, got {value}.')
    try:
        return meant.value(value)
    except InputError as error:
        raise InputError(f"{name} {error}") from None
