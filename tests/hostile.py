"""Values made to harm: what input from outside may hold, and what may become of it on the wire."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import string
import traceback
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Final
from urllib.parse import quote, unquote

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinforce import Request
from twinforce._transports._exchange import outgoing
from twinforce.errors import SalesforceError
from twinforce.local.store.ids import checksum

VARIABLE: Final = "HOSTILE_VALUES"
FEW: Final = 60


def hostile(**kinds: st.SearchStrategy[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Call a test with values of *kinds*: a few that are always the same, so that it is quick.

    With the environment variable HOSTILE_VALUES, it is as many as that says, new ones each time.
    """
    count = int(os.environ.get(VARIABLE, "0"))
    profile = settings(
        max_examples=count or FEW,
        derandomize=not count,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,  # the org stays as the value before left it
            HealthCheck.data_too_large,
            HealthCheck.too_slow,
        ],
    )

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        decorated: Callable[..., Any] = profile(given(**kinds)(test))
        return decorated

    return decorate


class Disguised(str):
    """Text that shows itself as something else than what it holds."""

    __slots__ = ()

    def __str__(self) -> str:
        return "../../limits"

    def __format__(self, spec: str) -> str:
        return "' OR Name != '"

    __repr__ = __str__


class Money(Decimal):
    """A number that shows itself with its currency, and as an injection."""

    def __str__(self) -> str:
        return '1 EUR", "OwnerId": "005'

    def __format__(self, spec: str, context: object = None, /) -> str:
        return "1 OR Id != null"


class Plain(Enum):
    SLASH = "a/b"
    NUMBER = 7
    NOTHING = None


class Textual(StrEnum):
    QUOTE = "it's"


def plain(value: object) -> str:
    """Give the text that *value* holds, however it shows itself."""
    held = value.value if isinstance(value, Enum) else value
    assert isinstance(held, str)
    return str.__str__(held)


NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

PIECES: Final = (
    *"/.%+#?&=;:@\\'\"`{}[]()<>|^~*!$,-_ \t\n\r\0\b\x07\x0b\x1b\x1f\x7f\x85\xa0",
    *"aZ09éßİ\u017f\u212a\u200f\u202e\u2028\u05d0\u0645\ufeff\uffff😀\ud800\udfff",
    "..",
    "../",
    "../../limits",
    "%2e%2e",
    "%2F",
    "%00",
    "%u0041",
    "%zz",
    "..;/",
    "//evil.example/x",
    "https://evil.example",
    "@evil.example",
    "?q=SELECT%20Id%20FROM%20User",
    "#frag",
    "sobjects/User",
    "/services/data/v67.0/limits",
    "v67.0/",
    "\r\nAuthorization: Bearer x",
    "' OR Name != '",
    "\\' OR Id != null OR Name = \\'",
    "\\",
    "\\u0027",
    "%' OR Name LIKE '%",
    "{}",
    "{0}",
    "{:like}",
    "null",
    "approvalLayouts",
    "👨\u200d👩\u200d👧",
)

_piece: Final = st.sampled_from(PIECES) | st.text(st.characters(), max_size=3)
_short: Final = st.lists(_piece, max_size=5).map("".join)
_long: Final = st.lists(_piece, min_size=1, max_size=3).map(
    lambda pieces: (("".join(pieces) or "x") * 5000)[:5000]
)
_word: Final = st.text(string.ascii_letters + string.digits + "_-. ", min_size=1, max_size=12)


