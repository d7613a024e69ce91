"""Flags that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stitchcli.networks import BUILTINS

if TYPE_CHECKING:
    from stitchcli.records import Edit

Several = list[str]


def complete_column(incomplete: str) -> list[str]:
    """The columns that begin so."""
    from stitchcli.records import COLUMNS

    done, comma, begun = incomplete.rpartition(",")
    return [f"{done}{comma}{name}" for name in COLUMNS if name.startswith(begun)]


def complete_target(incomplete: str) -> list[str]:
    """Built-in names; files are the shell's to complete."""
    return [name for name in BUILTINS if name.startswith(incomplete)]


Input = Annotated[
    Several,
    typer.Option(
        "--input",
        "-i",
        metavar="SHAPE",
        help="Dummy input, as 1x3x256x256, 1x77:int64 or name=1x77; repeatable. "
        "Guessed where it is not given.",
    ),
]
Columns = Annotated[
    Several,
    typer.Option(
        metavar="NAMES",
        help="More columns: trainable, buffers, weights (bytes by dtype), memory (activations "
        "alive at once), moved (bytes read and written), intensity (FLOPs per byte), or all.",
        autocompletion=complete_column,
    ),
]
Replace = Annotated[
    Several,
    typer.Option(metavar="SEL=BLOCK", help="Replace modules, as in conv=dwconv or act=SiLU."),
]
Wrap = Annotated[
    Several,
    typer.Option(
        metavar="SEL=BLOCK",
        help="Put a block around modules, which it calls self, as in 'down3=residual(self)'.",
    ),
]
After = Annotated[
    Several,
    typer.Option(metavar="SEL=BLOCK", help="Put a block behind modules, as in 'down*=msca'."),
]
Before = Annotated[Several, typer.Option(metavar="SEL=BLOCK", help="Put a block ahead of modules.")]
Set = Annotated[
    Several,
    typer.Option(metavar="SEL.ARG=VALUE", help="Build modules again with an argument changed."),
]
Remove = Annotated[Several, typer.Option(metavar="SEL", help="Take modules out.")]
Except = Annotated[
    Several, typer.Option("--except", metavar="SEL", help="Leave modules alone in every edit.")
]
Blocks = Annotated[
    Several,
    typer.Option(
        metavar="DIR", help="A folder of your own blocks, by file or class name; repeatable."
    ),
]
Expect = Annotated[
    int | None, typer.Option(metavar="N", help="Fail unless the edits match N modules in all.")
]
Select = Annotated[
    Several,
    typer.Option(
        metavar="CODES",
        help="Report only these findings, as in ST1 or ST101,ST202; repeatable. The longest "
        "code that fits a finding decides.",
    ),
]
Ignore = Annotated[
    Several,
    typer.Option(
        metavar="CODES",
        help="Leave these findings out; repeatable. In a model file, end the line that builds "
        "a module with '# stitch: ignore[ST202]'.",
    ),
]
Train = Annotated[bool, typer.Option("--train", help="Run in training mode.")]
Out = Annotated[
    Several,
    typer.Option(
        "--out", "-o", metavar="FMT:PATH", help="Also write a file, as in json:report.json."
    ),
]


def parse_edits(
    replace: Several,
    wrap: Several,
    after: Several,
    before: Several,
    set: Several,
    remove: Several,
    except_: Several,
) -> tuple[Edit, ...]:
    """The words of every edit flag as records. Raises StitchError."""
    from stitchcli.words.edits import PARSERS

    flags = {
        "--replace": replace, "--wrap": wrap, "--after": after, "--before": before,
        "--set": set, "--remove": remove, "--except": except_,
    }  # fmt: skip
    return tuple(PARSERS[flag](text) for flag, texts in flags.items() for text in texts)
