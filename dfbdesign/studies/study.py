"""Parameter studies: any function over named axes, as one labelled data set.

A study is cut into blocks of points. Solved blocks go to disk as they come; what is interrupted,
in whatever way, goes on from there. Points that fail stay in the data set with their error.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfbdesign.checks import nearest
from dfbdesign.device import Device, device_tables
from dfbdesign.errors import InputError
from dfbdesign.files import to_toml
from dfbdesign.gain.film import resolve_film
from dfbdesign.studies import store
from dfbdesign.studies.axes import Axes, axes_of
from dfbdesign.studies.journal import Journal
from dfbdesign.studies.keys import inputs_of, key_of, name_of
from dfbdesign.studies.paths import Meaning, meaning
from dfbdesign.studies.progress import progress as shown
from dfbdesign.studies.runners import Run, solved_blocks
from dfbdesign.studies.solving import Plan
from dfbdesign.studies.verbs import Verb, verb

if TYPE_CHECKING:
    import xarray

TOGETHER = 256
"""Devices of a block that a solver takes at once."""
VECTORISED = 4096
"""Points of a block of any other function that takes arrays."""


def study(
    function: str | Callable[..., Any],
    axes: Mapping[str, Any],
    device: Device | None = None,
    *,
    fixed: Mapping[str, Any] | None = None,
    path: str | Path | None = None,
    run: Run | None = None,
    vectorised: bool = False,
    version: str = "",
    replace: bool = False,
    seed: int = 0,
    progress: bool | None = None,
) -> "xarray.Dataset":
    """Run a function over named axes.

    Args:
        function: A public function of this package by name ("modes", "laser", "slab", ...),
            "package.module:function", or any function. "modes" and "laser" solve hundreds of
            devices at once.
        axes: Values by name: arguments of the function or, if it takes a device, values of that, by
            path as in `dfbdesign.device.changed` or by a short name: period, length, duty, height
            (of the patterned layer), thickness (of the film above it), wavelength (of the target),
            and every field that occurs once. A list is a dimension of a grid; see
            `dfbdesign.studies.axes` for values that run together or are drawn. Quantities are
            texts such as "860 nm", or numbers in core units.
        device: What the points start from, for functions whose first argument is `device`.
        fixed: Other arguments of the function.
        path: NetCDF file (`.nc`) or Zarr folder (`.zarr`) to write; partial results are beside it,
            in a file that ends in `.partial`. A finished study of the same inputs is read, not run.
        run: Who runs it and in which pieces.
        vectorised: Whether the function takes arrays, shape (point,), and gives arrays of as many
            points; with a device it is called as `function(device, {path: array})`.
        version: Raise it when a function of yours gives other results than before.
        replace: Whether another study may stand at the path, and is replaced.
        seed: Of what is drawn.
        progress: Whether to show a bar; `None` where somebody watches.

    Returns:
        One variable for each result, with the axes as dimensions, units and long names; the text
        variable `error` says why a point failed, and its results are nan. Complex results are two
        variables, `_real` and `_imag`. Attributes hold all inputs, versions and references.

    Raises:
        InputError: If the study cannot be run as it is given, or its file cannot be written.
        MeepMissing: If the function needs MEEP and there is none.
        PhysicsError: If a worker dies.

    Examples:
        >>> from dfbdesign import load_device
        >>> reference = load_device("examples/reference.toml")
        >>> found = study("modes", {"duty": [0.3, 0.4], "period": ["865 nm", "870 nm"]}, reference)
        >>> dict(found.wavelength.sizes)
        {'duty': 2, 'period': 2, 'edge': 2}
        >>> (found.wavelength.sel(edge="odd", duty=0.4) / nm).round(1).values
        array([1665.3, 1673.1])
    """
    run, fixed = run or Run(), dict(fixed or {})
    called = verb(function)
    meanings = _meanings(called, axes, device, fixed)
    varied = axes_of(axes, meanings, seed)
    fixed = {
        name: meaning(name, None, called.together or called.function, called.fixable).value(value)
        for name, value in fixed.items()
    }
    plan = _plan(called, varied, device, fixed, vectorised, run)
    inputs = inputs_of(name_of(called.function), varied, device, fixed, version)
    key = key_of(inputs)
    with _place(path) as place:
        if path is not None and not replace and place.exists():
            return _finished(place, key)
        chunk = run.chunk or _chunk(plan, vectorised)
        _solve(plan, place, key, chunk, run, progress, _attributes(inputs, key, device))
        return store.open_study(place)


def _meanings(
    called: Verb, axes: Mapping[str, Any], device: Device | None, fixed: Mapping[str, Any]
) -> dict[str, Meaning]:
    called.check(device)
    for name in fixed:
        if name not in called.fixable:
            said = nearest(name, called.fixable)
            raise InputError(f'the function has no argument "{name}". {said}')
    return {name: meaning(name, device, called.function, called.parameters) for name in axes}


def _plan(
    called: Verb, axes: Axes, device: Device | None, fixed: Mapping[str, Any], vectorised: bool,
    run: Run,
) -> Plan:  # fmt: skip
    arguments = [axis.name for axis in axes.axes if axis.meaning.argument]
    alone = [*arguments, *sorted(set(fixed) & set(called.alone))]
    if called.together is not None and not alone:
        return Plan(called.together, axes, device, fixed, True, run.ranks)
    extra = sorted(set(fixed) - set(called.parameters))
    if extra:
        raise InputError(f'"{extra[0]}" cannot be set together with "{alone[0]}".')
    return Plan(called.function, axes, device, fixed, vectorised, run.ranks)


def _chunk(plan: Plan, vectorised: bool) -> int:
    if plan.vectorised and not vectorised:
        return TOGETHER
    return VECTORISED if vectorised else min(max(plan.axes.points // 2000, 1), 256)


def _solve(
    plan: Plan, path: Path, key: str, chunk: int, run: Run, progress: bool | None,
    attributes: Mapping[str, Any],
) -> None:  # fmt: skip
    with closing(Journal(path.with_name(path.name + ".partial"), key, chunk)) as journal:
        blocks = plan.axes.blocks(journal.chunk)
        jobs = [(n, block) for n, block in enumerate(blocks) if n not in journal.places]
        with (
            closing(solved_blocks(plan, jobs, run)) as solved,
            shown(plan.axes.points, journal.points, progress) as tell,
        ):
            for block in solved:
                journal.append(block)
                tell(journal.points, journal.failed)
        store.write(path, plan.axes, journal, attributes)
        journal.remove()


@contextmanager
def _place(path: str | Path | None) -> Iterator[Path]:
    """Where the study is written; a folder of its own that is removed, where nobody asked."""
    if path is not None:
        path = Path(path)
        store.check_ending(path)
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="dfbdesign-") as folder:
        yield Path(folder) / "study.nc"


def _finished(path: Path, key: str) -> "xarray.Dataset":
    found = store.open_study(path)
    if found.attrs.get("key") != key:
        raise InputError(
            f"{path} holds another study (other axes, device, arguments or version). Name another "
            "file, or say that it may be replaced."
        )
    return found


def _attributes(inputs: Mapping[str, Any], key: str, device: Device | None) -> dict[str, Any]:
    return {
        "title": f"Study of {inputs['function'].rpartition(':')[2]}",
        "function": inputs["function"],
        "axes": json.dumps([axis[0] for axis in inputs["axes"]], ensure_ascii=False),
        "fixed": json.dumps(inputs["fixed"], ensure_ascii=False),
        "device": "" if device is None else to_toml(device_tables(device)),
        "references": "\n".join(_references(device)),
        "dfbdesign_version": package_version("dfbdesign"),
        "physics_version": inputs["physics_version"],
        "version": inputs["version"],
        "key": key,
    }


def _references(device: Device | None) -> list[str]:
    """Sources of the index data and of the gain film of a device, each once."""
    if device is None:
        return []
    found = [one.source for one in device.materials() if one.source]
    if device.film is not None:
        found += [source] if (source := resolve_film(device.film).source) else []
    return list(dict.fromkeys(found))
