"""What makes two studies the same: the function, its inputs and the version of the physics.

Neither the code nor the text around it count, so that a comment or a cell of a notebook can change
without losing results. So whoever changes what the package computes raises `PHYSICS_VERSION`; for
functions from elsewhere there is the argument `version` of `study`.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dfbdesign.device import Device, device_tables
from dfbdesign.errors import InputError
from dfbdesign.studies.axes import Axes

PHYSICS_VERSION = 1
"""Raised with every change that moves a result by more than its stated numerical error."""


def name_of(function: Callable[..., Any]) -> str:
    """Name of a function, by which it is known again.

    Args:
        function: The function.

    Returns:
        Module and name, as in "dfbdesign.solvers.slab:slab".
    """
    module = getattr(function, "__module__", "?")
    return f"{module}:{getattr(function, '__qualname__', repr(function))}"


def inputs_of(
    function: str, axes: Axes, device: Device | None, fixed: Mapping[str, Any], version: str
) -> dict[str, Any]:
    """The inputs of a study in plain words, as they stand in its file.

    Args:
        function: Its name.
        axes: What is varied.
        device: What all points start from.
        fixed: Other arguments.
        version: Of the function, as its author counts.

    Returns:
        Words and numbers; arrays as a fingerprint.

    Raises:
        InputError: If an argument is nothing that can be written down.
    """
    return {
        "function": function,
        "version": version,
        "physics_version": PHYSICS_VERSION,
        "device": None if device is None else device_tables(device),
        "fixed": {name: _plain(name, value) for name, value in sorted(fixed.items())},
        "axes": [
            [axis.name, axis.meaning.path, axis.dimension, _plain(axis.name, axis.values)]
            for axis in axes.axes
        ],
    }


def key_of(inputs: Mapping[str, Any]) -> str:
    """The fingerprint of the inputs of a study.

    Args:
        inputs: As `inputs_of` gives them.

    Returns:
        64 hexadecimal digits.
    """
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        content = json.dumps(list(value)).encode() if value.dtype == object else value.tobytes()
        return f"{value.dtype} {value.shape} {hashlib.sha256(content).hexdigest()}"
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, complex):
        return [value.real, value.imag]
    if isinstance(value, Device):
        return device_tables(value)
    if isinstance(value, list | tuple):
        return [_plain(name, one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(name, one) for key, one in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    text = repr(value)
    if " at 0x" in text or "..." in text:
        raise InputError(
            f"the argument {name} of the study is a {type(value).__name__}, which cannot be told "
            "from another. Pass numbers, words or arrays, or leave out the path."
        )
    return text
