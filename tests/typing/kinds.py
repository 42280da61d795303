"""What the type checkers must see of each kind of subrequest. Checked, never run."""

from __future__ import annotations

import dataclasses
from typing import Any, assert_type

import attrs

from twinforce import (
    ActionSubrequest,
    AsyncSalesforce,
    Batch,
    Binary,
    CreateSubrequest,
    DescribeSubrequest,
    LimitsSubrequest,
    RelatedSubrequest,
    RequestSubrequest,
    Salesforce,
    SearchSubrequest,
    UpdateSubrequest,
)


@dataclasses.dataclass
class Contact:
    LastName: str


@attrs.define
class Lead:
    LastName: str


def kinds(batch: Batch) -> None:
    assert_type(batch.search("FIND {x}"), SearchSubrequest)
    assert_type(batch.search("FIND {x}").records, list[dict[str, Any]])
    assert_type(batch.limits(), LimitsSubrequest)
    assert_type(batch.limits().limits, dict[str, dict[str, Any]])
    assert_type(batch.sobject.describe("Account"), DescribeSubrequest)
    assert_type(batch.sobject.describe_global().describe, dict[str, Any])
    related = batch.sobject.get_related("Account", "001", "Contacts")
    assert_type(related, RelatedSubrequest)
    assert_type(related.records, list[dict[str, Any]])
    assert_type(related.record, dict[str, Any])
    assert_type(batch.actions.invoke("custom/apex/Greet", {"name": "x"}), ActionSubrequest)
    assert_type(batch.actions.invoke("custom/apex/Greet", [{}, {}]).outputs, list[dict[str, Any]])
    blob: dict[str, Any] = {"blob_field": "Body", "content": b"", "filename": "x"}
    assert_type(batch.sobject.create_with_blob("Attachment", {}, **blob), CreateSubrequest)
    assert_type(batch.sobject.update_with_blob("Attachment", "00P", {}, **blob), UpdateSubrequest)
    binary = Binary("Body", b"", "x")
    assert_type(batch.request("POST", "x", {}, binary=binary), RequestSubrequest)
    assert_type(batch.sobject.create("Contact", Contact("Doe"), version="60.0").id, str)
    assert_type(batch.sobject.create("Lead", Lead("Doe")).id, str)
    assert_type(batch.sobject.create("Lead", '{"LastName": "Doe"}').id, str)


def mistakes(batch: Batch) -> None:
    batch.search("FIND {x}").total_size  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    batch.limits().records  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    batch.sobject.create("Contact", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def alone(salesforce: Salesforce) -> None:
    assert_type(salesforce.search("FIND {x}"), list[dict[str, Any]])
    assert_type(salesforce.limits(), dict[str, dict[str, Any]])
    assert_type(salesforce.sobject.describe("Account"), dict[str, Any])
    assert_type(salesforce.actions.invoke("standard/chatterPost"), list[dict[str, Any]])
    related = salesforce.sobject.get_related("Account", "001", "Contacts")
    assert_type(related, dict[str, Any] | list[dict[str, Any]])


async def awaiting(salesforce: AsyncSalesforce) -> None:
    assert_type(await salesforce.search("FIND {x}"), list[dict[str, Any]])
    assert_type(await salesforce.actions.invoke("standard/chatterPost"), list[dict[str, Any]])
    assert_type(await salesforce.sobject.describe_global(), dict[str, Any])
    async with salesforce.composite.batch() as batch:
        assert_type(batch.search("FIND {x}"), SearchSubrequest)
        assert_type(batch.actions.invoke("custom/apex/Greet"), ActionSubrequest)
