"""Answers become values, or the right errors."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from twinforce import errors
from twinforce._core import replies
from twinforce._core.http import Response
from twinforce._core.replies import Reply, UpsertResult


def answer(status_code: int, body: bytes) -> Response:
    return Response(status_code, {"content-type": "application/json"}, body)


@pytest.mark.parametrize(
    ("status_code", "code", "kind"),
    [
        (300, "X", errors.MoreThanOneRecordError),
        (400, "MALFORMED_QUERY", errors.MalformedRequestError),
        (400, "DUPLICATES_DETECTED", errors.DuplicatesDetectedError),
        (400, "UNABLE_TO_LOCK_ROW", errors.RowLockedError),
        (401, "INVALID_SESSION_ID", errors.AuthenticationError),
        (401, "SOMETHING", errors.AuthenticationError),
        (403, "INSUFFICIENT_ACCESS", errors.AuthorizationError),
        (403, "REQUEST_LIMIT_EXCEEDED", errors.RequestLimitExceededError),
        (503, "REQUEST_LIMIT_EXCEEDED", errors.RequestLimitExceededError),
        (404, "NOT_FOUND", errors.NotFoundError),
        (404, "ENTITY_IS_DELETED", errors.NotFoundError),
        (405, "METHOD_NOT_ALLOWED", errors.MalformedRequestError),
        (412, "BATCH_PROCESSING_HALTED", errors.HaltedError),
        (412, "PRECONDITION_FAILED", errors.MalformedRequestError),
        (429, "ANYTHING", errors.RequestLimitExceededError),
        (500, "UNKNOWN_EXCEPTION", errors.ServerError),
        (302, "X", errors.SalesforceError),
    ],
)
def test_an_error_has_the_class_of_its_code_or_status(
    status_code: int, code: str, kind: type[Exception]
) -> None:
    body = f'[{{"errorCode": "{code}", "message": "why"}}]'.encode()

    error = replies.error_from_response(answer(status_code, body), "GET limits")

    assert type(error) is kind
    assert (error.status_code, error.error_code, error.message) == (status_code, code, "why")


@pytest.mark.parametrize("key", ["duplicateResut", "duplicateResult"])
def test_a_duplicate_error_names_the_records_that_match(key: str) -> None:
    matches = [{"record": {"attributes": {"type": "Contact"}, "Id": it}} for it in ("003A", "003B")]
    results = [{"matchRecords": matches}, {"matchRecords": [{"record": {"Id": "00QA"}}, *matches]}]
    item = {"errorCode": "DUPLICATES_DETECTED", "message": "x", key: {"matchResults": results}}

    error = replies.error_from_response(answer(400, json.dumps([item]).encode()), "POST x")

    assert isinstance(error, errors.DuplicatesDetectedError)
    assert error.duplicate_ids == ("003A", "003B", "00QA")


@pytest.mark.parametrize(
    "result",
    [
        None,
        "x",
        {},
        {"matchResults": None},
        {"matchResults": [None, {"matchRecords": "x"}, {"matchRecords": ["x"]}]},
        {"matchResults": [{"matchRecords": [{}, {"record": None}, {"record": {"Id": 5}}]}]},
    ],
)
def test_a_duplicate_error_may_name_no_records(result: Any) -> None:
    item = {"errorCode": "DUPLICATES_DETECTED", "message": "x", "duplicateResut": result}

    error = replies.error_from_response(answer(400, json.dumps([item]).encode()), "POST x")

    assert isinstance(error, errors.DuplicatesDetectedError)
    assert error.duplicate_ids == ()


def test_an_error_says_in_one_line_what_failed_and_why() -> None:
    body = (
        b'[{"errorCode": "REQUIRED_FIELD_MISSING", "message": "Required fields\\nare missing: [Name]",'
        b' "fields": ["Name"]}, {"errorCode": "OTHER", "message": "x"}]'
    )

    error = replies.error_from_response(answer(400, body), "POST sobjects/Account")

    assert str(error) == (
        "POST sobjects/Account: 400 REQUIRED_FIELD_MISSING: Required fields are missing: [Name] "
        "(fields: Name) (and 1 more in .errors)"
    )
    assert error.fields == ("Name",)
    assert [item.error_code for item in error.errors] == ["REQUIRED_FIELD_MISSING", "OTHER"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "the server answered with an empty body"),
        (
            b"<html><head><style>p {}</style><title>Down</title></head><p>For &lt;maintenance&gt;</html>",
            "the server answered with a body that is not JSON: Down For <maintenance>",
        ),
        (b"\xff\xfe", "the server answered with a body that is not JSON"),
        (b"[]", "the answer gives no reason"),
        (b"{}", "the answer gives no reason"),
        (b"null", "the answer gives as its reason: None"),
        (b"[7]", "the answer gives as its reason: 7"),
        (b'{"error": "invalid_grant", "error_description": "expired"}', "invalid_grant: expired"),
        (b'[{"message": 7, "errorCode": 8, "fields": "x"}]', "7"),
    ],
)
def test_an_odd_error_body_gives_a_proper_error_too(body: bytes, text: str) -> None:
    error = replies.error_from_response(answer(503, body), "GET limits")

    assert isinstance(error, errors.ServerError)
    assert text in str(error)


def test_a_redirect_is_told_as_one() -> None:
    headers = {"location": "https://moved.my.salesforce.com/x?token=1"}

    error = replies.error_from_response(Response(302, headers, b""), "GET limits")

    assert "leads to https://moved.my.salesforce.com/x. If the org has moved" in str(error)


def test_the_repr_of_an_error_says_what_its_text_does() -> None:
    error = replies.error_from_response(answer(404, b'[{"message": "why"}]'), "GET limits")

    assert repr(error) == "NotFoundError('GET limits: 404: why')"


def test_several_records_with_one_external_id_are_listed() -> None:
    body = b'["/services/data/v67.0/sobjects/Account/001A", "/services/data/v67.0/sobjects/Account/001B"]'

    error = replies.error_from_response(answer(300, body), "GET sobjects/Account/Key__c/x")

    assert isinstance(error, errors.MoreThanOneRecordError)
    assert "2 records have this external id" in str(error)
    assert "001B" in str(error)


def test_the_message_of_a_batch_item_is_unescaped_and_its_raw_text_kept() -> None:
    result = [{"errorCode": "INVALID_FIELD", "message": "No such column &#39;a&#39; &lt;&amp;"}]

    error = replies.error_from_item(Reply(400, result))

    assert error.message == "No such column 'a' <&"
    assert error.errors[0].raw["message"] == "No such column &#39;a&#39; &lt;&amp;"


def test_the_message_of_a_plain_answer_stands_as_it_is() -> None:
    error = replies.error_from_response(answer(400, b'[{"message": "write &lt; here"}]'), "x")

    assert error.message == "write &lt; here"


def test_a_batch_answer_is_read_in_order() -> None:
    body = b'{"results": [{"result": null, "statusCode": 204}, {"statusCode": 200, "result": [1]}], "hasErrors": true}'

    assert replies.parse_batch(answer(200, body), 2) == [Reply(204, None), Reply(200, [1])]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "is not JSON"),
        (b"", "has no results"),
        (b"[]", "has no results"),
        (b'{"results": {}}', "has no results"),
        (b'{"results": [{"statusCode": 200, "result": 1}]}', "1 results for 2 subrequests"),
        (
            b'{"results": [{"statusCode": 200}, {"statusCode": 200}, {"statusCode": 200}]}',
            "3 results for 2",
        ),
        (b'{"results": [{"statusCode": 200}, {"result": 1}]}', "result 1 .* has no statusCode"),
        (
            b'{"results": [{"statusCode": 200}, {"statusCode": "200"}]}',
            "result 1 .* has no statusCode",
        ),
        (
            b'{"results": [{"statusCode": 200}, {"statusCode": true}]}',
            "result 1 .* has no statusCode",
        ),
        (b'{"results": [{"statusCode": 200}, null]}', "result 1 .* has no statusCode"),
    ],
)
def test_a_batch_answer_that_does_not_match_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(errors.MalformedResponseError, match=reason):
        replies.parse_batch(answer(200, body), 2)


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (
            Reply(201, {"id": "001A", "success": True, "created": True}),
            UpsertResult("001A", created=True),
        ),
        (
            Reply(200, {"id": "001A", "success": True, "created": False}),
            UpsertResult("001A", created=False),
        ),
        (Reply(201, {"id": "001A", "success": True}), UpsertResult("001A", created=True)),
        (Reply(204, None), UpsertResult(None, created=False)),
    ],
)
def test_every_form_of_an_upsert_result_is_read(reply: Reply, result: UpsertResult) -> None:
    assert replies.upserted(reply) == result


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        {"records": [], "totalSize": 0},
        {"records": None, "totalSize": 0, "done": True},
        {"records": [], "totalSize": "0", "done": True},
        {
            "records": [],
            "totalSize": 5,
            "done": True,
            "nextRecordsUrl": "/services/data/v67.0/query/x",
        },
        {"records": [], "totalSize": 5, "done": False},
        {"records": [], "totalSize": 5, "done": False, "nextRecordsUrl": "https://evil.example/x"},
    ],
)
def test_a_page_that_cannot_be_trusted_is_refused(result: object) -> None:
    with pytest.raises(errors.MalformedResponseError):
        replies.query_page(Reply(200, result))


@pytest.mark.parametrize("read", [replies.id_of, replies.record, replies.limits, replies.versions])
def test_a_result_of_another_shape_is_refused(read: object) -> None:
    assert callable(read)
    with pytest.raises(errors.MalformedResponseError, match="the answer should hold"):
        read(Reply(200, 7))


@pytest.mark.parametrize(
    "error",
    [
        replies.error_from_item(
            Reply(400, [{"errorCode": "X", "message": "why", "fields": ["A"]}])
        ),
        errors.ConnectError("no route", request="GET limits"),
        errors.ReadTimeoutError("too late"),
        errors.OutcomeUnknownError("lost"),
        errors.InvalidStateError("closed"),
    ],
)
def test_an_error_survives_pickling(error: errors.SalesforceError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
