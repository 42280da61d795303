"""Requests and answers of the REST API without the HTTP around them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import attrs
import orjson

from ..._core.http import Response
from ..errors import ApiError
from ..resources.parsing import parse_json

_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})(.{0,2})", re.DOTALL)
_LONGEST_WITH_SUFFIX: Final = 3
JSON: Final = "application/json"
BYTES: Final = "application/octetstream"
_NO_BODY: Final = "The HTTP entity body is required, but this request has no entity body."


@attrs.frozen
class Target:
    """The path and query of a URL, decoded: ``%2F`` in a segment is part of the segment."""

    segments: tuple[str, ...]
    query: Mapping[str, str]


def parse_target(target: str) -> Target:
    """Split and decode what stands behind the host in a URL.

    Empty segments are dropped, so that a trailing slash means nothing. Raises ApiError
    ILLEGAL_QUERY_PARAMETER_VALUE for a ``%`` that is not followed by two hex digits.
    """
    path, _, query = target.partition("#")[0].partition("?")
    bad = _BAD_ESCAPE.search(target)
    if bad is not None:
        index = 1 if bad[1][:1].isalnum() and bad[1][:1] in "0123456789abcdefABCDEF" else 0
        message = "URLDecoder: Incomplete trailing escape (%) pattern"
        if len(bad[1]) == 2:
            message = (
                "URLDecoder: Illegal hex characters in escape (%) pattern - "
                f'Error at index {index} in: "{bad[1]}"'
            )
        raise ApiError("ILLEGAL_QUERY_PARAMETER_VALUE", message)
    segments = tuple(unquote(part, errors="replace") for part in path.split("/") if part)
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
    return Target(segments, dict(reversed(pairs)))


def without_suffix(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Drop ``.json`` behind a resource, which asks for JSON; external ids keep it."""
    if not segments or len(segments) > _LONGEST_WITH_SUFFIX:
        return segments
    return *segments[:-1], segments[-1].removesuffix(".json")


def wants_xml(segments: tuple[str, ...], headers: Mapping[str, str]) -> bool:
    """Whether JSON will not do: Salesforce answers in XML too, if that is all one accepts."""
    if 0 < len(segments) <= _LONGEST_WITH_SUFFIX and segments[-1].endswith(".xml"):
        return True
    accepted = headers.get("accept", "").lower()
    return "xml" in accepted and "json" not in accepted and "*/*" not in accepted


def media_type(headers: Mapping[str, str]) -> str:
    """Return what *headers* say that the body is, without parameters; JSON if they do not."""
    return headers.get("content-type", JSON).partition(";")[0].strip().lower()


@attrs.frozen
class Call:
    """A call of a resource: *segments* are what stands behind ``/services/data/vXX.X/``.

    *blobs* are the binary parts that came with it, by the name of the field that each is for,
    *identity* is the identity URL of who calls.
    """

    method: str
    version: str
    segments: tuple[str, ...]
    query: Mapping[str, str] = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    blobs: Mapping[str, memoryview] = attrs.field(factory=dict[str, memoryview], repr=False)
    in_batch: bool = False
    identity: str = ""

    @property
    def version_number(self) -> float:
        return float(self.version)

    def json(self) -> Any:
        """Return the body. Raises ApiError if there is none, or it is not JSON."""
        given = media_type(self.headers)
        if given != JSON:
            message = f"MediaType of '{given}' is not supported by this resource"
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", message, status=415)
        if not self.body.strip():
            raise ApiError("JSON_PARSER_ERROR", _NO_BODY)
        return parse_json(self.body)

    def json_object(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object."""
        data = self.json()
        if not isinstance(data, dict):
            message = "The body must be a JSON object at [line:1, column:1]"
            raise ApiError("JSON_PARSER_ERROR", message)
        return data


@attrs.frozen
class Reply:
    """The answer of a resource; a *body* of None is an answer without one."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = attrs.field(factory=dict[str, str])


def error_reply(error: ApiError) -> Reply:
    return Reply(error.status, error.body())


def bad_message(status: int, reason: str) -> Reply:
    """Refuse what the web server in front of Salesforce refuses, which does not know its JSON."""
    return Reply(status, f"<h1>Bad Message {status}</h1><pre>reason: {escape(reason)}</pre>")


def to_json(value: Any) -> bytes:
    return orjson.dumps(value)


def response_of(reply: Reply, *, pretty: bool = False) -> Response:
    headers = dict(reply.headers)
    if reply.body is None:
        return Response(reply.status, headers, b"")
    if isinstance(reply.body, bytes):
        headers["content-type"] = BYTES
        body = reply.body
    elif isinstance(reply.body, str):
        headers.setdefault("content-type", "text/html;charset=UTF-8")
        body = reply.body.encode()
    else:
        headers["content-type"] = "application/json;charset=UTF-8"
        body = orjson.dumps(reply.body, option=orjson.OPT_INDENT_2 if pretty else None)
    return Response(reply.status, headers, body)
