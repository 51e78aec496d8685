"""Finished studies on disk: NetCDF 4 or Zarr, written block by block and put in place at once."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.files import writing
from dfbdesign.studies.axes import Axes
from dfbdesign.studies.columns import Column, Columns, empty
from dfbdesign.studies.journal import Journal, longest_word

if TYPE_CHECKING:
    import xarray

LABELS = {"edge": ("even", "odd")}
"""Names along the dimensions that results bring along."""
IN_MEMORY = 2**28
"""Larger data sets stay on disk, and are read as they are asked for [bytes]."""
ENDINGS = (".nc", ".zarr")
METADATA = 2**20
"""What it needs for names and attributes, at most [bytes]."""


def check_ending(path: Path) -> None:
    """Refuse what is neither NetCDF nor Zarr.

    Args:
        path: Where the study shall be written.

    Raises:
        InputError: If its ending is another.
    """
    if path.suffix not in ENDINGS:
        raise InputError(
            f'a study is written to "{path.stem}.nc" or "{path.stem}.zarr", got "{path}".'
        )


def write(path: Path, axes: Axes, journal: Journal, attributes: Mapping[str, Any]) -> None:
    """Write the data set of a study whose blocks are all solved.

    Args:
        path: NetCDF file or Zarr folder; replaced only when the new one is complete.
        axes: The axes of the study.
        journal: The solved blocks.
        attributes: Of the data set.

    Raises:
        InputError: If it cannot be written.
    """
    names = _names(axes, journal.columns)
    variables = {names[name]: _variable(axes, one) for name, one in journal.columns.items()}
    variables["error"] = (
        tuple(axes.sizes),
        Column(
            np.empty((), f"S{journal.longest_error}"),
            (),
            "",
            "Why the point failed, empty where it did not",
        ),
    )
    blocks = axes.blocks(journal.chunk)
    if path.suffix == ".nc":
        each = sum(one.values.nbytes for _, one in variables.values())
        coordinates = sum(axis.values.nbytes for axis in axes.axes)
        _check_room(path, each * axes.points + coordinates + METADATA)
    with _target(path) as temporary, _writer(temporary, axes, variables, blocks[0]) as put:
        put.attributes(attributes)
        for number, block in enumerate(blocks):
            solved = journal.read(number)
            shape = tuple(part.stop - part.start for part in block)
            for name, one in journal.columns.items():
                part = solved.columns.get(name)
                own = one.values.shape
                kind = object if one.values.dtype.kind == "S" else float
                values = empty((len(solved.errors), *own), kind)
                if part is not None:
                    values[(slice(None), *map(slice, part.values.shape[1:]))] = part.values
                put.values(names[name], block, values.reshape(*shape, *own))
            put.values("error", block, np.array(solved.errors, dtype=object).reshape(shape))


def open_study(path: str | Path) -> "xarray.Dataset":
    """The data set of a finished study.

    Args:
        path: NetCDF file or Zarr folder.

    Returns:
        In memory, or read as it is asked for when it is large.

    Raises:
        InputError: If there is no such file, or it is damaged.
    """
    import xarray

    path = Path(path)
    check_ending(path)
    try:
        if path.suffix == ".nc":
            found = xarray.open_dataset(path, engine="h5netcdf")
        else:
            found = xarray.open_zarr(path, chunks=None, consolidated=False)
        found = found.set_coords(json.loads(found.attrs["axes"]))
        if found.nbytes > IN_MEMORY:
            return found
        with found:
            found.load()
        for name, one in found.variables.items():
            if one.dtype.kind in "TO":  # words, as Zarr and as NetCDF give them
                found[name] = found[name].astype(object).astype(str)
        return found
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"cannot read the study {path}: {reason[:200]}") from None


def _names(axes: Axes, columns: Columns) -> dict[str, str]:
    """Names of the variables; a result called like an axis is set apart from it."""
    taken = {axis.name for axis in axes.axes} | set(axes.sizes) | {"error"}
    return {name: f"{name}_found" if name in taken else name for name in columns}


def _variable(axes: Axes, one: Column) -> tuple[tuple[str, ...], Column]:
    taken = axes.sizes
    own = (f"{name}_number" if name in taken else name for name in one.dimensions)
    return (*axes.sizes, *own), one


def _check_room(path: Path, size: int) -> None:
    """Refuse to start on a disk that is too full: HDF5 crashes when it fills up."""
    reserve = getattr(os, "posix_fallocate", None)
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            if reserve is not None:
                reserve(file.fileno(), 0, size)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
    return InputError(
        f"cannot write {path}: {reason}. The results are kept beside it: make room and run the "
        "study again."
    )


@contextmanager
def _target(path: Path) -> Iterator[Path]:
    """A path to write to, that takes the place of the wanted one at the end."""
    try:
        if path.suffix == ".nc":
            with writing(path) as temporary:
                yield temporary
            return
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
            yield Path(folder) / "new"
            if path.exists():
                path.rename(Path(folder) / "old")
            (Path(folder) / "new").rename(path)
    except (OSError, RuntimeError) as error:  # HDF5 has its own words
        raise _unwritable(path, error) from error


@contextmanager
def _writer(
    path: Path, axes: Axes, variables: dict[str, tuple[tuple[str, ...], Column]], first: Any
) -> "Iterator[_NetCDF | _Zarr]":
    sizes = dict(axes.sizes)
    for dimensions, one in variables.values():
        for name, size in zip(dimensions[len(axes.sizes) :], one.values.shape, strict=True):
            sizes[name] = max(size, sizes.get(name, 0))
    put = (_NetCDF if path.suffix == ".nc" else _Zarr)(path, sizes, first)
    with put.file:
        for axis in axes.axes:
            about = {"long_name": axis.meaning.text, "units": axis.meaning.unit or "1"}
            put.whole(axis.name, (axis.dimension,), axis.values, about)
        for name, labels in LABELS.items():
            if name in sizes:
                put.whole(name, (name,), np.array(labels, dtype=object), {})
        for name, (dimensions, one) in variables.items():
            about = {"long_name": one.text or name}
            if one.values.dtype.kind != "S":
                about["units"] = one.unit or "1"
            put.variable(name, dimensions, one.values.dtype, about)
        yield put


class _NetCDF:
    """Writes a NetCDF file with h5netcdf; words as characters, which are read when asked for."""

    def __init__(self, path: Path, sizes: dict[str, int], first: Any) -> None:
        import h5netcdf

        self.file = h5netcdf.File(path, "w")
        self.file.dimensions = sizes

    def attributes(self, attributes: Mapping[str, Any]) -> None:
        for name, value in attributes.items():
            self.file.attrs[name] = value

    def variable(
        self, name: str, dimensions: tuple[str, ...], kind: np.dtype[Any], about: Mapping[str, str]
    ) -> None:
        if kind.kind == "S":
            letters = f"letters_{kind.itemsize}"
            if letters not in self.file.dimensions:
                self.file.dimensions[letters] = kind.itemsize
            about = {**about, "_Encoding": "utf-8"}
            made = self.file.create_variable(name, (*dimensions, letters), "S1", compression="gzip")
        else:
            made = self.file.create_variable(name, dimensions, kind)
        for key, value in about.items():
            made.attrs[key] = value

    def whole(
        self, name: str, dimensions: tuple[str, ...], values: NDArray[Any], about: Mapping[str, str]
    ) -> None:
        kind = values.dtype
        if kind.kind == "O":
            kind = np.dtype(f"S{longest_word(values)}")
        self.variable(name, dimensions, kind, about)
        self.values(name, tuple(map(slice, values.shape)), values)

    def values(self, name: str, block: tuple[slice, ...], values: NDArray[Any]) -> None:
        variable = self.file.variables[name]
        if values.dtype.kind == "O":
            width = variable.shape[-1]
            words = np.array([word.encode() for word in values.flat], f"S{width}")
            values = words.view("S1").reshape(*values.shape, width)
        own = (slice(0, size) for size in values.shape[len(block) :])
        variable[(*block, *own)] = values


class _Zarr:
    """Writes a Zarr folder; a block is a chunk."""

    def __init__(self, path: Path, sizes: dict[str, int], first: tuple[slice, ...]) -> None:
        try:
            import zarr
        except ImportError:
            raise InputError(
                'Zarr folders need "zarr": pip install "dfbdesign[study]". Or write a .nc file.'
            ) from None
        self.group: Any = zarr.open_group(path, mode="w")
        self.file = nullcontext()
        self.sizes = sizes
        self.chunk = dict(zip(sizes, (part.stop for part in first), strict=False))

    def attributes(self, attributes: Mapping[str, Any]) -> None:
        self.group.attrs.update(attributes)

    def variable(
        self, name: str, dimensions: tuple[str, ...], kind: np.dtype[Any], about: Any
    ) -> None:
        shape = tuple(self.sizes[one] for one in dimensions)
        self.group.create_array(
            name,
            shape=shape,
            dtype=str if kind.kind in "OS" else kind,
            chunks=tuple(self.chunk.get(one, self.sizes[one]) for one in dimensions),
            dimension_names=dimensions,
            attributes=dict(about),
            fill_value="" if kind.kind in "OS" else 0,
        )

    def whole(
        self, name: str, dimensions: tuple[str, ...], values: NDArray[Any], about: Mapping[str, str]
    ) -> None:
        self.variable(name, dimensions, values.dtype, about)
        self.group[name][...] = values

    def values(self, name: str, block: tuple[slice, ...], values: NDArray[Any]) -> None:
        own = (slice(0, size) for size in values.shape[len(block) :])
        self.group[name][(*block, *own)] = values
