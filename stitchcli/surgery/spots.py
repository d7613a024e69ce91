"""Where in the source of a module's methods a functional call stands, and putting a child there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from stitchcli.errors import EditError
from stitchcli.records import Call, Site
from stitchcli.surgery.insert import refuse_iteration
from stitchcli.surgery.splice import (
    CannotSplice,
    Plan,
    callee_at,
    find_method,
    method_with,
    spliced_class,
)
from stitchcli.surgery.swap import swap_innermost, written_class
from stitchcli.syntax import Span

Methods = tuple[tuple[str, Plan], ...]


@dataclass(frozen=True)
class Spot:
    """Where in the source of an owner's method a functional call stands: the spans of the calls
    that lead to it, the outermost first."""

    method: str
    spans: tuple[Span, ...]


def spot_of(call: Call, owner: nn.Module, label: str) -> Spot:
    """The place of a functional call in its owner's source. Raises EditError where it cannot be
    reached."""
    if call.site is None:
        raise refusal(label, call, "its source is not known")
    spans: list[Span] = []
    sites = _one_per_function((call.site, *call.route))
    for site in sites:
        spans.insert(0, (site.line, site.col, site.end_line, site.end_col))
        method = method_with(written_class(type(owner)), site.file, site.function)
        if method is not None and method not in vars(owner):
            return _checked(Spot(method, tuple(spans)), owner, call, label)
    raise refusal(label, call, f"it stands in no method of {type(owner).__name__}")


def splice(owner: nn.Module, children: Mapping[Spot, tuple[str, str, nn.Module]]) -> None:
    """Put child modules (name, op, module) in the places of functional calls. Raises EditError."""
    refuse_iteration(owner)
    plans: dict[str, dict[Span, Any]] = {}
    for spot, (name, op, module) in children.items():
        owner.add_module(name, module.train(owner.training))
        here = plans.setdefault(spot.method, {})
        for span in spot.spans[:-1]:
            here = here.setdefault(span, {})
        here[spot.spans[-1]] = (name, op)
    try:
        frozen = tuple((method, _frozen(plan)) for method, plan in sorted(plans.items()))
        swap_innermost(owner, spliced_class, _merged_methods, frozen)
    except CannotSplice as error:
        raise EditError(
            f"the functional calls in {type(owner).__name__} cannot be replaced: {error}",
            "edit the source, or replace the module around them",
        ) from error


def _one_per_function(sites: Sequence[Site]) -> list[Site]:
    """Without the outer frames of comprehensions and of functions that are written in the function
    that calls them: their source is its source."""
    kept: list[Site] = []
    for site in sites:
        if kept and kept[-1].function.startswith(f"{site.function}.<locals>."):
            kept[-1] = replace(kept[-1], function=site.function)
        else:
            kept.append(site)
    return kept


def _checked(spot: Spot, owner: nn.Module, call: Call, label: str) -> Spot:
    """The spot, if every function on the way to it can be found."""
    try:
        _, function = find_method(written_class(type(owner)), spot.method)
        for span in spot.spans[:-1]:
            function = callee_at(function, span)
    except CannotSplice as error:
        raise refusal(label, call, str(error)) from error
    return spot


def _frozen(plan: Mapping[Span, Any]) -> Plan:
    return tuple(
        (span, _frozen(action) if isinstance(action, dict) else action)
        for span, action in sorted(plan.items())
    )


def _merged_methods(one: Methods, other: Methods) -> Methods:
    """What was to be changed before, and what is to be changed now."""
    found = dict(one)
    for method, plan in other:
        found[method] = _merged(found.get(method, ()), plan)
    return tuple(sorted(found.items()))


def _merged(one: Plan, other: Plan) -> Plan:
    found = dict(one)
    for span, action in other:
        both_lead_on = span in found and not isinstance(action[0], str)
        found[span] = _merged(found[span], action) if both_lead_on else action
    return tuple(sorted(found.items()))


def refusal(label: str, call: Call, why: str) -> EditError:
    """That a functional call cannot be edited, and why."""
    where = f" at {call.site.file}:{call.site.line}" if call.site else ""
    return EditError(
        f"{label!r}{where} cannot be replaced: {why}",
        "edit the source, or replace the module around it",
    )
