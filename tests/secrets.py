"""A search for secrets in all that an object lets be seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs


def shown_by(thing: object) -> str:
    """Give all that can be read in *thing*: its text and representation, and those of its parts.

    The parts of an error are its arguments and attributes, and what caused it.
    """
    return "\n".join(_texts(thing, set()))


def _texts(thing: object, seen: set[int]) -> Iterator[str]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    yield str(thing)
    yield repr(thing)
    if isinstance(thing, str | bytes | int | float | type | None):
        return
    for part in _parts(thing):
        yield from _texts(part, seen)


def _parts(thing: Any) -> Iterable[object]:
    if isinstance(thing, Mapping):
        return [*thing.keys(), *thing.values()]
    if isinstance(thing, list | tuple | set | frozenset):
        return thing
    if attrs.has(type(thing)):
        return [getattr(thing, field.name) for field in attrs.fields(type(thing))]
    parts = [*getattr(thing, "__dict__", {}).values()]
    if isinstance(thing, BaseException):
        parts += [*thing.args, thing.__cause__, thing.__context__]
    return parts if type(thing).__module__.startswith(("twinforce", "builtins")) else []
