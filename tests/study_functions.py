"""Functions that the study tests run, in a module of their own as worker processes import them."""

import contextlib
import multiprocessing
import time

import numpy as np


def sums(a, b):
    """Sum and order of two numbers, without a result in a corner.

    Args:
        a: First number [µm].
        b: Second number [µm].
    """
    if ((a > 0.5) & (b > 1.97)).any():
        raise ValueError(f"nothing at a = {a.max():.3f}")
    return {"total": a + b, "larger": np.where(a > b / 2, "a", "b"), "wave": np.exp(1j * a)}


def slow_sums(a, b):
    """The same, long enough to be interrupted on a busy machine: it sleeps, others may work.

    Args:
        a: First number [µm].
        b: Second number [µm].
    """
    time.sleep(0.005 * len(a))
    return sums(a, b)


def trivial(a, b):
    return {"total": a + b, "product": a * b}


def inverse(a):
    return 1 / a


def place(a):
    """Where the point is solved."""
    with contextlib.suppress(ImportError, ValueError):
        from distributed import get_worker

        get_worker()
        return {"place": "cluster"}
    return {"place": "here" if multiprocessing.parent_process() is None else "process"}


def asked_for_ranks(a):
    import os

    return float(os.environ["DFBDESIGN_MEEP_RANKS"])
