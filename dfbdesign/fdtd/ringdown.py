r"""Frequencies and decay of the oscillations in a recorded signal.

The signal is shifted by the centre frequency to zero, freed from everything outside a narrow band
by a Blackman window (which, once filled, changes only the amplitudes of damped oscillations) and
thinned out. Its samples $y_n = \sum_j a_j \lambda_j^n$, $\lambda = \exp(-2\pi i f T)$, then form a
Hankel matrix whose column space is invariant under a shift by one row; the shift has the
eigenvalues $\lambda_j$ (Kung, Arun and Bhaskar Rao, J. Opt. Soc. Am. 73, 1799 (1983)). Time goes as
$\exp(-2\pi i f t)$: a decaying oscillation has Im f < 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged

MOST_OSCILLATIONS = 6
"""Largest number of oscillations fitted in the band, if no other is asked for."""


@dataclass(frozen=True)
class Ringdown:
    """The oscillations of one band."""

    frequency: NDArray[np.complex128]
    """Complex frequencies, shape (oscillation,)."""
    final_amplitude: NDArray[np.float64]
    """Amplitude at the end of the record over the largest, shape (oscillation,)."""
    band: float
    """Half width of the band over its centre."""
    residual: float
    """Norm of what the oscillations leave of the signal, over the signal's."""

    def nearest(self, frequency: float) -> complex:
        """Frequency of the lasting oscillation nearest to a given one.

        Args:
            frequency: Where it is expected.

        Returns:
            Complex frequency, Im < 0 when it decays.

        Raises:
            NotConverged: If the signal is no sum of a few oscillations, or none is near.
        """
        return self.matched([frequency])[0]

    def matched(self, frequencies: Sequence[float]) -> list[complex]:
        """Lasting oscillations that are expected at some frequencies, all shifted by much the same.

        A coarse grid shifts modes by more than their distance, but all of them alike.

        Args:
            frequencies: Where they are expected.

        Returns:
            Complex frequencies in the order of the expected ones, Im < 0 for decay.

        Raises:
            NotConverged: If the signal is no sum of a few oscillations, or shows too few.
        """
        if not self.residual < 1e-5:
            raise NotConverged(
                f"the field is no sum of {MOST_OSCILLATIONS} oscillations, residual "
                f"{self.residual:.1e}: the mode decays too fast for the time-domain check."
            )
        expected = np.array(frequencies)
        lasting = self.frequency[self.final_amplitude > 1e-3]
        if lasting.size < expected.size:
            raise NotConverged(
                f"the time domain shows {lasting.size} oscillations where {expected.size} modes "
                "are expected: they are closer than the record can tell apart."
            )

        def strain(found: tuple[complex, ...]) -> float:
            shift = np.real(found) - expected
            return float(np.abs(shift - shift.mean()).max() + 0.1 * abs(shift.mean()))

        best = np.array(min(permutations(lasting.tolist(), expected.size), key=strain))
        away = np.abs(best.real / expected - 1)
        if away.max() > self.band:
            raise NotConverged(
                f"the nearest lasting oscillation is {away.max():.1%} away: "
                "give a wavelength nearer to the mode."
            )
        return [complex(one) for one in best]


def ringdown(
    signal: NDArray[np.float64],
    interval: float,
    frequency: float,
    band: float = 0.03,
    most: int = MOST_OSCILLATIONS,
) -> Ringdown:
    """Decompose a signal into damped oscillations in a band.

    Args:
        signal: Samples, shape (time,); at least 4/band cycles long.
        interval: Time between samples.
        frequency: Centre of the band.
        band: Half width of the band over its centre.
        most: Largest number of oscillations.

    Returns:
        The oscillations.

    Raises:
        NotConverged: If the signal is too short or zero.

    Examples:
        >>> t = np.arange(0, 300, 0.1)
        >>> signal = np.exp(-t / 500) * np.cos(2 * np.pi * 1.01 * t)
        >>> f = ringdown(signal, 0.1, 1.0).nearest(1.0)
        >>> round(f.real, 6), round(-2 * np.pi * f.imag * 500, 4)
        (1.01, 1.0)
    """
    if not (signal.size * interval * band * frequency >= 4 and signal.any()):
        raise NotConverged(
            f"the recorded field is zero or too short ({signal.size} samples) for a frequency."
        )
    time = interval * np.arange(signal.size)
    window = np.blackman(round(3 / (band * frequency * interval)))
    shifted = signal * np.exp(2j * np.pi * frequency * time)
    stride = max(1, int(0.125 / (band * frequency * interval)))
    y = np.convolve(shifted, window / window.sum(), "valid")[::stride]
    hankel = np.lib.stride_tricks.sliding_window_view(y, y.size // 2).T
    columns, weights, _ = np.linalg.svd(hankel, full_matrices=False)
    rank = min(most, int((weights > 1e-10 * weights[0]).sum()))
    space = columns[:, :rank]
    step = np.linalg.eigvals(np.linalg.lstsq(space[:-1], space[1:], rcond=None)[0])
    powers = step ** np.arange(y.size)[:, None]
    amplitude = np.linalg.lstsq(powers, y, rcond=None)[0]
    final = np.abs(amplitude * powers[-1])
    return Ringdown(
        frequency + 1j * np.log(step) / (2 * np.pi * stride * interval),
        final / final.max(),
        band,
        float(np.linalg.norm(powers @ amplitude - y) / np.linalg.norm(y)),
    )
