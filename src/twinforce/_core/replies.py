"""An answer becomes a value or the right error."""

from __future__ import annotations

import html
import re
import reprlib
from collections.abc import Collection
from typing import Any, TypeAlias

import attrs

from ..errors import (
    AuthenticationError,
    AuthorizationError,
    DuplicatesDetectedError,
    ErrorItem,
    HaltedError,
    MalformedRequestError,
    MalformedResponseError,
    MoreThanOneRecordError,
    NotFoundError,
    RequestLimitExceededError,
    RowLockedError,
    SalesforceError,
    ServerError,
)
from . import json, urls
from .http import Response, retry_after
from .json import Record

HALTED_STATUS = 412
HALTED_CODE = "BATCH_PROCESSING_HALTED"

_ERROR_BY_CODE: dict[str, type[SalesforceError]] = {
    "INVALID_SESSION_ID": AuthenticationError,
    "REQUEST_LIMIT_EXCEEDED": RequestLimitExceededError,
    "DUPLICATES_DETECTED": DuplicatesDetectedError,
    "UNABLE_TO_LOCK_ROW": RowLockedError,
    HALTED_CODE: HaltedError,
}
_ERROR_BY_STATUS: dict[int, type[SalesforceError]] = {
    300: MoreThanOneRecordError,
    401: AuthenticationError,
    403: AuthorizationError,
    404: NotFoundError,
    408: ServerError,
    420: ServerError,
    429: RequestLimitExceededError,
}


@attrs.frozen
class Reply:
    """The status and the parsed body of an answer: a whole one, or one item of a batch."""

    status_code: int
    result: Any

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300


def halted() -> Reply:
    """Answer for a subrequest that is not sent as Salesforce answers for one it did not execute."""
    item = {"errorCode": HALTED_CODE, "message": "Batch processing halted per request"}
    return Reply(HALTED_STATUS, [item])


@attrs.frozen
class QueryPage:
    """One page of a query, and the path of the next below ``/services/data/`` (None: the last)."""

    records: list[Record]
    total_size: int
    next_path: str | None

    def check_progress(self, known: Collection[str | None]) -> None:
        """Raise :class:`MalformedResponseError` if the query does not come to an end.

        *known* are the paths that the pages before this one named.
        """
        # Each page holds at least one of the records, but for one that deletion has emptied.
        if self.next_path is not None and (self.next_path in known or len(known) > self.total_size):
            raise MalformedResponseError(f"the query does not end: {self.next_path} comes again")


@attrs.frozen
class UpsertResult:
    """What an upsert did. *id* is None where Salesforce does not tell it (204, up to v45.0)."""

    id: str | None
    created: bool


@attrs.frozen
class ApiVersion:
    """A version of the REST API that the instance serves: ``67.0``, its label, and its URL."""

    version: str
    label: str
    url: str


Limits: TypeAlias = dict[str, dict[str, Any]]


def parse(response: Response) -> Reply:
    """Parse a successful answer; raises :class:`MalformedResponseError` if it is not JSON."""
    if not response.body.strip():
        return Reply(response.status_code, None)
    try:
        return Reply(response.status_code, json.loads(response.body))
    except ValueError as error:
        raise MalformedResponseError(
            f"the answer is not JSON ({error}); it starts with {response.body[:80]!r}",
            status_code=response.status_code,
        ) from error


def parse_batch(response: Response, count: int) -> list[Reply]:
    """Read the answer to a batch of *count* subrequests, strictly, in order."""
    result = parse(response).result
    items = result.get("results") if isinstance(result, dict) else None
    if not isinstance(items, list):
        raise MalformedResponseError(
            "the answer to the batch has no results", status_code=response.status_code
        )
    if len(items) != count:
        raise MalformedResponseError(
            f"the answer to the batch has {len(items)} results for {count} subrequests, so none "
            "can be told to belong to a certain one",
            status_code=response.status_code,
        )
    return [_batch_item(item, index) for index, item in enumerate(items)]


def _batch_item(item: object, index: int) -> Reply:
    status = item.get("statusCode") if isinstance(item, dict) else None
    if not isinstance(item, dict) or type(status) is not int:
        raise MalformedResponseError(f"result {index} of the answer to the batch has no statusCode")
    return Reply(status, item.get("result"))


def raise_for_status(response: Response, request: str) -> None:
    """Raise the error that an answer other than a success means; *request* says what was sent."""
    if not 200 <= response.status_code < 300:
        raise error_from_response(response, request)


def error_from_response(response: Response, request: str) -> SalesforceError:
    """Make the error that an answer with an error status means; *request* says what was sent."""
    try:
        result = json.loads(response.body)
    except ValueError:
        result = [{"message": _odd_answer(response)}]
    items = _error_items(result, escaped=False)
    error = _error_class(response.status_code, items)(
        status_code=response.status_code, errors=items, request=request
    )
    error.retry_after = retry_after(response.headers)
    return error


