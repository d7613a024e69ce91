"""Random edits on random built-in networks give a network that runs, or diagnostics, or one
message; never a traceback. `make edits` runs 2,000 of them and prints what came out."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stitchcli import inspect
from stitchcli.catalog import entries
from stitchcli.errors import StitchError

EXAMPLES = int(os.environ.get("STITCH_EXAMPLES", "40"))
NETWORKS = {
    "unet": ({}, "1x3x64x64"),
    "unet-transposed": ({}, "1x3x32x48"),
    "unet-valid": ({}, "1x3x220x220"),
    "resnet18": ({"num_classes": 5}, "1x3x64x64"),
    "csp": ({"width": 8}, "1x3x64x64"),
    "vit": ({"embed_dim": 24, "depth": 2, "num_heads": 2, "img_size": 32}, "1x3x32x32"),
}
WORDS = """
    family:conv norm act pool linear down up fuse stem head cat add interpolate maxpool relu Conv2d
    BatchNorm2d down1 down2 up1 down* up* layer1 layer2.0 stage2 csp blocks.0 blocks.*
    patch_embed norm outc inc pooling up_conv* down_sample* role:up role:down role:fuse attn
    Bottleneck re:conv\\d op:cat nonsense
""".split()
FILTERS = st.sampled_from(
    ["", "", "", "[k=3]", "[in>=64]", "[level>=4]", "[out<200]", "@0", "@1:3"]
)
SELECTORS = st.builds("{}{}".format, st.sampled_from(WORDS), FILTERS)
NUMBER = st.sampled_from(["cin", "cout", "cin//2", "2*cin", "h", "7", "64", "cin//cout", "0"])
NAMES = st.sampled_from([*entries(), "SiLU", "Identity", "Dropout", "BatchNorm2d", "LayerNorm"])
CALLS = st.one_of(
    st.builds("Conv2d({}, {}, {})".format, NUMBER, NUMBER, st.sampled_from([1, 3, "h"])),
    st.builds("Conv2d(cin, cout, 3, padding=1, groups={})".format, NUMBER),
    st.builds("Linear({}, {})".format, NUMBER, NUMBER),
    st.builds("se(reduction={})".format, NUMBER),
)
BLOCKS = st.recursive(
    NAMES | CALLS | NAMES,
    lambda inner: st.one_of(
        st.builds("series({}, {})".format, inner, inner),
        st.builds(
            "parallel({}, {}, merge={})".format,
            inner, inner, st.sampled_from(["add", "mul", "concat", "mean"]),
        ),
        inner.map("residual({})".format),
        inner.map("matched({})".format),
    ),
    max_leaves=4,
)  # fmt: skip
WRAPPED = st.sampled_from(
    ["residual(self)", "series(self, {})", "series({}, self)", "parallel(self, {})",
     "parallel(self, {}, merge=concat)", "parallel(residual({}), self, merge=mul)"]
)  # fmt: skip
EDITS = st.one_of(
    st.builds("--replace '{}={}'".format, SELECTORS, BLOCKS),
    st.builds("--after '{}={}'".format, SELECTORS, BLOCKS),
    st.builds("--before '{}={}'".format, SELECTORS, BLOCKS),
    st.builds(lambda s, w, b: f"--wrap '{s}={w.format(b)}'", SELECTORS, WRAPPED, BLOCKS),
    st.builds("--remove '{}'".format, SELECTORS),
    st.builds(
        "--set '{}.{}'".format,
        SELECTORS,
        st.sampled_from(["out_channels=32", "kernel_size=5", "stride=2", "groups=3", "bias=false"]),
    ),
    st.builds("--except '{}'".format, SELECTORS),
)
OUTCOMES: Counter[str] = Counter()


@settings(
    deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), print_blob=True
)
@given(st.sampled_from(sorted(NETWORKS)), st.lists(EDITS, min_size=1, max_size=3))
def test_random_edits(name: str, edits: list[str]) -> None:
    arguments, size = NETWORKS[name]
    try:
        report = inspect(name, edits, input=size, arguments=arguments, device="meta")
    except StitchError as error:
        assert error.message and "\n" not in error.message
        OUTCOMES["one message"] += 1
        return
    if report.has_errors:
        OUTCOMES["diagnostics"] += 1
        faults = [each for each in report.diagnostics if each.severity == "error"]
        failed = [each for each in report.checks if each.status == "fail"]
        assert faults or failed
        OUTCOMES["diagnostics, the first with a fix that works"] += bool(faults and faults[0].fixes)
    else:
        OUTCOMES["runs"] += 1
        assert report.result.complete


@pytest.fixture(scope="module", autouse=True)
def _say() -> object:
    yield
    if EXAMPLES > 100:
        print(
            f"\n{sum(OUTCOMES.values()) - OUTCOMES['diagnostics, the first with a fix that works']}"
            f" examples: {dict(OUTCOMES)}"
        )
