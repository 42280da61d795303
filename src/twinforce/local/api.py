"""The REST API of an org: a request in, its answer out. Who asks holds the org's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import attrs

from .._core.http import Request, Response
from . import oauth
from .calls import Calls
from .errors import ApiError, resource_not_found, unexpected
from .exchange import Broken, play
from .faults import IncomingRequest
from .http import Call, Reply, error_reply, parse_target, response_of
from .script import Faults
from .store import Row
from .usage import ApiUsage
from .versions import version_of, versions

_LONGEST_TARGET: Final = 16_384


class RestApi:
    """Finds out who asks for what, and lets *calls* answer; *user* is the row of who signs in."""

    def __init__(
        self,
        calls: Calls,
        credentials: oauth.Credentials,
        usage: ApiUsage,
        user: Callable[[], Row],
        clock: Callable[[], datetime],
        faults: Faults,
    ) -> None:
        self._calls = calls
        self._credentials = credentials
        self._usage = usage
        self._user = user
        self._clock = clock
        self._faults = faults

    def exchange(self, request: Request, *, instance_url: str, target: str) -> Response | Broken:
        """Answer *request*, whose URL has *target* behind the host, unless a fault prevents it."""
        path, _, query = target.partition("#")[0].partition("?")
        method = request.method.upper()
        body = _whole(request.body)
        ending = self._ending(
            IncomingRequest(method, path, query, body),
            lambda: response_of(
                self._reply(request, body, instance_url=instance_url, target=target)
            ),
        )
        if method == "HEAD" and isinstance(ending, Response):
            return attrs.evolve(ending, body=b"")
        return ending

    def _ending(
        self, incoming: IncomingRequest, execute: Callable[[], Response]
    ) -> Response | Broken:
        try:
            fault = self._faults.of_request(incoming)
        except Exception as error:  # noqa: BLE001 - the *when* of a fault is the user's code
            failed = f"{incoming.method}, as the when of a fault raised"
            return response_of(error_reply(unexpected(error, failed)))
        return play(fault, execute, self._credentials)

    def _reply(self, request: Request, body: bytes, *, instance_url: str, target: str) -> Reply:
        # Bytes that are no UTF-8 come as surrogates, with which no answer could be written.
        headers = {
            name.lower(): value.encode("utf-8", "replace").decode()
            for name, value in request.headers.items()
        }
        try:
            if len(target) > _LONGEST_TARGET:
                message = f"The URI is longer than {_LONGEST_TARGET} bytes"
                raise ApiError("URI_TOO_LONG", message, status=414)
            return self._route(request, headers, body, target, instance_url)
        except ApiError as error:
            return self._with_usage(error_reply(error))
        except Exception as error:  # noqa: BLE001 - a fault of the org is answered too
            return self._with_usage(error_reply(unexpected(error, request.method)))

    def _route(
        self,
        request: Request,
        headers: dict[str, str],
        body: bytes,
        target: str,
        instance_url: str,
    ) -> Reply:
        parsed = parse_target(target)
        segments, method = parsed.segments, request.method.upper()
        if segments == ("services", "data") and method in {"GET", "HEAD"}:
            return Reply(200, versions())
        if segments == ("services", "oauth2", "token") and method == "POST":
            return oauth.token(
                headers,
                body,
                self._credentials,
                instance_url=instance_url,
                user_id=str(self._user()["Id"]),
                clock=self._clock,
            )
        if segments == ("services", "oauth2", "userinfo") and method in {"GET", "POST"}:
            return self._userinfo(headers, instance_url)
        if segments[:2] != ("services", "data") or len(segments) < 3:
            raise resource_not_found()
        if not oauth.authorized(headers, self._credentials):
            raise oauth.session_invalid()
        self._usage.count()
        version = version_of(segments[2])
        if version is None:
            raise resource_not_found()
        if method == "POST":  # for clients that cannot send PATCH
            method = parsed.query.get("_HttpMethod", method).upper()
        call = Call(method, version, segments[3:], parsed.query, headers, body)
        return self._with_usage(self._calls.answer(call, target))

    def _userinfo(self, headers: dict[str, str], instance_url: str) -> Reply:
        if not oauth.authorized(headers, self._credentials):
            return Reply(403, "Bad_OAuth_Token")
        userinfo = oauth.userinfo(self._user(), self._credentials.org_id, instance_url)
        return Reply(200, userinfo)

    def _with_usage(self, reply: Reply) -> Reply:
        return Reply(
            reply.status,
            reply.body,
            {**reply.headers, "sforce-limit-info": self._usage.header()},
        )


def _whole(body: bytes | Iterable[bytes | memoryview] | None) -> bytes:
    """Return a body in one piece; uploads come in several."""
    return body if isinstance(body, bytes) else b"".join(body or ())
