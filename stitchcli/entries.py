"""What a block's file says of the block: read from its source, which is not run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from stitchcli.words.arithmetic import compute

WIDTH = 64
_LINE = re.compile(r"^(Paper|Family|Shape|Parameters|Init):\s*(.+)$", re.MULTILINE)
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_NO_MODULES = frozenset(
    """object Exception ValueError RuntimeError Enum IntEnum StrEnum NamedTuple TypedDict Protocol
    ABC Generic Function Dataset dict list tuple""".split()
)
#: The arguments that the letters of a formula stand for; a, b and C are the widths.
_LETTERS = {
    "k": ("kernel_size",),
    "g": ("groups",),
    "r": ("reduction",),
    "n": ("repeats",),
    "s": ("scale", "stride"),
}
#: Defaults that the code works out from the width, so that the signature does not tell them.
_WORKED_OUT = {("Involution", "g"): "max(1, C//16)"}
_OTHERWISE = {"k": 3}


@dataclass(frozen=True)
class Argument:
    """One parameter of a block's constructor; ``default`` as it is written, None without one."""

    name: str
    default: str | None = None

    def __str__(self) -> str:
        return self.name if self.default is None else f"{self.name}={self.default}"


@dataclass(frozen=True)
class BlockEntry:
    """A block, as its file describes it.

    ``class_name`` is empty where the source alone does not tell which class it is. ``fault`` says
    why the file could not be read.
    """

    name: str
    file: Path
    class_name: str = ""
    summary: str = ""
    paper: str = ""
    family: str = ""
    shape: str = ""
    parameters: str = ""
    is_identity: bool = False
    arguments: tuple[Argument, ...] = ()
    bundled: bool = False
    fault: str = ""

    @property
    def place(self) -> str:
        """What names its class in a flag: ``blocks/se.py:SE``."""
        if self.bundled:
            return f"stitchcli.blocks.{self.name}:{self.class_name}"
        return f"{self.file}:{self.class_name}" if self.class_name else str(self.file)

    def count(self, width: int = WIDTH) -> int | None:
        """Its parameters at a width, by its formula and the defaults of its arguments; None where
        they cannot be told."""
        try:
            tree = ast.parse(self.parameters, mode="eval").body
            return int(compute(tree, self._letters(tree, width)))
        except (SyntaxError, ArithmeticError, ValueError, TypeError, LookupError, RecursionError):
            return None

    def _letters(self, tree: ast.expr, width: int) -> dict[str, int]:
        values: dict[str, int] = {"a": width, "b": width, "C": width}
        written = {argument.name: argument.default for argument in self.arguments}
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for letter in used & set(_LETTERS):
            worked_out = _WORKED_OUT.get((self.class_name, letter))
            text = next((written[n] for n in _LETTERS[letter] if n in written), None)
            if letter == "s" and "skip_channels" in written:
                values["s"] = width
            elif worked_out is not None:
                values[letter] = compute(ast.parse(worked_out, mode="eval").body, values)
            elif text is not None:
                values[letter] = _number(text)
            elif letter in _OTHERWISE:
                values[letter] = _OTHERWISE[letter]
        return values


def read_entries(file: Path, bundled: bool = False) -> tuple[BlockEntry, ...]:
    """The block that a file is named for, then every other class in it that may be a block."""
    name = file.stem
    try:
        tree = _parse(read_source(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        return (BlockEntry(name, file, bundled=bundled, fault=f"{line}{said}"),)
    classes = {node.name: node for node in _modules_in(tree)}
    if not classes:
        return ()
    main = _main_class(name, tree, classes)
    text = ast.get_docstring(tree) or ""
    first = replace(_describe(name, file, text, classes.get(main)), bundled=bundled)
    return (first, *(_describe(n, file, "", node) for n, node in classes.items() if n != main))


def read_source(file: Path) -> str:
    """A file's text: as UTF-8, as it declares itself, else as GB18030."""
    data = file.read_bytes()
    for encoding in ("utf-8-sig", *_declared(data)):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("gb18030")


def word_of(name: str) -> str:
    """A name without what does not matter in it: ``MSCA_Unit`` is ``mscaunit``."""
    return re.sub(r"[-_\s]", "", name).lower()


def _declared(data: bytes) -> list[str]:
    return [m[1].decode("ascii") for m in map(_CODING.match, data.split(b"\n", 2)[:2]) if m]


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is the business of whoever wrote it
        return ast.parse(text)


def _modules_in(tree: ast.Module) -> Iterator[ast.ClassDef]:
    """The classes of a file that may be an nn.Module, by what they inherit from."""
    others: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).rpartition(".")[2].partition("[")[0] for base in node.bases}
            if bases - _NO_MODULES - others:
                yield node
            else:
                others.add(node.name)


def _main_class(name: str, tree: ast.Module, classes: dict[str, ast.ClassDef]) -> str:
    """The class that a file is about: that of its name, that which it exports, or that which no
    other class uses."""
    if own := [each for each in classes if word_of(each) == word_of(name)]:
        return own[0]
    exported = [each for each in _exported(tree) if each in classes]
    used = {n for each, node in classes.items() for n in _names_in(node) if n != each}
    tops = [each for each in classes if each not in used]
    return next((found[0] for found in (exported, tops) if len(found) == 1), "")


def _exported(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            found = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else []
            return [str(each.value) for each in found if isinstance(each, ast.Constant)]
    return []


def _names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _describe(name: str, file: Path, text: str, node: ast.ClassDef | None) -> BlockEntry:
    """An entry from the docstring of the file, or of the class where that says nothing."""
    text = text or (ast.get_docstring(node) or "" if node else "")
    facts = dict(_LINE.findall(text))
    return BlockEntry(
        name=name,
        file=file,
        class_name=node.name if node else "",
        summary="" if _LINE.match(text) else " ".join(text.partition("\n\n")[0].split()),
        paper=facts.get("Paper", ""),
        family=facts.get("Family", ""),
        shape=facts.get("Shape", ""),
        parameters=facts.get("Parameters", ""),
        is_identity=facts.get("Init") == "identity",
        arguments=_arguments(node) if node else (),
    )


def _arguments(node: ast.ClassDef) -> tuple[Argument, ...]:
    """What the constructor takes, but for ``self``."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            given = each.args
            names = [*given.posonlyargs, *given.args]
            defaults = [None] * (len(names) - len(given.defaults)) + list(given.defaults)
            pairs = [*zip(names, defaults, strict=True)][1:]
            pairs += zip(given.kwonlyargs, given.kw_defaults, strict=True)
            return tuple(Argument(n.arg, ast.unparse(d) if d else None) for n, d in pairs)
    return ()


def _number(text: str) -> int:
    """The number in a default: 3, or (3, 3). Raises ValueError, TypeError."""
    value = ast.literal_eval(text)
    if isinstance(value, tuple) and len(set(value)) == 1:
        value = value[0]
    if not isinstance(value, int):
        raise TypeError(f"{text} is no whole number")
    return value
