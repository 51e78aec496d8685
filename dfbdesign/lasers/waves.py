r"""The coupled waves that the unit cell makes of a grating.

$$ R' = i\Delta R - i\kappa S, \qquad S' = -i\Delta S + i\kappa R, \qquad
   \Delta = n_g (k - k_c(g)), \quad \kappa = n_g C(g) , $$

with the centre $k_c$ and half the split $C$ of the two band edges, both linear in the material gain
$g$ of the film (exact derivatives), and the group index $n_g$. So radiation and gain coupling are
in $\kappa$; radiation, loss and gain in $\mathrm{Im}\,k_c$.
"""

from dataclasses import dataclass

from dfbdesign.errors import InputError
from dfbdesign.solvers.unit_cell import CellModes


@dataclass(frozen=True)
class Waves:
    """The coupled waves of the unit cell, linear in the material gain g of the film."""

    centre: complex
    centre_slope: complex
    half_split: complex
    half_split_slope: complex
    n_group: float
    radiates: bool

    @property
    def confinement(self) -> float:
        """Modal over material gain of a running wave."""
        return 2 * self.n_group * self.centre_slope.imag

    @property
    def loss(self) -> float:
        """Power loss of a running wave without gain [1/µm]."""
        return -2 * self.n_group * self.centre.imag

    def kappa(self, gain: float) -> complex:
        """Coupling coefficient with a material gain [1/µm]."""
        return complex(self.n_group * (self.half_split + self.half_split_slope * gain))


def waves_of(cell: CellModes) -> Waves:
    """The coupled waves of a unit cell.

    Args:
        cell: Band edges of the infinite grating.

    Returns:
        Centre, split and their gain derivatives.

    Raises:
        InputError: If no layer carries gain.
        NoGuidedMode: If the cell has no pair of band edges.
    """
    even, odd = cell.band_edges
    if cell.n_group is None or even.gain_slope is None or odd.gain_slope is None:
        raise InputError("nothing can lase: set gain = true in the layer that carries the gain.")
    if even.gain_slope.imag + odd.gain_slope.imag <= 0:
        raise InputError("the light does not reach the gain: give the gain layer more thickness.")
    return waves_from(
        (even.wavenumber, odd.wavenumber),
        (even.gain_slope, odd.gain_slope),
        cell.n_group,
        even.label == "bright",
    )


def waves_from(
    edges: tuple[complex, complex], slopes: tuple[complex, complex], n_group: float, radiates: bool
) -> Waves:
    """The coupled waves of two band edges.

    Args:
        edges: Wavenumbers of the even and the odd edge [1/µm].
        slopes: Their derivatives against material gain.
        n_group: Group index.
        radiates: Whether the even edge radiates along the normal.

    Returns:
        The coupled waves.
    """
    return Waves(
        centre=(edges[0] + edges[1]) / 2,
        centre_slope=(slopes[0] + slopes[1]) / 2,
        half_split=(edges[0] - edges[1]) / 2,
        half_split_slope=(slopes[0] - slopes[1]) / 2,
        n_group=n_group,
        radiates=radiates,
    )
