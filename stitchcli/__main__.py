"""``python -m stitchcli``."""

from __future__ import annotations

from stitchcli.cli.main import program

if __name__ == "__main__":
    program()
