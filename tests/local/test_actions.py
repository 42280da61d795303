"""Invocable actions: functions that a test registers, and their answers."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce.local import ActionError, LocalOrg

URL = "/services/data/v67.0/actions"


def greet(given: dict[str, Any]) -> dict[str, Any] | None:
    if "name" not in given:
        raise ActionError("REQUIRED_FIELD_MISSING", "Missing required input: name", ["name"])
    return {"greeting": f"Hello, {given['name']}"}


@pytest.fixture
def call(org: LocalOrg) -> Caller:
    org.add_action("custom/apex/Greet", greet)
    return Caller(org)


def result(call: Caller, *inputs: Any, path: str = "custom/apex/Greet") -> list[dict[str, Any]]:
    answer = call("POST", f"actions/{path}", {"inputs": inputs})
    assert isinstance(answer.body, list), answer
    return answer.body


def test_an_action_gives_an_output_for_each_input(call: Caller) -> None:
    data = {"inputs": [{"name": "Ann"}, {"name": "Bob"}]}
    answer = call("POST", "actions/custom/apex/Greet", data)
    assert answer.status == 200
    assert answer.body == [
        {
            "actionName": "Greet",
            "errors": None,
            "invocationId": None,
            "isSuccess": True,
            "outcome": None,
            "outputValues": {"greeting": f"Hello, {name}"},
            "sortOrder": -1,
            "version": 1,
        }
        for name in ("Ann", "Bob")
    ]


def test_older_versions_tell_less(call: Caller) -> None:
    [only] = result(call.at("55.0"), {"name": "Ann"})
    assert list(only) == ["actionName", "errors", "isSuccess", "outputValues"]


def test_an_action_that_fails_is_a_400_of_the_same_shape(call: Caller) -> None:
    data = {"inputs": [{}, {"name": "Bob"}]}
    answer = call("POST", "actions/custom/apex/Greet", data)
    assert answer.status == 400
    failed, succeeded = answer.body
    assert failed["isSuccess"] is False
    assert failed["outputValues"] is None
    assert failed["errors"] == [
        {
            "statusCode": "REQUIRED_FIELD_MISSING",
            "message": "Missing required input: name",
            "fields": ["name"],
        }
    ]
    assert succeeded["isSuccess"] is True
    assert succeeded["outputValues"] == {"greeting": "Hello, Bob"}


def test_a_failure_may_be_a_200(org: LocalOrg, call: Caller) -> None:
    org.add_action("standard/greet", greet, failure_status=200)
    answer = call("POST", "actions/standard/greet", {"inputs": [{}]})
    assert (answer.status, answer.body[0]["isSuccess"]) == (200, False)


def test_other_exceptions_are_unknown_and_logged(
    org: LocalOrg, call: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    def divide(given: dict[str, Any]) -> None:
        _ = given["a"] / given["b"]

    org.add_action("custom/apex/Divide", divide)
    [failed] = result(call, {"a": 1, "b": 0}, path="custom/apex/Divide")
    assert failed["errors"] == [
        {
            "statusCode": "UNKNOWN_EXCEPTION",
            "message": "An Apex error occurred: ZeroDivisionError: division by zero",
            "fields": [],
        }
    ]
    [record] = caplog.records
    assert (record.name, record.levelno) == ("twinforce.local", logging.ERROR)
    assert "ZeroDivisionError" in (record.exc_text or "")


@pytest.mark.parametrize("outputs", [["x"], "x", {"a": {1, 2}}, {1: "a"}])
def test_outputs_that_are_no_json_fail(org: LocalOrg, call: Caller, outputs: Any) -> None:
    org.add_action("custom/apex/Bad", lambda _: outputs)
    [failed] = result(call, {}, path="custom/apex/Bad")
    assert failed["isSuccess"] is False
    assert failed["errors"][0]["statusCode"] == "UNKNOWN_EXCEPTION"


def test_an_action_may_have_no_outputs(org: LocalOrg, call: Caller) -> None:
    org.add_action("custom/flow/Nothing", lambda _: None)
    [only] = result(call, {}, path="custom/flow/Nothing")
    assert (only["isSuccess"], only["outputValues"]) == (True, None)
    assert result(call, path="custom/flow/Nothing") == []


def test_an_action_may_use_the_org(org: LocalOrg, call: Caller) -> None:
    def make(given: dict[str, Any]) -> dict[str, Any]:
        with org.client() as salesforce:
            return {"id": salesforce.sobject.create("Account", {"Name": given["name"]})}

    org.add_action("custom/flow/Make", make)
    [only] = result(call, {"name": "Acme"}, path="custom/flow/Make")
    assert call.get("Account", only["outputValues"]["id"])["Name"] == "Acme"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("standard/emailSimple", "emailSimple"),
        ("custom/flow/My_Flow", "My_Flow"),
        ("custom/apex/ns__Greet", "ns__Greet"),
        ("custom/quickAction/LogACall", "LogACall"),
        ("custom/quickAction/Account/Greet", "Account.Greet"),
        ("custom/emailAlert/Case/Mail", "Case.Mail"),
    ],
)
def test_what_an_action_is_called(org: LocalOrg, call: Caller, path: str, name: str) -> None:
    org.add_action(path, lambda _: None)
    [only] = result(call, {}, path=path)
    assert only["actionName"] == name
    [again] = result(call, {}, path=path.lower())
    assert again == only


def test_the_last_one_of_a_name_counts(org: LocalOrg, call: Caller) -> None:
    org.add_action("custom/apex/Greet", lambda _: {"greeting": "Hi"})
    assert result(call, {})[0]["outputValues"] == {"greeting": "Hi"}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("standard/nope", "Invalid Action Type: nope"),
        ("custom/apex/Nope", "The requested resource does not exist"),
        ("custom/apex/Greet/More", "The requested resource does not exist"),
        ("nope/apex/Greet", "The requested resource does not exist"),
    ],
)
def test_an_unknown_action_is_not_found(call: Caller, path: str, message: str) -> None:
    for method, data in (("POST", {"inputs": [{}]}), ("GET", None)):
        answer = call(method, f"actions/{path}", data)
        assert answer.status == 404
        assert answer.body == [{"message": message, "errorCode": "NOT_FOUND"}]


@pytest.mark.parametrize("data", [None, {}, [], {"inputs": None}, {"inputs": {}}, {"inputs": [5]}])
def test_inputs_are_needed(call: Caller, data: Any) -> None:
    answer = call("POST", "actions/custom/apex/Greet", data)
    assert (answer.status, answer.body[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


@pytest.mark.parametrize("path", ["", "/standard", "/custom"])
def test_only_actions_can_be_invoked(call: Caller, path: str) -> None:
    answer = call("POST", f"actions{path}", {"inputs": [{}]})
    assert (answer.status, answer.body[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


def test_actions_are_listed(org: LocalOrg, call: Caller) -> None:
    org.add_action("standard/emailSimple", greet, label="Send Email")
    org.add_action("custom/quickAction/Account/Log", greet)
    assert call("GET", "actions").body == {
        "standard": f"{URL}/standard",
        "custom": f"{URL}/custom",
    }
    standard = {
        "label": "Send Email",
        "name": "emailSimple",
        "type": "EMAILSIMPLE",
        "url": f"{URL}/standard/emailSimple",
    }
    assert call("GET", "actions/standard").body == {"actions": [standard]}
    custom = call("GET", "actions/custom").body
    assert custom["apex"] == f"{URL}/custom/apex"
    assert {"quickAction", "emailAlert", "flow", "sendNotification"} < custom.keys()
    apex = {
        "label": "Greet",
        "name": "Greet",
        "type": "APEX",
        "url": f"{URL}/custom/apex/Greet",
    }
    assert call("GET", "actions/custom/apex").body == {"actions": [apex]}
    assert call("GET", "actions/custom/flow").body == {"actions": []}
    [quick] = call("GET", "actions/custom/quickAction").body["actions"]
    assert (quick["name"], quick["type"]) == ("Account.Log", "QUICKACTION")


def test_another_kind_of_custom_action_is_listed_too(org: LocalOrg, call: Caller) -> None:
    assert call("GET", "actions/custom/externalService").status == 404
    org.add_action("custom/externalService/Pay", greet)
    assert "externalService" in call("GET", "actions/custom").body
    assert len(call("GET", "actions/custom/externalService").body["actions"]) == 1


def test_an_action_is_described(call: Caller) -> None:
    body = call("GET", "actions/custom/apex/Greet").body
    expected = {"name": "Greet", "label": "Greet", "type": "APEX", "standard": False}
    assert body.items() >= expected.items()
    assert (body["inputs"], body["outputs"]) == ([], [])


def test_a_batch_can_invoke(call: Caller) -> None:
    url = "actions/custom/apex/Greet"
    body = call.batch(
        ("POST", f"v67.0/{url}", {"inputs": [{"name": "<Ann>"}]}),
        ("POST", f"v67.0/{url}", {"inputs": [{}]}),
        ("POST", "v67.0/actions/standard/nope", {"inputs": [{}]}),
        ("GET", "v67.0/actions"),
    ).body
    greeted, failed, unknown, listed = body["results"]
    assert body["hasErrors"] is True
    assert greeted["result"][0]["outputValues"] == {"greeting": "Hello, <Ann>"}
    assert failed["statusCode"] == 400
    assert failed["result"] == result(call, {})
    assert (unknown["statusCode"], unknown["result"][0]["errorCode"]) == (404, "NOT_FOUND")
    assert listed["statusCode"] == 200


def test_a_failed_action_halts_what_comes_after(org: LocalOrg, call: Caller) -> None:
    org.add_action("custom/apex/Soft", greet, failure_status=200)
    body = call.batch(
        ("POST", "v67.0/actions/custom/apex/Soft", {"inputs": [{}]}),
        ("POST", "v67.0/actions/custom/apex/Greet", {"inputs": [{}]}),
        ("GET", "v67.0/limits"),
        haltOnError=True,
    ).body
    assert [item["statusCode"] for item in body["results"]] == [200, 400, 412]


def test_a_batch_may_use_actions_since_35(call: Caller) -> None:
    url = "actions/custom/apex/Greet"
    data = {"inputs": [{"name": "Ann"}]}
    new, old, listed = call.batch(
        ("POST", f"v35.0/{url}", data), ("POST", f"v34.0/{url}", data), ("GET", "v34.0/actions")
    ).body["results"]
    assert new["statusCode"] == 200
    for refused in (old, listed):
        assert refused["statusCode"] == 400
        assert refused["result"][0]["errorCode"] == "INVALID_BATCH_REQUEST"
    assert call.at("34.0")("POST", url, data).status == 200


async def coroutine(given: dict[str, Any]) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "options", "error", "reason"),
    [
        (("Greet", greet), {}, ValueError, "must look like standard/emailSimple"),
        (("custom/Greet", greet), {}, ValueError, "must look like"),
        (("custom/apex/A/B/C", greet), {}, ValueError, "must look like"),
        (("custom/apex/../x", greet), {}, ValueError, "must look like"),
        (("standard/a/b", greet), {}, ValueError, "must look like"),
        ((5, greet), {}, TypeError, "must be text"),
        (("custom/apex/Greet", "greet"), {}, TypeError, "must be a function"),
        (("custom/apex/Greet", coroutine), {}, TypeError, "not a coroutine function"),
        (("custom/apex/Greet", greet), {"failure_status": 500}, ValueError, "200 or 400"),
        (("custom/apex/Greet", greet), {"failure_status": True}, ValueError, "200 or 400"),
        (("custom/apex/Greet", greet), {"label": 5}, TypeError, "label of custom/apex/Greet"),
    ],
)
def test_an_action_that_cannot_be_is_refused(
    org: LocalOrg,
    arguments: tuple[Any, Any],
    options: dict[str, Any],
    error: type[Exception],
    reason: str,
) -> None:
    with pytest.raises(error, match=reason):
        org.add_action(*arguments, **options)


def test_an_action_error_says_what_it_is() -> None:
    error = ActionError("CODE", "text", ("A", "B"))
    assert str(error) == "CODE: text"
    again = pickle.loads(pickle.dumps(error))
    assert (again.status_code, again.message, again.fields) == ("CODE", "text", ["A", "B"])
    with pytest.raises(TypeError, match="must be a list of names"):
        ActionError("CODE", "text", "Name")
    with pytest.raises(TypeError, match="status_code of an ActionError must be text"):
        ActionError(400, "text")  # type: ignore[arg-type]


class Writer:
    """An action that creates records in the org, one for each name, and then fails if told to."""

    def __init__(self, org: LocalOrg) -> None:
        self.call = Caller(org)

    def __call__(self, given: dict[str, Any]) -> None:
        for name in given["names"]:
            self.call.create("Account", Name=name)
        if given.get("fails") == "raises":
            raise RuntimeError
        if given.get("fails") == "refuses":
            message = "No."
            raise ActionError("NOPE", message)


@pytest.mark.parametrize("fails", ["raises", "refuses"])
@pytest.mark.parametrize("kind", ["memory", "file"])
def test_an_action_that_fails_leaves_nothing_of_what_it_wrote(
    tmp_path: Path, kind: str, fails: str
) -> None:
    path = tmp_path / "org.db" if kind == "file" else None
    with LocalOrg(path) as org:
        org.add_action("custom/apex/Write", Writer(org))
        call = Caller(org)
        bad = {"names": ["B", "C"], "fails": fails}
        path_of_action = "v67.0/actions/custom/apex/Write"
        assert not result(call, bad, path="custom/apex/Write")[0]["isSuccess"]
        assert call.names("") == []
        result(call, bad, {"names": ["A"]}, bad, {"names": ["D"]}, path="custom/apex/Write")
        assert call.names("ORDER BY Name") == ["A", "D"]
        create = ("POST", "v67.0/sobjects/Account", {"Name": "E"})
        answer = call.batch(("POST", path_of_action, {"inputs": [bad]}), create)
        assert [each["statusCode"] for each in answer.body["results"]] == [400, 201]
        call.batch(create, ("POST", path_of_action, {"inputs": [bad]}))
        assert call.names("ORDER BY Name") == ["A", "D", "E", "E"]
    if path is not None:
        with LocalOrg(path) as org:
            assert Caller(org).names("ORDER BY Name") == ["A", "D", "E", "E"]


def test_an_action_that_writes_nothing_does_not_lock_the_file(tmp_path: Path) -> None:
    with LocalOrg(tmp_path / "org.db") as org, LocalOrg(tmp_path / "org.db") as other:
        org.add_action(
            "custom/apex/Other", lambda _: {"id": Caller(other).create("Account", Name="Acme")}
        )
        [only] = result(Caller(org), {}, path="custom/apex/Other")
        assert only["isSuccess"]
        assert Caller(org).names("") == ["Acme"]
