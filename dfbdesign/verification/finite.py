r"""The whole finite device against MEEP: modes, threshold, spectrum and beam, in TE.

Our side is the rigorous finite solver, for the beam the coupled waves; the indices of both are
frozen at the target. Every quantity is taken from runs on three grids and extrapolated; on the
coarsest one, a run with more room to the absorbing layers, and a shorter record, show what those
do. TE only: the rigorous solver has no TM waves, so there is nothing exact to compare with.

- `modes`: wavelength and quality factor of the cold modes.
- `threshold`: the film is given gain in the time domain, once less and once more than the predicted
  threshold; where the growth rate between passes through zero is the threshold there. That gain is
  the same at all wavelengths: where a mode far from the target needs less, it outgrows the one that
  is looked for, and no threshold is found.
- `spectrum`: the guided wave is sent into the passive grating from the left, and what comes back
  and through is compared at nine wavelengths around the stop band. The coupled waves are stated
  beside it, with what they miss.
- `far-field`: with the predicted threshold gain the mode that lases outlives all others, and the
  field above the device is transformed to the far field. Two dimensions have one polarisation,
  along the lines; the extent of the beam along them is not simulated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast, get_args

from dfbdesign.checks import nearest
from dfbdesign.device import Device, without_dispersion
from dfbdesign.errors import InputError
from dfbdesign.fdtd.finite_job import FiniteJob
from dfbdesign.fdtd.launch import Progress, run_all
from dfbdesign.units import cm, deg, nm
from dfbdesign.verification.certificate import Comparison, ModelError
from dfbdesign.verification.ladders import RESOLUTIONS, Plan
from dfbdesign.verification.remembered import remembered

What = Literal["modes", "spectrum", "threshold", "far-field"]

UNITS = {
    "wavelength": (nm, "nm"),
    "threshold gain": (1 / cm, "1/cm"),
    "angle": (deg, "deg"),
    "width": (deg, "deg"),
}
"""Quantities with a unit, and the one that people read."""


@dataclass(frozen=True)
class FiniteVerification:
    """What two independent methods say about a finite device."""

    what: What
    wavelength: float
    """Vacuum wavelength at which both froze the indices [µm]."""
    comparisons: tuple[Comparison, ...]
    coupled_waves: tuple[ModelError, ...] = ()
    """What the coupled waves, an approximation, say of a spectrum."""

    @property
    def passed(self) -> bool:
        """Whether every quantity agrees."""
        return all(one.verdict == "agrees" for one in self.comparisons)


@remembered
def verify_finite(
    device: Device,
    what: str = "modes",
    count: int = 1,
    resolutions: Sequence[int] = RESOLUTIONS,
    progress: Progress | None = None,
    force: bool = False,
) -> FiniteVerification:
    """Compare a finite device with MEEP.

    Args:
        device: Needs a grating with a length and lines, and a target; TE. Its facets are "open" or
            "cleaved"; film, pump spot and phase shifts count.
        what: "modes", "spectrum", "threshold" or "far-field".
        count: How many modes, best first.
        resolutions: Pixels per half wavelength in the guide of the two or more runs, ascending
            multiples of 4.
        progress: Called several times a second with the done fraction and the time left [s].
        force: Start even what should be too much for this computer.

    Returns:
        The comparison.

    Raises:
        InputError: If the device is not one this handles, or needs too much time or memory.
        NotConverged: If one of the two does not converge.
        PhysicsError: If there is no such mode, or MEEP fails.
        MeepMissing: If no interpreter can import MEEP.
    """
    plan = _plan(device, what, count, resolutions)
    found = plan.compare(run_all(plan.jobs, progress, force))
    wavelength = device.need_target().wavelength
    return FiniteVerification(_known(what), wavelength, found, plan.coupled_waves())


def finite_runs(
    device: Device,
    what: str = "modes",
    count: int = 1,
    resolutions: Sequence[int] = RESOLUTIONS,
) -> tuple[FiniteJob, ...]:
    """The runs that `verify_finite` needs, without starting them; for its arguments see there."""
    return _plan(device, what, count, resolutions).jobs


def _known(what: str) -> What:
    for one in get_args(What):
        if one == what:
            return cast("What", one)
    names = list(get_args(What))
    hint = nearest(what, names)
    raise InputError(f'what must be one of {", ".join(names)}, got "{what}". {hint}'.strip())


def _plan(device: Device, what: str, count: int, resolutions: Sequence[int]) -> Plan:
    # A comparison that is remembered needs no solver, which take long to load.
    from dfbdesign.verification.mode_plans import modes_plan, threshold_plan
    from dfbdesign.verification.wave_plans import far_field_plan, spectrum_plan

    plans = {
        "modes": modes_plan,
        "spectrum": spectrum_plan,
        "threshold": threshold_plan,
        "far-field": far_field_plan,
    }
    make = plans[_known(what)]
    if len(resolutions) < 2 or any(a >= b for a, b in pairwise(resolutions)):
        raise InputError(
            f"two or more grids are needed, from coarse to fine, such as {list(RESOLUTIONS)}; "
            f"got {list(resolutions)}."
        )
    frozen = without_dispersion(device, device.need_target().wavelength)
    return make(frozen, count, tuple(resolutions))
