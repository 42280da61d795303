"""The soak of one twin: batches, drawn from seeds, that go wrong in every way there is.

``python -m tests.soak`` runs many of them; ``test_soak.py`` runs some.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from tests.soak.callers import AsyncCaller, Interruption
from tests.soak.case import Case, Findings
from tests.soak.org import SoakOrg
from tests.soak.plan import Action, Plan, Point, Round
from twinforce import (
    AccessToken,
    AiohttpTransport,
    AsyncSalesforce,
    AsyncTransport,
    ClientCredentials,
    Progress,
    Request,
    Response,
    Timeout,
)
from twinforce.hooks import Event
from twinforce.local.server.transports import AsyncLocalTransport
from twinforce.local.server.web import Server

TIMEOUT = Timeout(connect=2, read=0.4)
# Only that a busy machine is slower than the time-out can go wrong here.
AFTERWARDS = (Round(), Round(), Round(resend_unknown=True), *[Round()] * 5)


class AsyncTrouble:
    """Disturbs an execution where its plan says so, until it is calmed."""

    def __init__(self, case: Case, caller: AsyncCaller) -> None:
        self._left = list(case.plan.disturbances)
        self._counts = dict.fromkeys(Point, 0)
        self.caller = caller
        self._case = case

    def calm(self) -> None:
        self._left.clear()

    async def at(self, point: Point) -> None:
        nth, self._counts[point] = self._counts[point], self._counts[point] + 1
        for disturbance in self._left:
            if (disturbance.point, disturbance.nth) == (point, nth):
                self._case.findings.faults[f"{disturbance.action.name} {point.value}"] += 1
                await self._act(disturbance.action)

    async def _act(self, action: Action) -> None:
        if action is Action.CANCEL:
            await self.caller.interrupt()
        elif action is Action.FAIL:
            raise RuntimeError("what a user's function may raise")
        else:
            interruption = Interruption()
            if action is Action.UNSENT:
                interruption.__dict__["sent"] = False
            raise interruption

    async def hook(self, event: Event) -> None:
        await self.at(Point.HOOK)

    async def progress(self, progress: Progress) -> None:
        self._case.check_progress(progress)
        await self.at(Point.PROGRESS)

    async def sleep(self, seconds: float) -> None:
        await self.caller.pause()
        await self.at(Point.SLEEP)


class AsyncWire:
    """A transport that keeps a journal, and is disturbed."""

    def __init__(self, inner: AsyncTransport, case: Case, trouble: AsyncTrouble) -> None:
        self._inner = inner
        self._case = case
        self._trouble = trouble

    async def send(self, request: Request, /) -> Response:
        attempt = self._case.depart(request)
        try:
            await self._trouble.caller.pause()
            await self._trouble.at(Point.BEFORE)
            response = await self._inner.send(request)
            await self._trouble.caller.pause()
            await self._trouble.at(Point.AFTER)
        except BaseException as error:
            if attempt is not None:
                self._case.journal.lose(attempt, error)
            raise
        if attempt is not None:
            self._case.journal.land(attempt, response)
        return response

    async def aclose(self) -> None:
        """Nothing to close: the inner transport belongs to who made it."""


async def soak(plan: Plan) -> Findings:
    """Execute the batch of *plan* until nothing is left to do, and say what was found."""
    with ExitStack() as stack:
        org = stack.enter_context(SoakOrg())
        server = stack.enter_context(org.serve()) if plan.over_http else None
        case = Case(plan, org)
        inner: AsyncTransport = AsyncLocalTransport(org)
        if server is not None:
            inner = AiohttpTransport(proxy=None)
        try:
            await AsyncSoak(case, org, server, inner).run()
        finally:
            await inner.aclose()
        return case.findings


class AsyncSoak:
    """One batch, from its making to its end."""

    def __init__(
        self, case: Case, org: SoakOrg, server: Server | None, inner: AsyncTransport
    ) -> None:
        self._case = case
        self._org = org
        self._server = server
        self._caller = AsyncCaller()
        self._trouble = AsyncTrouble(case, self._caller)
        plan = case.plan
        grant = ClientCredentials(org.client_id, org.client_secret)
        self._salesforce = AsyncSalesforce(
            org.instance_url if server is None else server.url,
            grant if plan.signs_in else AccessToken(org.access_token),
            transport=AsyncWire(inner, case, self._trouble),
            retry=plan.retry if plan.retry_of_client else None,
            timeout=TIMEOUT,
            hooks=[self._trouble.hook] if plan.hooks else [],
            sleep=self._trouble.sleep,
        )
        self._batch = self._salesforce.composite.batch(
            plan.halt_on_error,
            plan.autoraise,
            plan.group_errors,
            concurrency=plan.concurrency,
            retry="client" if plan.retry_of_client else plan.retry,
            progress=self._trouble.progress if plan.progress else None,
        )
        case.fill(self._batch)

    async def run(self) -> None:
        """Execute it in each round, first in trouble and then in peace."""
        async with self._salesforce:
            for way in self._case.plan.rounds:
                await self._execute(way)
            self._case.calm()
            self._trouble.calm()
            for way in AFTERWARDS:
                if self._case.has_pending or way.resend_unknown:
                    await self._execute(way)
            requests = self._case.journal.requests
            await self._execute(Round())
            self._case.check_at_last(requests)

    async def _execute(self, way: Round) -> None:
        self._case.begin(resend_unknown=way.resend_unknown)
        error = await self._caller.call(
            partial(self._batch.execute, resend_unknown=way.resend_unknown),
            interrupt_after=way.interrupt_after,
        )
        self._case.look_into_the_air()
        await self._caller.settle()
        self._org.settle(self._server)
        self._case.end(self._batch, error, cut=self._caller.cut)
