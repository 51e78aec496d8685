"""Functions that the study tests run, in a module of their own as worker processes import them."""

import time

import numpy as np


def sums(a, b):
    """Sum and order of two numbers; slow, and without a result in a corner.

    Args:
        a: First number [µm].
        b: Second number [µm].
    """
    time.sleep(0.001 * len(a))
    if ((a > 0.5) & (b > 1.97)).any():
        raise ValueError(f"nothing at a = {a.max():.3f}")
    return {"total": a + b, "larger": np.where(a > b / 2, "a", "b"), "wave": np.exp(1j * a)}


def trivial(a, b):
    return {"total": a + b, "product": a * b}


def inverse(a):
    return 1 / a


def asked_for_ranks(a):
    import os

    return float(os.environ["DFBDESIGN_MEEP_RANKS"])
