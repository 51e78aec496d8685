r"""Scattering of mirror-symmetric blocks of a grating, and their cascade by doubling.

A block is seen through ports: the modes of one reference slice, with amplitudes c towards and d
away from the block. A mirror-symmetric block answers even inputs with $d = r_e c$ and odd ones
with $d = r_o c$; its reflection and transmission are $r, t = (r_e \pm r_o)/2$, equal from both
sides. From the centre outwards, $r_e = 1$ and $r_o = -1$ turn by $e^{iqw}$ twice in a slice of
width w, and where slices meet, continuity of $u$ and $u'$ with $P = W_0^{-1} W$ gives

$$ d_0, c_0 = \tfrac12 \left[P (1 + r) \mp q_0^{-1} P q\, (1 - r)\right] c, \qquad
   r_0 = d_0 c_0^{-1} . $$

No growing exponential occurs anywhere. Two equal or unequal blocks of one grating make a block
(Redheffer's star product); n periods take about 2 log₂ n of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfbdesign.errors import NotConverged
from dfbdesign.solvers.finite_slices import Modes

Complex = NDArray[np.complex128]

DOUBLINGS = 40
"""Most doublings on the way to an endless grating."""


@dataclass(frozen=True)
class Step:
    """One slice of a block, from its inner to its outer face, for even and odd fields."""

    modes: Modes
    width: float
    inner: Complex
    """Reflection at its inner face, in its own modes, shape (2, mode, mode)."""
    incoming: Complex
    """Its incoming amplitudes at its outer face from those outside, shape (2, mode, mode)."""


@dataclass(frozen=True)
class Block:
    """A mirror-symmetric piece: reflection and transmission between reference ports."""

    reflection: Complex
    transmission: Complex
    """Shape (mode, mode) each."""

    @property
    def size(self) -> int:
        """Number of port modes."""
        return len(self.reflection)


def seen_through(outer: Modes, inner: Modes, reflection: Complex) -> tuple[Complex, Complex]:
    """A reflection in the modes of one slice, seen in the modes of the slice outside it.

    Args:
        outer: Modes outside.
        inner: Modes inside.
        reflection: At the face, in the inner modes, shape (..., mode, mode).

    Returns:
        Reflection in the outer modes, and the inner incoming amplitudes from the outer ones, shape
        (..., mode, mode) each.
    """
    overlap = np.linalg.solve(outer.vectors, inner.vectors)
    one = np.eye(len(overlap))
    value = overlap @ (one + reflection) / 2
    slope = (overlap * inner.constants) @ (one - reflection) / (2 * outer.constants[:, None])
    incoming = np.linalg.inv(value + slope)
    return np.asarray((value - slope) @ incoming), np.asarray(incoming)


def symmetric_block(
    slices: Sequence[tuple[Modes, float]], port: Modes
) -> tuple[Block, tuple[Step, ...]]:
    """Scattering of a mirror-symmetric stack of slices.

    Args:
        slices: Modes and widths from the centre outwards, the first with half its width [µm].
        port: The reference slice.

    Returns:
        The block between reference ports, and what the field inside needs, from the centre out.
    """
    one = np.eye(len(port.constants), dtype=complex)
    reflection, steps = np.stack([one, -one]), []
    for number, (modes, width) in enumerate(slices):
        turn = np.exp(1j * modes.constants * width)
        outer = slices[number + 1][0] if number + 1 < len(slices) else port
        turned = turn[:, None] * reflection * turn
        seen, incoming = seen_through(outer, modes, turned)
        steps.append(Step(modes, width, reflection, incoming))
        reflection = seen
    even, odd = reflection
    return Block((even + odd) / 2, (even - odd) / 2), tuple(steps)


def joined(left: Block, right: Block) -> Block:
    """Two blocks of the same grating side by side: again mirror-symmetric.

    Args:
        left: One number of periods.
        right: Another one.

    Returns:
        The block of both.
    """
    size = left.size
    inputs = np.hstack([right.transmission, right.reflection @ left.transmission])
    between = np.linalg.solve(np.eye(size) - right.reflection @ left.reflection, inputs)
    return Block(
        left.reflection + left.transmission @ between[:, size:],
        left.transmission @ between[:, :size],
    )


def behind(block: Block, reflection: Complex) -> Complex:
    """Reflection of a block with something behind it.

    Args:
        block: The block.
        reflection: Of what stands behind, shape (mode, mode).

    Returns:
        Reflection of both, shape (mode, mode).
    """
    one = np.eye(block.size)
    back = np.linalg.solve(one - reflection @ block.reflection, reflection @ block.transmission)
    return np.asarray(block.reflection + block.transmission @ back)


def repeated(period: Block, counts: Iterable[int]) -> dict[int, Block]:
    """Rows of periods, each made of its halves.

    Args:
        period: One period.
        counts: How many periods the wanted rows have.

    Returns:
        Blocks by number of periods: those wanted, their halves, and so on.
    """
    blocks = {1: period}

    def block(number: int) -> Block:
        if number not in blocks:
            blocks[number] = joined(block(number // 2), block(number - number // 2))
        return blocks[number]

    for count in counts:
        block(count)
    return blocks


def endless(period: Block) -> Complex:
    """Reflection of a grating without end, by doubling until nothing passes.

    Args:
        period: One period; waves must fade in it.

    Returns:
        Reflection, shape (mode, mode).

    Raises:
        NotConverged: If light still passes after very many periods.
    """
    block = period
    for _ in range(DOUBLINGS):
        passed = float(np.abs(block.transmission).max())
        if passed < 1e-14:
            return block.reflection
        block = joined(block, block)
    raise NotConverged(
        f"the endless unpumped grating still transmits {passed:.1e} after 2^{DOUBLINGS} periods: "
        "give it absorption."
    )


def inside(blocks: dict[int, Block], count: int, left: Complex, right: Complex) -> Complex:
    """Inputs of every period in a row, from the inputs at both ends.

    Args:
        blocks: From `repeated`.
        count: Number of periods in the row.
        left: Amplitudes that enter from the left, shape (mode,).
        right: Amplitudes that enter from the right.

    Returns:
        What enters each period from the left and from the right, shape (count, 2, mode).
    """
    if count == 1:
        return np.stack([left, right])[None]
    first, second = blocks[count // 2], blocks[count - count // 2]
    one = np.eye(first.size)
    rightwards: Complex = np.linalg.solve(
        one - first.reflection @ second.reflection,
        first.transmission @ left + first.reflection @ (second.transmission @ right),
    ).astype(complex)
    leftwards = np.asarray(second.reflection @ rightwards + second.transmission @ right)
    return np.concatenate(
        [
            inside(blocks, count // 2, left, leftwards),
            inside(blocks, count - count // 2, rightwards, right),
        ]
    )
