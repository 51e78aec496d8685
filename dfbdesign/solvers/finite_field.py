r"""Field of a mode of a finite grating, from the scattering of its blocks.

From the amplitude at the cut, the waves between blocks follow outwards, $a' = (1 - r R)^{-1} t\, a$
with the reflection R of all that stands behind; those between periods by halving every row; those
inside a period from its ports inwards, even and odd part apart. Every step multiplies amplitudes
that fade in its direction, so none of them loses figures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import InputError
from dfbdesign.solvers.finite_blocks import Block, Step, behind, inside
from dfbdesign.solvers.finite_chain import ChainAt, GratingSection, Side

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

ROUNDING = 1e-9
"""How far beyond the ends, of the length, a position may lie."""


@dataclass(frozen=True)
class Row:
    """Equal mirror-symmetric pieces side by side, with what enters each of them."""

    start: float
    pitch: float
    steps: tuple[Step, ...]
    inputs: Complex
    """From the left and from the right, shape (piece, 2, mode)."""


def mode_field(solved: ChainAt, x: Real, z: Real) -> Complex:
    """Field of the mode at whose frequency and gain the chain is.

    Args:
        solved: The chain at a zero of its mismatch.
        x: Positions from the left end of the grating, shape (column,) [µm].
        z: Heights above the substrate, shape (row,) [µm].

    Returns:
        E_y, shape (row, column), of arbitrary amplitude.

    Raises:
        InputError: If a position lies outside the grating or in an absorbing layer.
    """
    low, high = solved.chain.heights.span
    if not ((z >= low) & (z <= high)).all():
        raise InputError(f"z must lie in [{low:.4g}, {high:.4g}] um, got {z.min()} to {z.max()}.")
    length = solved.chain.length
    slack = ROUNDING * length
    if not ((x >= -slack) & (x <= length + slack)).all():
        raise InputError(f"x must lie in [0, {length:.6g}] um, got {x.min()} to {x.max()}.")
    x = np.clip(x, 0.0, length)
    coefficients = np.zeros((len(solved.port.vectors), len(x)), dtype=complex)
    for row in _rows(solved):
        end = row.start + row.pitch * len(row.inputs) + slack
        # A column on a common face belongs to both rows, which agree there.
        here = (x >= row.start) & (x <= end)
        if here.any():
            coefficients[:, here] = row_field(row, x[here])
    return np.asarray(solved.chain.heights.functions(z) @ coefficients)


def _rows(solved: ChainAt) -> list[Row]:
    """All rows of the chain, from left to right, with what enters their pieces."""
    chain = solved.chain
    forward, backward = solved.at_cut()
    sections = chain.sections
    left = _outwards(solved, sections[: chain.cut][::-1], backward, "left")
    right = _outwards(solved, sections[chain.cut :], forward, "right")
    rows, start = [], 0.0
    for block, pitch, steps, count, inputs in [*left[::-1], *right]:
        pieces = inside(block, count, *inputs)
        rows.append(Row(start, pitch, steps, pieces))
        start += pitch * count
    return rows


_Part = tuple[dict[int, Block], float, tuple[Step, ...], int, tuple[Complex, Complex]]


def _outwards(
    solved: ChainAt, sections: tuple[GratingSection, ...], wave: Complex, side: Side
) -> list[_Part]:
    """Parts from the cut to one end, with what enters them from their left and right."""
    parts = []
    for section in sections:
        pieces = solved.pieces(section)
        parts += pieces if side == "right" else pieces[::-1]
    reflections = [solved.end(side)]
    for blocks, _, _, count in reversed(parts):
        reflections.append(behind(blocks[count], reflections[-1]))
    out: list[_Part] = []
    for (blocks, pitch, steps, count), beyond in zip(parts, reflections[-2::-1], strict=True):
        block, one = blocks[count], np.eye(len(wave))
        passed: Complex = np.asarray(
            np.linalg.solve(one - block.reflection @ beyond, block.transmission @ wave)
        )
        back: Complex = np.asarray(beyond @ passed)
        inputs = (wave, back) if side == "right" else (back, wave)
        out.append((blocks, pitch, steps, count, inputs))
        wave = passed
    return out


def row_field(row: Row, x: Real) -> Complex:
    """Field in a row of equal pieces.

    Args:
        row: The row, with what enters its pieces.
        x: Positions in it, shape (column,) [µm].

    Returns:
        Coefficients in z, shape (function, column).
    """
    piece = np.clip(((x - row.start) / row.pitch).astype(int), 0, len(row.inputs) - 1)
    offset = x - row.start - (piece + 0.5) * row.pitch
    from_left, from_right = row.inputs[:, 0].T, row.inputs[:, 1].T
    waves = np.stack([from_left + from_right, from_left - from_right]) / 2  # even, odd
    sign = np.stack([np.ones_like(x), -np.sign(offset)])
    out = np.zeros((waves.shape[1], len(x)), dtype=complex)
    outer = row.pitch / 2
    for number in reversed(range(len(row.steps))):
        step = row.steps[number]
        waves, inner = np.asarray(step.incoming @ waves), outer - step.width
        last = number == 0
        here = (np.abs(offset) <= outer) & ((np.abs(offset) > inner) | last)
        if here.any():
            depth = outer - np.abs(offset[here])
            values = _in_slice(step, waves[:, :, piece[here]], depth)
            out[:, here] = (values * sign[:, None, here]).sum(axis=0)
        turn = np.exp(1j * step.modes.constants * step.width)
        waves = np.asarray(turn[:, None] * waves)
        outer = inner
    return out


def _in_slice(step: Step, waves: Complex, depth: Real) -> Complex:
    """Field in a slice from the waves that enter at its outer face, shape (2, mode, column)."""
    q = step.modes.constants[:, None]
    back = step.inner @ (np.exp(1j * q * step.width) * waves)
    both = np.exp(1j * q * depth) * waves + np.exp(1j * q * (step.width - depth)) * back
    return np.asarray(step.modes.vectors @ both)
