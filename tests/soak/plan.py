"""What one batch of the soak is: all of it is drawn from a seed, so the seed replays it."""

from __future__ import annotations

from enum import Enum
from random import Random
from typing import Any, Final

import attrs

from tests.soak.kinds import KINDS
from twinforce import RetryPolicy
from twinforce.local import faults
from twinforce.local.faults import Fault, IncomingRequest, IncomingSubrequest, SubrequestFault

MOST_SUBREQUESTS: Final = 120
HTTP_SHARE: Final = 0.6


class Point(Enum):
    """Where an execution can be disturbed."""

    BEFORE = "before a request is sent"
    AFTER = "after its answer arrived"
    HOOK = "in a hook"
    PROGRESS = "in the progress callable"
    SLEEP = "while it waits for another try"


class Action(Enum):
    """What disturbs it."""

    RAISE = "an interruption is raised"
    CANCEL = "the caller is cancelled"
    UNSENT = "an interruption is raised that says that nothing was sent"
    FAIL = "an ordinary error is raised, which hooks and progress may do"


@attrs.frozen
class Disturbance:
    """*action* happens at *point*, when that is reached the *nth* time, from 0."""

    point: Point
    nth: int
    action: Action


class Target(Enum):
    """What a fault is meant for."""

    ANY = "any"
    BATCH = "batch"
    PAGE = "page of a query"
    SIGN_IN = "sign-in"
    WRITE = "write"
    CREATE = "create"


@attrs.frozen
class Scripted:
    """*fault* happens to *times* requests or subrequests of the *target*, after *skip* of them."""

    fault: Fault
    target: Target
    times: int
    skip: int

    def is_meant(self, incoming: IncomingRequest | IncomingSubrequest) -> bool:
        """Tell whether it is meant for what comes in."""
        match self.target:
            case Target.BATCH:
                return isinstance(incoming, IncomingRequest) and incoming.is_batch
            case Target.PAGE:
                return isinstance(incoming, IncomingRequest) and incoming.method == "GET"
            case Target.SIGN_IN:
                return isinstance(incoming, IncomingRequest) and incoming.is_sign_in
            case Target.WRITE:
                return incoming.method in {"POST", "PATCH", "DELETE"}
            case Target.CREATE:
                return incoming.method == "POST"
            case Target.ANY:
                # The soak itself asks by HEAD whether the org has come to rest.
                return incoming.method != "HEAD" or isinstance(incoming, IncomingSubrequest)


@attrs.frozen
class Round:
    """One ``execute()``; *interrupt_after* so many seconds, Ctrl-C or a cancellation comes."""

    resend_unknown: bool = False
    interrupt_after: float | None = None


@attrs.frozen
class Plan:
    """All that is decided about a batch before it begins."""

    seed: int
    over_http: bool
    kinds: tuple[str, ...]
    halt_on_error: bool
    autoraise: bool
    group_errors: bool
    concurrency: int
    retry: RetryPolicy | None
    retry_of_client: bool
    signs_in: bool
    hooks: bool
    progress: bool
    faults: tuple[Scripted, ...]
    disturbances: tuple[Disturbance, ...]
    rounds: tuple[Round, ...]

    @property
    def has_timed_interruptions(self) -> bool:
        """Whether something happens after a time, and so not always at the same place."""
        return any(each.interrupt_after is not None for each in self.rounds)

    def __str__(self) -> str:
        lines = []
        for name, value in attrs.asdict(self, recurse=False).items():
            lines.append(f"  {name} = {value!r}")
            if isinstance(value, tuple) and name != "kinds":
                lines[-1:] = [f"  {name} =", *(f"    {item!r}" for item in value)]
        return "\n".join(lines)


def plan(seed: int) -> Plan:
    """Draw the batch of *seed*."""
    draw = Random(f"twinforce soak {seed}")  # noqa: S311 - it keeps no secret
    over_http = draw.random() < HTTP_SHARE
    halt_on_error = draw.random() < 0.3
    kinds = _kinds(draw, halt_on_error=halt_on_error)
    signs_in = draw.random() < 0.7
    count = draw.choice((0, 1, 1, 2, 3, 4, 6, 9))
    return Plan(
        seed=seed,
        over_http=over_http,
        kinds=kinds,
        halt_on_error=halt_on_error,
        autoraise=draw.random() < 0.3,
        group_errors=draw.random() < 0.5,
        concurrency=1 if halt_on_error else draw.choice((1, 1, 2, 3, 5, 8)),
        retry=_retry(draw),
        retry_of_client=draw.random() < 0.5,
        signs_in=signs_in,
        hooks=draw.random() < 0.6,
        progress=draw.random() < 0.6,
        faults=tuple(_scripted(draw, len(kinds), signs_in=signs_in) for _ in range(count)),
        disturbances=_disturbances(draw),
        rounds=tuple(_round(draw, over_http=over_http) for _ in range(draw.randint(1, 5))),
    )


def _kinds(draw: Random, *, halt_on_error: bool) -> tuple[str, ...]:
    """Draw subrequests; some batches only have a few kinds, so that they are all idempotent, say.

    If most of those that halt did so on their own, few would get as far as the faults.
    """
    among = sorted(KINDS)
    style = draw.random()
    if style < 0.15:
        among = [name for name in among if not KINDS[name].creates]
    elif style < 0.25:
        among = [name for name in among if not KINDS[name].writes]
    elif style < (0.8 if halt_on_error else 0.4):
        among = [name for name in among if KINDS[name].works]
    elif style < 0.9:
        pass
    else:
        among = draw.sample(among, 3)
    return tuple(draw.choices(among, k=draw.randint(1, MOST_SUBREQUESTS)))


