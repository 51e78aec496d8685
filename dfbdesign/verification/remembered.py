"""Finished comparisons with MEEP, kept: asked again, they are read instead of solved again.

The runs of MEEP are kept by `dfbdesign.fdtd.store`; here is what our solvers made of them. A kept
comparison is found again by its arguments (of devices and waveguides what they are made of, not
what they are called), by the version of MEEP, by results brought from elsewhere, and by the content
of this package: whatever is changed in it, in a solver or in an index, compares anew, which costs
seconds, as the runs of MEEP stay. A file that is not whole counts as absent.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from dfbdesign.errors import InputError, MeepMissing
from dfbdesign.fdtd.interpreter import find_meep
from dfbdesign.fdtd.store import cache_folder, imported
from dfbdesign.files import writing

P = ParamSpec("P")
T = TypeVar("T")

BESIDES = frozenset({"progress", "force"})
"""Arguments that do not change what is found."""
WORDS = frozenset({"name", "reference", "description", "source", "measured"})
"""Fields of devices, waveguides and materials that are no physics."""


def remembered(compare: Callable[P, T]) -> Callable[P, T]:
    """Keep what a comparison finds; what it raises is not kept.

    Args:
        compare: A function of plain arguments, devices and waveguides that returns dataclasses of
            plain values, as its annotation says.

    Returns:
        The same function, which looks first whether the answer is known.
    """
    asks = signature(compare)

    @wraps(compare)
    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        given = asks.bind(*args, **kwargs)
        given.apply_defaults()
        inputs = {name: one for name, one in given.arguments.items() if name not in BESIDES}
        file = _file(compare.__name__, inputs)
        if file is None:
            return compare(*args, **kwargs)
        known, form = _read(file), TypeAdapter[T](asks.return_annotation)
        with suppress(ValidationError):
            if known is not None:
                return form.validate_python(known)
        answer = compare(*args, **kwargs)
        with suppress(InputError):  # a full disk costs the kept copy, not the answer
            _write(file, form.dump_python(answer))
        return answer

    return asked


def _file(function: str, inputs: dict[str, Any]) -> Path | None:
    """Where the answer to a question is kept; `None` if there is no place to."""
    folder = cache_folder("comparisons")
    if folder is None:
        return None
    try:
        version = find_meep().version
    except MeepMissing:
        version = "missing"
    question = [function, inputs, imported(), _package()]
    try:
        text = json.dumps(question, default=_plain, sort_keys=True)
    except TypeError:  # the comparison says what is wrong with its arguments
        return None
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}-{version}.json"


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if isinstance(value, BaseModel):
        return _physical(value.model_dump())
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a comparison with MEEP takes plain arguments, got {value!r}.")


def _physical(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _physical(one) for name, one in part.items() if name not in WORDS}
    return [_physical(one) for one in part] if isinstance(part, list | tuple) else part


@cache
def _package() -> str:
    """Fingerprint of the code and the data of this package."""
    root, found = Path(__file__).parents[1], hashlib.sha256()
    for file in sorted(file for ending in ("py", "toml") for file in root.rglob(f"*.{ending}")):
        found.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return found.hexdigest()


def _read(file: Path) -> Any:
    """The kept answer; `None` if there is none that is whole."""
    with suppress(OSError, ValueError):
        mark, _, text = file.read_text(encoding="utf-8").partition("\n")
        if mark == hashlib.sha256(text.encode()).hexdigest():
            return json.loads(text)
    return None


def _write(file: Path, content: Any) -> None:
    text = json.dumps(content, default=_plain)
    with writing(file) as temporary:
        temporary.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}", "utf-8")
