"""An answer becomes a value or the right error."""

from __future__ import annotations

import html
import re
import reprlib
from collections.abc import Callable, Collection
from typing import Any, TypeAlias, TypeVar

import attrs

from ..errors import (
    ActionError,
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
from .json import DEFAULT, Json, Record
from .values import value

T = TypeVar("T")

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


@value
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


@value
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
Describe: TypeAlias = dict[str, Any]
Outputs: TypeAlias = list[dict[str, Any]]


def parse(response: Response, codec: Json = DEFAULT) -> Reply:
    """Parse a successful answer; raises :class:`MalformedResponseError` if it is not JSON."""
    if not response.body.strip():
        return Reply(response.status_code, None)
    try:
        return Reply(response.status_code, codec.parse(response.body))
    except ValueError as error:
        raise MalformedResponseError(
            f"the answer is not JSON ({error}); it starts with {response.body[:80]!r}",
            status_code=response.status_code,
        ) from error


def parse_batch(response: Response, count: int, codec: Json = DEFAULT) -> list[Reply]:
    """Read the answer to a batch of *count* subrequests, strictly, in order."""
    result = parse(response, codec).result
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
    answers: list[Reply] = []
    for item in items:
        status = item.get("statusCode") if isinstance(item, dict) else None
        if type(status) is not int:
            raise MalformedResponseError(
                f"result {len(answers)} of the answer to the batch has no statusCode"
            )
        answers.append(Reply(status, item.get("result")))
    return answers


def conceal(error: SalesforceError, token: str) -> None:
    """Take the access *token* out of *error*, where the server gave it back."""
    if not token or not any(token in str(part) for part in (error.message, *error.errors)):
        return
    error.message = error.message.replace(token, "***")
    error.args = (error.message,)
    error.errors = tuple(
        attrs.evolve(item, message=item.message.replace(token, "***"), raw={})
        for item in error.errors
    )


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
    error = _error(response.status_code, result, escaped=False)
    error.request = request
    error.retry_after = retry_after(response.headers)
    return error


def _odd_answer(response: Response) -> str:
    location = response.headers.get("location")
    if location and 300 <= response.status_code < 400:
        place = re.split("[?#;]", location)[0]
        return (
            "redirects are not followed, as they would take the access token elsewhere; this one "
            f"leads to {place}. If the org has moved, give the client its new "
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
    return _error(reply.status_code, reply.result, escaped=True)


def _error(status_code: int, result: object, *, escaped: bool) -> SalesforceError:
    items = _error_items(result, escaped=escaped)
    is_action = isinstance(result, list) and any(map(_is_result_of_action, result))
    kind = ActionError if is_action else _error_class(status_code, items)
    return kind(status_code=status_code, errors=items)


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
    items = tuple(
        _error_item(part, escaped=escaped) for item in found for part in _errors_within(item)
    )
    return items or (ErrorItem(None, "the answer gives no reason"),)


def _is_result_of_action(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("isSuccess"), bool)


def _errors_within(item: Any) -> list[object]:
    """Unpack the errors of an action's result; give back everything else as it is."""
    if not _is_result_of_action(item):
        return [item]
    errors = item.get("errors")
    if item["isSuccess"] is True and not errors:
        return []
    if not isinstance(errors, list) or not errors:
        return [{"message": "the action failed, and gave no reason"}]
    return [
        error | {"errorCode": error.get("statusCode")} if isinstance(error, dict) else error
        for error in errors
    ]


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


def id_of(reply: Reply) -> str:
    result = reply.result
    if isinstance(result, dict) and result.get("success") is not False:
        found = result.get("id")
        if isinstance(found, str):
            return found
    raise _unexpected(reply, "the id of a record")


def nothing(_: Reply) -> None:
    return None


def anything(reply: Reply) -> Any:
    return reply.result


def record(reply: Reply) -> Record:
    return _object(reply, "a record")


def limits(reply: Reply) -> Limits:
    return _object(reply, "the limits")


def describe(reply: Reply) -> Describe:
    return _object(reply, "a description")


def found(reply: Reply) -> list[Record]:
    """Read what a search found: an object since v37.0, an array before."""
    result = reply.result
    records = result.get("searchRecords") if isinstance(result, dict) else result
    if not isinstance(records, list):
        raise _unexpected(reply, "searchRecords")
    return records


def related(reply: Reply) -> QueryPage | Record:
    result = _object(reply, "a record or a page of records")
    return query_page(reply) if "records" in result and "totalSize" in result else result


def outputs(reply: Reply) -> Outputs:
    """Read the results of an action; raises :class:`ActionError` if one of them is a failure."""
    results = reply.result
    if not isinstance(results, list) or not all(map(_is_result_of_action, results)):
        raise _unexpected(reply, "the results of an action")
    if not all(item["isSuccess"] for item in results):
        raise _error(reply.status_code, results, escaped=False)
    return [item.get("outputValues") or {} for item in results]


def bare(read: Callable[[Reply], T]) -> Callable[[Reply], T]:
    """Read a result without the ``attributes`` of its records, those within records included."""
    return lambda reply: read(Reply(reply.status_code, _without_attributes(reply.result)))


def _without_attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_attributes(item) if isinstance(item, dict | list) else item
            for name, item in value.items()
            if name != "attributes"
        }
    if isinstance(value, list):
        return [_without_attributes(item) for item in value]
    return value


def upserted(reply: Reply) -> UpsertResult:
    if reply.result is None:
        return UpsertResult(None, created=False)
    created = _object(reply, "the result of an upsert").get("created", reply.status_code == 201)
    return UpsertResult(id_of(reply), created is True)


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


def _unexpected(reply: Reply, what: str) -> MalformedResponseError:
    message = f"the answer should hold {what}, but is {reprlib.repr(reply.result)}"
    return MalformedResponseError(message, status_code=reply.status_code)
