"""What each operation is on the wire."""

from __future__ import annotations

import copy
from enum import Enum
from typing import Any

import pytest

from twinforce._core import json, operations
from twinforce._core.http import Pieces
from twinforce._core.operations import Operation

ID = "0011R00001K1H2IQAV"


class Field(Enum):
    KEY = "Key__c"


def wire(operation: Operation[Any]) -> tuple[str, str, bytes | Pieces | None]:
    return operation.method, operation.path, operation.content()


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (
            operations.query("SELECT Id FROM Account WHERE Name = 'a+b'"),
            (
                "GET",
                "query?q=SELECT%20Id%20FROM%20Account%20WHERE%20Name%20%3D%20%27a%2Bb%27",
                None,
            ),
        ),
        (
            operations.query("SELECT Id FROM Case", include_all_records=True),
            ("GET", "queryAll?q=SELECT%20Id%20FROM%20Case", None),
        ),
        (operations.limits(), ("GET", "limits", None)),
        (
            operations.create("Contact", {"LastName": "Doe"}),
            ("POST", "sobjects/Contact", b'{"LastName":"Doe"}'),
        ),
        (operations.get("Account", ID), ("GET", f"sobjects/Account/{ID}", None)),
        (
            operations.get("Account", ID, fields=["Id", "Owner.Name"]),
            ("GET", f"sobjects/Account/{ID}?fields=Id,Owner.Name", None),
        ),
        (
            operations.get("Account", "a/b?", external_id_field="Key__c", fields=("Id",)),
            ("GET", "sobjects/Account/Key__c/a%2Fb%3F?fields=Id", None),
        ),
        (
            operations.update("Account", ID, {"Name": None}),
            ("PATCH", f"sobjects/Account/{ID}", b'{"Name":null}'),
        ),
        (
            operations.update("Account", 7, {"Name": "x"}, external_id_field="Key__c"),
            ("PATCH", "sobjects/Account/Key__c/7?updateOnly=true", b'{"Name":"x"}'),
        ),
        (
            operations.upsert("Account", "Key__c", {"Key__c": "7", "Name": "x"}),
            ("PATCH", "sobjects/Account/Key__c/7", b'{"Name":"x"}'),
        ),
        (
            operations.upsert(
                "Account", "Key__c", {"Name": "x"}, external_id="..", update_only=True
            ),
            ("PATCH", "sobjects/Account/Key__c/%2E%2E?updateOnly=true", b'{"Name":"x"}'),
        ),
        (
            operations.upsert("Account", "Key__c", {"KEY__C": 7}, external_id="7"),
            ("PATCH", "sobjects/Account/Key__c/7", b"{}"),
        ),
        (operations.delete("Account", ID), ("DELETE", f"sobjects/Account/{ID}", None)),
        (
            operations.delete("Account", "naïve", external_id_field="Key__c"),
            ("DELETE", "sobjects/Account/Key__c/na%C3%AFve", None),
        ),
        (
            operations.request("post", "chatter/feeds", {"x": [1]}),
            ("POST", "chatter/feeds", b'{"x":[1]}'),
        ),
    ],
)
def test_an_operation_on_the_wire(
    operation: Operation[object], expected: tuple[str, str, bytes | None]
) -> None:
    assert wire(operation) == expected


def test_the_key_of_an_upsert_may_be_an_enum() -> None:
    operation = operations.upsert("Account", "Key__c", {Field.KEY: "7"})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]

    assert wire(operation) == ("PATCH", "sobjects/Account/Key__c/7", b"{}")


def test_an_upsert_leaves_the_data_of_the_caller_as_it_was() -> None:
    data = {"Key__c": "7", "Name": "x"}

    operations.upsert("Account", "Key__c", data)

    assert data == {"Key__c": "7", "Name": "x"}


