"""Who solves the blocks: this process, some processes on this machine, or Dask.

All give the same blocks in the order in which they are done; only a few are on their way at any
time, so that memory does not grow with the study.
"""

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from threading import Thread
from time import perf_counter, sleep
from typing import Any

from pydantic import Field

from dfbdesign.errors import InputError, PhysicsError
from dfbdesign.schema import Part
from dfbdesign.studies.journal import Solved
from dfbdesign.studies.solving import Plan, solved_block

Job = tuple[int, tuple[slice, ...]]
"""Number and place of a block."""

PROCESSES_PAY = 2.0
"""Time left for this process alone from which on processes are worth their start [s]."""
CLUSTER_PAYS = 300.0
"""The same for a local Dask cluster, which takes some seconds and shows what it does [s]."""
IN_FLIGHT = 3
"""Blocks on their way for each worker."""


class Run(Part):
    """How a study is run; never what comes out of it."""

    scheduler: Any = None
    """A Dask client, the address of a scheduler, "cluster" for one on this machine, "processes",
    "here", or `None` for whichever pays."""
    workers: int | None = Field(default=None, ge=1)
    """Processes on this machine; `None` for one per core."""
    chunk: int | None = Field(default=None, ge=1)
    """Points of a block: what is solved together, and lost together if the machine stops."""
    ranks: int | None = Field(default=None, ge=1)
    """MPI ranks of each run of MEEP; with as many workers as there is room for."""


def solved_blocks(plan: Plan, jobs: Sequence[Job], run: Run) -> Generator[Solved, None, None]:
    """Solve blocks.

    Args:
        plan: What to solve.
        jobs: The blocks.
        run: Who shall do it.

    Yields:
        The solved blocks, in the order in which they are done.

    Raises:
        PhysicsError: If a worker dies.
        InputError: If the scheduler cannot be reached, or Dask is missing.
    """
    left = list(jobs)
    where = run.scheduler
    workers = min(run.workers or _cores(), len(left))
    if where is None:
        start = perf_counter()
        for number, block in left[:1]:
            yield solved_block(plan, number, block)
        left = left[1:]
        where = _what_pays((perf_counter() - start) * len(left), workers)
    if where == "here":
        for number, block in left:
            yield solved_block(plan, number, block)
    elif where == "processes":
        yield from _by_processes(plan, left, workers)
    else:
        yield from _by_dask(plan, left, where, workers)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _what_pays(alone: float, workers: int) -> str:
    if alone < PROCESSES_PAY or workers < 2:
        return "here"
    return "cluster" if alone > CLUSTER_PAYS and _can_start_cluster() else "processes"


def _can_start_cluster() -> bool:
    """Whether Dask is there, and its workers would not run the user's script again.

    They import the main module, which a script is only ready for with `if __name__ == "__main__"`.
    """
    from importlib.util import find_spec

    main = sys.modules["__main__"]
    script = getattr(main, "__file__", None) is not None and main.__spec__ is None
    command = os.path.basename(sys.argv[0]) == "dfb"
    return find_spec("distributed") is not None and (command or not script)


def _by_processes(plan: Plan, jobs: Sequence[Job], workers: int) -> Iterator[Solved]:
    fork = sys.platform == "linux"  # functions of notebooks and scripts come along
    context = multiprocessing.get_context("fork" if fork else "spawn")
    others = set(multiprocessing.active_children())
    left = iter(jobs)
    with ProcessPoolExecutor(workers, context, _started, (plan, os.getpid())) as pool:
        try:
            with warnings.catch_warnings():  # of forks beside threads: these children only compute
                warnings.simplefilter("ignore", DeprecationWarning)
                flying = {pool.submit(_solved, job) for job in islice(left, IN_FLIGHT * workers)}
            while flying:
                done, flying = wait(flying, return_when=FIRST_COMPLETED)
                flying |= {pool.submit(_solved, job) for job in islice(left, len(done))}
                yield from map(_result, done)
        except BaseException:
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()  # nobody waits for what they are at
            raise


def _result(future: "Future[Solved]") -> Solved:
    try:
        return future.result()
    except BrokenProcessPool:
        raise PhysicsError(
            "a process of the study was ended from outside (out of memory?). Run it again with "
            "fewer workers or smaller chunks: finished points are kept."
        ) from None


_plan: Plan


def _started(plan: Plan, parent: int) -> None:
    """Make this process a worker that ends with its parent, however that ends."""
    global _plan
    _plan = plan
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it, too, and ends us

    def watch() -> None:
        while os.getppid() == parent:
            sleep(0.5)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _solved(job: Job) -> Solved:
    return solved_block(_plan, *job)


def _by_dask(plan: Plan, jobs: Sequence[Job], where: Any, workers: int) -> Iterator[Solved]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError(
            'Dask is missing: pip install "dfbdesign[study]". Or use scheduler = "processes".'
        ) from None
    if isinstance(where, Client):
        yield from _by_client(plan, jobs, where)
    elif where == "cluster":
        with (
            LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=workers, threads_per_worker=1, dashboard_address=None, memory_limit=0
            ) as cluster,
            Client(cluster) as client,  # type: ignore[no-untyped-call]
        ):
            yield from _by_client(plan, jobs, client)
    else:
        try:
            client = Client(where, timeout=30)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f'scheduler must be "here", "processes", "cluster", an address such as '
                f'"tcp://node:8786" or a Dask client, got {where!r} ({error}).'
            ) from None
        with client:
            yield from _by_client(plan, jobs, client)


def _by_client(plan: Plan, jobs: Sequence[Job], client: Any) -> Iterator[Solved]:
    from distributed import KilledWorker, as_completed

    left = iter(jobs)
    shared = client.scatter(plan, broadcast=True, hash=False)

    def sent(count: int) -> list[Any]:
        return [
            client.submit(solved_block, shared, number, block, pure=False)
            for number, block in islice(left, count)
        ]

    threads = sum(client.nthreads().values()) or 1
    done = as_completed(sent(IN_FLIGHT * threads))  # type: ignore[no-untyped-call]
    for future in done:
        try:
            found = future.result()
        except KilledWorker as error:
            raise PhysicsError(
                f"workers of the cluster died over a block of the study ({error}). Run it again "
                "with smaller chunks or more memory: finished points are kept."
            ) from None
        done.update(sent(1))  # type: ignore[no-untyped-call]
        yield found
