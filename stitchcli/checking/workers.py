"""Runs jobs in processes of their own, several at a time, and stops those that do not end.

A server that has imported torch forks a process for each job; this process never imports it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import Any

from stitchcli.checking.child import measure_job
from stitchcli.checking.jobs import Job
from stitchcli.records import Against, Facts, Failure, Outcome

_KEPT = 8192  # bytes of output, the last ones
_READS = 32  # more than a pipe holds
_SERVED = "stitchcli.checking.measure"


@dataclass
class _Running:
    """A job in its process."""

    index: int
    job: Job
    process: Any
    results: Connection
    output: Connection
    began: float
    printed: bytes = b""
    facts: Facts | None = None
    against: Against | None = None
    failure: Failure | None = None

    @property
    def deadline(self) -> float:
        return self.began + self.job.timeout


def run_jobs(
    jobs: Sequence[Job], at_once: int, on_end: Callable[[Job], None] = lambda job: None
) -> list[Outcome]:
    """The outcome of each job, in their order; at most ``at_once`` run at a time."""
    outcomes = [Outcome() for _ in jobs]
    waiting = list(enumerate(jobs))[::-1]
    running: list[_Running] = []
    context = _context()
    try:
        with _heeding_signals():
            while waiting or running:
                while waiting and len(running) < max(1, at_once):
                    running.append(_start(context, *waiting.pop()))
                for each in _ended(running):
                    running.remove(each)
                    outcomes[each.index] = _outcome(each)
                    on_end(each.job)
    finally:
        for each in running:
            _stop(each)
    return outcomes


def _context() -> Any:
    """Where processes come from: a server that forks them, with torch imported already; where it
    cannot be had, each starts by itself."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        from multiprocessing.forkserver import ensure_running

        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([_SERVED])
        try:
            with _clean_start():
                _start_tracker()
                ensure_running()
            return context
        except OSError:
            pass  # the path of the temporary folder is too long for a socket
    return multiprocessing.get_context("spawn")


@contextmanager
def _heeding_signals() -> Iterator[None]:
    """What asks this process to end, ends the models' processes too."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        names = []
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    before = {number: handler for number, handler in before.items() if handler is signal.SIG_DFL}
    try:
        for number in before:
            signal.signal(number, leave)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start_tracker() -> None:
    """Semaphores of a model's own processes end with it; nobody needs to hear of them."""
    sys.warnoptions.append("ignore")
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.pop()


@contextmanager
def _clean_start() -> Iterator[None]:
    """Processes that start inside do not import the program that this one runs, nor a file of the
    working directory that is called like one of the standard library."""
    ours, before = sys.modules["__main__"], os.environ.get("PYTHONSAFEPATH")
    sys.modules["__main__"] = ModuleType("__main__")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        sys.modules["__main__"] = ours
        del os.environ["PYTHONSAFEPATH"]
        if before is not None:
            os.environ["PYTHONSAFEPATH"] = before


def _start(context: Any, index: int, job: Job) -> _Running:
    results, theirs = context.Pipe(duplex=False)
    output, printed = context.Pipe(duplex=False)
    process = context.Process(target=measure_job, args=(job, theirs, printed))
    with _clean_start():
        process.start()
    theirs.close()
    printed.close()
    return _Running(index, job, process, results, output, time.monotonic())


def _ended(running: list[_Running]) -> list[_Running]:
    """Wait until something happens; the jobs that are over."""
    sources: dict[Any, _Running] = {}
    for each in running:
        sources[each.process.sentinel] = each
        for connection in (each.results, each.output):
            if not connection.closed:
                sources[connection] = each
    until = min(each.deadline for each in running)
    ready = wait(list(sources), max(0.0, until - time.monotonic()))
    for source in ready:
        each = sources[source]
        if source is each.results:
            _take(each)
        elif source is each.output:
            _drain(each)
    now = time.monotonic()
    over = [each for each in running if each.process.sentinel in ready or now > each.deadline]
    for each in over:
        _finish(each, late=each.process.sentinel not in ready)
    return over


def _take(each: _Running) -> None:
    """Read one message."""
    try:
        kind, value = each.results.recv()
    except (EOFError, OSError):
        each.results.close()
        return
    if kind == "head":
        each.facts = value
    elif kind == "base":
        each.against = value
    else:
        each.failure = value


def _drain(each: _Running) -> None:
    try:
        data = os.read(each.output.fileno(), 1 << 16)
    except OSError:
        data = b""
    if not data:
        each.output.close()
    each.printed = (each.printed + data)[-_KEPT:]


def _finish(each: _Running, late: bool) -> None:
    """Take what is left of a job that is over, or stop it and say so."""
    _end(each)
    while not late and not each.results.closed and each.results.poll():
        _take(each)
    for _ in range(_READS):  # what has left the group may go on printing
        if not each.output.closed and wait([each.output], 0):
            _drain(each)
    _stop(each)
    gone = _late(each.job) if late else _crash(each.process.exitcode)
    base = each.job.base
    if each.failure is None and each.facts is None:
        each.failure = gone
    elif each.failure is None and base is not None and each.against is None:
        each.against = Against(base.label, None, gone.message, gone.help)


def _outcome(each: _Running) -> Outcome:
    failure = _with_output(each.failure, each.printed) if each.failure else None
    return Outcome(each.facts, each.against, failure, time.monotonic() - each.began)


def _end(each: _Running) -> None:
    """End the process and all that it started."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(each.process.pid, signal.SIGKILL)
    if each.process.is_alive():
        with suppress(OSError):
            each.process.kill()


def _stop(each: _Running) -> None:
    _end(each)
    each.process.join(5)
    for connection in (each.results, each.output):
        connection.close()


def _late(job: Job) -> Failure:
    return Failure(
        f"it did not end within {job.timeout:g} s, and was stopped",
        "look for what it waits for, or give more with --timeout",
    )


def _crash(code: int | None) -> Failure:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        why = "; was the memory short?" if name == "SIGKILL" else ""
        return Failure(f"its process was ended by {name}{why}", "build it in Python by itself")
    return Failure(
        f"its code ended the process, with exit code {code}",
        "look for os._exit in what it imports and builds",
    )


def _with_output(failure: Failure, printed: bytes) -> Failure:
    text = printed.decode("utf-8", "replace").strip()
    if not text:
        return failure
    last = "\n".join(f"    {line}" for line in text.splitlines()[-8:])
    details = "\n".join(filter(None, (failure.details, "  the last it printed:", last)))
    return Failure(failure.message, failure.help, details, failure.is_bug)
