"""A measured curve in a CSV file, fitted: what `dfb measure` does.

| kind | columns of the file | finds |
|---|---|---|
| `vsl` | length_um, intensity | net modal gain, from stripes of varied length |
| `loss` | distance_um, intensity | propagation loss |
| `ase` | fluence_uj_per_cm2, intensity | threshold of amplified emission |
| `ta` | time_ps, signal | lifetimes of a transient-absorption trace |
| `bleach` | excitons_per_dot, bleach | transparency threshold, where the bleach reaches one |
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.gain.fitting import Fit, Fitted
from dfbdesign.gain.measure import fit_decay, fit_gain, fit_loss, fit_threshold, fit_transparency
from dfbdesign.table import read_table
from dfbdesign.units import cm, um

Real = NDArray[np.float64]
Kind = Literal["vsl", "loss", "ase", "ta", "bleach"]

_COLUMNS: dict[Kind, tuple[str, str, int]] = {
    "vsl": ("length_um", "intensity", 4),
    "loss": ("distance_um", "intensity", 3),
    "ase": ("fluence_uj_per_cm2", "intensity", 6),
    "ta": ("time_ps", "signal", 5),
    "bleach": ("excitons_per_dot", "bleach", 5),
}
"""Columns of each kind of measurement, and the fewest points that make sense."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """A measured curve with its fit, in the units of its file."""

    kind: Kind
    """What was measured."""
    columns: tuple[str, str]
    """Names of both columns."""
    points: tuple[Real, Real]
    """The measured points, shape (point) each."""
    fit: Fit
    """The fit, in the units of the file."""
    numbers: dict[str, Fitted]
    """The results; the unit ends the name."""


def analyse(
    kind: str, path: Path, lifetimes: tuple[float, ...] = (), response: float | None = None
) -> Analysis:
    """Fit the measurement in a CSV file.

    Args:
        kind: What was measured: "vsl", "loss", "ase", "ta" or "bleach".
        path: The file, with a header line.
        lifetimes: Of a "ta" measurement, a first guess of each lifetime [ps].
        response: Of a "ta" measurement, full width at half maximum of the instrument response [ps].

    Returns:
        The points with the fitted numbers.

    Raises:
        InputError: If the kind is unknown, the file is bad (the line is named), or a "ta"
            measurement lacks first guesses or response.
        NotConverged: If the fit fails.
    """
    if kind not in _COLUMNS:
        raise InputError(f'"{kind}" is no kind of measurement: {", ".join(_COLUMNS)} are.')
    if kind == "ta" and (not lifetimes or response is None):
        raise InputError("a ta measurement needs a first guess of each lifetime and a response.")
    if kind != "ta" and (lifetimes or response is not None):
        raise InputError(f"lifetimes and response belong to a ta measurement, not to {kind}.")
    across, up, fewest = _COLUMNS[kind]
    fewest = max(fewest, 2 * len(lifetimes) + 3)
    table = read_table(path, (across, up), fewest)
    x, y = table[across], table[up]
    match kind:
        case "vsl":
            fit = fit_gain(x * um, y)
            numbers = {"net_modal_gain_per_cm": _per_cm(fit["gain"])}
        case "loss":
            fit = fit_loss(x * um, y)
            numbers = {"loss_per_cm": _per_cm(fit["loss"])}
        case "ase":
            fit = fit_threshold(x, y)
            numbers = {"threshold_uj_per_cm2": fit["threshold"]}
        case "ta":
            fit = fit_decay(x, y, tuple(sorted(lifetimes)), response or 0.0)
            numbers = {_in_ps(name): number for name, number in fit.numbers.items()}
        case _:
            fit = fit_transparency(x, y)
            numbers = {"threshold_excitons_per_dot": fit["threshold"]}
    return Analysis(kind, (across, up), (x, y), fit, numbers)


def _per_cm(fitted: Fitted) -> Fitted:
    return Fitted(fitted.value * cm, fitted.half_width * cm)


def _in_ps(name: str) -> str:
    return name if name.startswith("fraction") else f"{name}_ps"
