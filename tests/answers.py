"""Answers of Salesforce for a server that plays them."""

from __future__ import annotations

import json

from tests.server import reply


def answer(*items: tuple[int, object]) -> bytes:
    """Write the answer to a batch."""
    results = [{"statusCode": status, "result": result} for status, result in items]
    return reply(200, json.dumps({"hasErrors": False, "results": results}).encode())


def created(number: int) -> tuple[int, object]:
    return 201, {"id": f"003{number:015}", "success": True, "errors": []}


def page(names: str, total: int, next_url: str | None = None) -> dict[str, object]:
    """Make a page of a query with a record for each letter of *names*."""
    body: dict[str, object] = {"totalSize": total, "done": next_url is None}
    body["records"] = [{"Name": name} for name in names]
    return body if next_url is None else body | {"nextRecordsUrl": next_url}


def refusal(status: int, code: str, message: str = "x", *, retry_after: str | None = None) -> bytes:
    """Write the answer that refuses a request as a whole."""
    body = json.dumps([{"errorCode": code, "message": message}]).encode()
    return reply(status, body, [] if retry_after is None else [("Retry-After", retry_after)])
