"""``python -m stitchcli``."""

from __future__ import annotations

from stitchcli.cli.process import program

if __name__ == "__main__":
    program()
