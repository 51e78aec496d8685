"""Partial results on disk: a file that only grows, one checked record for each block of points.

A record is its length, a checksum and the columns of a block. Whatever ends the writer leaves at
worst an unfinished record at the end, which the next run cuts off; anything else that does not fit
its checksum is damage, and refused.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.studies.columns import Column, Columns

_MAGIC = b"dfbstudy1\n"
_HEAD = struct.Struct("<QQI")
"""Length of the description, length of the numbers, checksum of both; its own checksum follows."""
_WHOLE = _HEAD.size + 4

_OPEN: WeakSet[FileIO] = WeakSet()
"""Files that this process writes. Its workers close theirs: a lock lasts until the last copy of
the file is closed, and workers live for a moment after a study that was killed."""


def _closed_in_a_worker() -> None:
    for file in list(_OPEN):
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_closed_in_a_worker)


@dataclass(frozen=True)
class Solved:
    """A solved block."""

    number: int
    columns: Columns
    """First axis: the points of the block."""
    errors: tuple[str, ...]
    """Why a point failed, "" where it did not; shape (point,)."""

    @property
    def failed(self) -> int:
        """How many points failed."""
        return sum(map(bool, self.errors))


class Journal:
    """The partial results of one study, open for reading and appending.

    Attributes:
        chunk: Points of a block.
        places: Where each solved block is in the file, by its number.
        columns: Every column there is, its values of the largest shape that a point has; words
            as bytes of the largest length.
        longest_error: Length of the longest error [bytes].
        points: How many points are solved.
        failed: How many of them failed.
        size: Of the file [bytes].
    """

    def __init__(self, path: Path, key: str, chunk: int) -> None:
        """Open or start a file.

        Args:
            path: Where.
            key: Fingerprint of the inputs of the study.
            chunk: Points of a block, where the file is new.

        Raises:
            InputError: If the file is damaged, of another study, or cannot be written.
        """
        self.path = path
        self.places: dict[int, int] = {}
        self.columns: Columns = {}
        self.failed, self.points, self.longest_error = 0, 0, 1
        try:
            # unbuffered: what was written is on its way to the disk, and only that
            self._file: FileIO = path.open("r+b" if path.exists() else "x+b", buffering=0)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._locked()
            self._there = os.fstat(self._file.fileno()).st_size
            self._opened(key, chunk)
        except BaseException:
            self.close()
            raise

    def append(self, block: Solved) -> None:
        """Write a solved block.

        Args:
            block: The block.

        Raises:
            InputError: If the disk is full or gone; what was written before is kept.
        """
        about = {
            "number": block.number,
            "points": len(block.errors),
            "errors": {str(i): text for i, text in enumerate(block.errors) if text},
            "columns": [
                {
                    "name": name, "shape": one.values.shape, "dimensions": one.dimensions,
                    "unit": one.unit, "text": one.text,
                    "words": list(one.values.flat) if one.values.dtype == object else None,
                }
                for name, one in block.columns.items()
            ],
        }  # fmt: skip
        numbers = b"".join(
            np.ascontiguousarray(one.values, dtype="<f8").tobytes()
            for one in block.columns.values()
            if one.values.dtype != object
        )
        place = self.size
        self._record(about, numbers)
        self._noted(about, place)

    def read(self, number: int) -> Solved:
        """Read a block back.

        Args:
            number: Of a block that is solved.

        Returns:
            The block.
        """
        self._file.seek(self.places[number])
        text, numbers, _ = _HEAD.unpack(self._file.read(_WHOLE)[: _HEAD.size])
        about = json.loads(self._file.read(text))
        flat, place, columns = np.frombuffer(self._file.read(numbers), dtype="<f8"), 0, {}
        for one in about["columns"]:
            shape = tuple(one["shape"])
            if one["words"] is not None:
                values: NDArray[Any] = np.array(one["words"], dtype=object).reshape(shape)
            else:
                size = int(np.prod(shape))
                values = flat[place : place + size].reshape(shape).astype(float)
                place += size
            columns[one["name"]] = Column(
                values, tuple(one["dimensions"]), one["unit"], one["text"]
            )
        errors = tuple(about["errors"].get(str(i), "") for i in range(about["points"]))
        return Solved(about["number"], columns, errors)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def remove(self) -> None:
        """Close and delete the file: the study is finished."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _locked(self) -> None:
        """Keep a second run of the same study out, where the system can."""
        try:
            import fcntl
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{self.path} is being written by another run of this study. Wait for it to end."
            ) from None
        _OPEN.add(self._file)

    def _opened(self, key: str, chunk: int) -> None:
        start = self._file.read(len(_MAGIC))
        if not _MAGIC.startswith(start):
            raise InputError(f"{self.path} is no file of partial results. {_REMEDY}")
        self.size = len(_MAGIC)
        first = self._next() if start == _MAGIC else None
        if first is None:
            self.size = 0
            self._write(_MAGIC)
            self._record({"key": key, "chunk": chunk}, b"")
            first = {"key": key, "chunk": chunk}
        if first["key"] != key:
            raise InputError(
                f"{self.path} holds partial results of another study (other axes, device, "
                f"arguments or version). {_REMEDY}"
            )
        self.chunk = int(first["chunk"])
        while True:
            place = self.size
            about = self._next()
            if about is None:
                break
            self._noted(about, place)
        self._file.truncate(self.size)

    def _next(self) -> dict[str, Any] | None:
        """What the next record says of itself, after checking it; `None` where it is unfinished."""
        self._file.seek(self.size)
        head = self._file.read(_WHOLE)
        if len(head) < _WHOLE:
            return None
        damaged = InputError(f"{self.path} is damaged at byte {self.size}. {_REMEDY}")
        text, numbers, checksum = _HEAD.unpack(head[: _HEAD.size])
        if _checksum(head[: _HEAD.size]) != head[_HEAD.size :]:
            raise damaged  # an unfinished record would be shorter
        end = self.size + _WHOLE + text + numbers
        if end > self._there:
            return None
        content = self._file.read(text + numbers)
        if zlib.crc32(content) != checksum:
            raise damaged
        self.size = end
        found: dict[str, Any] = json.loads(content[:text])
        return found

    def _noted(self, about: dict[str, Any], place: int) -> None:
        """Remember where a block is, and which columns there are."""
        self.places[about["number"]] = place
        self.points += about["points"]
        self.failed += len(about["errors"])
        for one in about["columns"]:
            shape = tuple(one["shape"][1:])
            longest = longest_word(one["words"]) if one["words"] is not None else 0
            before = self.columns.get(one["name"])
            if before is not None:
                shape = tuple(map(max, shape, before.values.shape))
                longest = max(longest, before.values.dtype.itemsize)
            kind = "f8" if one["words"] is None else f"S{longest}"
            self.columns[one["name"]] = Column(
                np.empty(shape, kind), tuple(one["dimensions"]), one["unit"], one["text"]
            )
        self.longest_error = max(self.longest_error, longest_word(about["errors"].values()))

    def _record(self, about: dict[str, Any], numbers: bytes) -> None:
        text = json.dumps(about).encode()
        head = _HEAD.pack(len(text), len(numbers), zlib.crc32(text + numbers))
        self._write(head + _checksum(head) + text + numbers)

    def _write(self, content: bytes) -> None:
        left = memoryview(content)
        try:
            self._file.seek(self.size)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self.size)
            raise self._unwritable(error) from error
        self.size += len(content)

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(
            f"cannot write {self.path}: {error.strerror}. Results so far are kept: make room, or "
            "give another folder, and run the study again."
        )


def longest_word(words: Iterable[str]) -> int:
    """Length of the longest of some words, at least one [bytes]."""
    return max((len(word.encode()) for word in words), default=1) or 1


def _checksum(head: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(_MAGIC + head))


_REMEDY = "Delete it, or give the study another path."
