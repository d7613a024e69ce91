"""A sample of ``make mutants``: one mistake in a network is found, and the first fix mends it."""

from __future__ import annotations

import pytest
from mutants.networks import SUBJECTS, Subject
from mutants.tables import line
from mutants.verdict import verdicts

SAMPLE = [s for s in SUBJECTS if s.target in ("resnet18", "monai.networks.nets:UNet")]


@pytest.mark.parametrize("subject", SAMPLE, ids=lambda subject: subject.target)
def test_one_mistake_is_found_and_mended(subject: Subject) -> None:
    found = [each for each in verdicts(subject, 1, seed=0) if each.outcome != "equivalent"]
    assert len(found) >= 5
    assert not [line(each) for each in found if each.misses]
