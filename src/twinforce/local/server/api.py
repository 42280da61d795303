"""The REST API of an org: a request in, its answer out. Who asks holds the org's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import attrs

from ..._core.http import Request, Response
from ..errors import ApiError, resource_not_found, unexpected
from ..faults import IncomingRequest
from ..oauth import Sessions, SignIn, Visit
from ..oauth.identity import identity_url
from ..resources.calls import Calls
from ..resources.usage import ApiUsage
from ..resources.versions import version_of, versions
from .exchange import Broken, play
from .http import (
    Call,
    Reply,
    bad_message,
    error_reply,
    parse_target,
    response_of,
    wants_xml,
    without_suffix,
)
from .script import Faults

_LONGEST_TARGET: Final = 16_384
_LONGEST_FORM: Final = 2**20  # of what is sent to sign in
_OVERRIDE: Final = "x-http-method-override"


class Actor(Protocol):
    """What does something as a user."""

    user_id: str


class RestApi:
    """Finds out who asks for what, and lets *calls* answer, for which *actors* act as that user."""

    def __init__(
        self,
        calls: Calls,
        sign_in: SignIn,
        sessions: Sessions,
        usage: ApiUsage,
        faults: Faults,
        actors: Sequence[Actor],
    ) -> None:
        self._calls = calls
        self._actors = actors
        self._sign_in = sign_in
        self._sessions = sessions
        self._usage = usage
        self._faults = faults

    def exchange(self, request: Request, *, instance_url: str, target: str) -> Response | Broken:
        """Answer *request*, whose URL has *target* behind the host, unless a fault prevents it."""
        path, _, query = target.partition("#")[0].partition("?")
        method = request.method.upper()
        body = _whole(request.body)
        ending = self._ending(
            IncomingRequest(method, path, query, body),
            lambda: response_of(
                self._reply(request, body, instance_url=instance_url, target=target),
                pretty=_wants_pretty(request),
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
        return play(fault, execute, self._sessions)

    def _reply(self, request: Request, body: bytes, *, instance_url: str, target: str) -> Reply:
        # Bytes that are no UTF-8 come as surrogates, with which no answer could be written.
        headers = {
            name.lower(): value.encode("utf-8", "replace").decode()
            for name, value in request.headers.items()
        }
        try:
            if len(target) > _LONGEST_TARGET:
                return bad_message(414, "URI Too Long")
            parsed = parse_target(target)
            return self._route(
                Visit(
                    request.method.upper(),
                    parsed.segments,
                    parsed.query,
                    headers,
                    body,
                    instance_url,
                ),
                target,
            )
        except ApiError as error:
            return self._with_usage(error_reply(error))
        except Exception as error:  # noqa: BLE001 - a fault of the org is answered too
            return self._with_usage(error_reply(unexpected(error, request.method)))

    def _route(self, visit: Visit, target: str) -> Reply:
        segments, method = visit.segments, visit.method
        if without_suffix(segments) == ("services", "data") and method in {"GET", "HEAD"}:
            return Reply(200, versions())
        if segments[:2] != ("services", "data") and len(visit.body) > _LONGEST_FORM:
            return bad_message(413, "Request Entity Too Large")
        answered = self._sign_in.answer(visit)
        if answered is not None:
            return answered
        if segments[:2] != ("services", "data") or len(segments) < 3:
            raise resource_not_found()
        if not visit.token and "authorization" in visit.headers:
            raise ApiError("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", status=401)
        user_id = self._sign_in.user_id(visit.token)
        self._usage.count()
        version = version_of(segments[2])
        if version is None:
            raise resource_not_found()
        if wants_xml(segments[3:], visit.headers):
            message = "The local org answers in JSON only: send Accept: application/json"
            raise ApiError("NOT_ACCEPTABLE", message, status=406)
        if method == "POST":  # for clients that cannot send PATCH
            override = visit.headers.get(_OVERRIDE, method)
            method = visit.query.get("_HttpMethod", override).upper()
        call = Call(
            method,
            version,
            without_suffix(segments[3:]),
            visit.query,
            visit.headers,
            visit.body,
            identity=identity_url(visit.instance_url, self._sign_in.org_id, user_id),
        )
        with self._acting(user_id):
            return self._with_usage(self._calls.answer(call, target))

    @contextmanager
    def _acting(self, user_id: str) -> Iterator[None]:
        """Have the block done by a user; whoever else acts in the org is the administrator."""
        before = [actor.user_id for actor in self._actors]
        for actor in self._actors:
            actor.user_id = user_id
        try:
            yield
        finally:
            for actor, own in zip(self._actors, before, strict=True):
                actor.user_id = own

    def _with_usage(self, reply: Reply) -> Reply:
        return Reply(
            reply.status,
            reply.body,
            {**reply.headers, "sforce-limit-info": self._usage.header()},
        )


def _wants_pretty(request: Request) -> bool:
    """Whether ``X-PrettyPrint: 1`` asks for JSON that people can read."""
    return any(
        name.lower() == "x-prettyprint" and value.strip() in {"1", "true"}
        for name, value in request.headers.items()
    )


def _whole(body: bytes | Iterable[bytes | memoryview] | None) -> bytes:
    """Return a body in one piece; uploads come in several."""
    return body if isinstance(body, bytes) else b"".join(body or ())
