"""The client: where users start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Self

from .._core import children, http, operations, replies, urls
from .._core.flights import Flight
from .._core.http import AsyncTransport, Response, Timeout
from .._core.json import DEFAULT, Json, Record
from .._core.operations import Data
from .._core.replies import ApiVersion, Limits, Outputs
from .._core.urls import ParamValue
from .._core.usage import ApiUsage
from .._twin import AsyncSleep, async_sleep, clock
from ..auth import Grant
from ..hooks import AsyncHook
from ..progress import AsyncReport
from ..retry import RetryPolicy
from .batch import AsyncBatch
from .query import AsyncQuery
from .session import AsyncSession
from .sobject import AsyncSObject


class AsyncSalesforce:
    """A client of one Salesforce org.

    *instance_url* is the org's address, such as ``https://acme.my.salesforce.com``; a path in it
    is ignored, and ``http://`` is accepted for this machine only. *auth* is a grant of
    :mod:`twinforce.auth`; the client signs in when it first needs to. *version* is that of the
    REST API. A *transport* that is passed in is not closed by the client.

    *retry* says when to try again what failed (see :class:`~twinforce.RetryPolicy`; None: never).
    *hooks* are told what happens (see :mod:`twinforce.hooks`). *json* takes functions of yours that
    parse and write JSON (see :class:`~twinforce.Json`). *sleep* waits between tries and
    *clock* measures, both in seconds; they are there for tests that do not want to wait.

    Raises ``ValueError`` or ``TypeError`` for an address, a version or a grant that cannot be used.
    """

    def __init__(
        self,
        instance_url: str,
        auth: Grant,
        *,
        version: str = "67.0",
        transport: AsyncTransport | None = None,
        retry: RetryPolicy | None = RetryPolicy(),
        timeout: Timeout = Timeout(),
        hooks: Iterable[AsyncHook] = (),
        json: Json = DEFAULT,
        sleep: AsyncSleep = async_sleep,
        clock: Callable[[], float] = clock,
    ) -> None:
        self._session = AsyncSession(
            instance_url,
            auth,
            version=version,
            transport=transport,
            retry=retry,
            timeout=timeout,
            hooks=hooks,
            json=json,
            sleep=sleep,
            clock=clock,
        )
        self.composite = AsyncComposite(self._session)
        """Composite resources: :meth:`~AsyncComposite.batch`."""
        self.sobject = AsyncSObject(self._session)
        """Operations on records and their sObjects, one request each."""
        self.actions = AsyncActions(self._session)
        """Actions: :meth:`~AsyncActions.invoke`."""

    @property
    def instance_url(self) -> str:
        """The origin of the instance that this client was made for."""
        return self._session.instance_url

    @property
    def version(self) -> str:
        """The version of the REST API that this client speaks."""
        return self._session.version

    @property
    def api_usage(self) -> ApiUsage | None:
        """The use of the org's API requests, as the latest answer told it; None before."""
        return self._session.api_usage

    def query(
        self, soql: str, include_all_records: bool = False, *, attributes: bool = True
    ) -> AsyncQuery:
        """Run *soql* and iterate over all its records, fetched page after page.

        With *include_all_records*, deleted and archived records are found too (``queryAll``).
        Without *attributes*, records hold their fields only. A query that is too long for a URL is
        sent as a composite batch.
        """
        operation = operations.query(
            soql, include_all_records=include_all_records, attributes=attributes
        )
        with_children = children.may_be_selected(soql)
        return AsyncQuery(self._session, operation, with_children=with_children)

    async def search(self, sosl: str, *, attributes: bool = True) -> list[Record]:
        """Search with SOSL and return the records that were found."""
        return await self._session.run(operations.search(sosl, attributes=attributes))

    async def limits(self) -> Limits:
        """Return the limits of the org: for each name, ``Max`` and ``Remaining``."""
        return await self._session.run(operations.limits())

    async def versions(self) -> list[ApiVersion]:
        """Return the versions of the REST API that the instance serves, as it lists them."""
        flight = Flight(f"GET {urls.DATA}", idempotent=True, reads_only=True)
        response = await self._session.send("GET", urls.DATA, flight=flight)
        return replies.versions(replies.parse(response))

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, ParamValue] | None = None,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send any other request and return the answer, if it is a success.

        *path* is below the version (``limits``), names its version (``v67.0/limits``,
        ``/services/data/v67.0/limits``), or is another one of the instance (``/services/…``);
        values in it must be percent-encoded. *params* are added to it, encoded. *json* becomes
        JSON; *body* is sent as it is, with the Content-Type that *headers* give.
        """
        target = urls.target(path, self._session.version)
        if params:
            target += ("&" if "?" in target else "?") + urls.query_string(params)
        if json is not None and body is not None:
            raise ValueError("pass json= or body=, not both")
        if not isinstance(body, bytes | None):
            raise TypeError(f"body must be bytes, not {type(body).__name__}; or pass json=")
        verb = operations.verb(method)
        return await self._session.send(
            verb,
            target,
            operations.json_body(json, self._session.json) if body is None else body,
            headers=http.checked_headers(headers or {}),
            # A query string may hold a token, as that of the revocation does.
            flight=Flight(
                f"{method} {path.partition('?')[0]}",
                idempotent=operations.is_idempotent(verb, target),
                reads_only=verb in operations.READS,
            ),
        )

    async def aclose(self) -> None:
        """Close the connections. The client cannot be used after."""
        await self._session.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.instance_url} v{self.version}>"


class AsyncActions:
    """Standard and custom actions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def invoke(self, action: str, inputs: Data | Sequence[Data] | None = None) -> Outputs:
        """Invoke an *action*, ``standard/…`` or ``custom/…``, and return its outputs.

        *inputs* are its input values: those of one invocation, or a list of them; the outputs are a
        list of as many. Raises :class:`~twinforce.errors.ActionError` if it failed for one of them.

        Source: Actions Developer Guide, Invoking Actions.
        """
        operation = operations.invoke(action, inputs, json=self._session.json)
        return await self._session.run(operation)


class AsyncComposite:
    """Composite resources."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    def batch(
        self,
        halt_on_error: bool = False,
        autoraise: bool = False,
        group_errors: bool = False,
        *,
        concurrency: int = 1,
        retry: RetryPolicy | Literal["client"] | None = "client",
        timeout: Timeout | None = None,
        progress: AsyncReport | bool | None = None,
    ) -> AsyncBatch:
        """Make a batch: independent subrequests, sent 25 in a request, in order.

        With *halt_on_error*, what follows a failure is not executed, now or later. With
        *autoraise*, executing raises the first failure once everything was sent; with
        *group_errors* too, an ``ExceptionGroup`` of all of them. Each subrequest counts as one API
        request.

        *concurrency* is how many requests go at once; then they arrive in any order, and results
        keep theirs. *retry* and *timeout* replace the client's: Salesforce lets a batch run for ten
        minutes. *progress* is called with a :class:`~twinforce.Progress` at the start and after
        each request, never twice at once; True shows a bar (``twinforce[progress]``).

        Source: REST API Developer Guide, Composite Batch.
        """
        return AsyncBatch(
            self._session,
            halt_on_error=halt_on_error,
            autoraise=autoraise,
            group_errors=group_errors,
            concurrency=concurrency,
            retry=self._session.retry if retry == "client" else retry,
            timeout=timeout,
            progress=progress,
        )
