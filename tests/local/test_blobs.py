"""Binary data: files and attachments, as base64, as multipart messages, and in batches."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.caller import Caller
from tests.local.parts import (
    BOUNDARY,
    DATA,
    FILE,
    GOOD,
    Part,
    document,
    item,
    message,
    new_file,
    noise,
    read,
    send,
    upload,
)
from tests.local.wires import OVER_HTTP, connected
from twinforce import Request, Timeout
from twinforce.local import LocalOrg

# ---- files ----


def test_a_multipart_message_makes_a_file(call: Caller) -> None:
    answer = upload(call, document(FILE), Part("VersionData", DATA))
    version = answer.body["id"]
    assert (answer.status, answer.body) == (201, {"id": version, "success": True, "errors": []})
    assert version.startswith("068")
    assert read(call, f"ContentVersion/{version}/VersionData") == DATA
    record = call.get("ContentVersion", version)
    url = f"/services/data/v67.0/sobjects/ContentVersion/{version}"
    assert record["VersionData"] == f"{url}/VersionData"
    expected = {
        "Title": "Data",
        "PathOnClient": "folder/data.bin",
        "FileExtension": "bin",
        "FileType": "UNKNOWN",
        "ContentSize": len(DATA),
        "Checksum": hashlib.md5(DATA, usedforsecurity=False).hexdigest(),
        "IsLatest": True,
        "VersionNumber": "1",
    }
    assert record.items() >= expected.items()


def test_base64_in_the_json_makes_the_same_file(call: Caller) -> None:
    encoded = base64.encodebytes(DATA * 9).decode()
    version = call.create("ContentVersion", **FILE, VersionData=encoded)
    assert read(call, f"ContentVersion/{version}/VersionData") == DATA * 9


@pytest.mark.parametrize("value", ["%%%", "YWJ", 5, ["YWJj"], "ä"])
def test_what_is_no_base64_is_refused(call: Caller, value: Any) -> None:
    answer = call("POST", "sobjects/ContentVersion", {**FILE, "VersionData": value})
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert (
        "Cannot deserialize instance of base64 from VALUE_STRING value %%%"
        in (call("POST", "sobjects/ContentVersion", {"VersionData": "%%%"}).body[0]["message"])
    )


def test_a_file_needs_its_data_and_its_path(call: Caller) -> None:
    answer = call("POST", "sobjects/ContentVersion", {"Title": "Data"})
    assert answer.body == [
        {
            "message": "Required fields are missing: [VersionData, PathOnClient]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["VersionData", "PathOnClient"],
        }
    ]


@pytest.mark.parametrize(
    ("path", "title", "extension", "file_type"),
    [
        ("C:\\My files\\Penguins.JPG", "Penguins", "JPG", "JPG"),
        ("/a.b/notes.v2.docx", "notes.v2", "docx", "WORD_X"),
        ("LICENSE", "LICENSE", None, "UNKNOWN"),
        (".profile", ".profile", "profile", "UNKNOWN"),
        ("folder/", "folder/", None, "UNKNOWN"),
        (f"{'x' * 300}.txt", "x" * 255, "txt", "TEXT"),
    ],
)
def test_a_file_without_a_title_is_called_as_its_path_says(
    call: Caller, path: str, title: str, extension: str | None, file_type: str
) -> None:
    version = new_file(call, Title=None, PathOnClient=path)
    record = call.get("ContentVersion", version, "Title", "FileExtension", "FileType")
    found = [record[name] for name in ("Title", "FileExtension", "FileType")]
    assert found == [title, extension, file_type]


def test_the_first_version_makes_a_document(call: Caller) -> None:
    version = new_file(call)
    document_id = call.get("ContentVersion", version)["ContentDocumentId"]
    assert document_id.startswith("069")
    record = call.get("ContentDocument", document_id)
    expected = {
        "Title": "Data",
        "LatestPublishedVersionId": version,
        "ContentSize": len(DATA),
        "FileExtension": "bin",
    }
    assert record.items() >= expected.items()


def test_another_version_takes_the_place_of_the_latest(call: Caller) -> None:
    first = new_file(call)
    document_id = call.get("ContentVersion", first)["ContentDocumentId"]
    second = new_file(call, b"new", ContentDocumentId=document_id, Title="New")
    soql = "SELECT Id, IsLatest, VersionNumber FROM ContentVersion ORDER BY VersionNumber"
    found = [
        (record["Id"], record["IsLatest"], record["VersionNumber"])
        for record in call.query(soql)["records"]
    ]
    assert found == [(first, False, "1"), (second, True, "2")]
    shown = call.get("ContentDocument", document_id, "Title", "LatestPublishedVersionId")
    assert (shown["Title"], shown["LatestPublishedVersionId"]) == ("New", second)
    assert read(call, f"ContentVersion/{first}/VersionData") == DATA


def test_document_and_latest_version_share_their_title(call: Caller) -> None:
    version = new_file(call)
    document_id = call.get("ContentVersion", version)["ContentDocumentId"]
    call("PATCH", f"sobjects/ContentDocument/{document_id}", {"Title": "By document"})
    assert call.get("ContentVersion", version)["Title"] == "By document"
    call("PATCH", f"sobjects/ContentVersion/{version}", {"Title": "By version"})
    assert call.get("ContentDocument", document_id)["Title"] == "By version"


def test_a_document_is_made_by_a_version_only(call: Caller) -> None:
    answer = call("POST", "sobjects/ContentDocument", {"Title": "x"})
    assert (answer.status, answer.body[0]["errorCode"]) == (
        400,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    )


def test_with_a_document_its_versions_go(call: Caller) -> None:
    version = new_file(call)
    document_id = call.get("ContentVersion", version)["ContentDocumentId"]
    assert call("DELETE", f"sobjects/ContentVersion/{version}").status == 400
    assert call("DELETE", f"sobjects/ContentDocument/{document_id}").status == 204
    assert call("GET", f"sobjects/ContentVersion/{version}").status == 404
    assert call("GET", f"sobjects/ContentVersion/{version}/VersionData").status == 404


def test_the_data_of_a_version_never_changes(call: Caller) -> None:
    version = new_file(call)
    path = f"sobjects/ContentVersion/{version}"
    encoded = base64.b64encode(b"new").decode()
    for answer in (
        call("PATCH", path, {"VersionData": encoded}),
        send(call, "PATCH", path, message(document({}), Part("VersionData", b"new"))),
    ):
        assert answer.status == 400
        assert answer.body[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
        assert answer.body[0]["fields"] == ["VersionData"]
    assert read(call, f"ContentVersion/{version}/VersionData") == DATA


def test_a_query_shows_the_url_of_the_data(call: Caller) -> None:
    version = new_file(call)
    soql = (
        "SELECT VersionData, ContentDocument.LatestPublishedVersion.VersionData FROM ContentVersion"
    )
    [record] = call.query(soql)["records"]
    url = f"/services/data/v67.0/sobjects/ContentVersion/{version}/VersionData"
    assert record["VersionData"] == url
    assert record["ContentDocument"]["LatestPublishedVersion"]["VersionData"] == url
    refused = call.refused("SELECT Id FROM ContentVersion WHERE VersionData != null")
    assert refused["errorCode"] == "INVALID_FIELD"


def test_data_survives_in_a_file(tmp_path: Path) -> None:
    with LocalOrg(tmp_path / "org.db") as org:
        version = new_file(Caller(org), DATA * 1000)
    with LocalOrg(tmp_path / "org.db") as org:
        assert read(Caller(org), f"ContentVersion/{version}/VersionData") == DATA * 1000


# ---- attachments ----


def test_an_attachment_belongs_to_a_record(org: LocalOrg, call: Caller) -> None:
    org.add_object("Widget__c")
    for sobject, fields in (("Account", {"Name": "A"}), ("Widget__c", {})):
        parent = call.create(sobject, **fields)
        data = {"ParentId": parent, "Name": "a.txt", "ContentType": "text/plain"}
        body = message(document(data, "any name"), Part("Body", DATA))
        attachment = send(call, "POST", "sobjects/Attachment", body).body["id"]
        assert attachment.startswith("00P")
        record = call.get("Attachment", attachment)
        url = f"/services/data/v67.0/sobjects/Attachment/{attachment}/Body"
        expected = {**data, "Body": url, "BodyLength": len(DATA), "IsPrivate": False}
        assert record.items() >= expected.items()
        assert read(call, f"Attachment/{attachment}/Body") == DATA
        children = call.query(f"SELECT (SELECT Name FROM Attachments) FROM {sobject}")
        assert children["records"][0]["Attachments"]["totalSize"] == 1
        call("DELETE", f"sobjects/{sobject}/{parent}")
        assert call("GET", f"sobjects/Attachment/{attachment}").status == 404


def test_an_attachment_needs_a_parent_a_name_and_a_body(call: Caller) -> None:
    answer = call("POST", "sobjects/Attachment", {})
    assert answer.body[0]["fields"] == ["ParentId", "Name", "Body"]


def test_the_body_of_an_attachment_can_be_updated(call: Caller) -> None:
    parent = call.create("Account", Name="A")
    encoded = base64.b64encode(b"old").decode()
    attachment = call.create("Attachment", ParentId=parent, Name="a", Body=encoded)
    path = f"sobjects/Attachment/{attachment}"
    answer = send(call, "PATCH", path, message(document({"Name": "b"}), Part("Body", b"newer")))
    assert (answer.status, answer.body) == (204, None)
    assert read(call, f"Attachment/{attachment}/Body") == b"newer"
    call("PATCH", path, {"Body": base64.b64encode(b"newest").decode()})
    assert read(call, f"Attachment/{attachment}/Body") == b"newest"
    record = call.get("Attachment", attachment)
    assert (record["Name"], record["BodyLength"]) == ("b", 6)


def test_the_parent_of_an_attachment_may_be_of_any_sobject(call: Caller) -> None:
    contact = call.create("Contact", LastName="Doe")
    fields = {"Name": "a", "Body": "YWJj"}
    attachment = call.create("Attachment", ParentId=contact, **fields)
    parent = call("GET", f"sobjects/Attachment/{attachment}/Parent?fields=Name").body
    assert (parent["attributes"]["type"], parent["Name"]) == ("Contact", "Doe")
    [found] = call.query("SELECT Parent.Name FROM Attachment")["records"]
    assert found["Parent"]["Name"] == "Doe"


def test_the_file_may_come_before_its_record(call: Caller) -> None:
    answer = upload(call, GOOD, document(FILE))
    assert answer.status == 201
    assert read(call, f"ContentVersion/{answer.body['id']}/VersionData") == DATA


# ---- over HTTP ----


@pytest.mark.parametrize("kind", OVER_HTTP)
async def test_5_mb_pass_unchanged(org: LocalOrg, kind: str) -> None:
    data = noise(5 * 2**20)
    body = message(document({"batchRequests": [item("b")]}, "json"), Part("b", data))
    async with connected(org, kind) as wire:
        headers = {
            "Authorization": f"Bearer {org.access_token}",
            "Content-Type": 'multipart/form-data; boundary="a boundary"',
        }
        url = f"{wire.url}/services/data/v67.0"
        request = Request("POST", f"{url}/composite/batch", headers, body, Timeout())
        [result] = json.loads((await wire.send(request)).body)["results"]
        path = f"sobjects/ContentVersion/{result['result']['id']}/VersionData"
        answer = await wire("GET", path)
        assert (answer.status_code, len(answer.body)) == (200, len(data))
        assert answer.body == data


def test_files_are_not_compressed(org: LocalOrg, call: Caller) -> None:
    version = new_file(call, b"x" * 100_000)
    with org.serve() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        headers = {"Authorization": f"Bearer {org.access_token}", "Accept-Encoding": "gzip"}
        path = f"/services/data/v67.0/sobjects/ContentVersion/{version}/VersionData"
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            assert response.getheader("Content-Type") == "application/octetstream"
            assert response.getheader("Content-Encoding") is None
            assert response.read() == b"x" * 100_000


def test_a_file_is_not_copied_on_its_way(org: LocalOrg, call: Caller) -> None:
    data = noise(5 * 2**20)
    new_file(call, b"x")  # loads what takes parts apart
    body = message(document({"batchRequests": [item("b")]}, "json"), Part("b", data))
    tracemalloc.start()
    try:
        answer = send(call, "POST", "composite/batch", body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.body["results"][0]["statusCode"] == 201
    assert peak < len(data) / 4


def test_a_request_may_come_in_pieces(org: LocalOrg, call: Caller) -> None:
    class Pieces:
        content_type = f'multipart/form-data; boundary="{BOUNDARY}"'

        def __len__(self) -> int:
            return len(whole)

        def __iter__(self) -> Iterator[bytes | memoryview]:
            for start in range(0, len(whole), 7):
                yield memoryview(whole)[start : start + 7]

    whole = message(document(FILE), GOOD)
    headers = {
        "Authorization": f"Bearer {org.access_token}",
        "Content-Type": Pieces.content_type,
    }
    url = f"{org.instance_url}/services/data/v67.0/sobjects/ContentVersion"
    response = org.handle(Request("POST", url, headers, Pieces(), Timeout()))
    version = json.loads(response.body)["id"]
    assert read(call, f"ContentVersion/{version}/VersionData") == DATA
