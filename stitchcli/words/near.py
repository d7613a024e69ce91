"""Did you mean: the words nearest to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'unet'?``, or an empty string where nothing is near."""
    options = {option.lower(): option for option in known}
    near = get_close_matches(word.lower(), list(options), n=3, cutoff=0.5)
    if not near:
        return ""
    return f"did you mean {' or '.join(repr(options[word]) for word in near)}?"
