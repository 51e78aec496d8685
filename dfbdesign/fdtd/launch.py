"""Run jobs in MEEP: several side by side on the cores there are, or from what is kept.

Whatever ends the runs early (an error, a time-out, Ctrl-C, even the death of this process) ends
all their processes. Every result is kept as soon as it is there, so that what was interrupted goes
on where it was.
"""

import time
from collections.abc import Callable, Sequence

from dfbdesign.errors import InputError, MeepMissing
from dfbdesign.fdtd.estimate import (
    Estimate,
    cores,
    estimate,
    ranks,
    refuse_too_much,
    remember,
    seconds,
)
from dfbdesign.fdtd.interpreter import Meep, find_meep
from dfbdesign.fdtd.process import Running
from dfbdesign.fdtd.store import Job, Recording, keep, kept

Progress = Callable[[float, float], None]
"""Called with the done fraction and the time left [s]."""

TIMEOUT, PATIENCE = 1800.0, 5.0
"""Longest time a run may take [s]: at least, and over what is expected."""
POLL = 0.1
"""Time between two looks at the runs [s]."""


def run(
    job: Job, progress: Callable[[float], None] | None = None, timeout: float | None = None
) -> Recording:
    """Run one job in MEEP, or read its result if it was run before.

    Args:
        job: What to run.
        progress: Called several times a second with the done fraction.
        timeout: Longest time the run may take [s].

    Returns:
        The recording; for what is raised see `run_all`.
    """

    def tell(done: float, _: float) -> None:
        if progress is not None:
            progress(done)

    return run_all([job], tell, timeout=timeout)[0]


def run_all(
    jobs: Sequence[Job],
    progress: Progress | None = None,
    force: bool = False,
    timeout: float | None = None,
) -> list[Recording]:
    """Run jobs in MEEP, or read their results if they were run before.

    Args:
        jobs: What to run; equal ones are run once.
        progress: Called several times a second with the done fraction of all and the time left.
        force: Start even what should be too much for this computer.
        timeout: Longest time one run may take [s]; if left out, half an hour or five times what is
            expected, whichever is longer.

    Returns:
        The recordings, in the order of the jobs.

    Raises:
        MeepMissing: If no interpreter can import MEEP, and not all results are kept.
        InputError: If the runs would need too much time or memory, or a disk is full.
        NotConverged: If the fields diverge or the time is over.
        PhysicsError: If a run fails; the message holds its last words.
    """
    try:
        meep, missing = find_meep(), None
    except MeepMissing as error:
        meep, missing = None, error
    version = None if meep is None else meep.version
    texts = [job.text() for job in jobs]
    found = {text: kept(text, version) for text in texts}
    waiting = {text: job for text, job in zip(texts, jobs, strict=True) if found[text] is None}
    if waiting and meep is None:
        raise missing or MeepMissing()
    if waiting and meep is not None:
        if not force:
            refuse_too_much(estimate(list(waiting.values()), meep))
        found |= _Queue(waiting, meep, progress, timeout).run()
    return [recording for text in texts if (recording := found[text]) is not None]


def expected(jobs: Sequence[Job]) -> Estimate:
    """Time and memory of what is not kept yet.

    Args:
        jobs: As for `run_all`.

    Returns:
        The estimate.

    Raises:
        MeepMissing: If no interpreter can import MEEP.
    """
    meep = find_meep()
    texts = {job.text(): job for job in jobs}
    return estimate([job for text, job in texts.items() if not kept(text, meep.version)], meep)


class _Queue:
    """Runs side by side, as many as there are cores for, the longest first."""

    def __init__(
        self,
        jobs: dict[str, Job],
        meep: Meep,
        progress: Progress | None,
        timeout: float | None,
    ) -> None:
        self.meep, self.progress, self.timeout = meep, progress, timeout
        self.jobs = jobs
        self.shares = {text: ranks(job, meep) for text, job in jobs.items()}
        self.expected = {text: seconds(job, self.shares[text]) for text, job in jobs.items()}
        self.waiting = sorted(jobs, key=lambda text: -self.expected[text])
        self.running: dict[str, Running] = {}
        self.found: dict[str, Recording] = {}

    def run(self) -> dict[str, Recording]:
        """All recordings, by job."""
        began = time.monotonic()
        try:
            while self.waiting or self.running:
                self._start()
                for text in self._results_first():
                    if self.running[text].ended():
                        self._finish(text)
                self._tell(time.monotonic() - began)
                if self.running:
                    time.sleep(POLL)
        finally:
            self._stop()
        return self.found

    def _results_first(self) -> list[str]:
        """The runs, those that went well before those whose error ends the queue."""
        return sorted(self.running, key=lambda text: self.running[text].process.poll() != 0)

    def _start(self) -> None:
        """Start what finds free cores, and anything if none is in use."""
        for text in list(self.waiting):
            busy = sum(one.ranks for one in self.running.values())
            if busy and busy + self.shares[text] > cores():
                continue
            self.waiting.remove(text)
            done = kept(text, self.meep.version)  # somebody else may have run it meanwhile
            if done is not None:
                self.found[text] = done
                continue
            patience = self.timeout or max(TIMEOUT, PATIENCE * self.expected[text])
            job, share = self.jobs[text], self.shares[text]
            self.running[text] = Running.start(job, self.meep, share, patience)

    def _finish(self, text: str) -> None:
        """Take the result of a run that ended, and keep it."""
        one = self.running[text]
        self.found[text] = one.result()
        try:
            keep(text, self.meep.version, one.file)
        except InputError:
            pass  # a full disk costs the kept copy, not the result
        else:
            remember(one.job, one.ranks, one.seconds)
        del self.running[text]
        one.stop()

    def _stop(self) -> None:
        """End all runs, whatever happens meanwhile."""
        while self.running:
            _, one = self.running.popitem()
            try:
                one.stop()
            except KeyboardInterrupt:  # pressed twice: this one is killed by now, go on
                continue

    def _tell(self, passed: float) -> None:
        if self.progress is None:
            return
        work = {text: self.expected[text] * self.shares[text] for text in self.jobs}
        done = sum(work[text] for text in self.found)
        done += sum(work[text] * one.fraction() for text, one in self.running.items())
        share = min(1.0, done / sum(work.values()))
        expected = max(sum(work.values()) / cores(), *self.expected.values())
        left = passed * (1 - share) / share if share > 0.02 else max(0.0, expected - passed)
        self.progress(share, left)
