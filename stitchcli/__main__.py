"""``python -m stitchcli``."""

from __future__ import annotations

import sys

from stitchcli.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
