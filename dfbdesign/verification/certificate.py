r"""What two independent methods say about one quantity, and what follows.

Both give a value and an uncertainty, $v_s \pm u_s$ and $v_f \pm u_f$. With the combined uncertainty
$u = \sqrt{u_s^2 + u_f^2}$ and the difference $d = |v_s - v_f|$ they

- agree when $d \le u$ and $u$ is small enough to mean something: at most `sharpness`;
- disagree when $d > 2u$: an uncertainty is an estimate, rarely wrong by more than a factor of two;
- and else the question is undecided, and finer runs are wanted.

A quality factor that is infinite for one and finite for the other is a disagreement, and one that
is infinite for both an agreement.
"""

from dataclasses import dataclass
from math import hypot, inf, isfinite, isnan
from typing import Literal

from dfbdesign.errors import InputError
from dfbdesign.fdtd.extrapolation import Extrapolated

Verdict = Literal["agrees", "disagrees", "undecided"]

DOUBT = 2.0
"""How many combined uncertainties apart two values must be to disagree."""


@dataclass(frozen=True)
class Comparison:
    """One quantity, as our solver and the time domain give it."""

    label: str
    """What it belongs to, such as the bright mode."""
    quantity: str
    """What it is, such as "wavelength" or "quality factor"."""
    solver: float
    """May be infinite, where the quantity may (a quality factor)."""
    solver_uncertainty: float
    time_domain: Extrapolated
    """At vanishing pixel size; infinite likewise."""
    sharpness: float
    """Largest combined uncertainty that makes agreement a statement, in the quantity's unit."""

    def __post_init__(self) -> None:
        numbers = (self.solver, self.solver_uncertainty, self.fdtd, self.fdtd_uncertainty)
        if any(map(isnan, numbers)) or min(self.solver_uncertainty, self.fdtd_uncertainty) < 0:
            raise InputError(
                f"{self.label} {self.quantity}: values must be numbers and uncertainties not "
                f"negative, got {numbers}."
            )

    @property
    def fdtd(self) -> float:
        """The time domain's value."""
        return self.time_domain.value

    @property
    def fdtd_uncertainty(self) -> float:
        """The time domain's uncertainty."""
        return self.time_domain.uncertainty

    @property
    def difference(self) -> float:
        """Solver over time domain, minus one; 0 when both are the same or infinite."""
        if self.solver == self.fdtd:
            return 0.0
        return self.solver / self.fdtd - 1 if self.fdtd else inf

    @property
    def uncertainty(self) -> float:
        """Of solver minus time domain, in the quantity's unit."""
        return hypot(self.solver_uncertainty, self.fdtd_uncertainty)

    @property
    def verdict(self) -> Verdict:
        """Whether both agree, as far as their uncertainties allow to say."""
        if not (isfinite(self.solver) and isfinite(self.fdtd)):
            if self.solver != self.fdtd:
                return "disagrees"
            return "agrees" if isfinite(self.uncertainty) else "undecided"
        apart = abs(self.solver - self.fdtd)
        if apart > DOUBT * self.uncertainty:
            return "disagrees"
        return "agrees" if apart <= self.uncertainty <= self.sharpness else "undecided"


@dataclass(frozen=True)
class ModelError:
    """By how much an approximate model misses an exact method: a figure, no verdict."""

    label: str
    """What it belongs to, such as a wavelength."""
    quantity: str
    """What it is, such as "reflectance"."""
    model: float
    exact: float

    @property
    def difference(self) -> float:
        """Model minus exact method, in the quantity's unit."""
        return self.model - self.exact
