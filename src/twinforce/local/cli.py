"""The command line: ``twinforce demo``."""

from __future__ import annotations

import argparse
import sys

from .._core.version import __version__
from .extra import require_extra


def main(arguments: list[str] | None = None) -> int:
    """Run the command that *arguments* name and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="twinforce", description="Salesforce Composite Batch, tried on a local org."
    )
    parser.add_argument("--version", action="version", version=f"twinforce {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="run the examples of the README in both twins")
    parser.parse_args(arguments)
    try:
        require_extra()
    except ImportError as error:
        print(error, file=sys.stderr)
        return 1
    from . import demo

    demo.main()
    return 0
