"""How an exchange with the org ends: with an answer, or as a fault of the request will have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import attrs
import orjson

from ..._core.http import Response
from ...errors import ConnectError, ConnectionLostError, ReadTimeoutError, TransportError
from ..faults import (
    Answer,
    DropAfter,
    DropBefore,
    ExpireToken,
    Html,
    RequestFault,
    Stall,
    Truncate,
    Unreachable,
    WrongResults,
)
from ..oauth import Sessions
from .http import to_json

ConnectionFault: TypeAlias = Unreachable | DropBefore | DropAfter | Stall | Truncate

_HTML: Final = "text/html;charset=UTF-8"
_JSON: Final = "application/json;charset=UTF-8"
_TEXT: Final = "text/plain;charset=UTF-8"
_PAGE: Final = b"""<!DOCTYPE html>
<html>
<head><title>Server Unavailable</title></head>
<body>
<h1>We are down for maintenance.</h1>
<p>Sorry for the inconvenience. We'll be back shortly.</p>
</body>
</html>
"""


@attrs.frozen
class Broken:
    """An exchange without a whole answer; *response* is what a truncated one begins with."""

    fault: ConnectionFault
    response: Response | None = None

    def error(self) -> TransportError:
        """Make the error that a transport raises for this."""
        cause = f"as the fault {self.fault!r} of the local org has it"
        doubt = "the request may have been executed"
        match self.fault:
            case Unreachable():
                return ConnectError(f"there is no connection, {cause}; nothing was sent")
            case Stall():
                return ReadTimeoutError(f"no answer came, {cause}; {doubt}")
            case DropBefore() | DropAfter() | Truncate():
                message = "the connection ended before the whole answer had arrived"
                return ConnectionLostError(f"{message}, {cause}; {doubt}")


def play(
    fault: RequestFault | None, execute: Callable[[], Response], sessions: Sessions
) -> Response | Broken:
    """End an exchange as *fault* will have it; *execute* does the request's work and answers."""
    match fault:
        case None:
            return execute()
        case Unreachable() | DropBefore() | Stall(executed=False):
            return Broken(fault)
        case DropAfter() | Stall():
            execute()
            return Broken(fault)
        case Truncate():
            return Broken(fault, execute())
        case Answer() | Html():
            if fault.executed:
                execute()
            return _scripted(fault)
        case ExpireToken():
            sessions.expire_token()
            return execute()
        case WrongResults():
            return _with_wrong_results(execute(), fault.change)


def _scripted(fault: Answer | Html) -> Response:
    if isinstance(fault, Html):
        return Response(fault.status, {"content-type": _HTML}, _PAGE)
    match fault.body:
        case None:
            return Response(fault.status, fault.headers, b"")
        case bytes():
            content_type, body = "application/octet-stream", fault.body
        case str():
            content_type, body = _TEXT, fault.body.encode()
        case _:
            content_type, body = _JSON, to_json(fault.body)
    return Response(fault.status, {"content-type": content_type, **fault.headers}, body)


def _with_wrong_results(response: Response, change: int) -> Response:
    if response.status_code != 200:  # refused as a whole
        return response
    answer = orjson.loads(response.body)
    results = answer["results"]
    if change < 0:
        del results[change:]
    else:
        another = results[-1] if results else {"statusCode": 204, "result": None}
        results += [another] * change
    return attrs.evolve(response, body=to_json(answer))
