"""The lines along the cavity: period, order, length, ends, and what changes from end to end.

Positions along a grating are shares of its lines, 0 at the left and 1 at the right end.
"""

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Discriminator, Field, Tag, model_validator

from dfbdesign.checks import positive, within
from dfbdesign.errors import InputError
from dfbdesign.schema import Length, Part
from dfbdesign.units import nm

Real = NDArray[np.float64]

LONGEST = 100
"""Periods that a phase shift or a slip may be long."""


class PhaseShift(Part):
    """A stretch without lines, inserted into a finite grating."""

    position: float
    """Where along the grating, 0 at the left and 1 at the right end."""
    shift: Length
    """Inserted length [µm]."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        within("position", self.position, 0, 1)
        positive("shift", self.shift)
        return self


class Slip(Part):
    """A stitching error: from here on, all lines stand further on than they should."""

    position: float
    """Where along the grating, 0 at the left and 1 at the right end."""
    slip: Length
    """How much further on; below zero where the lines come too early [µm]."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        within("position", self.position, 0, 1)
        return self


class Apodisation(Part):
    """Duty or height of the lines along the grating, linear between the given points."""

    duty: tuple[float, ...] = ()
    """Line width over period."""
    height: tuple[Length, ...] = ()
    """Thickness of the layer with the lines [µm]. If the film between the lines goes on in the
    layer above, that layer takes up the difference: the surface stays level."""
    position: tuple[float, ...] = ()
    """Where the points lie, from 0 to 1; left out, they are equally spaced."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = {len(values) for values in (self.duty, self.height) if values}
        if len(given) != 1 or given == {1}:
            raise InputError(
                "needs duty = [...] or height = [...] at two points or more, as many of each: "
                "duty = [0.1, 0.35, 0.1]."
            )
        for duty in self.duty:
            within("duty", duty, 0, 1, "Write 0.5 for half line, half gap.")
        for height in self.height:
            positive("height (in um)", height)
        ascending = np.diff(self.position) > 0
        if self.position and not (
            {len(self.position)} == given and ascending.all() and self.position[0] == 0
            and self.position[-1] == 1
        ):  # fmt: skip
            raise InputError(
                f"position needs {max(given)} ascending numbers from 0 to 1, got "
                f"{list(self.position)}."
            )
        return self

    @property
    def places(self) -> Real:
        """Where the points lie, from 0 to 1, shape (point,)."""
        return np.array(self.position or np.linspace(0, 1, len(self.duty or self.height)))

    def at(self, values: tuple[float, ...], share: Real) -> Real:
        """Duty or height at shares of the grating, shape (point,)."""
        return np.asarray(np.interp(share, self.places, values))


class FacetReflection(Part):
    """A facet of known complex amplitude reflection."""

    reflection: tuple[float, float]
    """Real and imaginary part of the amplitude reflection, seen from inside."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        within("the modulus of reflection", abs(complex(*self.reflection)), 0, 1)
        return self


# The tags keep errors to the branch that was meant; "model-" hides them in the path to the field.
Facet = Annotated[
    Annotated[Literal["open", "unpumped", "cleaved", "fresnel"], Tag("model-name")]
    | Annotated[FacetReflection, Tag("model-given")],
    Discriminator(lambda facet: "model-name" if isinstance(facet, str) else "model-given"),
]
"""`open`: the film goes on without lines. `unpumped`: the grating goes on and absorbs. `cleaved`:
film and substrate end in air, where the guided wave comes back (TM: as `fresnel`). `fresnel`: a
plane wave of its effective index comes back."""


class Facets(Part):
    """What stands at both ends of a finite grating."""

    left: Facet = "open"
    right: Facet = "open"


def inserted_length(
    periods: int, phase_shifts: tuple[PhaseShift, ...], slips: tuple[Slip, ...] = ()
) -> Real:
    """Total length of the phase shifts and slips to the left of every line.

    Args:
        periods: Number of lines.
        phase_shifts: The shifts; each is moved to the nearest end of a period.
        slips: The slips, moved likewise.

    Returns:
        Length [µm], shape (line,).
    """
    number = np.arange(periods)
    total = np.zeros(periods)
    extra = [(one.position, one.shift) for one in phase_shifts]
    for position, length in extra + [(one.position, one.slip) for one in slips]:
        total[number >= round(position * periods)] += length
    return total