def _odd_answer(response: Response) -> str:
    location = response.headers.get("location")
    if location and 300 <= response.status_code < 400:
        return (
            "redirects are not followed, as they would take the access token elsewhere; this one "
            f"leads to {location.partition('?')[0]}. If the org has moved, give the client its new "
            "instance URL"
        )
    if not response.body.strip():
        return "the server answered with an empty body"
    return f"the server answered with a body that is not JSON: {_excerpt(response.body)}"


def error_from_item(reply: Reply) -> SalesforceError:
    """Make the error that a failed item of a batch means.

    Salesforce HTML-escapes the messages of such items and nothing else, so they are unescaped;
    the text as received stays in the ``raw`` of each item.
    """
    items = _error_items(reply.result, escaped=True)
    return _error_class(reply.status_code, items)(status_code=reply.status_code, errors=items)


def _error_class(status_code: int, items: tuple[ErrorItem, ...]) -> type[SalesforceError]:
    if found := _ERROR_BY_CODE.get(items[0].error_code or ""):
        return found
    if found := _ERROR_BY_STATUS.get(status_code):
        return found
    if 400 <= status_code < 500:
        return MalformedRequestError
    return ServerError if status_code >= 500 else SalesforceError


def _error_items(result: object, *, escaped: bool) -> tuple[ErrorItem, ...]:
    found: list[object] = result if isinstance(result, list) else [result]
    urls_of_records = [item for item in found if isinstance(item, str) and item.startswith("/")]
    if found and len(urls_of_records) == len(found):
        message = f"{len(found)} records have this external id: {', '.join(urls_of_records)}"
        return (ErrorItem(None, message, raw={"urls": found}),)
    items = tuple(_error_item(item, escaped=escaped) for item in found)
    return items or (ErrorItem(None, "the answer gives no reason"),)


def _error_item(item: object, *, escaped: bool) -> ErrorItem:
    if not isinstance(item, dict):
        return ErrorItem(None, f"the answer gives as its reason: {reprlib.repr(item)}")
    message = item.get("message") or item.get("error_description") or "the answer gives no reason"
    code = item.get("errorCode") or item.get("error")
    fields = item.get("fields")
    return ErrorItem(
        error_code=code if isinstance(code, str) else None,
        message=text(message, escaped=escaped),
        fields=tuple(map(text, fields)) if isinstance(fields, list) else (),
        raw=item,
    )


def text(value: object, *, escaped: bool = False) -> str:
    """Show what should be text in an answer, whatever it is."""
    if not isinstance(value, str):
        return reprlib.repr(value)
    try:
        return html.unescape(value) if escaped else value
    except ValueError:  # a character reference of very many digits
        return value


def _excerpt(body: bytes) -> str:
    shown = re.sub(
        r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", body[:4000].decode(errors="replace")
    )
    return " ".join(html.unescape(shown).split())[:200]


# How the result of each operation is read. Each raises MalformedResponseError for another shape.


def created_id(reply: Reply) -> str:
    return _id_of(reply)


def nothing(_: Reply) -> None:
    return None


def anything(reply: Reply) -> Any:
    return reply.result


def record(reply: Reply) -> Record:
    return _object(reply, "a record")


def limits(reply: Reply) -> Limits:
    return _object(reply, "the limits")


def upserted(reply: Reply) -> UpsertResult:
    if reply.result is None:
        return UpsertResult(None, created=False)
    created = _object(reply, "the result of an upsert").get("created", reply.status_code == 201)
    return UpsertResult(_id_of(reply), created is True)


def query_page(reply: Reply) -> QueryPage:
    page = _object(reply, "a page of a query")
    records, total_size, done = page.get("records"), page.get("totalSize"), page.get("done")
    if not isinstance(records, list) or type(total_size) is not int or not isinstance(done, bool):
        raise _unexpected(reply, "records, totalSize and done")
    next_url = page.get("nextRecordsUrl")
    if done and next_url is None:
        return QueryPage(records, total_size, None)
    if done:
        raise _unexpected(reply, "no nextRecordsUrl, as the query is done")
    try:
        return QueryPage(records, total_size, urls.next_records_path(next_url))
    except ValueError as error:
        raise MalformedResponseError(
            f"the query is not done, and its next page cannot be read: {error}",
            status_code=reply.status_code,
        ) from error


def versions(reply: Reply) -> list[ApiVersion]:
    try:
        return [ApiVersion(item["version"], item["label"], item["url"]) for item in reply.result]
    except (TypeError, KeyError) as error:
        raise _unexpected(reply, "a list of versions") from error


def _object(reply: Reply, what: str) -> dict[str, Any]:
    if not isinstance(reply.result, dict):
        raise _unexpected(reply, what)
    return reply.result


def _id_of(reply: Reply) -> str:
    result = reply.result
    if isinstance(result, dict) and result.get("success") is not False:
        found = result.get("id")
        if isinstance(found, str):
            return found
    raise _unexpected(reply, "the id of a record")


def _unexpected(reply: Reply, what: str) -> MalformedResponseError:
    message = f"the answer should hold {what}, but is {reprlib.repr(reply.result)}"
    return MalformedResponseError(message, status_code=reply.status_code)
