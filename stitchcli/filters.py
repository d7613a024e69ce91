"""Which findings are reported: codes that are selected or ignored, and comments in the model.

A word is a code or the beginning of one. The longest word that fits a code decides; of two that
are equally long, the one given last. Settings are given before flags, what is selected before what
is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from stitchcli.comments import Comment, comments_on
from stitchcli.errors import StitchError
from stitchcli.lessons import lessons
from stitchcli.records import Diagnostic, Site, Trace
from stitchcli.words.near import did_you_mean


@dataclass(frozen=True)
class Filter:
    """``words`` are beginnings of codes in the order given, True for those that are selected.
    ``by_default`` is what holds for a code that no word fits."""

    words: tuple[tuple[str, bool], ...] = ()
    by_default: bool = True

    def keeps(self, code: str) -> bool:
        """True where findings with a code are reported."""
        fits = [(len(word), at) for at, (word, _) in enumerate(self.words) if code.startswith(word)]
        return self.words[max(fits)[1]][1] if fits else self.by_default


#: Reports all that is found.
EVERYTHING = Filter()


@dataclass(frozen=True)
class Sifted:
    """Findings to report, and those that were ignored; ``notes`` are comments that mean nothing."""

    kept: tuple[Diagnostic, ...]
    ignored: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()


def make_filter(
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    settings: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> Filter:
    """Flags over settings (``select``, ``ignore``): a flag's selection stands in the place of the
    settings', what it ignores is added. Raises StitchError."""
    chosen, left_out = parse_codes(select, "--select"), parse_codes(ignore, "--ignore")
    before = () if chosen else tuple(settings[0])
    words = (
        *((word, True) for word in before),
        *((word, False) for word in settings[1]),
        *((word, True) for word in chosen),
        *((word, False) for word in left_out),
    )
    return Filter(words, by_default=not (before or chosen))


def parse_codes(texts: Iterable[str], where: str) -> tuple[str, ...]:
    """``ST101,ST2`` as codes and beginnings of codes. Raises StitchError, which names ``where``."""
    words = [word.strip() for text in texts for word in text.split(",")]
    for word in words:
        if not is_known(word):
            raise StitchError(
                f"{where}: no code begins with {word!r}" if word else f"{where}: a code is missing",
                did_you_mean(word, lessons()) or "stitch explain lists the codes",
            )
    return tuple(word.upper() for word in words)


def is_known(word: str) -> bool:
    """True for a code or the beginning of one, of two letters at least."""
    return len(word) > 1 and any(code.startswith(word.upper()) for code in lessons())


def sift(trace: Trace, found: Sequence[Diagnostic], filter: Filter) -> Sifted:
    """Part the findings in those to report and those that a filter or a comment ignores."""
    kept, ignored, notes = [], [], dict[str, None]()
    for each in found:
        comments = [each for site in _sites(trace, each) for each in comments_on(site)]
        notes |= dict.fromkeys(note for comment in comments for note in _unknown(comment))
        comments = [replace(c, codes=tuple(w for w in c.codes if is_known(w))) for c in comments]
        if filter.keeps(each.code) and not any(comment.covers(each.code) for comment in comments):
            kept.append(each)
        else:
            ignored.append(each)
    return Sifted(tuple(kept), tuple(ignored), tuple(notes))


def _sites(trace: Trace, diagnostic: Diagnostic) -> list[Site]:
    """Where a comment counts: at the first span, and at the line that builds the module."""
    layer = trace.layers.get(diagnostic.path)
    built = layer.built if layer is not None else None
    primary = diagnostic.primary.site if diagnostic.primary else None
    return list(dict.fromkeys(site for site in (primary, built) if site is not None))


def _unknown(comment: Comment) -> list[str]:
    return [
        f"{comment.place}: no code begins with {word!r}, which a comment is to ignore"
        for word in comment.codes
        if not is_known(word)
    ]
