r"""How fast the excitons of a dot recombine, and how fast light at the band edge makes more.

With $N$ excitons and $D$ permanent electrons a dot holds $n_e = N + D$ electrons and $n_h = N$
holes, of which at most $g$ each sit at the band edge ($\hat n$). The ways down are

| process | rate |
|---|---|
| trapping, one exciton at a time | $N/\tau_1$ |
| radiation | $\hat n_e \hat n_h/\tau_r$ |
| Auger, `pair` | $n_e n_h/4\tau_2$ where a third carrier is present |
| Auger, `cubic` | $n_e n_h(n_e + n_h - 2)/8\tau_2$: any third carrier takes the energy |
| Auger, `bimolecular` | $N(N-1)/2\tau_2$: two excitons meet |
| Auger, `square` | $N^2/4\tau_2$ from two excitons on: the pair law, blind to permanent electrons |
| stimulated emission | $(W/\rho)\,\hat n_e\hat n_h/g^2$ |

All Auger laws give the neutral biexciton its lifetime $\tau_2$; the negative trion follows:
$4\tau_2$ by the cubic law (Klimov et al., Science 287, 1011 (2000), for the scaling), $2\tau_2$
by the pair law. Light at the band edge is absorbed at the rate
$W(g-\hat n_e)(g-\hat n_h)/g^2$, a way up; an empty dot absorbs at the rate $W$.
"""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dfbdesign.checks import nearest, positive
from dfbdesign.errors import InputError
from dfbdesign.units import SPEED_OF_LIGHT

Real = NDArray[np.float64]
AugerLaw = Literal["pair", "cubic", "bimolecular", "square"]


@dataclass(frozen=True)
class Rates:
    """How fast excitons recombine."""

    biexciton_lifetime: float = inf
    """Auger lifetime of the neutral biexciton [ps]."""
    auger: AugerLaw = "pair"
    """How Auger recombination grows with the carriers in the dot."""
    trapping_lifetime: float = inf
    """Lifetime of each exciton by itself, from what scales with their number [ps]."""
    radiative_lifetime: float = inf
    """Radiative lifetime of one exciton in a neutral dot [ps]."""
    absorption: float = 0.0
    """Rate at which light at the band edge is absorbed by an empty dot [1/ps]."""

    def __post_init__(self) -> None:
        for name in ("biexciton_lifetime", "trapping_lifetime", "radiative_lifetime"):
            if getattr(self, name) != inf:
                positive(f"{name} (in ps)", getattr(self, name))
        if not (isfinite(self.absorption) and self.absorption >= 0):
            raise InputError(
                f"absorption (in 1/ps) must be zero or a positive number, got {self.absorption}."
            )
        if self.auger not in get_args(AugerLaw):
            raise InputError(
                f'auger "{self.auger}" is unknown. {nearest(self.auger, list(get_args(AugerLaw)))}'
            )


def auger_rate(electrons: ArrayLike, holes: ArrayLike, rates: Rates) -> Real:
    """Auger rate of a dot, neutral or charged either way.

    Args:
        electrons: Electrons in the dot, any shape.
        holes: Holes in the dot; broadcasts against the electrons.
        rates: Biexciton lifetime and Auger law.

    Returns:
        Rate at which the dot loses one pair, of the broadcast shape [1/ps].

    Examples:
        The lifetimes of a biexciton and of a negative trion.

        >>> 1 / auger_rate([2, 2], [2, 1], Rates(biexciton_lifetime=485, auger="cubic"))
        array([ 485., 1940.])
    """
    e, h = np.broadcast_arrays(np.asarray(electrons, float), np.asarray(holes, float))
    pairs = np.minimum(e, h)
    match rates.auger:
        case "pair":
            scale = e * h * (e + h >= 3)
        case "cubic":
            scale = e * h * np.maximum(e + h - 2, 0) / 2
        case "bimolecular":
            scale = 2 * pairs * (pairs - 1)
        case _:
            scale = pairs**2 * (pairs >= 2)
    return np.asarray(scale / (4 * rates.biexciton_lifetime))


def absorption_rate(
    photon_density: ArrayLike, band_edge_absorption: float, dot_density: float, index: float
) -> Real:
    """Rate at which an empty dot absorbs light of a given density: `Rates.absorption`.

    Args:
        photon_density: Photons in the film per volume, any shape [1/µm³].
        band_edge_absorption: Absorption of the neutral film at the wavelength [1/µm].
        dot_density: Dots in the film per volume [1/µm³].
        index: Group index of the film.

    Returns:
        Rate of the shape of the density [1/ps].

    Raises:
        InputError: If the absorption, the dot density or the index is not positive.

    Examples:
        >>> float(absorption_rate(1000.0, 4100 / cm, 1.1e7, 2.6).round(4))
        0.0043
    """
    positive("band_edge_absorption (in 1/um)", band_edge_absorption)
    positive("dot_density (in 1/um^3)", dot_density)
    speed = SPEED_OF_LIGHT / positive("index", index)
    return np.asarray(photon_density, float) * speed * band_edge_absorption / dot_density