@pytest.mark.parametrize(
    ("data", "external_id", "reason"),
    [
        ({"Name": "x"}, None, "no Key__c to find the Account by"),
        ({"Key__c": "7"}, "8", "two different values for the external id Key__c"),
        ({"Key__c": "7", "KEY__c": "8"}, None, "two different values for the external id Key__c"),
        ({"Key__c": "7", Field.KEY: "8"}, None, "two different values for the external id Key__c"),
        # In lower case, the sign for kelvin is a k; the field is another one.
        ({"\u212aey__c": "7"}, None, "no Key__c to find the Account by"),
        ({"Key__c": "  "}, None, "the external id Key__c is empty"),
    ],
)
def test_an_upsert_without_one_clear_key_is_refused(
    data: Any, external_id: str | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        operations.upsert("Account", "Key__c", data, external_id=external_id)


def test_an_upsert_whose_key_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match=r"the external id Key__c must be a str, .* not NoneType"):
        operations.upsert("Account", "Key__c", {"Key__c": None})


@pytest.mark.parametrize("data", [None, [("Name", "x")], 7])
def test_data_other_than_a_dict_is_refused(data: object) -> None:
    with pytest.raises(TypeError, match="the data of Account must be a dict"):
        operations.create("Account", data)  # type: ignore[arg-type]


@pytest.mark.parametrize("id", [None, 7, ["001"]])
def test_a_record_id_of_another_type_is_refused(id: object) -> None:
    with pytest.raises(TypeError, match="the record id must be a str"):
        operations.get("Account", id)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ("Id,Name", TypeError),
        (5, TypeError),
        ([], ValueError),
        (["a b"], ValueError),
        ([7], TypeError),
    ],
)
def test_fields_that_are_no_list_of_names_are_refused(
    fields: object, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="field"):
        operations.get("Account", ID, fields=fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("soql", ["", "   "])
def test_an_empty_query_is_refused(soql: str) -> None:
    with pytest.raises(ValueError, match="the SOQL is empty"):
        operations.query(soql)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of DELETE, GET"):
        operations.request("FETCH", "limits")


def test_a_version_in_the_path_is_kept() -> None:
    operation = operations.request("GET", "/services/data/v50.0/limits")

    assert operation.batch_url("67.0") == "v50.0/limits"
    assert operation.target("67.0") == "/services/data/v50.0/limits"


def test_a_description_names_method_and_target_and_stays_short() -> None:
    described = operations.query(
        "SELECT Id FROM Account WHERE Name = '" + "x" * 5000 + "'"
    ).describe()

    assert described.startswith("GET query?q=SELECT")
    assert len(described) < 200


FILENAMES = [
    "Screenshot 10\u202fAM.png",
    "אב\u200f.txt",
    "👨\u200d👩\u200d👧.png",
    'a"b.txt',
    "a\\b",
]


@pytest.mark.parametrize("filename", FILENAMES)
def test_a_filename_may_hold_whatever_people_see(filename: str) -> None:
    operation = operations.create_with_blob(
        "Attachment", {}, blob_field="Body", content=b"x", filename=filename
    )

    assert operation.blob is not None
    assert operation.blob.filename == filename


@pytest.mark.parametrize("filename", ["a\r\nX: y", "a\0", "a\x7f", "a\x85b", "\t"])
def test_a_filename_with_a_control_character_is_refused(filename: str) -> None:
    with pytest.raises(ValueError, match=r"the filename .*(holds a control character|is empty)"):
        operations.create_with_blob(
            "Attachment", {}, blob_field="Body", content=b"x", filename=filename
        )


def test_half_a_surrogate_pair_in_a_filename_is_refused() -> None:
    with pytest.raises(ValueError, match="the filename holds half of a surrogate pair"):
        operations.create_with_blob(
            "Attachment", {}, blob_field="Body", content=b"x", filename="a\ud800"
        )


@pytest.mark.parametrize("value", ["before", ["before"], {"Text": "before"}])
def test_what_is_done_to_the_data_later_does_not_change_what_is_sent(value: Any) -> None:
    data: dict[str, Any] = {"Name": "Acme", "Other__c": copy.deepcopy(value)}
    operation = operations.create("Account", data)
    sent = operation.content()

    if isinstance(value, str):
        data["Other__c"] = object()
    elif isinstance(value, list):
        data["Other__c"].append(object())
    else:
        data["Other__c"]["Text"] = object()
    del data["Name"]

    assert operation.content() == sent == json.encode({"Name": "Acme", "Other__c": value}, "data")
