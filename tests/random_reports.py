"""Reports that no network gave: any words, any spans, any mix of findings and checks."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from stitchcli.lessons import lessons
from stitchcli.records import Check, Diagnostic, Fix, Label, Report, Set, Site, Verification
from stitchcli.words.selectors import exactly

NAMES = st.lists(
    st.text("abcxyz019_%,-", min_size=1, max_size=6), min_size=1, max_size=4
).map(".".join)  # fmt: skip
WORDS = st.text(
    st.one_of(st.sampled_from("%,:\r\n\t[](){}<>|`*_×→\u2028\x85"), st.characters(codec="utf-8")),
    max_size=30,
)
FILES = st.sampled_from([__file__, "/nowhere/odd, 100%: name.py", "<string>", "model.py"])
SITES = st.builds(
    Site, FILES, st.integers(1, 60), st.integers(0, 90), st.integers(1, 60), st.integers(0, 90)
)
LABELS = st.builds(Label, SITES, WORDS)
TRIED = st.builds(
    Verification, st.booleans(), st.just(((1, 2),)), st.integers(-9, 9), st.integers(0, 3),
    st.booleans(),
)  # fmt: skip
EDITS = st.builds(
    lambda path, value: (Set(exactly(path), "k", value),),
    st.from_regex(r"[a-z]{1,4}(\.[a-z0-9]{1,3}){0,2}", fullmatch=True),
    st.integers(),
)
FIXES = st.builds(
    lambda title, edits, safety, tried: Fix(title, edits, safety=safety, verification=tried),
    WORDS, EDITS, st.sampled_from(["safe", "unsafe"]), st.one_of(TRIED, st.none()),
)  # fmt: skip
DIAGNOSTICS = st.builds(
    Diagnostic,
    code=st.sampled_from(sorted(lessons())),
    severity=st.sampled_from(["error", "warning", "note"]),
    path=st.one_of(NAMES, st.just("")),
    title=WORDS,
    primary=st.one_of(st.none(), LABELS),
    secondary=st.lists(LABELS, max_size=2).map(tuple),
    notes=st.lists(WORDS, max_size=2).map(tuple),
    fixes=st.lists(FIXES, max_size=2).map(tuple),
)
CHECKS = st.builds(Check, WORDS, st.sampled_from(["pass", "warn", "fail", "skip"]), WORDS)


def reports(real: Report) -> st.SearchStrategy[Report]:
    """The real report with other things said about it."""
    return st.builds(
        lambda found, checks, notes, ignored, together: replace(
            real, diagnostics=found, checks=checks, notes=notes, ignored=ignored, together=together
        ),
        st.lists(DIAGNOSTICS, max_size=4).map(tuple),
        st.lists(CHECKS, max_size=3).map(tuple),
        st.lists(WORDS, max_size=2).map(tuple),
        st.lists(DIAGNOSTICS, max_size=2).map(tuple),
        st.one_of(st.none(), FIXES),
    )
