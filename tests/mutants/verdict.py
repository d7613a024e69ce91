"""One mutant: does plain torch raise, what does stitch say, and does its first fix work."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import torch
from torch import nn

from mutants.mutations import KINDS, Kind, Mutation, behind, mutations
from mutants.networks import Subject, base_of, module_of
from mutants.partners import partners, place_of
from stitchcli import StitchError, inspect
from stitchcli.records import Diagnostic, Report, Trace
from stitchcli.surgery.copies import full_copy
from stitchcli.tracing.trace import dummy_inputs

Outcome = Literal["fault", "equivalent", "silent", "false alarm", "message", "traceback"]
_TRIES = 3


@dataclass
class Verdict:
    """What came out. ``direct`` says that the first diagnostic is at the altered layer or a direct
    partner, ``named`` that it speaks of the altered layer, ``as_before`` that the first fix gives
    the outputs that the sound network had."""

    network: str
    kind: Kind
    path: str
    words: str
    outcome: Outcome = "fault"
    plain: str = ""
    code: str = ""
    place: str = ""
    said: str = ""
    direct: bool = False
    named: bool = False
    fix: str = ""
    fix_ran: bool = False
    as_before: bool = False
    fixes: int = 0
    faults: int = 0
    together_ran: bool = False
    seconds: float = 0.0
    misses: list[str] = field(default_factory=list)


def verdicts(subject: Subject, count: int, seed: int) -> list[Verdict]:
    """Up to ``count`` mutants of each kind; those that break nothing are there as well."""
    found: list[Verdict] = []
    base, module = base_of(subject), module_of(subject, subject.device)
    for kind in KINDS:
        random = Random(f"{seed} {subject.target} {kind}")
        broken = tries = 0
        for mutation in mutations(module, base, kind, random):
            if broken == count or tries == _TRIES * count:
                break
            tries += 1
            if not _can_be_wrapped(subject, mutation):
                continue
            found.append(judge(subject, mutation))
            broken += found[-1].outcome != "equivalent"
    return found


def judge(subject: Subject, mutation: Mutation) -> Verdict:
    """Break a copy of the network, run it plainly and with stitch."""
    base = base_of(subject)
    result = Verdict(subject.target, mutation.kind, mutation.path, mutation.words)
    module = full_copy(module_of(subject, subject.device))
    mutation.change(module)
    result.plain = _raised(module, base, subject.device)
    start = time.perf_counter()
    try:
        report = inspect(module, input=list(base.inputs), device=subject.device)
    except StitchError as error:
        result.outcome = "message"
        result.said = f"{type(error).__name__}: {error.message}"
    except Exception as error:
        result.outcome = "traceback"
        result.said = f"{type(error).__name__}: {error}"
    else:
        _read(result, report, base, mutation)
    result.seconds = time.perf_counter() - start
    if not result.plain and subject.device == "meta":
        result.plain = _raised_with_numbers(subject, mutation)
    _settle(result)
    return result


def _settle(result: Verdict) -> None:
    """Compare what stitch says with what torch does, and say what was missed."""
    if result.outcome == "fault" and not result.code:
        result.outcome = "silent" if result.plain else "equivalent"
    elif result.outcome == "fault" and not result.plain:
        result.outcome = "false alarm"
    if result.outcome == "equivalent":
        return
    if result.outcome != "fault":
        result.misses.append(result.outcome)
    elif not result.direct:
        result.misses.append("elsewhere")
    if not result.fix_ran and result.outcome == "fault":
        result.misses.append("fix leaves faults" if result.fix else "no fix")


def _read(result: Verdict, report: Report, base: Trace, mutation: Mutation) -> None:
    errors = [each for each in report.diagnostics if each.severity == "error"]
    result.faults = len(errors)
    if not errors:
        return
    first = errors[0]
    result.code, result.said, result.fixes = first.code, first.title, len(first.fixes)
    result.place = place_of(report.result, first)
    result.direct = _is_direct(result.place, base, mutation)
    result.named = mutation.path in _words_of(first)
    if first.fixes:
        fix = first.fixes[0]
        assert fix.verification is not None
        result.fix, result.fix_ran = fix.title, fix.verification.ran
        result.as_before = fix.verification.outputs == tuple(o.shape for o in base.outputs)
    together = report.together and report.together.verification
    result.together_ran = together.ran if together else result.fix_ran


def _is_direct(found: str, base: Trace, mutation: Mutation) -> bool:
    path = mutation.path
    if found == path or found.startswith((f"{path}.", f"{path}/")):
        return True
    near = partners(base, path, size=mutation.kind in ("kernel", "skip size"))
    owner, _, op = found.rpartition("/")
    # einops speaks for the module whose forward calls it
    found = owner if op in ("rearrange", "reduce", "repeat") else found
    return found in near or any(each.rpartition("/")[0] == found for each in near if "/" in each)


def _words_of(first: Diagnostic) -> str:
    """All that a diagnostic says."""
    words = [first.path, *first.consumers, *(origin for _, _, origin in first.operands)]
    words += [edit.where.words[-1].text for fix in first.fixes for edit in fix.edits]
    labels = [first.primary, *first.secondary]
    return " ".join([*words, *(label.text for label in labels if label), *first.notes])


def _raised(module: nn.Module, base: Trace, device: str) -> str:
    """What plain torch says of a forward pass; nothing where it passes."""
    with torch.device(device), torch.no_grad():
        args, kwargs = dummy_inputs(base.inputs, device)
        try:
            module.eval()(*args, **kwargs)
        except Exception as error:
            text = str(error).strip() or "no words"
            return f"{type(error).__name__}: {text.splitlines()[0]}"
    return ""


def _raised_with_numbers(subject: Subject, mutation: Mutation) -> str:
    """On meta some faults pass in silence."""
    module = full_copy(module_of(subject, "cpu"))
    mutation.change(module)
    return _raised(module, base_of(subject), "cpu")


def _can_be_wrapped(subject: Subject, mutation: Mutation) -> bool:
    """Whether the network runs with something harmless behind the module: its code may ask the
    module for what a Sequential does not have."""
    if mutation.kind != "skip size":
        return True
    module = full_copy(module_of(subject, subject.device))
    behind(mutation.path, nn.Identity)(module)
    return not _raised(module, base_of(subject), subject.device)
