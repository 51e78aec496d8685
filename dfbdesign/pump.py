"""The pump laser and its spot: what the device file says in `[pump]`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, model_validator

from dfbdesign.checks import positive
from dfbdesign.errors import InputError
from dfbdesign.schema import Length, Part, Time
from dfbdesign.table import read_table
from dfbdesign.units import fs, um

Real = NDArray[np.float64]

LARGEST_STEP = 1.5
"""Between rows of a profile, over the middle one of all steps: beyond it, rows are missing."""
ROUNDED = 1.01
"""Largest length of a spot over that of the grating, which is rounded to whole periods."""
LARGEST_END = 0.05
"""Fluence in the first and last row over the largest, where the pump may end within the grating."""


@dataclass(frozen=True)
class FluenceProfile:
    """Measured fluence along x, linear between its rows and zero beyond them."""

    file: str
    """Where it was read."""
    position: tuple[float, ...]
    """From the middle of the grating, ascending [µm]."""
    fluence: tuple[float, ...]
    """Over its largest value."""

    def __call__(self, x: Real) -> Real:
        """Fluence over its largest value, at distances from the middle of the grating [µm]."""
        return np.asarray(np.interp(x, self.position, self.fluence, left=0.0, right=0.0))

    def mean(self, low: Real, high: Real) -> Real:
        """Mean fluence between places, exact, shape (piece,)."""
        x, y = np.array(self.position), np.array(self.fluence)
        area = np.r_[0.0, np.cumsum((y[1:] + y[:-1]) / 2 * np.diff(x))]

        def until(place: Real) -> Real:
            place = np.clip(place, x[0], x[-1])
            row = np.clip(np.searchsorted(x, place, side="right") - 1, 0, len(x) - 2)
            return np.asarray(area[row] + (y[row] + self(place)) / 2 * (place - x[row]))

        return np.asarray((until(high) - until(low)) / (high - low))

    def cuts(self, pieces: int, low: float, high: float) -> Real:
        """Places between two others that part length and rise and fall of the fluence evenly."""
        rows = [place for place in self.position if low < place < high]
        x = np.array([low, *rows, high])
        change = np.abs(np.diff(self(x)))
        shares = np.diff(x) / (high - low) + change / max(change.sum(), 1e-300)
        until = np.r_[0.0, np.cumsum(shares)]
        return np.asarray(np.interp(np.linspace(0, until[-1], pieces + 1), until, x))

    @property
    def area(self) -> float:
        """Integral over x [µm]."""
        return float(np.trapezoid(self.fluence, self.position))

    def need_ends(self, length: float) -> None:
        """Refuse a profile that breaks off within a grating of some length [µm].

        Raises:
            InputError: If it does.
        """
        for row in (0, -1):
            place, fluence = self.position[row], self.fluence[row]
            if abs(place) < length / 2 and fluence > LARGEST_END:
                raise InputError(
                    f"{self.file}: the profile breaks off at {place:g} um with {fluence:.0%} of "
                    f"its largest fluence, the grating reaches to {length / 2:g} um. Measure on, "
                    "or add a row of fluence 0."
                )


def read_profile(path: str | Path) -> FluenceProfile:
    """Read a measured pump profile.

    Args:
        path: CSV file with the columns position_um, from the middle of the grating, and fluence,
            in any unit.

    Returns:
        The profile.

    Raises:
        InputError: If the file cannot be read; a number is missing, not finite or negative;
            positions do not ascend or leave a gap; or there is no light at all.
    """
    path = Path(path)
    table = read_table(path, ("position_um", "fluence"), at_least=2)
    x, fluence = table["position_um"] * um, table["fluence"]
    if fluence.min() < 0:
        at = x[fluence.argmin()]
        raise InputError(
            f"{path}: fluence must not be negative, got {fluence.min():g} at {at:g} um. "
            "Subtract less background."
        )
    if fluence.max() == 0:
        raise InputError(f"{path}: fluence is zero everywhere: nothing is pumped.")
    steps = np.diff(x)
    widest = int(steps.argmax())
    if steps[widest] > LARGEST_STEP * np.median(steps):
        raise InputError(
            f"{path}: the profile has a gap from {x[widest]:g} to {x[widest + 1]:g} um, other rows "
            f"are {np.median(steps):g} um apart. Fill it in, at equal steps."
        )
    return FluenceProfile(
        str(path.resolve()), tuple(x.tolist()), tuple((fluence / fluence.max()).tolist())
    )


def _profile(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, FluenceProfile):
        return value
    return read_profile((info.context["folder"] if info.context else Path()) / str(value))


ProfileFile = Annotated[
    FluenceProfile,
    BeforeValidator(_profile),
    PlainSerializer(lambda profile: profile.file, when_used="json"),
]


class Spot(Part):
    """Shape of the pump spot."""

    shape: Literal["uniform", "stripe", "gaussian", "disk", "profile"] = "uniform"
    length: Length | None = None
    """Length of a stripe, 1/e² diameter of a Gaussian, diameter of a disk [µm]."""
    file: ProfileFile | None = None
    """Measured profile along x: a CSV file with the columns position_um and fluence."""
    across: Literal["averaged", "alone"] = "averaged"
    """Whether the lines share the gain of a disk over their length, or each strip along x lases by
    itself: then the first is the longest, through the middle."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.file is not None) != (self.shape == "profile"):
            raise InputError(
                'needs both or neither of shape = "profile" and file = "spot.csv", '
                f'got shape = "{self.shape}".'
            )
        if self.shape == "profile" and self.length is not None:
            raise InputError('of shape "profile" has its length from its file. Leave length out.')
        if self.shape not in ("uniform", "profile") and self.length is None:
            raise InputError(f'of shape "{self.shape}" needs a length, such as length = "500 um".')
        if self.length is not None:
            positive("length (in um)", self.length)
        if self.across == "alone" and self.shape != "disk":
            raise InputError(f'across = "alone" is for a disk, got shape = "{self.shape}".')
        return self

    def need_within(self, length: float) -> None:
        """Refuse a spot that is longer than the grating.

        Args:
            length: Of all periods of the grating [µm].

        Raises:
            InputError: If it is longer, beyond what whole periods round off.
        """
        if self.file is not None:
            self.file.need_ends(length)
        if self.shape != "uniform" and self.length is not None and self.length > ROUNDED * length:
            raise InputError(
                f"pump spot length ({self.length:g} um) must not exceed the grating's "
                f'({length:g} um). Write shape = "uniform" for a grating that is pumped all over, '
                'or give a measured "profile".'
            )


class Pump(Part):
    """The pump laser."""

    wavelength: Length
    duration: Time = 300 * fs
    spot: Spot = Spot()
    side: Literal["top", "substrate"] = "top"

    @model_validator(mode="after")
    def _check(self) -> Self:
        positive("wavelength (in um)", self.wavelength)
        positive("duration (in ps)", self.duration)
        return self
