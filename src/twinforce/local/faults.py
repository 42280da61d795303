"""What can go wrong on the way to Salesforce and back, as values, for tests to script.

A fault is added to :attr:`LocalOrg.faults <twinforce.local.LocalOrg.faults>`, and happens to the
next request, or subrequest, that it is meant for:

>>> from twinforce import errors
>>> from twinforce.local import LocalOrg, faults
>>> with LocalOrg() as org, org.client() as salesforce:
...     org.faults.add(faults.DropAfter())
...     try:
...         salesforce.sobject.create("Account", {"Name": "Acme"})
...     except errors.ConnectionLostError:
...         print("no answer, but", salesforce.query("SELECT Name FROM Account").all()[0]["Name"])
...     print([happened.fault for happened in org.faults.happened], org.faults.waiting)
no answer, but Acme
[DropAfter()] ()

In process, a fault of the connection is raised as the real transports raise it. Over HTTP
(``LocalOrg.serve``) it happens on the socket. Where a fault says that a request is executed, all of
it is committed before the client notices anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

import attrs

from ..auth import TOKEN_PATH
from . import arguments

_BATCH_PATH: Final = re.compile(r"services/data/v[^/]+/composite/batch", re.IGNORECASE)
_WITHOUT_BODY: Final = frozenset({204, 304})


def _whole(
    lowest: int, highest: int | None = None
) -> Callable[[object, attrs.Attribute[int], Any], None]:
    def check(fault: object, field: attrs.Attribute[int], value: Any) -> None:
        arguments.whole_number(_place(fault, field), value, lowest, highest)

    return check


def _is_boolean(fault: object, field: attrs.Attribute[bool], value: Any) -> None:
    arguments.boolean(_place(fault, field), value)


def _is_text(fault: object, field: attrs.Attribute[str], value: Any) -> None:
    arguments.text(_place(fault, field), value)


def _place(fault: object, field: attrs.Attribute[Any]) -> str:
    return f"{type(fault).__name__}.{field.name}"


# ---- faults of whole requests ----


@attrs.frozen
class Unreachable:
    """There is no connection, so nothing is sent and nothing executed.

    In process: :class:`twinforce.errors.ConnectError`. Over HTTP a server can only know which
    request it is when that has arrived, so there it is what :class:`DropBefore` is; to have real
    clients fail to connect, close the server.
    """


@attrs.frozen
class DropBefore:
    """The connection ends without an answer, and nothing was executed.

    A client cannot tell this from :class:`DropAfter`:
    :class:`twinforce.errors.ConnectionLostError`.
    """


@attrs.frozen
class DropAfter:
    """All is executed and committed; then the connection ends without an answer.

    The client gets :class:`twinforce.errors.ConnectionLostError`.
    """


@attrs.frozen
class Stall:
    """No answer comes, whether the request was *executed* or not.

    In process :class:`twinforce.errors.ReadTimeoutError` is raised at once. Over HTTP the server is
    silent until the client gives up, or the server is closed.
    """

    executed: bool = attrs.field(default=True, validator=_is_boolean)


@attrs.frozen
class Truncate:
    """All is executed and committed; the answer breaks off in the middle of its body.

    *at* is how many bytes of the body arrive, half of them unless given; the last one never does.
    Of an answer without a body, nothing arrives. The client gets
    :class:`twinforce.errors.ConnectionLostError`.
    """

    at: int | None = attrs.field(default=None, validator=attrs.validators.optional(_whole(0)))

    def part(self, body: bytes) -> bytes:
        """Return what arrives of *body*."""
        return body[: len(body) // 2 if self.at is None else max(0, min(self.at, len(body) - 1))]


def _final_status(answer: Answer, field: attrs.Attribute[int], value: Any) -> None:
    arguments.whole_number(_place(answer, field), value, 200, 599)


def _sendable(answer: Answer, field: attrs.Attribute[Any], value: Any) -> None:
    arguments.json_value(_place(answer, field), value)
    if value is not None and answer.status in _WITHOUT_BODY:
        message = f"an answer with status {answer.status} has no body; leave Answer.body out"
        raise ValueError(message)


@attrs.frozen
class Answer:
    """Another answer than the org's own is given, whatever the request asks for.

    *status* is from 200 to 599. *body* is a JSON value, text (str) or bytes, which are sent as they
    are; None is an answer without a body. *headers* add to the ``Content-Type`` that goes with the
    body, or replace it. If *executed*, the request is executed and committed all the same.

    ``Answer(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}], {"Retry-After": "2"})``
    """

    status: int = attrs.field(validator=_final_status)
    body: Any = attrs.field(default=None, validator=_sendable)
    headers: Mapping[str, str] = attrs.field(
        factory=dict[str, str], converter=arguments.answer_headers
    )
    executed: bool = attrs.field(default=False, validator=_is_boolean)


def _with_page(html: Html, field: attrs.Attribute[int], value: Any) -> None:
    arguments.whole_number(_place(html, field), value, 200, 599)
    if value in _WITHOUT_BODY:
        message = f"an answer with status {value} has no body, so it cannot be a page"
        raise ValueError(message)


@attrs.frozen
class Html:
    """A maintenance page comes instead of the answer, as from the edge of Salesforce's network.

    If *executed*, the request is executed and committed all the same.
    """

    status: int = attrs.field(default=503, validator=_with_page)
    executed: bool = attrs.field(default=False, validator=_is_boolean)


@attrs.frozen
class ExpireToken:
    """From this request on, the access token that was valid until now is refused.

    The answer is 401 INVALID_SESSION_ID, and nothing is executed, until a client signs in again and
    gets a new token, which :attr:`LocalOrg.access_token <twinforce.local.LocalOrg.access_token>` is
    from now on too. ``LocalOrg.expire_token()`` does the same without waiting for a request.
    """


def _is_change(fault: WrongResults, field: attrs.Attribute[int], value: Any) -> None:
    arguments.whole_number(_place(fault, field), value, -25, 25)
    if value == 0:
        message = "WrongResults.change must not be 0; use -1 for one result fewer, 1 for one more"
        raise ValueError(message)


@attrs.frozen
class WrongResults:
    """All is executed and committed, but the answer to a batch has more or fewer results.

    *change* is how many are added at the end, or taken away there if it is below 0. Happens to
    batches only; the answer to one that is refused as a whole stays as it is.
    """

    change: int = attrs.field(default=-1, validator=_is_change)


# ---- faults of subrequests ----


@attrs.frozen
class RowLock:
    """400 UNABLE_TO_LOCK_ROW: another transaction has locked the record. Nothing is executed.

    Happens to subrequests and to requests that are sent on their own, but for GET and HEAD, which
    lock nothing. What stands behind it in a batch with ``haltOnError`` is halted.
    """


@attrs.frozen
class SubrequestAnswer:
    """A subrequest of a batch fails with this *status* (400 to 599), *error_code* and *message*.

    If *executed*, it is executed and committed all the same.
    """

    status: int = attrs.field(validator=_whole(400, 599))
    error_code: str = attrs.field(validator=_is_text)
    message: str = attrs.field(validator=_is_text)
    executed: bool = attrs.field(default=False, validator=_is_boolean)


RequestFault: TypeAlias = (
    Unreachable
    | DropBefore
    | DropAfter
    | Stall
    | Truncate
    | Answer
    | Html
    | ExpireToken
    | WrongResults
)
SubrequestFault: TypeAlias = RowLock | SubrequestAnswer
Fault: TypeAlias = RequestFault | SubrequestFault


# ---- what they happen to ----


def _size(body: bytes) -> str:
    return f"<{len(body)} bytes>"


@attrs.frozen
class IncomingRequest:
    """A request that a fault may happen to.

    *method* is in capitals; *path* and *query* are the two parts of the URL behind the host, as
    they were sent, without the ``?`` between them; *body* is empty if there is none.
    """

    method: str
    path: str
    query: str = attrs.field(repr=False)
    body: bytes = attrs.field(repr=_size)

    @property
    def is_batch(self) -> bool:
        """Whether this is a Composite Batch."""
        return self.method == "POST" and _BATCH_PATH.fullmatch(self._resource) is not None

    @property
    def is_sign_in(self) -> bool:
        """Whether this is for the token endpoint."""
        return f"/{self._resource}" == TOKEN_PATH

    @property
    def _resource(self) -> str:
        return "/".join(unquote(part) for part in self.path.split("/") if part)


@attrs.frozen
class IncomingSubrequest:
    """A subrequest of a batch, or a request on its own, that a fault may happen to.

    *url* begins with the version, as in ``v67.0/sobjects/Account``, however it was sent; *index* is
    the place in the batch from 0, None for a request on its own; *rich_input* is the body, as JSON
    values, None if there is none.
    """

    method: str
    url: str
    index: int | None
    rich_input: Any = attrs.field(repr=False)


@attrs.frozen
class Waiting:
    """A fault that is still to happen: *times* (None: for ever), after *skip* that match."""

    fault: Fault
    times: int | None
    skip: int


@attrs.frozen
class Happened:
    """A fault that happened, and the request or subrequest that it happened to."""

    fault: Fault
    request: IncomingRequest | IncomingSubrequest
