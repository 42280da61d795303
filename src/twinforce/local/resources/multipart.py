"""Multipart messages: JSON, and binary data beside it that is not encoded.

Source: REST API Developer Guide, Insert or Update Blob Data; Connect REST API Developer Guide,
Batch Requests with Binary Parts.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import attrs

from ..server.http import JSON, Call, media_type

if TYPE_CHECKING:
    from aiohttp import BodyPartReader, MultipartReader

T = TypeVar("T")

_MOST_PARTS: Final = 100
_PIECE: Final = 64 * 1024
_NOT_ENCODED: Final = frozenset({"", "7bit", "8bit", "binary"})


class BrokenMultipartError(Exception):
    """A body that is no multipart message; its text says why."""


@attrs.frozen
class Part:
    """A part of a multipart message; *content* is a view into the body, so that none is copied."""

    name: str | None
    media_type: str
    is_file: bool
    content: memoryview = attrs.field(repr=False)

    @property
    def is_json(self) -> bool:
        return self.media_type == JSON


def is_multipart(call: Call) -> bool:
    return media_type(call.headers).startswith("multipart/")


def parts_of(call: Call) -> list[Part]:
    """Take the body of *call* apart. Raises BrokenMultipartError."""
    from aiohttp import MultipartReader

    if media_type(call.headers) != "multipart/form-data":
        message = "only multipart/form-data is understood"
        raise BrokenMultipartError(message)
    stream = _Stream(call.body)
    try:
        reader = MultipartReader({"Content-Type": call.headers["content-type"]}, cast(Any, stream))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a part whose name cannot be read: it has none
            return _at_once(_read(reader, stream, memoryview(call.body)))
    except BrokenMultipartError:
        raise
    except Exception as error:  # by which aiohttp says what is wrong, is of all kinds
        raise BrokenMultipartError(str(getattr(error, "message", error))) from error


async def _read(reader: MultipartReader, stream: _Stream, body: memoryview) -> list[Part]:
    parts: list[Part] = []
    while (part := await reader.next()) is not None:
        if not hasattr(part, "read_chunk"):
            message = "a part must not be a multipart message itself"
            raise BrokenMultipartError(message)
        if len(parts) == _MOST_PARTS:
            message = f"it has more than {_MOST_PARTS} parts"
            raise BrokenMultipartError(message)
        parts.append(await _read_part(cast("BodyPartReader", part), stream, body))
    return parts


async def _read_part(part: BodyPartReader, stream: _Stream, body: memoryview) -> Part:
    encoding = part.headers.get("Content-Transfer-Encoding", "").strip().lower()
    if encoding not in _NOT_ENCODED:
        message = f"Content-Transfer-Encoding must be binary, not {encoding}"
        raise BrokenMultipartError(message)
    start, size = stream.tell(), 0
    while not part.at_eof():
        size += len(await part.read_chunk(_PIECE))
    return Part(
        part.name,
        media_type({"content-type": part.headers.get("Content-Type", "")}),
        part.filename is not None,
        body[start : start + size],
    )


class _Stream(io.BytesIO):
    """A body as aiohttp reads one: all of it is there already, so that nothing has to wait."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)  # which does not copy it
        self._size = len(body)

    async def read(self, size: int = -1) -> bytes:  # type: ignore[override]
        return super().read(size)

    async def readline(  # type: ignore[override]
        self, *, max_line_length: int | None = None
    ) -> bytes:
        line = super().readline()
        if max_line_length is not None and len(line) > max_line_length:
            message = f"a line of its headers is longer than {max_line_length} bytes"
            raise ValueError(message)
        return line

    def unread_data(self, data: bytes) -> None:
        self.seek(-len(data), io.SEEK_CUR)

    def at_eof(self) -> bool:
        return self.tell() == self._size


def _at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a *coroutine* that never waits, in a thread that may have a running loop."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    message = "reading from memory had to wait"
    raise AssertionError(message)
