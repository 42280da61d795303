"""Multipart messages: what is taken from them, and what is refused."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest

from tests.local.caller import Caller
from tests.local.parts import (
    DATA,
    FILE,
    GOOD,
    JSON,
    Part,
    batch,
    document,
    item,
    message,
    new_file,
    noise,
    read,
    send,
    upload,
    versions,
)
from twinforce.local import LocalOrg

# ---- a multipart message on its own ----


def test_every_byte_arrives() -> None:
    pieces = [b"\r", b"\n", b"\r\n", b"-", b"--", b"\r\n--a bound", b"\x00", b"\xff", b"a"]
    chooser = random.Random(4)  # noqa: S311 - the same bytes each time
    with LocalOrg() as org:
        call = Caller(org)
        parent = call.create("Account", Name="A")
        for _ in range(200):
            data = b"".join(chooser.choices(pieces, k=chooser.randrange(12)))
            body = message(document({"ParentId": parent, "Name": "a"}), Part("Body", data))
            attachment = send(call, "POST", "sobjects/Attachment", body).body["id"]
            assert read(call, f"Attachment/{attachment}/Body") == data


@pytest.mark.parametrize("size", [65_000, 65_534, 65_535, 65_536, 65_537, 65_538, 131_072, 200_000])
def test_every_byte_arrives_of_much(call: Caller, size: int) -> None:
    data = noise(size)
    assert read(call, f"ContentVersion/{new_file(call, data)}/VersionData") == data


@pytest.mark.parametrize("media_type", ["message/rfc822", JSON, "text/plain; charset=utf-16", None])
def test_the_type_of_a_file_changes_nothing_in_it(call: Caller, media_type: str | None) -> None:
    data = b'{"a": "\xe4"}\r\n\r\nSubject: x\n\n--x\n'
    answer = upload(call, document(FILE), Part("VersionData", data, media_type))
    assert read(call, f"ContentVersion/{answer.body['id']}/VersionData") == data


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([], "Multipart message must include a non-binary part"),
        ([GOOD], "Multipart message must include a non-binary part"),
        (
            [Part("entity_content", b"{}", None, None), GOOD],
            "Multipart message must include a non-binary part",
        ),
        (
            [document(FILE), document(FILE), GOOD],
            "Cannot include more than one non-binary part",
        ),
        ([document(FILE), GOOD, GOOD], "Cannot include more than one binary part"),
        ([document(FILE), Part(None, DATA)], "The binary part must have the name of its field"),
        ([document(FILE), Part('x"; na', DATA)], "The binary part must have the name of its field"),
        (
            [
                document(FILE),
                Part("VersionData", b"YQ==", headers=("Content-Transfer-Encoding: base64",)),
            ],
            "The multipart message cannot be read: Content-Transfer-Encoding must be binary, not base64",
        ),
        (
            [document(FILE), Part("VersionData", b"", "multipart/mixed; boundary=x")],
            "The multipart message cannot be read: a part must not be a multipart message itself",
        ),
        (
            [document(FILE)] * 101,
            "The multipart message cannot be read: it has more than 100 parts",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(call: Caller, parts: list[Part], reason: str) -> None:
    answer = upload(call, *parts)
    assert answer.status == 400
    assert answer.body == [{"message": reason, "errorCode": "INVALID_MULTIPART_REQUEST"}]
    assert versions(call) == 0


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (message(document(FILE), GOOD)[:-20], None),
        (message(document(FILE), GOOD)[:90], None),
        (message(document(FILE), GOOD), "multipart/form-data; boundary=other"),
        (message(document(FILE), GOOD), "multipart/form-data"),
        (message(document(FILE), GOOD), f"multipart/form-data; boundary={'x' * 71}"),
        (message(document(FILE), GOOD), 'multipart/mixed; boundary="a boundary"'),
        (b"", None),
        (DATA * 1000, None),
        (message(document(FILE), Part("x\r\n\x00: y", DATA)), None),
        (message(document(FILE), Part("x" * 10_000, DATA)), None),
    ],
    ids=range(10),
)
def test_what_is_no_multipart_message_is_refused(
    call: Caller, body: bytes, content_type: str | None
) -> None:
    answer = send(call, "POST", "sobjects/ContentVersion", body, content_type=content_type)
    assert answer.status == 400
    assert answer.body[0]["errorCode"] == "INVALID_MULTIPART_REQUEST"
    assert versions(call) == 0


@pytest.mark.parametrize(
    ("part", "data", "code", "reason"),
    [
        ("Foo", {}, "INVALID_FIELD", "No such column 'Foo' on sobject of type ContentVersion"),
        ("Title", {}, "INVALID_FIELD", "ContentVersion.Title holds no binary data"),
        ("versiondata", {"VersionData": "YWJj"}, "INVALID_FIELD", "VersionData must be given once"),
    ],
)
def test_a_part_must_be_for_a_field_of_binary_data(
    call: Caller, part: str, data: dict[str, Any], code: str, reason: str
) -> None:
    alone = upload(call, document({**FILE, **data}), Part(part, DATA))
    assert (alone.status, alone.body[0]["errorCode"]) == (400, code)
    assert alone.body[0]["message"].startswith(reason)
    changes = {"richInput": {**FILE, **data}, "binaryPartNameAlias": part}
    items = [item("b", **changes), item("c")]
    body = batch(call, items, Part("b", DATA), Part("c", DATA)).body
    assert [result["statusCode"] for result in body["results"]] == [400, 201]
    assert body["results"][0]["result"][0]["errorCode"] == code


def test_other_resources_take_no_multipart_message(call: Caller) -> None:
    answer = send(call, "POST", "actions/standard/x", message(document({})))
    assert answer.status == 404
    account = call.create("Account", Name="A")
    path = f"sobjects/Account/{account}"
    answer = send(call, "PATCH", path, message(document({"Name": "B"})))
    assert (answer.status, call.get("Account", account)["Name"]) == (204, "B")


# ---- in a batch ----


def test_a_batch_carries_several(call: Caller) -> None:
    parent = call.create("Account", Name="A")
    attachment = call.create("Attachment", ParentId=parent, Name="a", Body="YWJj")
    items = [
        item("first"),
        {"method": "GET", "url": "v67.0/limits"},
        item(
            "second",
            url="v67.0/sobjects/Attachment",
            richInput={"ParentId": parent, "Name": "b"},
            binaryPartNameAlias="Body",
        ),
        item(
            "third",
            method="PATCH",
            url=f"/services/data/v60.0/sobjects/Attachment/{attachment}",
            richInput={"Name": "c"},
            binaryPartNameAlias="Body",
        ),
    ]
    parts = [Part(name, name.encode()) for name in ("third", "first", "second")]
    answer = batch(call, items, *parts)
    first, _, second, third = answer.body["results"]
    assert (answer.status, answer.body["hasErrors"]) == (200, False)
    assert (first["statusCode"], third) == (201, {"statusCode": 204, "result": None})
    assert read(call, f"ContentVersion/{first['result']['id']}/VersionData") == b"first"
    assert read(call, f"Attachment/{second['result']['id']}/Body") == b"second"
    assert read(call, f"Attachment/{attachment}/Body") == b"third"


def test_a_multipart_batch_may_have_no_binary_parts(call: Caller) -> None:
    body = batch(call, [{"method": "GET", "url": "v67.0/limits"}]).body
    assert body["results"][0]["statusCode"] == 200


def test_a_halted_subrequest_makes_no_file(call: Caller) -> None:
    items = [{"method": "GET", "url": "v67.0/nope"}, item("b")]
    body = batch(call, items, Part("b", DATA), haltOnError=True).body
    assert [result["statusCode"] for result in body["results"]] == [404, 412]
    assert versions(call) == 0


def test_base64_works_in_a_batch_too(call: Caller) -> None:
    data = {**FILE, "VersionData": base64.b64encode(DATA).decode()}
    [result] = call.batch(("POST", "v67.0/sobjects/ContentVersion", data)).body["results"]
    assert read(call, f"ContentVersion/{result['result']['id']}/VersionData") == DATA


@pytest.mark.parametrize(
    ("items", "parts", "code"),
    [
        ([item("b"), item("c")], [Part("b", DATA)], "POST_BODY_PARSE_ERROR"),
        ([item("b")], [], "JSON_PARSER_ERROR"),
        ([item("b")], [Part("b", DATA), Part("c", DATA)], "POST_BODY_PARSE_ERROR"),
        ([item("b")], [Part("b", DATA), Part("b", DATA)], "POST_BODY_PARSE_ERROR"),
        ([item("b"), item("b")], [Part("b", DATA)], "JSON_PARSER_ERROR"),
        ([item("b")], [Part("b", DATA), Part(None, DATA)], "POST_BODY_PARSE_ERROR"),
        ([item("b"), item("")], [Part("b", DATA)], "JSON_PARSER_ERROR"),
        ([item("b", binaryPartName=None)], [Part("b", DATA)], "JSON_PARSER_ERROR"),
        ([item("b", binaryPartNameAlias=None)], [Part("b", DATA)], "JSON_PARSER_ERROR"),
        ([item("b", binaryPartName=5)], [Part("b", DATA)], "JSON_PARSER_ERROR"),
        ([item("b", url="nope")], [Part("b", DATA)], "JSON_PARSER_ERROR"),
    ],
    ids=range(11),
)
def test_of_a_batch_whose_parts_do_not_fit_nothing_runs(
    call: Caller, items: list[dict[str, Any]], parts: list[Part], code: str
) -> None:
    before = {"method": "POST", "url": "v67.0/sobjects/Account", "richInput": {"Name": "A"}}
    answer = batch(call, [before, *items], *parts)
    assert (answer.status, [error["errorCode"] for error in answer.body]) == (400, [code])
    assert (versions(call), call.names("")) == (0, [])


@pytest.mark.parametrize(
    "first",
    [
        Part("envelope", b'{"batchRequests": []}', JSON, None),
        Part("json", b'{"batchRequests": []}', None, None),
        Part("json", b'{"batchRequests": []}', "text/plain", None),
        GOOD,
        None,
    ],
)
def test_the_first_part_of_a_batch_must_be_its_json(call: Caller, first: Part | None) -> None:
    body = message(*([first] if first else []))
    answer = send(call, "POST", "composite/batch", body)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "POST_BODY_PARSE_ERROR")
    assert 'must have the name "json"' in answer.body[0]["message"]


def test_broken_json_and_broken_parts_of_a_batch_are_refused(call: Caller) -> None:
    body = message(Part("json", b"{", JSON, None))
    answer = send(call, "POST", "composite/batch", body)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    answer = send(call, "POST", "composite/batch", body[:-20])
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "POST_BODY_PARSE_ERROR")


@pytest.mark.parametrize(
    ("method", "url"),
    [("GET", "sobjects/ContentVersion"), ("POST", "actions/custom/apex/X"), ("DELETE", "limits")],
)
def test_most_resources_take_no_binary_part(call: Caller, method: str, url: str) -> None:
    body = batch(call, [item("b", method=method, url=f"v67.0/{url}")], Part("b", DATA)).body
    [result] = body["results"]
    assert (result["statusCode"], result["result"][0]["errorCode"]) == (
        400,
        "INVALID_BATCH_REQUEST",
    )


def test_a_batch_may_not_fetch_binary_data(call: Caller) -> None:
    version = new_file(call)
    url = f"v67.0/sobjects/ContentVersion/{version}"
    record, data = call.batch(("GET", url), ("GET", f"{url}/VersionData")).body["results"]
    assert record["result"]["VersionData"].endswith(f"{version}/VersionData")
    assert data == {
        "result": [
            {
                "errorCode": "INVALID_BATCH_REQUEST",
                "message": "Cannot access this resource in a batch request",
            }
        ],
        "statusCode": 400,
    }
