"""The verdicts as a page of Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mutants.mutations import KINDS
from mutants.verdict import Verdict

_HEAD = """# One mistake in a real network

`make mutants` takes networks from installed packages, changes one thing in each copy, and asks
`stitch inspect` what is the matter. A mistake is the width that a convolution or linear layer takes
or gives, its kernel (the padding stays), its groups, the width of a norm, or the size of a skip
(cropped, pooled or upsampled ahead of an addition or a cat). The choice is random and always the
same; `tests/mutants/` holds the script. A change with which the network still runs is no mistake
and is counted apart.

- **place**: the first diagnostic is at the altered layer or at its direct partner. That is a layer
  which made its input or takes its output, through norms, activations and one join at most; for
  sizes, which convolutions hand on, all up to the first join, and its branches.
- **fix**: with the first fix of the first diagnostic alone the forward pass runs.
- **as before**: and the outputs have the shapes that they had before the mistake.
- **together**: the fix of all faults together, where there are several, makes the forward pass run.
- **silent**: plain torch raises and stitch sees no fault. **message**: stitch stops with a
  message, not a diagnostic. **traceback**: any other exception. **false alarm**: a fault is
  reported where plain torch runs.
"""


def page(found: Sequence[Verdict], seed: int, minutes: float) -> str:
    """The whole page."""
    broken = [each for each in found if each.outcome != "equivalent"]
    seconds = [each.seconds for each in found]
    summary = (
        f"{len(broken)} mutants of {len({each.network for each in found})} networks (seed {seed}), "
        f"and {len(found) - len(broken)} changes that break nothing. "
        f"Per mutant {sum(seconds) / len(seconds):.1f} s on average, {max(seconds):.1f} s at most; "
        f"{minutes:.0f} minutes in all."
    )
    parts = [
        _HEAD.strip(),
        summary,
        "## By kind of mistake",
        _table("kind", KINDS, broken, lambda each: each.kind),
        "## By network",
        _table("network", _unique(e.network for e in found), broken, lambda each: each.network),
        "## By diagnostic",
        _table("code", sorted({e.code for e in broken}), broken, lambda each: each.code),
        "## What is missed",
        "\n".join(f"- {line(each)}" for each in broken if each.misses) or "Nothing.",
    ]
    return "\n\n".join(parts) + "\n"


def line(each: Verdict) -> str:
    """One miss."""
    said = f"{each.code} at `{each.place}`: {each.said}" if each.code else each.said or "nothing"
    fix = f"; first fix: {each.fix}" if each.fix and not each.fix_ran else ""
    plain = f"; torch: {each.plain}" if not each.code else ""
    return (
        f"**{', '.join(each.misses)}** {each.network} `{each.path}` {each.words} — "
        f"{said}{fix}{plain}"
    )


def totals(found: Sequence[Verdict]) -> str:
    """The shares in one line."""
    broken = [each for each in found if each.outcome != "equivalent"]
    return " ".join(f"{name} {value}" for name, value in _shares(broken).items())


def _shares(broken: Sequence[Verdict]) -> dict[str, str]:
    return {
        "mutants": str(len(broken)),
        "place": _share(broken, lambda each: each.direct),
        "named": _share(broken, lambda each: each.named),
        "fix": _share(broken, lambda each: each.fix_ran),
        "as before": _share(broken, lambda each: each.fix_ran and each.as_before),
        "together": _share(broken, lambda each: each.together_ran),
        **{
            name: str(sum(each.outcome == name for each in broken))
            for name in ("silent", "message", "traceback", "false alarm")
        },
    }


def _share(broken: Sequence[Verdict], holds: Callable[[Verdict], bool]) -> str:
    return f"{100 * sum(map(holds, broken)) / len(broken):.1f} %" if broken else "–"


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _table(
    title: str, names: Sequence[str], broken: Sequence[Verdict], of: Callable[[Verdict], str]
) -> str:
    rows = [(name or "none", _shares([e for e in broken if of(e) == name])) for name in names]
    rows.append(("**all**", _shares(broken)))
    columns = list(rows[-1][1])
    lines = [f"| {title} | {' | '.join(columns)} |", f"| --- |{' ---: |' * len(columns)}"]
    lines += [f"| {name} | {' | '.join(shares.values())} |" for name, shares in rows]
    return "\n".join(lines)
