"""The functions a study can run, by name; those that take arrays of devices are used as such."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import dfbdesign
from dfbdesign.checks import nearest
from dfbdesign.device import Device
from dfbdesign.errors import InputError
from dfbdesign.studies.together import laser_together, modes_together

TOGETHER: dict[str, Callable[..., Any]] = {"modes": modes_together, "laser": laser_together}
"""Forms of public functions that take arrays of devices."""


@dataclass(frozen=True)
class Verb:
    """A function that a study runs."""

    function: Callable[..., Any]
    together: Callable[..., Any] | None
    """Its form for arrays of devices, if it has one."""
    takes_device: bool

    @property
    def parameters(self) -> list[str]:
        """Names of its arguments beside the device."""
        names = _parameters(self.function)
        return names[1:] if self.takes_device else names

    @property
    def fixable(self) -> list[str]:
        """Names of arguments that can be set for all points."""
        return list(dict.fromkeys([*self.parameters, *self._together]))

    @property
    def alone(self) -> list[str]:
        """Names of arguments that its form for arrays does not take."""
        return [name for name in self.parameters if name not in self._together]

    @property
    def _together(self) -> list[str]:
        return [] if self.together is None else _parameters(self.together)[2:]

    def check(self, device: Device | None) -> None:
        """Refuse a device that is missing, or one too many.

        Args:
            device: The device of the study.

        Raises:
            InputError: If the function wants it otherwise.
        """
        name = self.function.__name__
        if self.takes_device and device is None:
            raise InputError(f"{name} needs a device: give the study one.")
        if device is not None and not self.takes_device:
            raise InputError(f'{name} takes no device: its first argument is not "device".')


def verb(function: str | Callable[..., Any]) -> Verb:
    """The function that a study runs.

    Args:
        function: A public function of the package by name, "package.module:function", or itself.

    Returns:
        The function and its form for arrays.

    Raises:
        InputError: If there is no such function.
    """
    found = _named(function) if isinstance(function, str) else function
    if not callable(found):
        raise InputError(f"a study runs a function, got {found!r}.")
    names = _parameters(found)
    name = getattr(found, "__name__", "")
    own = name in TOGETHER and getattr(dfbdesign, name) is found
    return Verb(found, TOGETHER[name] if own else None, bool(names) and names[0] == "device")


def _named(name: str) -> Callable[..., Any]:
    module, colon, attribute = name.partition(":")
    if not colon:
        known = [one for one in dfbdesign.__all__ if one[0].islower()]
        if name not in known:
            raise InputError(
                f'there is no function "{name}". {nearest(name, known)} '
                'Your own is written "package.module:function".'
            )
        return getattr(dfbdesign, name)  # type: ignore[no-any-return]
    try:
        found: Callable[..., Any] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f'cannot find the function "{name}": {error}.') from None
    return found


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise InputError(f"a study cannot tell what {function!r} takes: {error}.") from None
    return [one.name for one in found if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
