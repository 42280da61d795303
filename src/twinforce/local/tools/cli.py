"""The command line: ``twinforce serve`` and ``twinforce demo``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from ..._core.version import __version__
from ..extra import require_extra
from .output import run, warn

_INTERRUPTED: Final = 130  # what shells make of Ctrl-C
_LONGEST_SHOWN: Final = 20
_LAST_PORT: Final = 65_535


def main(arguments: list[str] | None = None) -> int:
    """Run the command that *arguments* name and return the exit status."""
    try:
        return run(lambda: _main(arguments))
    except KeyboardInterrupt:
        return _INTERRUPTED


def _main(arguments: list[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="twinforce", description="Salesforce Composite Batch, tried on a local org."
    )
    parser.add_argument("--version", action="version", version=f"twinforce {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="run the examples of the README in both twins")
    serve = commands.add_parser(
        "serve",
        help="serve a local org over HTTP until Ctrl-C",
        description="Serve a local org, which behaves as Salesforce does, until Ctrl-C.",
    )
    _add_options(serve)
    options = parser.parse_args(arguments)
    if options.command == "serve" and (options.cert is None) != (options.key is None):
        serve.error("--cert and --key go together: a certificate and its private key")
    try:
        require_extra()
    except ImportError as error:
        warn(str(error))
        return 1
    return _demo() if options.command == "demo" else _serve(options)


def _demo() -> int:
    from . import demo

    demo.main()
    return 0


def _serve(options: argparse.Namespace) -> int:
    from .serving import Settings, serve_until_stopped

    pair = None if options.cert is None else (options.cert, options.key)
    return serve_until_stopped(
        Settings(
            port=options.port,
            host=options.host,
            db=options.db,
            tls=options.tls if pair is None else pair,
            schema=options.schema,
            seeds=options.seed,
            as_json=options.json,
        )
    )


def _add_options(serve: argparse.ArgumentParser) -> None:
    serve.add_argument(
        "--port", type=_port, default=8080, help="8080 unless given; 0 takes a free one"
    )
    serve.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on; 127.0.0.1, this machine only, unless given",
    )
    serve.add_argument(
        "--db", metavar="FILE", type=Path, help="keep the org in this file; else it is in memory"
    )
    serve.add_argument(
        "--schema",
        metavar="FOLDER",
        type=Path,
        action="append",
        default=[],
        help="declare the custom objects and fields of this SFDX source; may be repeated",
    )
    serve.add_argument(
        "--seed",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="begin with the records of this plan or tree file of the Salesforce CLI, "
        "or of lists by sobject; may be repeated; into an org it is loaded once",
    )
    serve.add_argument("--tls", action="store_true", help="HTTPS, with a generated certificate")
    serve.add_argument("--cert", metavar="FILE", type=Path, help="HTTPS, with this certificate …")
    serve.add_argument("--key", metavar="FILE", type=Path, help="… and its private key, in PEM")
    serve.add_argument(
        "--json", action="store_true", help="say where it is as one line of JSON, for scripts"
    )


def _port(text: str) -> int:
    # Python does not read numbers of thousands of digits, so their count comes first.
    port = int(text) if text.isdecimal() and len(text) <= _LONGEST_SHOWN else -1
    if not 0 <= port <= _LAST_PORT:
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}\u2026"
        message = f"{shown!r} is no port: a whole number from 0 to {_LAST_PORT}"
        raise argparse.ArgumentTypeError(message)
    return port
