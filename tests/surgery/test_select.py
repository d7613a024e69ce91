"""Which modules a selector means."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from stitchcli.errors import EditError
from stitchcli.surgery.select import execution_order, select
from stitchcli.words.selectors import parse_selector

Means = Callable[[str, nn.Module], bool]


def kind(*classes: type[nn.Module]) -> Means:
    return lambda path, module: isinstance(module, classes)


def path(pattern: str) -> Means:
    return lambda path, module: bool(re.fullmatch(pattern, path))


def conv(also: Callable[[str, nn.Conv2d], bool]) -> Means:
    return lambda path, module: isinstance(module, nn.Conv2d) and also(path, module)


NORMS = kind(nn.BatchNorm2d, nn.LayerNorm)
CASES: list[tuple[str, str, Means]] = [
    ("unet", "inc.conv1", path(r"inc\.conv1")),
    ("unet", "down*", path(r"down\d")),
    ("unet", "down?", path(r"down\d")),
    ("unet", "down[13]", path(r"down[13]")),
    ("unet", "*.conv", path(r"(down|up)\d\.conv")),
    ("unet", "up1.*.conv?", path(r"up1\.conv\.conv\d")),
    ("unet", "**.conv1", path(r".+\.conv1")),
    ("unet", "up1.**", path(r"up1\..+")),
    ("resnet18", "layer*.**.conv2", path(r"layer\d\..+\.conv2")),
    ("resnet18", "re:^layer[12]$", path(r"layer[12]")),
    ("resnet18", "name:stem", path("stem")),
    *(("unet", word, kind(nn.Conv2d)) for word in ("conv", "family:conv", "Conv2d", "type:conv2d")),
    *(("unet", word, kind(nn.MaxPool2d)) for word in ("maxpool", "max_pool", "MaxPool2d", "pool")),
    *(("unet", word, NORMS) for word in ("norm", "batch_norm", "BatchNorm", "batchnorm2d")),
    ("unet-transposed", "conv", kind(nn.Conv2d)),
    ("unet-transposed", "conv_transpose", kind(nn.ConvTranspose2d)),
    ("vit", "linear", kind(nn.Linear)),
    ("vit", "family:norm", NORMS),
    ("vit", "act", kind(nn.GELU)),
    ("csp", "act", kind(nn.SiLU)),
    ("csp", "Conv", lambda path, module: type(module).__name__ == "Conv"),
    ("csp", "type:conv", lambda path, module: type(module).__name__ in ("Conv", "Conv2d")),
    ("csp", "family:conv", kind(nn.Conv2d)),
    ("csp", "name:**.conv", path(r".+\.conv")),
    ("unet", "up*/conv2d", conv(lambda path, m: path.startswith("up"))),
    ("unet", "up1/name:conv", path(r"up1\.conv")),
    ("resnet18", "layer2/1/conv", conv(lambda path, m: path.startswith("layer2.1."))),
    ("resnet18", "BasicBlock/conv", conv(lambda path, m: path.count(".") > 1)),
    ("resnet18", "conv[k=3]", conv(lambda path, m: m.kernel_size == (3, 3))),
    ("resnet18", "conv[k!=3]", conv(lambda path, m: m.kernel_size != (3, 3))),
    ("resnet18", "conv[kernel_size=7x7]", conv(lambda path, m: m.kernel_size == (7, 7))),
    ("resnet18", "conv[s=2,k>=3]", conv(lambda path, m: m.stride[0] == 2 and m.kernel_size[0] > 1)),
    (
        "resnet18",
        "conv[in>=64,out<256]",
        conv(lambda _, m: m.in_channels > 3 and m.out_channels < 256),
    ),
    ("resnet18", "norm[in=512]", lambda _, m: getattr(m, "num_features", 0) == 512),
    ("unet", "conv[bias=true]", kind(nn.Conv2d)),
    ("unet-narrow", "conv[bias=false]", conv(lambda path, m: m.bias is None)),
    ("unet", "conv[padding_mode=zeros]", kind(nn.Conv2d)),
    ("unet", "conv[level=2]", conv(lambda path, m: path.startswith(("down1", "up3")))),
    ("unet", "conv[level>=8]", conv(lambda path, m: path.startswith(("down3", "down4", "up1")))),
]


@pytest.mark.parametrize(
    ("name", "text", "means"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_a_selector_means_what_it_says(builtin: Any, name: str, text: str, means: Means) -> None:
    patient = builtin(name)
    wanted = {p for p, module in patient.module.named_modules() if p and means(p, module)}
    found = select(parse_selector(text), patient.base)
    assert wanted and set(found) == wanted
    assert list(found) == [p for p in execution_order(patient.base) if p in wanted]


@pytest.mark.parametrize("at", ["0", "3", "-1", "-2", "1:4", ":2", "-3:", ":", "2:-2"])
def test_an_index_counts_in_execution_order(builtin: Any, at: str) -> None:
    base = builtin("resnet18").base
    every = select(parse_selector("conv"), base)
    picked = eval(f"every[{at}]", {"every": every})
    wanted = (picked,) if isinstance(picked, str) else picked
    assert select(parse_selector(f"conv@{at}"), base) == wanted


def test_modules_that_never_ran_come_last(builtin: Any) -> None:
    found = select(parse_selector("ValidConvs"), builtin("unet-valid").base)
    assert found[-1] == "up_conv4" and found.index("up_conv3") < found.index("up_conv1") + 4


def test_the_root_by_its_class(builtin: Any) -> None:
    assert select(parse_selector("UNet"), builtin("unet").base) == ("",)


def test_a_word_that_means_two_things_names_both(builtin: Any) -> None:
    with pytest.raises(EditError, match="two things") as caught:
        select(parse_selector("conv"), builtin("csp").base)
    counts = {
        form: len(select(parse_selector(form), builtin("csp").base))
        for form in ("family:conv", "type:conv")
    }
    for form, count in counts.items():
        assert f"{form} ({count})" in caught.value.help


@pytest.mark.parametrize(
    ("name", "text", "help"),
    [
        ("unet", "donw1", "'down1'"),
        ("unet", "conv1", "**.conv1"),
        ("unet", "Covn2d", "'Conv2d'"),
        ("unet", "zzz", "inc"),
        ("unet", "family:cnov", "conv"),
        pytest.param(
            *("unet", "dwon1/conv", "'down1'"),
        ),
        ("unet", "conv[k=9]", ""),
        ("unet", "conv@99", ""),
        ("unet", "conv[nonsense=1]", ""),
        ("unet", "re:(", "re"),
        ("resnet18", "cat", "act"),
        ("resnet18", "role:up", "stem"),
        ("unet", "role:upp", "'up'"),
        ("unet", "op:cta", "'cat'"),
    ],
)
def test_nothing_found_says_what_is_near(builtin: Any, name: str, text: str, help: str) -> None:
    with pytest.raises(EditError) as caught:
        select(parse_selector(text), builtin(name).base)
    assert caught.value.message and help in caught.value.help and caught.value.help
