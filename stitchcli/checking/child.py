"""What runs in a process of its own for each model, so that nothing that its code does, or fails
to do, is another model's problem. Torch is imported before it starts, or here."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from stitchcli.checking.jobs import Job
from stitchcli.errors import StitchError
from stitchcli.records import Against, Facts, Failure, Report
from stitchcli.sources.git import adopt_checkout

T = TypeVar("T")
#: Messages: ``head`` with Facts, ``base`` with Against, or ``failed`` with Failure.
Message = tuple[str, Any]


def measure_job(job: Job, results: Connection, output: Connection) -> None:
    """Measure a model, then its base, and send each as soon as it is known."""
    _isolate(job, output)
    process = os.getpid()

    def send(kind: str, value: object) -> None:
        if os.getpid() == process:  # a fork that the model's code made runs on to here too
            results.send((kind, value))

    head = _attempt(job, lambda: _measure(job))
    if isinstance(head, Failure):
        send("failed", head)
    else:
        report, facts = head
        send("head", facts)
        if job.base is not None:
            base = _attempt(job, lambda: _measure_base(job, report))
            if isinstance(base, Against):
                send("base", base)
            elif base.is_bug:
                send("failed", base)
            else:
                send("base", Against(job.base.label, None, base.message, base.help))
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(0)  # threads and exit handlers of the model's code are not waited for


def _attempt(job: Job, work: Callable[[], T]) -> T | Failure:
    """What comes of work with the model's code, or why nothing does."""
    try:
        return work()
    except StitchError as error:
        cause = error.__cause__
        if isinstance(cause, MemoryError) or "can't allocate memory" in error.message:
            return _too_large(job, _clean(error.details))
        return Failure(_clean(error.message), _clean(error.help), _clean(error.details))
    except MemoryError:
        return _too_large(job)
    except KeyboardInterrupt:
        return Failure("its code raised KeyboardInterrupt", "look at what it does")
    except Exception as error:
        traceback.print_exc()
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename.rpartition('/stitchcli/')[2]}:{last.lineno}"
        text = _clean(f"this is a bug in stitch: {type(error).__name__}: {error} ({where})")
        return Failure(text, "please report it", is_bug=True)


def _measure(job: Job) -> tuple[Report, Facts]:
    from stitchcli.checking.measure import facts_of, measure

    report = measure(job)
    return report, facts_of(report, job.model.selectors)


def _measure_base(job: Job, head: Report) -> Against:
    from stitchcli.checking.measure import measure_base

    assert job.base is not None
    if job.checkout is not None:
        adopt_checkout(*job.checkout)
    return measure_base(job, job.base, head)


def _clean(text: str) -> str:
    """What the model's code says may be no text that can be written."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _too_large(job: Job, details: str = "") -> Failure:
    limit = f", beyond {job.memory / 1e9:.1f} GB" if job.memory else ""
    return Failure(f"it ran out of memory{limit}", "look at what it allocates", details)


def _isolate(job: Job, output: Connection) -> None:
    """A session of its own, with an end: what it prints goes to ``output``, its memory has a limit,
    and it is gone after the timeout also where nobody is left to stop it."""
    os.environ.pop("PYTHONSAFEPATH", None)
    os.chdir(job.folder)
    if os.name != "posix":
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
        return
    os.setsid()
    with open(os.devnull) as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    output.close()
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, job.timeout * 1.5 + 5)
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
        file.write("1000")  # of all processes, this is the one to go
    if job.memory:
        import resource

        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (job.memory, job.memory))
