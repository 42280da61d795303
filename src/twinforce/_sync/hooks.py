# Generated from src/twinforce/_async/hooks.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""Tells the log and the user's functions what happens, and lets none of them do harm."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Final, TypeVar

from .._twin import outcome, serves
from ..hooks import Event, Hook, logger

T = TypeVar("T")

_telling: Final = ContextVar[tuple["Hooks", ...]]("telling", default=())


class Hooks:
    """The hooks of a client."""

    def __init__(self, hooks: Iterable[Hook]) -> None:
        if isinstance(hooks, str) or not isinstance(hooks, Iterable):
            raise TypeError(f"hooks must be a sequence of functions, not {type(hooks).__name__}")
        self._hooks = tuple(hooks)
        for hook in self._hooks:
            check_function("a hook", hook)

    def listens(self, level: int) -> bool:
        """Tell whether anybody hears what is told at this *level* of the log."""
        return bool(self._hooks) or logger.isEnabledFor(level)

    def tell(self, event: Event) -> None:
        """Tell the log and each hook of *event*; of what hooks do, only the log is told."""
        logger.log(event.level, "%s", event)
        outer = _telling.get()
        if not self._hooks or self in outer:
            return
        before = _telling.set((*outer, self))
        try:
            for hook in self._hooks:
                call(hook, event)
        finally:
            _telling.reset(before)


def check_function(name: str, function: object) -> None:
    """Check a function of the user's that this twin is to call."""
    if not serves(function):
        shown = getattr(function, "__qualname__", None) or type(function).__name__
        raise TypeError(
            f"{name} must be a function (a coroutine function for the async client only), not "
            f"{shown}"
        )


def call(function: Callable[[T], object], value: T) -> None:
    """Call a function of the user's; what it raises is logged."""
    try:
        outcome(function(value))
    except Exception:  # noqa: BLE001 - told, and not let through
        shown = getattr(function, "__qualname__", type(function).__name__)
        logger.exception("%s failed at %s", shown, type(value).__name__)