def either(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Take each kind as often as the others; one_of() would ask of how many each consists."""
    return st.sampled_from(kinds).flatmap(lambda kind: kind)


TEXTS: Final = either(
    _short,
    st.text(st.characters(), max_size=30),
    _word,
    _long,
    _short.map(Disguised),
    _short.map(lambda text: text + "\ud83d"),
)
"""Text of any kind: harmless, of 5,000 characters, with halves of surrogate pairs."""

ODDITIES: Final = either(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.uuids(),
    st.decimals(allow_nan=False, allow_infinity=False).map(Money),
    st.dates() | st.datetimes() | st.datetimes(timezones=st.just(dt.UTC)) | st.times(),
    st.sampled_from([*Plain, *Textual]),
    st.sampled_from([10**4200, 10**400, Decimal("1E+999999"), Decimal("-1E-999999"), 5e-324]),
    st.sampled_from([object(), range(3), str, memoryview(b"x"), {"a"}, {"a": {1: 2}}, [[]], ()]),
    st.lists(_short, max_size=3) | st.binary(max_size=9),
)
"""What is no text."""

ANYTHING: Final = either(TEXTS, TEXTS, ODDITIES)

_name: Final = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_]{0,30}(__c)?\Z")

NAMES: Final = either(
    _name,
    st.sampled_from(["Contact", "LastName", "Key__c"]).map(Disguised),
    st.tuples(_name, _short).map("".join),
    st.tuples(_short, _name).map("".join),
    ANYTHING,
)
"""Names of sObjects, fields and relationships, and what is none."""

ACTIONS: Final = either(
    st.tuples(
        st.sampled_from(["standard/", "custom/apex/", "custom/flow/"]), either(_name, _word, _short)
    ).map("".join),
    st.just("custom/apex/Greet").map(Disguised),
    ANYTHING,
)
"""Names of actions, and what is none."""

_fifteen: Final = st.text(string.ascii_letters + string.digits, min_size=15, max_size=15)

IDS: Final = either(
    _fifteen,
    _fifteen.map(lambda short: short + checksum(short)),
    _fifteen.map(lambda short: Disguised(short + checksum(short))),
    _fifteen.map(lambda short: (short + checksum(short)).lower()),
    st.tuples(_fifteen, _piece).map("".join),
    st.tuples(_fifteen, _piece).map(lambda two: two[0][:12] + two[1] + two[0][12:]),
    ANYTHING,
)
"""Record ids, and what is none."""

FILENAMES: Final = either(
    st.text("aé\"\\'😀\u202e\u202f\u200d;=%/.", min_size=1, max_size=12),
    st.tuples(_word, st.sampled_from('\r\n\0\x7f\x85"\\'), _word).map("".join),
    st.just('"; name="evil').map(Disguised),
    ANYTHING,
)
"""Names of files, and what is none."""

_starts: Final = st.sampled_from(
    ["", "sobjects/", "v60.0/", "/v60.0/", "/services/data/v60.0/", "/services/apexrest/"]
)

PATHS: Final = either(
    st.tuples(_starts, _word.map(lambda text: quote(text, safe=""))).map("".join),
    st.tuples(_starts, _word, _short, _word).map("".join),
    st.tuples(_starts, st.lists(st.sampled_from([*"./;?%2eE:@", "..", "//"])).map("".join)).map(
        "".join
    ),
    _starts.map(lambda start: Disguised(f"{start}limits")),
    ANYTHING,
)
"""Paths of the REST API, and what is none."""

OBJECTS: Final = either(
    st.dictionaries(TEXTS, TEXTS, max_size=3).map(json.dumps),
    st.sampled_from(
        [
            '{"LastName": 1e99999999999999999999}',
            '{"LastName": NaN}',
            '{"LastName": "a", "LastName": "b"}',
            '{"LastName": 1.10, "Inner": [1e400, null]}',
            '{"\\ud800": 1}',
            '\ufeff{"LastName": "a"}',
            "[1]",
            "[" * 10_000,
            '{"LastName": ' + "9" * 5000 + "}",
        ]
    ),
    TEXTS,
)
"""Records as text of JSON, and what is none."""


URLS: Final = either(
    st.tuples(
        st.sampled_from(["/services/data/v67.0/query/", "/services/data/v60.0/queryAll/01g-"]),
        TEXTS.map(plain),
    ).map("".join),
    st.sampled_from(
        [
            "/services/data/v67.0/query/01g-2000",
            "https://evil.example/services/data/v67.0/query/01g-2000",
            "//evil.example/services/data/v67.0/query/01g-2000",
            "/services/data/v67.0/query/../sobjects/User",
            "/services/data/v67.0/query/%2E%2e/limits",
            "/services/data/v67.0/sobjects/User",
            "/services/data/v67.0/query",
            "/services/data/v1.0/query/x",
            "v67.0/query/01g-2000",
            "query/01g-2000",
        ]
    ),
    st.none() | st.integers() | st.lists(st.text()),
)
"""What a server may name as the next page of a query."""


@attrs.frozen
class Sent:
    """What one request, or one subrequest of a batch, is aimed at, decoded once."""

    method: str
    segments: tuple[str, ...]
    params: tuple[tuple[str, str], ...]
    body: Any

    @property
    def below(self) -> tuple[str, ...]:
        """The segments behind ``/services/data/v67.0/``."""
        assert self.segments[:3] == ("services", "data", "v67.0"), self.segments
        return self.segments[3:]


def sent(request: Request) -> Iterator[Sent]:
    """Read *request* as a server does."""
    target = outgoing(request).target
    kind = request.headers.get("Content-Type", "")
    body: Any = None
    if kind.startswith("application/json"):
        body = json.loads(body_of(request))
    elif kind.startswith("multipart/form-data"):
        body = json.loads(parts_of(request)[0][1])
    if target != "/services/data/v67.0/composite/batch":
        yield _read(request.method, target, body)
        return
    for item in body["batchRequests"]:
        yield _read(item["method"], f"/services/data/{item['url']}", item.get("richInput"))


def _read(method: str, target: str, body: Any) -> Sent:
    # In a query, some servers read a plus as a space, and some do not.
    assert "+" not in target
    assert re.fullmatch('[!"$-~]*', target), "all visible ASCII but for the mark of a fragment"
    path, _, query = target.partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    return Sent(
        method,
        tuple(_decoded(part) for part in path.split("/")[1:]),
        tuple((_decoded(name), _decoded(value)) for name, value in pairs),
        body,
    )


def _decoded(text: str) -> str:
    # Each segment by itself: a dot segment leads elsewhere before anybody decodes it.
    assert text not in {".", ".."}
    return unquote(text, errors="strict")


def body_of(request: Request) -> bytes:
    return b"".join([request.body] if isinstance(request.body, bytes) else request.body or [])


def parts_of(request: Request) -> list[tuple[list[str], bytes]]:
    """Part a multipart body strictly, each part into the lines of its head and its content."""
    boundary = request.headers["Content-Type"].partition("boundary=")[2].encode()
    before, *parts, after = (b"\r\n" + body_of(request)).split(b"\r\n--" + boundary)
    assert (before, after) == (b"", b"--\r\n")
    split = [part.removeprefix(b"\r\n").partition(b"\r\n\r\n") for part in parts]
    return [(head.decode().split("\r\n"), content) for head, _, content in split]


def is_name(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(plain(value)) is not None


def is_id(value: object) -> bool:
    text = plain(value) if isinstance(value, str) else ""
    if not re.fullmatch("[0-9A-Za-z]{15,18}", text) or text[:15].isalpha():
        return False
    return len(text) == 15 or text[15:] == checksum(text[:15])


def disposition(head: list[str]) -> tuple[str, str]:
    """Read the name and the filename of a part strictly, of the lines of its *head*."""
    assert len(head) == 2
    assert not re.search(r"[\x00-\x1f\x7f]", "".join(head))
    found = re.fullmatch(
        r'Content-Disposition: form-data; name="(\w+)"; filename="((?:[^"\\]|\\.)*)"', head[0]
    )
    assert found is not None, head
    return found[1], re.sub(r"\\(.)", r"\1", found[2])


def leads_elsewhere(target: str) -> bool:
    """Tell whether *target* leads out of the REST API, however often it is decoded."""
    parts = target.partition("?")[0].lower().replace("%2e", ".").split("/")
    return not target.startswith("/services/") or bool({".", ".."} & set(parts))


@attrs.define
class Outcomes:
    """What became of the calls of one test."""

    refused: int = 0
    answered: int = 0
    failed: int = 0

    def refuse(self, error: Exception) -> None:
        """Count a refusal; it is ours, and tells people something."""
        assert type(error) in {TypeError, ValueError}, repr(error)
        frames = traceback.extract_tb(error.__traceback__)
        assert "/twinforce/" in frames[-1].filename.replace(os.sep, "/"), frames[-1]
        message = str(error)
        assert message.encode(), "it can be printed"
        assert " " in message, message
        self.refused += 1

    def fail(self, error: SalesforceError) -> None:
        """Count what the org did not take; it came from the org."""
        assert error.status_code is not None, repr(error)
        self.failed += 1
