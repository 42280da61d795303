"""Hostile values reach the org unchanged, on the intended record, or are refused beforehand.

`HOSTILE_VALUES=10000 pytest -k hostile` tries as many of each kind, new ones each time.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.hostile import (
    ACTIONS,
    ANYTHING,
    FILENAMES,
    IDS,
    NAME,
    NAMES,
    OBJECTS,
    PATHS,
    TEXTS,
    Outcomes,
    Sent,
    body_of,
    disposition,
    either,
    hostile,
    is_id,
    is_name,
    leads_elsewhere,
    parts_of,
    plain,
    sent,
)
from twinforce import (
    AccessToken,
    AsyncSalesforce,
    Binary,
    Request,
    Response,
    soql,
)
from twinforce._transports._exchange import outgoing
from twinforce.errors import SalesforceError
from twinforce.local import LocalOrg
from twinforce.local.server.web import Server

DECOYS = ("harmless", "a/b", "ab", "5%", "5x", "x_y", "xzy", "it's", "' OR Name != '", "\\")
OTHER = "Decoy"


class Recorder:
    """A transport to a local org, which keeps every request that HTTP can carry."""

    def __init__(self, org: LocalOrg) -> None:
        self.org = org
        self.requests: list[Request] = []

    async def send(self, request: Request, /) -> Response:
        outgoing(request)
        self.requests.append(request)
        return self.org.handle(request)

    async def aclose(self) -> None:
        pass


class Attempt:
    """Makes calls of a client, and tells what each of them sent to the instance."""

    def __init__(self, org: LocalOrg) -> None:
        self.recorder = Recorder(org)
        self.outcomes = Outcomes()
        self.result: Any = None
        self.salesforce = AsyncSalesforce(
            org.instance_url,
            AccessToken(org.access_token),
            transport=self.recorder,
            retry=None,
        )

    async def requests(self, call: Callable[[], Any]) -> list[Request] | None:
        """Give what *call* sent; None if it was refused before anything was.

        Its result is None where the org did not take it.
        """
        requests = self.recorder.requests
        requests.clear()
        self.result = None
        try:
            self.result = await call()
        except (TypeError, ValueError) as error:
            assert not requests, "it was refused after something was sent"
            self.outcomes.refuse(error)
            return None
        except SalesforceError as error:
            self.outcomes.fail(error)
        else:
            self.outcomes.answered += 1
        assert requests
        org = self.recorder.org
        for request in requests:
            assert str(outgoing(request).origin) == f"{org.instance_url}:443"
            assert request.headers["Authorization"] == f"Bearer {org.access_token}"
        return list(requests)

    async def __call__(self, call: Callable[[], Any]) -> list[Sent] | None:
        """Give what *call* sent, decoded; None if it was refused."""
        requests = await self.requests(call)
        if requests is None:
            return None
        return [item for request in requests for item in sent(request)]

    async def only(self, call: Callable[[], Any]) -> Sent | None:
        """Give the one thing that *call* sent; None if it was refused."""
        found = await self(call)
        if found is None:
            return None
        [item] = found
        return item


def declare(org: LocalOrg) -> None:
    org.add_field("Contact", "Ext__c", "Text", external_id=True, unique=True, case_sensitive=True)
    org.add_field("Contact", "Text__c", "Text", external_id=True, unique=False, case_sensitive=True)


@pytest.fixture
async def attempt(org: LocalOrg) -> AsyncIterator[Attempt]:
    """Give what makes calls to an org with some records; some must go through, others not."""
    declare(org)
    attempt = Attempt(org)
    async with attempt.salesforce.composite.batch(autoraise=True) as batch:
        for number, text in enumerate(DECOYS):
            data = {"LastName": OTHER, "Ext__c": f"decoy {number}", "Text__c": text}
            batch.sobject.create("Contact", data)
    yield attempt
    assert attempt.outcomes.refused, "nothing was refused, so the values were not hostile"
    assert attempt.outcomes.answered + attempt.outcomes.failed, "nothing was sent"


async def others(attempt: Attempt) -> list[tuple[str, str]]:
    """Read the records that nothing may touch."""
    query = attempt.salesforce.query(
        "SELECT LastName, Ext__c, Text__c FROM Contact ORDER BY Ext__c"
    )
    return [(record["LastName"], record["Text__c"]) for record in await query.all()]


def stored(text: str) -> str:
    """Say what becomes of *text* in a field of one line."""
    return text.strip()


# ---- external ids and ids ----


@hostile(value=ANYTHING)
async def test_a_hostile_external_id_is_that_of_one_record(attempt: Attempt, value: Any) -> None:
    sobject = attempt.salesforce.sobject
    upsert = partial(sobject.upsert, "Contact", "Ext__c", {"LastName": "Doe"}, external_id=value)
    get = partial(sobject.get, "Contact", value, external_id_field="Ext__c")
    delete = partial(sobject.delete, "Contact", value, external_id_field="Ext__c")

    item = await attempt.only(upsert)
    if item is None:
        return
    created = attempt.result
    *path, written = item.below
    assert (item.method, path) == ("PATCH", ["sobjects", "Contact", "Ext__c"])
    assert not item.params
    if isinstance(value, str):
        assert written == plain(value)
    if created is None:
        return

    assert created.created
    assert await attempt.only(get) == Sent("GET", item.segments, (), None)
    assert (attempt.result["Id"], attempt.result["Ext__c"]) == (created.id, stored(written))
    assert await attempt.only(delete) == Sent("DELETE", item.segments, (), None)
    assert await others(attempt) == [(OTHER, text) for text in DECOYS]


@hostile(value=ANYTHING)
async def test_a_hostile_external_id_is_that_of_one_record_in_a_batch(
    attempt: Attempt, value: Any
) -> None:
    batch = attempt.salesforce.composite.batch()

    async def execute() -> None:
        data = {"LastName": "Doe", "ext__C": value}
        batch.sobject.upsert("Contact", "Ext__c", data)
        batch.sobject.get("Contact", value, external_id_field="Ext__c")
        batch.sobject.delete("Contact", value, external_id_field="Ext__c")
        await batch.execute()

    found = await attempt(execute)
    if found is None:
        return
    assert [item.method for item in found] == ["PATCH", "GET", "DELETE"]
    for item in found:
        *path, written = item.below
        assert (path, item.params) == (["sobjects", "Contact", "Ext__c"], ())
        if isinstance(value, str):
            assert written == plain(value)
    assert found[0].body == {"LastName": "Doe"}
    upsert, get, delete = batch.subrequests
    assert get.is_success == upsert.is_success == delete.is_success
    if upsert.is_success:
        assert get.result["Ext__c"] == stored(written)
    assert await others(attempt) == [(OTHER, text) for text in DECOYS]


@hostile(value=IDS)
async def test_a_hostile_record_id_is_sent_as_it_is_or_refused(
    attempt: Attempt, value: Any
) -> None:
    sobject = attempt.salesforce.sobject
    calls: dict[str, Callable[[], Any]] = {
        "GET": partial(sobject.get, "Contact", value),
        "PATCH": partial(sobject.update, "Contact", value, {"LastName": "Doe"}),
        "DELETE": partial(sobject.delete, "Contact", value),
    }

    for method, call in calls.items():
        item = await attempt.only(call)
        assert (item is not None) == is_id(value)
        if item is not None:
            assert (item.method, item.below) == (method, ("sobjects", "Contact", plain(value)))
    related = await attempt.only(partial(sobject.get_related, "Contact", value, "Account"))
    assert related is None or related.below == ("sobjects", "Contact", plain(value), "Account")


# ---- names ----


@hostile(value=NAMES)
async def test_a_hostile_name_of_an_sobject_is_sent_as_it_is_or_refused(
    attempt: Attempt, value: Any
) -> None:
    sobject = attempt.salesforce.sobject
    record_id = "003000000000001AAA"
    calls: list[tuple[Callable[[], Any], Any]] = [
        (partial(sobject.create, value, {"LastName": "Doe"}), ()),
        (partial(sobject.describe, value), ("describe",)),
        (partial(sobject.get, value, record_id), (record_id,)),
        (partial(sobject.upsert, value, "K__c", {"K__c": "a/b"}), ("K__c", "a/b")),
    ]

    for call, rest in calls:
        item = await attempt.only(call)
        if item is None:
            assert not is_name(value)
        else:
            assert item.below == ("sobjects", plain(value), *rest)


@hostile(value=NAMES)
async def test_a_hostile_name_of_a_field_or_relationship_is_sent_as_it_is_or_refused(
    attempt: Attempt, value: Any
) -> None:
    sobject = attempt.salesforce.sobject
    record_id = "003000000000001AAA"
    calls: list[tuple[Callable[[], Any], Any]] = [
        (partial(sobject.get, "Contact", "a/b", external_id_field=value), "a/b"),
        (partial(sobject.update, "Contact", "?", {}, external_id_field=value), "?"),
        (partial(sobject.upsert, "Contact", value, {}, external_id="#"), "#"),
        (partial(sobject.delete, "Contact", "..", external_id_field=value), ".."),
    ]

    for call, key in calls:
        item = await attempt.only(call)
        if item is None:
            assert not is_name(value)
        else:
            assert item.below == ("sobjects", "Contact", plain(value), key)
    item = await attempt.only(partial(sobject.get_related, "Contact", record_id, value))
    assert item is None or item.below == ("sobjects", "Contact", record_id, plain(value))
    item = await attempt.only(partial(sobject.get, "Contact", record_id, fields=[value, "Id"]))
    if item is not None:
        assert all(NAME.fullmatch(name) for name in plain(value).split("."))
        assert item.params == (("fields", f"{plain(value)},Id"),)


@hostile(value=ACTIONS)
async def test_a_hostile_name_of_an_action_is_sent_as_it_is_or_refused(
    attempt: Attempt, value: Any
) -> None:
    item = await attempt.only(partial(attempt.salesforce.actions.invoke, value, {"a": value}))

    if item is not None:
        assert item.below == ("actions", *plain(value).split("/"))
        assert len(item.below) > 2
        assert all(re.fullmatch("[A-Za-z][A-Za-z0-9_.-]*", part) for part in item.below)


# ---- data ----


@hostile(value=ANYTHING)
async def test_a_hostile_value_of_a_field_arrives_unchanged_or_is_refused(
    attempt: Attempt, value: Any
) -> None:
    sobject = attempt.salesforce.sobject
    data = {"LastName": "Doe", "Text__c": value}

    item = await attempt.only(partial(sobject.create, "Contact", data))
    if item is None:
        return
    assert item.below == ("sobjects", "Contact")
    assert set(item.body) == {"LastName", "Text__c"}
    assert item.body["LastName"] == "Doe"
    if isinstance(value, str):
        assert item.body["Text__c"] == plain(value)
    if attempt.result is None:
        return
    created = attempt.result
    found = await sobject.get("Contact", created, fields=["Text__c"], attributes=False)
    if isinstance(value, str):
        assert found["Text__c"] == (stored(plain(value)) or None)
    await sobject.delete("Contact", created)


@hostile(key=ANYTHING, value=ANYTHING)
async def test_a_hostile_key_of_data_arrives_unchanged_or_is_refused(
    attempt: Attempt, key: Any, value: Any
) -> None:
    sobject = attempt.salesforce.sobject
    try:
        data = {"LastName": "Doe", key: value}
    except TypeError:  # it cannot be a key of a dict
        return

    calls: list[Callable[[], Any]] = [
        partial(sobject.create, "Contact", data),
        partial(sobject.upsert, "Contact", "Ext__c", data, external_id="x"),
        partial(attempt.salesforce.actions.invoke, "custom/apex/Greet", [data]),
    ]
    for call in calls:
        item = await attempt.only(call)
        if item is not None:
            body = item.body["inputs"][0] if "inputs" in item.body else item.body
            assert set(body) == {plain(name) for name in data}
            assert body[plain(key)] == value or not isinstance(value, str)


@hostile(text=OBJECTS)
async def test_a_hostile_text_of_json_is_sent_as_one_object_or_refused(
    attempt: Attempt, text: str
) -> None:
    item = await attempt.only(partial(attempt.salesforce.sobject.create, "Contact", text))

    if item is not None:
        assert item.below == ("sobjects", "Contact")
        assert item.body == json.loads(plain(text))


@hostile(
    name=FILENAMES,
    field=either(st.just("Body"), st.just("Body"), NAMES),
    content=st.binary(max_size=40),
)
async def test_a_hostile_filename_stays_within_its_quotes(
    attempt: Attempt, name: Any, field: Any, content: bytes
) -> None:
    batch = attempt.salesforce.composite.batch()

    async def execute() -> None:
        binary = Binary(field, content, name)
        batch.request("POST", "sobjects/Document", {"Name": "x"}, binary=binary)
        await batch.execute()

    alone = partial(
        attempt.salesforce.sobject.create_with_blob,
        "Document",
        {"Name": "x"},
        blob_field=field,
        content=content,
        filename=name,
    )
    for call in (alone, execute):
        if await attempt(call) is None:
            continue
        [request] = attempt.recorder.requests
        document, (head, sent_content) = parts_of(request)
        assert sent_content == content
        assert len(document[0]) == 2
        part, filename = disposition(head)
        assert part in (plain(field), "binaryPart1")
        assert filename == plain(name)


# ---- SOQL ----


@hostile(value=TEXTS)
async def test_a_hostile_text_in_soql_finds_its_record_and_no_other(
    attempt: Attempt, value: str
) -> None:
    # A field of one line, of which white space is cut off, holds 255 characters.
    text = stored(plain(value)[:200])
    near = {
        "wanted": text,
        # What a wildcard that is not escaped would find too.
        "joker": text.replace("%", "any").replace("_", "1"),
        "longer": f"x{text}x",
    }
    for name, other in near.items():
        data = {"LastName": "Doe", "Text__c": other}
        call = partial(
            attempt.salesforce.sobject.upsert, "Contact", "Ext__c", data, external_id=name
        )
        if await attempt(call) is None:
            return
    texts = await texts_by_key(attempt.salesforce)
    if not text:
        assert "wanted" not in texts
        return
    assert texts["wanted"] == text

    select = "SELECT Ext__c FROM Contact WHERE"
    wanted = [
        (soql(f"{select} Text__c = {{}}", text), text.__eq__),
        (soql(f"{select} Text__c IN {{texts}}", texts=["no such text", text]), text.__eq__),
        (soql(f"{select} Text__c LIKE '{{:like}}'", text), text.__eq__),
        (soql(f"{select} Text__c LIKE '{{:like}}%'", text), lambda other: other.startswith(text)),
        (soql(f"{select} Text__c LIKE '%{{:like}}%'", text), lambda other: text in other),
    ]
    # The LIKE of SQLite, and so of the local org, reads no further than a NUL.
    for query, is_found in wanted[:2] if "\0" in text else wanted:
        item = await attempt.only(attempt.salesforce.query(query).all)
        assert item is not None
        assert item.params == (("q", query),)
        assert attempt.result is not None, query
        found = {record["Ext__c"] for record in attempt.result}
        assert found == {name for name, other in texts.items() if is_found(other)}, query


async def texts_by_key(salesforce: AsyncSalesforce) -> dict[str, str]:
    query = salesforce.query("SELECT Ext__c, Text__c FROM Contact WHERE Text__c != null")
    return {record["Ext__c"]: record["Text__c"] for record in await query.all()}


@hostile(value=ANYTHING)
async def test_a_hostile_parameter_of_soql_is_one_literal_or_refused(
    attempt: Attempt, value: Any
) -> None:
    async def query() -> None:
        text = soql("SELECT Id FROM Contact WHERE (Text__c = {}) AND Name = 'z'", value)
        await attempt.salesforce.query(text).all()

    item = await attempt.only(query)
    if item is not None:
        [(name, text)] = item.params
        assert name == "q"
        literal = r"'(?:[^'\\]|\\.)*'|null|true|false|-?[0-9]+(?:\.[0-9]+)?|[0-9][0-9:.TZ-]*"
        before, after = re.escape("SELECT Id FROM Contact WHERE (Text__c = "), ") AND Name = 'z'"
        assert re.fullmatch(f"{before}(?:{literal}){re.escape(after)}", text)
        if isinstance(value, str):
            assert text == soql(
                "SELECT Id FROM Contact WHERE (Text__c = {}) AND Name = 'z'", plain(value)
            )
    attempt.outcomes.answered += 1  # text is compared with text only, so the org refuses the rest


@hostile(text=ANYTHING)
async def test_hostile_soql_and_sosl_arrive_unchanged_or_are_refused(
    attempt: Attempt, text: Any
) -> None:
    salesforce = attempt.salesforce

    async def query() -> None:
        await salesforce.query(text, include_all_records=True).all()

    calls: dict[str, Callable[[], Any]] = {
        "queryAll": query,
        "search": partial(salesforce.search, text),
    }
    for resource, call in calls.items():
        item = await attempt.only(call)
        if item is not None:
            assert (item.method, item.below) == ("GET", (resource,))
            assert item.params == (("q", plain(text)),)


# ---- anything else ----


@hostile(path=PATHS, method=st.sampled_from(["GET", "post", "PATCH", "DELETE"]))
async def test_a_hostile_path_stays_where_it_points_or_is_refused(
    attempt: Attempt, path: Any, method: str
) -> None:
    batch = attempt.salesforce.composite.batch()

    async def execute() -> None:
        batch.request(method, path)
        await batch.execute()

    for call in (partial(attempt.salesforce.request, method, path), execute):
        # Not decoded: the path is the caller's own affair, but for where it leads.
        for request in await attempt.requests(call) or []:
            target = outgoing(request).target
            if target.endswith("/composite/batch"):
                [item] = json.loads(body_of(request))["batchRequests"]
                target = f"/services/data/{item['url']}"
            assert re.fullmatch('[!"$-~]*', target)
            own = plain(path).removeprefix("/")
            assert target in {f"/{own}", f"/services/data/{own}", f"/services/data/v67.0/{own}"}
            assert not leads_elsewhere(target)


@hostile(params=st.dictionaries(TEXTS, ANYTHING, max_size=4))
async def test_hostile_params_arrive_unchanged_or_are_refused(
    attempt: Attempt, params: dict[str, Any]
) -> None:
    call = partial(attempt.salesforce.request, "GET", "limits", params=params)

    item = await attempt.only(call)
    if item is not None:
        assert item.below == ("limits",)
        assert [name for name, _ in item.params] == [plain(name) for name in params]
        for (_, written), value in zip(item.params, params.values(), strict=True):
            assert written == plain(value) if isinstance(value, str) else written.isascii()


@hostile(
    name=either(st.sampled_from(["X-Name", "Authorization", "host", "Cookie"]), TEXTS),
    value=either(st.just("x"), ANYTHING),
)
async def test_a_hostile_header_arrives_unchanged_or_is_refused(
    attempt: Attempt, name: str, value: Any
) -> None:
    headers = {name: value}
    call = partial(attempt.salesforce.request, "GET", "limits", headers=headers)

    if await attempt.only(call) is not None:
        [request] = attempt.recorder.requests
        assert request.headers[plain(name)] == plain(value)
        assert plain(name).lower() not in {"authorization", "cookie", "host"}
        assert not re.search(r"[\r\n]", "".join(map(plain, request.headers.values())))


# ---- over HTTP ----


@pytest.fixture
def served(org: LocalOrg) -> Iterator[Server]:
    declare(org)
    with org.serve() as server:
        yield server


@pytest.fixture
async def over_http(served: Server) -> AsyncIterator[AsyncSalesforce]:
    async with AsyncSalesforce(served.url, AccessToken(served.access_token)) as salesforce:
        yield salesforce


@hostile(value=TEXTS)
async def test_a_hostile_external_id_goes_through_http_as_it_is(
    over_http: AsyncSalesforce, value: str
) -> None:
    sobject = over_http.sobject
    text = plain(value)
    try:
        created = await sobject.upsert("Contact", "Ext__c", {"LastName": "Doe"}, external_id=value)
    except (ValueError, SalesforceError):
        return

    record = await sobject.get("Contact", value, external_id_field="Ext__c")
    query = over_http.query(soql("SELECT Id FROM Contact WHERE Ext__c = {}", stored(text)))
    assert (record["Id"], record["Ext__c"]) == (created.id, stored(text))
    assert [found["Id"] for found in await query.all()] == [created.id]
    await sobject.delete("Contact", value, external_id_field="Ext__c")
    assert await over_http.query("SELECT Id FROM Contact").all() == []
