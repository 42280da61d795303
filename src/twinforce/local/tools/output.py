"""What the commands say, also where nobody can read it: closed pipes, full disks, plain ASCII."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper


class OutputError(Exception):
    """The standard output takes nothing; its text says why."""


def say(text: str) -> None:
    """Print *text* at once. Raises OutputError."""
    try:
        print(text, flush=True)
    except OSError as error:
        raise OutputError(error.strerror) from error


def warn(message: str) -> None:
    """Tell the user of the command *message*, if there is anywhere to tell it."""
    with suppress(OSError):
        print(f"twinforce: {message}", file=sys.stderr, flush=True)


def run(command: Callable[[], int]) -> int:
    """Run *command* and return its exit status; 1 if its standard output cannot be written."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # of what ASCII does not have
    try:
        try:
            status = command()
        finally:
            _flush()
    except OutputError as error:
        warn(f"the standard output cannot be written: {error}")
        return 1
    return status


def _flush() -> None:
    if sys.stdout is None:  # it was closed from the beginning
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would try it once more at its end, and complain.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
        raise OutputError(error.strerror) from error
