"""A sample of ``make mutants``: one mistake in a real network is named, and the first fix mends it."""

from __future__ import annotations

from random import Random

import pytest
from mutants.mutations import KINDS, Kind, mutations
from mutants.networks import PACKAGES, Subject, base_of, module_of
from mutants.verdict import judge

SAMPLE = [
    subject
    for subject in PACKAGES
    if subject.target in ("torchvision:resnet50", "monai.networks.nets:UNet")
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("subject", SAMPLE, ids=lambda subject: subject.target)
def test_one_mistake_is_found_and_mended(subject: Subject, kind: Kind) -> None:
    random = Random(f"sample {kind}")
    module = module_of(subject, subject.device)
    verdicts = (judge(subject, each) for each in mutations(module, base_of(subject), kind, random))
    found = next(each for each in verdicts if each.outcome != "equivalent")
    assert found.outcome == "fault", found.said
    assert found.direct, f"{found.path} {found.words}: {found.said} at {found.place}"
    assert found.fix_ran, f"{found.path} {found.words}: {found.said}; {found.fix}"
