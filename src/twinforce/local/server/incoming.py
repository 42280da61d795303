"""What arrives over HTTP before it is a request to the org: its head, and its body, unpacked."""

from __future__ import annotations

import re
import zlib
from typing import Final

from aiohttp import HttpVersion, web
from aiohttp.http import RawRequestMessage

from ..errors import ApiError
from .http import Reply, bad_message

MAX_BODY: Final = 64 * 2**20  # bytes, of what is sent and of what it becomes
UNKNOWN_VERSION: Final = bad_message(505, "Unknown Version")
TOO_LARGE: Final = bad_message(413, "Request Entity Too Large")

_VERSIONS: Final = frozenset({(1, 0), (1, 1)})
_INVALID_VERSION: Final = re.compile("invalid http version", re.IGNORECASE)
_LONGEST_HEADERS: Final = 16_384  # bytes, of all of them
_GO_ON: Final = "100-continue"
_PIECE: Final = 2**16
_GZIP: Final = zlib.MAX_WBITS | 16
_WINDOWS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


class TooLargeError(Exception):
    """A body becomes longer than MAX_BODY when it is unpacked."""


class _AnotherVersion(HttpVersion):
    """The version in which a request of an unknown one is answered, from which it is known."""


def answerable(message: RawRequestMessage) -> RawRequestMessage:
    """Return *message* so that it can be answered, also in a version that nobody speaks here."""
    if message.version in _VERSIONS:
        return message
    return message._replace(version=_AnotherVersion(1, 1))


def is_of_another_version(reason: str) -> bool:
    """Whether a parser refused a request, for this *reason*, only for its version."""
    return _INVALID_VERSION.search(reason) is not None


def waits_to_go_on(request: web.BaseRequest) -> bool:
    """Whether the client sends the body only once it is told to."""
    return request.headers.get("Expect", "").strip().lower() == _GO_ON


def refused(request: web.BaseRequest) -> Reply | None:
    """Return what is answered to a *request* whose head will not do; None if it will."""
    if isinstance(request.version, _AnotherVersion):
        return UNKNOWN_VERSION
    if sum(len(name) + len(value) for name, value in request.raw_headers) > _LONGEST_HEADERS:
        return bad_message(431, "Request Header Fields Too Large")
    if request.headers.get("Expect", "").strip() and not waits_to_go_on(request):
        return bad_message(417, "Expectation Failed")
    return None


def unpacked(body: bytes, content_encoding: str) -> bytes:
    """Undo the *content_encoding* of a *body*.

    Raises ApiError for an encoding that is unknown, and for a body that is not encoded so;
    TooLargeError before too much memory is taken.
    """
    coding = content_encoding.strip().lower()
    if coding in {"", "identity"}:
        return body
    if coding not in _WINDOWS:
        message = f"Content-Encoding {coding} is not supported: send gzip, deflate, or none"
        raise ApiError("UNSUPPORTED_MEDIA_TYPE", message, status=415)
    window = _WINDOWS[coding]
    if coding == "deflate" and body[:1] and body[0] & 0x0F != zlib.DEFLATED:
        window = -zlib.MAX_WBITS  # some clients send it without the frame that it should have
    try:
        size = _size_of_unpacked(memoryview(body), window)
        return zlib.decompress(body, window, bufsize=max(1, size))
    except zlib.error:
        raise wrongly_encoded() from None


def wrongly_encoded() -> ApiError:
    message = "The body is not encoded as its Content-Encoding or Transfer-Encoding says"
    return ApiError("JSON_PARSER_ERROR", message)


def _size_of_unpacked(body: memoryview, window: int) -> int:
    """Unpack *body* piece by piece, of which none is kept, and count the bytes."""
    unpacker = zlib.decompressobj(window)
    size = 0
    for start in range(0, len(body), _PIECE):
        packed: bytes | memoryview = body[start : start + _PIECE]
        while packed:
            size += len(unpacker.decompress(packed, _PIECE))
            if size > MAX_BODY:
                raise TooLargeError
            packed = unpacker.unconsumed_tail
    if not unpacker.eof or unpacker.unused_data:
        raise zlib.error
    return size