def _retry(draw: Random) -> RetryPolicy | None:
    attempts = draw.choice((None, 1, 2, 3, 4, 5))
    if attempts is None:
        return None
    if draw.random() < 0.8:
        return RetryPolicy(attempts=attempts, base=0)
    statuses = draw.sample((400, 401, 403, 404, 408, 420, 429, 500, 502, 503, 504), 5)
    return RetryPolicy(attempts=attempts, base=0, statuses=statuses, error_codes=())


def _round(draw: Random, *, over_http: bool) -> Round:
    # In process an interruption at any moment would strike the org itself.
    is_timed = over_http and draw.random() < 0.2
    return Round(
        resend_unknown=draw.random() < 0.35,
        interrupt_after=draw.uniform(0.0005, 0.03) if is_timed else None,
    )


def _disturbances(draw: Random) -> tuple[Disturbance, ...]:
    if draw.random() < 0.5:
        return ()
    drawn = []
    for _ in range(draw.randint(1, 3)):
        point = draw.choice(list(Point))
        actions = [Action.RAISE, Action.CANCEL]
        if point is Point.BEFORE:
            actions.append(Action.UNSENT)
        if point in {Point.HOOK, Point.PROGRESS}:
            actions += [Action.FAIL, Action.FAIL]
        drawn.append(Disturbance(point, draw.randint(0, 6), draw.choice(actions)))
    return tuple(drawn)


def _error(code: str, message: str) -> list[dict[str, Any]]:
    return [{"errorCode": code, "message": message}]


def _scripted(draw: Random, count: int, *, signs_in: bool) -> Scripted:
    fault = _fault(draw, signs_in=signs_in)
    targets = [Target.ANY, Target.BATCH, Target.BATCH, Target.PAGE]
    if signs_in:
        targets.append(Target.SIGN_IN)
    skip = draw.choice((0, 0, 1, 2, 3, 5))
    times = draw.choice((1, 1, 1, 2, 4))
    if isinstance(fault, SubrequestFault):
        targets = [Target.ANY, Target.WRITE, Target.CREATE]
        skip = draw.randint(0, count)
        times = draw.choice((1, 2, 5, 12))
    elif isinstance(fault, faults.Stall):
        times = 1  # each costs the time-out
    return Scripted(fault, draw.choice(targets), times, skip)


def _fault(draw: Random, *, signs_in: bool) -> Fault:
    executed = draw.random() < 0.6
    of_connections: list[Fault] = [
        faults.Unreachable(),
        faults.DropBefore(),
        faults.DropAfter(),
        faults.Stall(executed),
        faults.Truncate(draw.choice((None, 0, 1, 100))),
    ]
    odd: list[Fault] = [
        faults.WrongResults(draw.choice((-25, -3, -1, -1))),
        faults.WrongResults(draw.choice((1, 1, 2, 25))),
        faults.Html(200, executed),
        faults.Answer(200, {"hasErrors": False}, executed=executed),
        faults.Answer(200, {"results": ["not a result"]}, executed=executed),
        faults.Answer(204, executed=executed),
        faults.Answer(302, headers={"Location": "https://elsewhere.example/"}, executed=executed),
    ]
    of_servers: list[Fault] = [
        faults.Html(503, executed),
        faults.Answer(500, _error("UNKNOWN_EXCEPTION", "it broke"), executed=executed),
        faults.Answer(502, "Bad gateway", executed=executed),
        faults.Answer(503, _error("SERVER_UNAVAILABLE", "busy"), {"Retry-After": "7"}, executed),
        faults.Answer(504, executed=executed),
        faults.Answer(408, executed=executed),
        faults.Answer(400, _error("QUERY_TIMEOUT", "it took too long"), executed=executed),
    ]
    refusals: list[Fault] = [
        faults.Answer(429, headers={"Retry-After": "3"}),
        faults.Answer(420),
        faults.Answer(403, _error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")),
        faults.Answer(403, _error("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests exceeded.")),
        faults.Answer(503, _error("REQUEST_LIMIT_EXCEEDED", "hourly")),
        faults.Answer(503, _error("REQUEST_LIMIT_EXCEEDED", "hourly"), {"Retry-After": "9"}),
        faults.Answer(400, _error("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access")),
        faults.Answer(400, _error("JSON_PARSER_ERROR", "the edge garbled it")),
        faults.Answer(403, _error("API_DISABLED_FOR_ORG", "not for you")),
        faults.Answer(404, _error("NOT_FOUND", "no such org")),
        faults.Answer(401, _error("INVALID_SESSION_ID", "expired")),
    ]
    if signs_in:
        refusals.append(faults.ExpireToken())
    locks: list[Fault] = [faults.RowLock()]
    of_subrequests: list[Fault] = [
        faults.SubrequestAnswer(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "not <so> & so"),
        faults.SubrequestAnswer(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        faults.SubrequestAnswer(500, "UNKNOWN_EXCEPTION", "it broke", executed),
        faults.SubrequestAnswer(503, "SERVER_UNAVAILABLE", "busy", executed),
        faults.SubrequestAnswer(400, "QUERY_TIMEOUT", "it took too long", executed),
    ]
    groups = (of_connections, of_connections, odd, of_servers, refusals, locks, of_subrequests)
    return draw.choice(draw.choice(groups))
