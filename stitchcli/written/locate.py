"""Point a diagnostic at the expression in which its number is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from stitchcli.records import Diagnostic, Label, Trace
from stitchcli.sources.recording import Seen
from stitchcli.tracing.sites import is_user_code, site_of
from stitchcli.written.arguments import Expression, argument_of, writing


def all_located(
    diagnostics: Sequence[Diagnostic], trace: Trace, routes: Mapping[str, Seen]
) -> tuple[Diagnostic, ...]:
    """Every diagnostic where its number is written."""
    errors = [each for each in diagnostics if each.severity == "error"]
    faulty = frozenset(path for each in errors for path in (each.path, *each.consumers))
    return tuple(located(each, trace, routes, faulty) for each in diagnostics)


def located(
    diagnostic: Diagnostic, trace: Trace, routes: Mapping[str, Seen], faulty: frozenset[str]
) -> Diagnostic:
    """The diagnostic with its first span at the argument that is at odds, not only at the call
    that builds the layer. ``faulty`` are the paths that have a fault."""
    seen, primary = routes.get(diagnostic.path), diagnostic.primary
    layer = trace.layers.get(diagnostic.path)
    if seen is None or primary is None or layer is None or primary.site != layer.built:
        return diagnostic
    expressions = argument_of(seen, diagnostic.argument) if diagnostic.argument else ()
    found = writing(expressions)
    if found is None:
        return replace(diagnostic, secondary=(*diagnostic.secondary, *_callers(seen, primary)))
    label = Label(found.site, f"{primary.text}{_names(found)}")
    origin = [
        Label(e.site, f"{e.text} by default")
        for e in expressions
        if e.is_default and e.site != found.site
    ]
    passing = _passing(diagnostic.path, found, trace, faulty)
    more = f" and {len(passing) - 3} more" if len(passing) > 3 else ""
    said = (f"the same line passes in {', '.join(passing[:3])}{more}",) if passing else ()
    return replace(
        diagnostic,
        primary=label,
        secondary=(*diagnostic.secondary, *origin, *_callers(seen, label)),
        notes=(*diagnostic.notes, *said),
        passing=passing,
    )


def _names(found: Expression) -> str:
    """``(cin=256)``: what the names in an expression stood for."""
    words = ", ".join(f"{name}={value}" for name, value in found.names)
    return f" ({words})" if words else ""


def _callers(seen: Seen, label: Label) -> Iterator[Label]:
    """For a place in an installed package, the nearest in the user's own files."""
    if label.site.user:
        return
    for step in seen.route:
        if is_user_code(step.code.co_filename):
            if site := site_of((step.code, step.instruction)):
                yield Label(site, "built from here")
            return


def _passing(path: str, found: Expression, trace: Trace, faulty: frozenset[str]) -> tuple[str, ...]:
    """Other modules of the class in which the number is written, that ran and have no fault at the
    same place."""
    kind = found.site.function.split(".")[-2:][0]
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        owner, inner = ".".join(parts[:end]), ".".join(parts[end:])
        if trace.layers[owner].kind != kind:
            continue
        others = (p for p, layer in trace.layers.items() if layer.kind == kind and p != owner)
        return tuple(p for p in others if p in trace.called and f"{p}.{inner}" not in faulty)
    return ()