class Grating(Part):
    """The periodic lines along x."""

    period: Length
    """In the middle of the grating, if it is chirped."""
    order: int = Field(default=2, ge=1, le=4)
    """Bragg order: 2 feeds back in the plane and emits through the surface."""
    length: Length | None = None
    """Length along x [µm]; `None` for an infinite grating."""
    width: Length | None = None
    """Length of the lines along y [µm]."""
    phase_shifts: tuple[PhaseShift, ...] = ()
    slips: tuple[Slip, ...] = ()
    chirp: Length = 0.0
    """How much longer the last period is than the first; it grows evenly [µm]."""
    apodisation: Apodisation | None = None
    facets: Facets = Facets()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not 0 < self.period < 100:
            raise InputError(f"period must lie between 0 and 100 um, got {self.period / nm:g} nm.")
        for name in ("length", "width"):
            value = getattr(self, name)
            if value is not None:
                positive(f"{name} (in um)", value)
        if self.length is not None and self.length < self.period:
            raise InputError(
                f"length must hold at least one period ({self.period / nm:g} nm), "
                f"got {self.length / nm:g} nm."
            )
        inserted = [("phase_shifts", one.shift) for one in self.phase_shifts]
        for name, extra in inserted + [("slips", one.slip) for one in self.slips]:
            if abs(extra) > LONGEST * self.period:
                raise InputError(
                    f"{name} must be shorter than {LONGEST} periods, "
                    f"{LONGEST * self.period:g} um, got {extra:g} um."
                )
        if not abs(self.chirp) < self.period / 2:
            raise InputError(
                f"chirp must be less than half the period, {self.period / 2 / nm:g} nm, "
                f"got {self.chirp / nm:g} nm."
            )
        return self

    @property
    def periods(self) -> int:
        """Whole number of periods nearest to the length.

        Raises:
            InputError: If the grating has no length.
        """
        if self.length is None:
            raise InputError('grating has no length. Add length = "500 um" for a finite device.')
        return max(1, round(self.length / self.period))

    @property
    def varies(self) -> bool:
        """Whether the period or the lines change along the grating."""
        return self.chirp != 0 or self.apodisation is not None

    def place(self, share: ArrayLike) -> Real:
        """Where a share of the lines ends [µm].

        Args:
            share: 0 at the left and 1 at the right end, any shape.

        Returns:
            Position along x, phase shifts apart, of that shape [µm].

        Examples:
            Chirped, the first half of the lines is shorter than the second.

            >>> grating = Grating(period=1.0, length=100 * um, chirp=20 * nm)
            >>> grating.place([0, 0.5, 1])
            array([  0.  ,  49.75, 100.  ])
        """
        share = np.asarray(share, dtype=float)
        longer = self.chirp * share * (share - 1) / 2
        return np.asarray(self.periods * (self.period * share + longer))

    def share(self, place: ArrayLike) -> Real:
        """Share of the lines left of a place: the inverse of `place`.

        Args:
            place: Position along x, any shape [µm].

        Returns:
            0 at the left and 1 at the right end.
        """
        of_all = np.asarray(place, dtype=float) / self.periods
        slope = self.period - self.chirp / 2  # the root of the quadratic that stays finite
        return np.asarray(2 * of_all / (slope + np.sqrt(slope**2 + 2 * self.chirp * of_all)))

    @property
    def line_centres(self) -> Real:
        """Middle of every line from the left end, with phase shifts and slips, (line,) [µm]."""
        inserted = inserted_length(self.periods, self.phase_shifts, self.slips)
        return self.place((np.arange(self.periods) + 0.5) / self.periods) + inserted

    def line_widths(self, duty: float) -> Real:
        """Width of every line at half height.

        Args:
            duty: Of the lines, where no apodisation gives it.

        Returns:
            Shape (line,) [µm].

        Examples:
            >>> grating = Grating(period=1.0, length=4 * um, chirp=0.1)
            >>> grating.line_widths(0.5)
            array([0.48125, 0.49375, 0.50625, 0.51875])
        """
        share = (np.arange(self.periods) + 0.5) / self.periods
        periods = self.period + self.chirp * (share - 0.5)
        given = self.apodisation
        return periods * (given.at(given.duty, share) if given and given.duty else duty)

    def need_same_lines(self, who: str) -> None:
        """Refuse a grating whose period or lines change along it, or whose lines slip.

        Args:
            who: What cannot take it, as the error shall name it.

        Raises:
            InputError: If it does.
        """
        for name in ("chirp", "apodisation", "slips"):
            if getattr(self, name):
                raise InputError(
                    f"grating {name}: {who} takes gratings of equal periods only. Leave it out, "
                    "or use the coupled waves (dfb laser)."
                )
