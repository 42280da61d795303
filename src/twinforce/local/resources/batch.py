"""The resource ``composite/batch``: up to 25 calls of other resources in one request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import attrs

from ..errors import ApiError, not_in_a_batch, resource_not_found, unexpected
from ..server.http import JSON, Call, Reply, error_reply, parse_target, to_json
from . import multipart
from .calls import Calls
from .usage import ApiUsage
from .versions import MIN_VERSION, version_of

MAX_SUBREQUESTS: Final = 25

_METHODS: Final = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"})
_SUBREQUEST_KEYS: Final = frozenset(
    {"method", "url", "richInput", "binaryPartName", "binaryPartNameAlias"}
)
_ENVELOPE_KEYS: Final = frozenset({"batchRequests", "haltOnError"})
_URL: Final = re.compile(
    r"/?(?:services/data/)?v(\d+\.\d)(?:/([^?#]*))?(?:[?#].*)?", re.DOTALL | re.ASCII
)
# Resources of Salesforce that a batch may not use; the batch itself is among them.
_REFUSED: Final = frozenset(
    {
        "analytics",
        "apexrest",
        "async-queries",
        "composite",
        "consent",
        "eclair",
        "jobs",
        "parameterizedsearch",
        "process",
        "quickactions",
        "recent",
        "tabs",
        "theme",
        "tooling",
        "ui-api",
        "wave",
    }
)
# What the batch framework encodes in the messages of errors, and in nothing else.
_ENTITIES: Final = str.maketrans(
    {
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&#39;",
        "\\": "&#92;",
        "&": "&amp;",
    }
)
_FOR_ALL: Final = frozenset({"sforce-duplicate-rule-header"})
_HALTED: Final = ApiError(
    "BATCH_PROCESSING_HALTED", "Batch processing halted per request", status=412
)


Parts: TypeAlias = Mapping[str, memoryview]


@attrs.frozen
class Subrequest:
    """One call of a batch; *version* is what its URL begins with, such as 67.0.

    The part of the batch that is called *part* has the value of the field *blob_field*.
    """

    method: str
    url: str
    version: str
    rich_input: Any
    part: str | None = None
    blob_field: str | None = None


class CompositeBatch:
    """Serves ``POST composite/batch``: makes *calls* of the other resources."""

    def __init__(self, calls: Calls, usage: ApiUsage) -> None:
        self._calls = calls
        self._usage = usage

    def __call__(self, call: Call) -> Reply:
        """Run the subrequests one after the other, each on its own, and answer with all results.

        Raises ApiError (400) for an envelope that cannot be read; then nothing has run.
        """
        envelope, parts = _unpacked(call)
        halt_on_error, subrequests = _read(envelope, parts)
        results: list[dict[str, Any]] = []
        has_errors = False
        for index, subrequest in enumerate(subrequests):
            if has_errors and halt_on_error:
                reply = error_reply(_HALTED)
            else:
                self._usage.count()
                reply = self._run(subrequest, index, call, parts)
            has_errors = has_errors or reply.status >= 400
            results.append(_result(reply))
        return Reply(200, {"hasErrors": has_errors, "results": results})

    def _run(self, subrequest: Subrequest, index: int, batch: Call, parts: Parts) -> Reply:
        try:
            call = _call(subrequest, batch, parts)
            reply = self._calls.answer(call, subrequest.url, index)
        except ApiError as error:
            return error_reply(error)
        except Exception as error:  # noqa: BLE001 - a fault of the org fails this one only
            return error_reply(unexpected(error, f"{subrequest.method} in a batch"))
        return attrs.evolve(reply, body=None) if subrequest.method == "HEAD" else reply


def composite_resources(call: Call) -> Reply:
    """``GET composite``: what there is of the composite resources."""
    return Reply(200, {"batch": f"/services/data/v{call.version}/composite/batch"})


def _call(subrequest: Subrequest, batch: Call, parts: Parts) -> Call:
    """Return the call that *subrequest* stands for. Raises ApiError if a batch may not make it."""
    number = float(subrequest.version)
    if not MIN_VERSION <= number <= batch.version_number:
        message = (
            f"Version {subrequest.version} of a subrequest must be at least {MIN_VERSION} and at "
            f"most the version of the batch, {batch.version}"
        )
        raise ApiError("INVALID_BATCH_REQUEST", message)
    if version_of(f"v{subrequest.version}") is None:
        raise resource_not_found()
    target = parse_target(subrequest.url)
    start = 3 if target.segments[0].lower() == "services" else 1
    segments = target.segments[start:]
    if not segments or segments[0].lower() in _REFUSED:
        raise not_in_a_batch()
    blobs: dict[str, memoryview] = {}
    if subrequest.part is not None and subrequest.blob_field is not None:
        if segments[0].lower() != "sobjects" or subrequest.method not in {"POST", "PATCH"}:
            message = "This resource does not take a binary part"
            raise ApiError("INVALID_BATCH_REQUEST", message)
        blobs[subrequest.blob_field] = parts[subrequest.part]
    return Call(
        subrequest.method,
        subrequest.version,
        segments,
        target.query,
        # A subrequest has no headers of its own, and few of those of the batch are for it.
        {"content-type": JSON}
        | {name: batch.headers[name] for name in _FOR_ALL & {*batch.headers}},
        _body(subrequest.rich_input),
        blobs,
        in_batch=True,
    )


def _body(rich_input: Any) -> bytes:
    if rich_input is None:
        return b""
    try:
        return to_json(rich_input)
    except TypeError:  # what was read as JSON, is JSON, so this is about how deep it nests
        raise _unreadable("richInput is nested too deeply") from None


def _result(reply: Reply) -> dict[str, Any]:
    if reply.status < 400:
        return {"statusCode": reply.status, "result": reply.body}
    items = [
        {"errorCode": item["errorCode"], "message": item["message"].translate(_ENTITIES)}
        if "errorCode" in item
        else item  # of an action, which answers in its own way
        for item in reply.body
    ]
    return {"result": items, "statusCode": reply.status}


def _unpacked(call: Call) -> tuple[Any, Parts]:
    """Return the envelope of a batch, and the binary parts beside it, by their names."""
    if not multipart.is_multipart(call):
        return call.json(), {}
    try:
        found = multipart.parts_of(call)
    except multipart.BrokenMultipartError as error:
        raise _unreadable_multipart(f"The multipart message cannot be read: {error}") from None
    if not found or found[0].name != "json" or not found[0].is_json:
        raise _unreadable_multipart(
            'The first part of a batch must have the name "json" and the Content-Type '
            "application/json"
        )
    first, *others = found
    parts: dict[str, memoryview] = {}
    for part in others:
        if not part.name:
            raise _unreadable_multipart("A binary part has no name")
        if part.name in parts:
            raise _unreadable_multipart(f"Two binary parts have the name {part.name}")
        parts[part.name] = part.content
    batch = attrs.evolve(call, headers={"content-type": JSON}, body=bytes(first.content))
    return batch.json(), parts


def _read(envelope: Any, parts: Parts) -> tuple[bool, list[Subrequest]]:
    """Check the whole envelope before anything runs."""
    _expect(isinstance(envelope, dict), "a batch must be a JSON object")
    _check_keys(envelope, _ENVELOPE_KEYS, "the batch")
    halt_on_error = envelope.get("haltOnError")
    _expect(halt_on_error is None or isinstance(halt_on_error, bool), "haltOnError must be boolean")
    items = envelope.get("batchRequests")
    _expect(isinstance(items, list), "batchRequests must be an array of subrequests")
    if len(items) > MAX_SUBREQUESTS:
        message = f"The request can\u2019t contain more than {MAX_SUBREQUESTS} operations."
        raise ApiError("LIMIT_EXCEEDED", message)
    subrequests = [_read_one(item, index, parts) for index, item in enumerate(items)]
    named = [subrequest.part for subrequest in subrequests if subrequest.part is not None]
    for name in named:
        _expect(named.count(name) == 1, f'binaryPartName "{name}" must be unique in the batch')
    for name in parts:
        if name not in named:
            raise _unreadable_multipart(f"No subrequest names the binary part {name}")
    return bool(halt_on_error), subrequests


def _read_one(item: Any, index: int, parts: Parts) -> Subrequest:
    place = f"batchRequests[{index}]"
    _expect(isinstance(item, dict), f"{place} must be a JSON object")
    _check_keys(item, _SUBREQUEST_KEYS, place)
    method, url = item.get("method"), item.get("url")
    _expect(isinstance(method, str), f"{place}.method must be a string")
    _expect(method.upper() in _METHODS, f"{place}.method is no HTTP method: {method}")
    _expect(isinstance(url, str), f"{place}.url must be a string")
    match = _URL.fullmatch(url)
    if match is None:
        raise _unreadable(f"{place}.url must begin with a version, as in v67.0/limits: {url}")
    part, field = _binary_part(item, place)
    if part is not None and part not in parts:
        message = f"{place} names a binary part that this request does not have: {part}"
        raise _unreadable_multipart(message) if parts else _unreadable(message)
    return Subrequest(method.upper(), url, match[1], item.get("richInput"), part, field)


def _binary_part(item: Mapping[str, Any], place: str) -> tuple[str, str] | tuple[None, None]:
    """Read the two that go together: the name of a part, and what the resource calls it."""
    part, field = item.get("binaryPartName"), item.get("binaryPartNameAlias")
    if part is None and field is None:
        return None, None
    reason = f"{place}.binaryPartName and binaryPartNameAlias must both be strings, or be left out"
    if not isinstance(part, str) or not isinstance(field, str) or not part or not field:
        raise _unreadable(reason)
    return part, field


def _check_keys(item: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    for key in item:
        _expect(key in known, f'Unrecognized field "{key}" in {place}')


def _expect(holds: bool, reason: str) -> None:
    if not holds:
        raise _unreadable(reason)


def _unreadable(reason: str) -> ApiError:
    return ApiError("JSON_PARSER_ERROR", reason)


def _unreadable_multipart(reason: str) -> ApiError:
    return ApiError("POST_BODY_PARSE_ERROR", reason)
