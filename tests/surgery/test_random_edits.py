"""Random edits on random built-in networks give a network that runs, or diagnostics, or one
message; never a traceback. `make edits` runs 2,000 of them and prints what came out."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stitchcli import inspect
from stitchcli.errors import StitchError
from stitchcli.library import bundled

EXAMPLES = int(os.environ.get("STITCH_EXAMPLES", "40"))
NETWORKS = {
    "unet": ({}, "1x3x64x64"),
    "unet-transposed": ({}, "1x3x32x48"),
    "unet-valid": ({}, "1x3x220x220"),
    "resnet18": ({"num_classes": 5}, "1x3x64x64"),
    "csp": ({"width": 8}, "1x3x64x64"),
    "vit": ({"embed_dim": 24, "depth": 2, "num_heads": 2, "img_size": 32}, "1x3x32x32"),
}
EVERYWHERE = """
    family:conv norm act linear role:down role:up fuse stem head relu Conv2d BatchNorm2d Linear
    re:conv\\d re:norm
""".split()
WORDS = {
    "unet": "down1 down2.conv up1 up3.up down* up* outc inc cat op:pad maxpool up2/cat pool",
    "unet-transposed": "down1 down4 up1 up* outc inc.conv1 op:cat maxpool up2/cat up4/conv",
    "unet-valid": "pooling up_conv* down_sample* up_sample2 out_conv cat pad down_sample2/conv",
    "resnet18": "layer1 layer2.0 layer* layer3/conv1 add maxpool stem.pool head.fc",
    "csp": "stage2 csp Bottleneck Bottleneck/cv1 add cat stage3.down stage*.csp.cv3 C3 name:stem",
    "vit": "blocks.0 blocks.* patch_embed attn mlp blocks.1.attn name:norm add op:cat blocks/act",
}
FILTERS = st.sampled_from(["", "", "", "", "", "[k=3]", "[in>=64]", "[level>=2]", "@0", "@1:3"])
NUMBER = st.sampled_from(["cin", "cout", "cin//2", "2*cin", "h", "7", "64", "cin//cout", "0"])
NAMES = st.sampled_from([*bundled(), "SiLU", "Identity", "Dropout", "BatchNorm2d", "LayerNorm"])
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
ARGUMENTS = ["out_channels=32", "kernel_size=5", "stride=2", "groups=3", "bias=false"]


def edits(name: str) -> st.SearchStrategy[str]:
    words = st.sampled_from([*WORDS[name].split(), *WORDS[name].split(), *EVERYWHERE])
    where = st.builds("{}{}".format, words, FILTERS)
    return st.one_of(
        st.builds("--replace '{}={}'".format, where, BLOCKS),
        st.builds("--after '{}={}'".format, where, BLOCKS),
        st.builds("--before '{}={}'".format, where, BLOCKS),
        st.builds(lambda s, w, b: f"--wrap '{s}={w.format(b)}'", where, WRAPPED, BLOCKS),
        st.builds("--remove '{}'".format, where),
        st.builds("--set '{}.{}'".format, where, st.sampled_from(ARGUMENTS)),
    )


OUTCOMES: Counter[str] = Counter()


@settings(
    deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), print_blob=True
)
@given(
    st.sampled_from(sorted(NETWORKS)).flatmap(
        lambda name: st.tuples(st.just(name), st.lists(edits(name), min_size=1, max_size=2))
    )
)
@example(  # a convolution that takes the batch for its channels, and is larger than what is left
    ("vit", ["--after 'mlp=matched(parallel(adown, Conv2d(cin//cout, cin, 3), merge=add))'"])
)
def test_random_edits(case: tuple[str, list[str]]) -> None:
    name, flags = case
    arguments, size = NETWORKS[name]
    try:
        report = inspect(name, flags, input=size, arguments=arguments, device="meta")
    except StitchError as error:
        assert error.message and "\n" not in error.message
        OUTCOMES["one message"] += 1
        return
    if report.has_errors:
        faults = [each for each in report.diagnostics if each.severity == "error"]
        assert faults or any(each.status == "fail" for each in report.checks)
        fixed = bool(faults and faults[0].fixes)
        OUTCOMES["diagnostics with a fix" if fixed else "diagnostics"] += 1
    else:
        OUTCOMES["runs"] += 1
        assert report.result.complete


@pytest.fixture(scope="module", autouse=True)
def _say() -> object:
    yield
    if EXAMPLES > 100:
        print(f"\n{sum(OUTCOMES.values())} examples: {dict(OUTCOMES)}")
