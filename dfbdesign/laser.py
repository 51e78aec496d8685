r"""The finite laser: which mode lases, at which wavelength, at which gain and pump fluence.

The unit cell gives the coupled waves everything they need: centre $k_c$ and coupling $C$ of the
band edges, group index $n_g$, and their exact derivatives with respect to the material gain $g$ of
the film. Along the cavity (x)

$$ R' = i\Delta R - i\kappa S, \qquad S' = -i\Delta S + i\kappa R, \qquad
   \Delta = n_g (k - k_c(g)), \quad \kappa = n_g C(g) , $$

so radiation and gain coupling are in $\kappa$; radiation, loss and gain in $\mathrm{Im}\,k_c$. The
gain at every x follows the pump spot, through the film model when there is one; film without pump
absorbs. A mode's threshold is the peak gain at which its wavenumber becomes real. Not in here: the
change of film index with carriers, spatial hole burning, heating.
"""

from dataclasses import dataclass, field, replace
from math import inf, pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.device import Device, Facet, FacetReflection, Grating
from dfbdesign.errors import InputError, NoGuidedMode, NotConverged
from dfbdesign.gain.film import (
    Film,
    excitons_at_fluence,
    excitons_for_gain,
    material_gain,
    resolve_film,
    threshold_fluence,
)
from dfbdesign.solvers.transfer_matrix import Sections, ThresholdMode, cold_modes, threshold_modes
from dfbdesign.solvers.unit_cell import CellModes, modes

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Origin = Literal["bright", "dark", "guided"]

SPOT_STEPS = 41
"""Sections a smooth pump spot is cut into."""


@dataclass(frozen=True)
class LasingMode:
    """One threshold mode of the finite device."""

    wavelength: float
    """Vacuum wavelength at threshold [µm]."""
    origin: Origin
    """Label of the band edge it comes from."""
    cold_quality_factor: float
    """Q of the finite cavity without gain and without absorption by the film's dots."""
    threshold_material_gain: float
    """Peak material gain of the film at threshold [1/µm]."""
    threshold_modal_gain: float
    """The same times the confinement of the coupled waves [1/µm]."""
    excitons_per_dot: float | None
    """Mean excitons per dot at the peak of the pump; `None` without a film."""
    threshold_fluence: float | None
    """Peak pump fluence [pJ/µm²]; `None` without film and pump."""
    x: Real = field(repr=False, compare=False)
    """Positions along the cavity, shape (point,) [µm]."""
    forward: Complex = field(repr=False, compare=False)
    """Amplitude R of the wave towards +x at threshold, shape (point,)."""
    backward: Complex = field(repr=False, compare=False)
    """Amplitude S of the wave towards -x at threshold, shape (point,)."""


@dataclass(frozen=True)
class Laser:
    """The finite device and all its threshold modes near the target."""

    modes: tuple[LasingMode, ...]
    """Lowest threshold first: the first one lases."""
    cell: CellModes
    """The infinite grating."""
    periods: int
    """Whole number of periods of the grating."""
    length: float
    """Their length, without phase shifts [µm]."""
    film: Film | None
    """The gain film, if the device names one."""
