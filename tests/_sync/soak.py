# Generated from tests/_async/soak.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""The soak of one twin: batches, drawn from seeds, that go wrong in every way there is.

``python -m tests.soak`` runs many of them; ``test_soak.py`` runs some.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from tests.soak.callers import Caller, Interruption
from tests.soak.case import Case, Findings
from tests.soak.org import SoakOrg
from tests.soak.plan import Action, Plan, Point, Round
from twinforce import (
    AccessToken,
    ClientCredentials,
    Progress,
    Request,
    RequestsTransport,
    Response,
    Salesforce,
    Timeout,
    Transport,
)
from twinforce.hooks import Event
from twinforce.local.server.transports import LocalTransport
from twinforce.local.server.web import Server

TIMEOUT = Timeout(connect=2, read=0.4)
# Only that a busy machine is slower than the time-out can go wrong here.
AFTERWARDS = (Round(), Round(), Round(resend_unknown=True), *[Round()] * 5)


class Trouble:
    """Disturbs an execution where its plan says so, until it is calmed."""

    def __init__(self, case: Case, caller: Caller) -> None:
        self._left = list(case.plan.disturbances)
        self._counts = dict.fromkeys(Point, 0)
        self.caller = caller
        self._case = case

    def calm(self) -> None:
        self._left.clear()

    def at(self, point: Point) -> None:
        nth, self._counts[point] = self._counts[point], self._counts[point] + 1
        for disturbance in self._left:
            if (disturbance.point, disturbance.nth) == (point, nth):
                self._case.findings.faults[f"{disturbance.action.name} {point.value}"] += 1
                self._act(disturbance.action)

    def _act(self, action: Action) -> None:
        if action is Action.CANCEL:
            self.caller.interrupt()
        elif action is Action.FAIL:
            raise RuntimeError("what a user's function may raise")
        else:
            interruption = Interruption()
            if action is Action.UNSENT:
                interruption.__dict__["sent"] = False
            raise interruption

    def hook(self, event: Event) -> None:
        self.at(Point.HOOK)

    def progress(self, progress: Progress) -> None:
        self._case.check_progress(progress)
        self.at(Point.PROGRESS)

    def sleep(self, seconds: float) -> None:
        self.caller.pause()
        self.at(Point.SLEEP)


class Wire:
    """A transport that keeps a journal, and is disturbed."""

    def __init__(self, inner: Transport, case: Case, trouble: Trouble) -> None:
        self._inner = inner
        self._case = case
        self._trouble = trouble

    def send(self, request: Request, /) -> Response:
        attempt = self._case.depart(request)
        try:
            self._trouble.caller.pause()
            self._trouble.at(Point.BEFORE)
            response = self._inner.send(request)
            self._trouble.caller.pause()
            self._trouble.at(Point.AFTER)
        except BaseException as error:
            if attempt is not None:
                self._case.journal.lose(attempt, error)
            raise
        if attempt is not None:
            self._case.journal.land(attempt, response)
        return response

    def close(self) -> None:
        """Nothing to close: the inner transport belongs to who made it."""


def soak(plan: Plan) -> Findings:
    """Execute the batch of *plan* until nothing is left to do, and say what was found."""
    with ExitStack() as stack:
        org = stack.enter_context(SoakOrg())
        server = stack.enter_context(org.serve()) if plan.over_http else None
        case = Case(plan, org)
        inner: Transport = LocalTransport(org)
        if server is not None:
            inner = RequestsTransport(proxy=None)
        try:
            Soak(case, org, server, inner).run()
        finally:
            inner.close()
        return case.findings


class Soak:
    """One batch, from its making to its end."""

    def __init__(self, case: Case, org: SoakOrg, server: Server | None, inner: Transport) -> None:
        self._case = case
        self._org = org
        self._server = server
        self._caller = Caller()
        self._trouble = Trouble(case, self._caller)
        plan = case.plan
        grant = ClientCredentials(org.client_id, org.client_secret)
        self._salesforce = Salesforce(
            org.instance_url if server is None else server.url,
            grant if plan.signs_in else AccessToken(org.access_token),
            transport=Wire(inner, case, self._trouble),
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

    def run(self) -> None:
        """Execute it in each round, first in trouble and then in peace."""
        with self._salesforce:
            for way in self._case.plan.rounds:
                self._execute(way)
            self._case.calm()
            self._trouble.calm()
            for way in AFTERWARDS:
                if self._case.has_pending or way.resend_unknown:
                    self._execute(way)
            requests = self._case.journal.requests
            self._execute(Round())
            self._case.check_at_last(requests)

    def _execute(self, way: Round) -> None:
        self._case.begin(resend_unknown=way.resend_unknown)
        error = self._caller.call(
            partial(self._batch.execute, resend_unknown=way.resend_unknown),
            interrupt_after=way.interrupt_after,
        )
        self._case.look_into_the_air()
        self._caller.settle()
        self._org.settle(self._server)
        self._case.end(self._batch, error, cut=self._caller.cut)
