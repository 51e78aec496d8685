r"""How near modes come to where the sheets of the square roots meet.

At a Rayleigh anomaly $k_a$ an order $e$ grazes a half-space: its decay rate $\gamma$ is zero there,
and both signs of $\gamma$ meet. Next to it $F = F(k_a) + p\gamma\,e e^T$ is singular where
$\gamma = -1/(p\,e^T F(k_a)^{-1} e)$, on whichever sheet, which is $|\gamma|^2/2k^2\epsilon_x$ away.
A mode further away than it still moves cannot pass from one sheet to the other.
"""

from dataclasses import replace

import numpy as np

from dfbdesign.solvers.contours import anomalies_in_window
from dfbdesign.solvers.lateral import Real
from dfbdesign.solvers.modal import Cells


def distance_from_anomalies(cells: Cells, centre: float) -> Real:
    """Least relative distance between an anomaly of the searched window and a zero of det F.

    Args:
        cells: The batch.
        centre: Middle of the window [1/µm].

    Returns:
        Shape (device,); infinite without an anomaly in the window.
    """
    cells = replace(cells, about=centre)
    found = np.full(len(cells.period.rows), np.inf)
    row, sector, k, upper = anomalies_in_window(cells, centre)
    for side in (False, True):
        here = upper == side
        if not here.any():
            continue
        system = cells.at(k[here] + 0j, row[here], sector[here])
        gamma, flux = system.outer(side)
        place = np.abs(gamma).argmin(axis=-1)[:, None]
        source = np.zeros_like(flux)
        np.put_along_axis(source, place, 1.0, axis=-1)
        answer = system.driven(source, side)[:, -1 if side else 0]
        response = np.abs(np.take_along_axis(answer, place, axis=-1)[:, 0])
        medium = system.media[cells.period.superstrate if side else cells.period.substrate]
        size = np.abs(medium.ordinary)
        weight = 1.0 if system.te else 1 / size
        gap = 1 / (2 * size * (k[here] * weight * response) ** 2)
        np.minimum.at(found, row[here], gap)
    return found
