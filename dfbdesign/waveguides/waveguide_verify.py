"""Our channel solver against MEEP: index and loss of the first mode of a waveguide of rectangles.

Both freeze the indices at the target wavelength; the axis of a uniaxial material stands upwards.
MEEP runs on three grids whose pixels fit between all walls, and is extrapolated to vanishing ones.
"""

from math import ceil, gcd, pi, sqrt

import numpy as np

from dfbdesign.errors import InputError
from dfbdesign.fdtd.guide_job import GuideRectangle, guide_index
from dfbdesign.units import nm
from dfbdesign.verification.certificate import Comparison
from dfbdesign.verification.remembered import remembered
from dfbdesign.waveguides.waveguide import Solve, Waveguide, ridge

SHARPNESS = 2e-4
"""Largest uncertainty of a difference of indices that makes agreement a statement."""
LOSS_SHARPNESS = 5e-3
"""The same of a loss, relative."""
_COARSEST = 7  # pixels per wavelength in the densest material, at least
_FINEST = 7  # times finer than that; a run takes as the cube of it
_FADED = 7  # decay lengths of the mode between the core and the ends of the cell


@remembered
def verify_ridge(waveguide: Waveguide) -> tuple[Comparison, ...]:
    """Compare index and loss of the first mode with MEEP's; takes seconds to minutes.

    Args:
        waveguide: Straight, of rectangles and half-spaces on a grid of nanometres, with a common
            step of walls of a fifteenth of a wavelength in the densest material or more; the
            shape painted last is the core.

    Returns:
        Of the effective index; with absorption or gain also of the power loss [1/µm].

    Raises:
        InputError: If the waveguide is not one the check handles.
        NoGuidedMode: If no mode is guided.
        NotConverged: If one of the two does not converge.
        PhysicsError: If MEEP fails.
        MeepMissing: If no interpreter can import MEEP.
    """
    background, *painted = _permittivities(waveguide)
    step, wavelength = _step(waveguide), waveguide.target.wavelength
    real = [max(one.real for one in both) for both in (background, *painted)]
    coarsest = wavelength / sqrt(max(real)) / _COARSEST
    if step * _FINEST < 3 * coarsest:
        raise InputError(
            f"the largest step between all walls is {step / nm:g} nm, for which MEEP would "
            f"take hours. Choose sizes with a common step of {3 * coarsest / _FINEST / nm:.0f} nm."
        )
    first = ceil(step / coarsest)
    mode = ridge(_first_mode_of(waveguide)).modes[0]
    n_eff = mode.n_eff.real
    decay = wavelength / (2 * pi * sqrt(n_eff**2 - max(*real[:-1], 1.0)))
    margin = _FADED * decay
    reach = step * ceil(10 * margin / step)
    index, loss = guide_index(
        tuple(_rectangles(waveguide, painted, reach)),
        background,
        wavelength,
        n_eff,
        mode.n_group,
        (step / first, step / (first + 1), step / (first + 2)),
        margin,
        mode.polarization,
    )
    compared = [
        Comparison(mode.polarization, "n_eff", n_eff, mode.n_eff_error, index, SHARPNESS),
        Comparison(
            mode.polarization, "loss", mode.loss, mode.loss_error, loss,
            LOSS_SHARPNESS * abs(mode.loss),
        ),
    ]  # fmt: skip
    absorbs = any(one.imag for both in (background, *painted) for one in both)
    return tuple(compared if absorbs else compared[:1])


def _first_mode_of(waveguide: Waveguide) -> Waveguide:
    """The same, asked for no more modes than needed: each takes seconds where there is loss."""
    if waveguide.solve.polarization != "any":
        return waveguide
    return waveguide.model_copy(update={"solve": Solve(modes=1)})


def _permittivities(waveguide: Waveguide) -> list[tuple[complex, complex]]:
    """Of the background and of each shape: in the plane of the substrate, and upwards."""
    if waveguide.bend is not None:
        raise InputError("the check with MEEP is for straight waveguides. Leave out [bend].")
    materials, wavelength = waveguide.materials(), waveguide.target.wavelength
    found = [
        (
            complex(one.permittivity(wavelength)),
            complex(one.permittivity(wavelength, "extraordinary")),
        )
        for one in materials
    ]
    if any(one.real <= 0 for both in found for one in both):
        raise InputError(
            "the check with MEEP is for materials that are no metals. Replace the others by their "
            "index, as material = { index = 2.0 }."
        )
    return found


def _step(waveguide: Waveguide) -> float:
    """The largest length that fits a whole number of times between all walls [µm]."""
    walls = []
    for shape in waveguide.shapes:
        if shape.polygon is not None:
            raise InputError(
                "the check with MEEP is for rectangles and half-spaces. Write polygon as rectangle."
            )
        if shape.halfspace is not None:
            walls.append((np.nan, shape.halfspace.below))
        else:
            walls += shape.corners(0.0)[(0, 2), :].tolist()
    if waveguide.shapes[-1].rectangle is None:
        raise InputError("the core must be the last shape, a rectangle. Write it last.")
    steps = 0
    for places in np.transpose(walls):
        known = places[~np.isnan(places)] / nm
        whole = np.round(known - known[-1])
        if np.abs(known - known[-1] - whole).max() > 1e-6:
            raise InputError("the check with MEEP needs walls that are whole nanometres apart.")
        steps = gcd(steps, *(int(one) for one in whole))
    return steps * nm


def _rectangles(
    waveguide: Waveguide, permittivities: list[tuple[complex, complex]], reach: float
) -> list[GuideRectangle]:
    y, z = waveguide.shapes[-1].corners(0.0)[0]  # of the core: half-spaces end on its grid
    found = []
    for shape, permittivity in zip(waveguide.shapes, permittivities, strict=True):
        if shape.halfspace is not None:
            across, upwards = (y - reach, y + reach), (z - reach, shape.halfspace.below)
        else:
            (left, low), (right, high) = shape.corners(0.0)[[0, 2]].tolist()
            across, upwards = (left, right), (low, high)
        found.append(GuideRectangle(across, upwards, permittivity))
    return found
