"""Speaks to a local org as an HTTP client would, and unpacks the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import attrs

from twinforce._core.http import Request, Response, Timeout
from twinforce.local import LocalOrg


@attrs.frozen
class Answer:
    """What came back: the status, the headers, and the body as JSON (None if there is none)."""

    status: int
    headers: Mapping[str, str]
    body: Any


@attrs.frozen
class Caller:
    """Calls an org's resources by their path behind ``/services/data/vXX.X/``."""

    org: LocalOrg
    version: str = "67.0"

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        if headers is None:
            headers = {"Authorization": f"Bearer {self.org.access_token}"}
        url = f"{self.org.instance_url}{path}"
        return self.org.handle(Request(method, url, headers, body, Timeout()))

    def __call__(self, method: str, path: str, data: Any = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        authorization = {"Authorization": f"Bearer {self.org.access_token}"}
        body = None if data is None else json.dumps(data).encode()
        url = f"/services/data/v{self.version}/{path}"
        response = self.send(method, url, body, {**authorization, **named})
        return Answer(
            response.status_code,
            response.headers,
            json.loads(response.body) if response.body else None,
        )

    def at(self, version: str) -> Caller:
        return attrs.evolve(self, version=version)

    def create(self, sobject: str, **fields: Any) -> str:
        answer = self("POST", f"sobjects/{sobject}", fields)
        assert answer.status == 201, answer.body
        record_id: str = answer.body["id"]
        return record_id

    def get(self, sobject: str, record_id: str, *fields: str) -> dict[str, Any]:
        query = f"?fields={','.join(fields)}" if fields else ""
        answer = self("GET", f"sobjects/{sobject}/{record_id}{query}")
        assert answer.status == 200, answer.body
        record: dict[str, Any] = answer.body
        return record

    def query(self, soql: str) -> dict[str, Any]:
        answer = self("GET", f"query?q={quote(soql)}")
        assert answer.status == 200, answer.body
        page: dict[str, Any] = answer.body
        return page

    def names(self, condition: str, sobject: str = "Account") -> list[str]:
        """Return the Names that a query finds; *condition* is what stands behind FROM."""
        records = self.query(f"SELECT Name FROM {sobject} {condition}")["records"]
        return [record["Name"] for record in records]

    def refused(self, soql: str) -> dict[str, Any]:
        """Return the one error with which a query is refused."""
        answer = self("GET", f"query?q={quote(soql)}")
        assert answer.status == 400, answer.body
        [error] = answer.body
        refusal: dict[str, Any] = error
        return refusal

    def batch(self, *items: tuple[Any, ...], **envelope: Any) -> Answer:
        """Send subrequests, each a method, a url and perhaps a richInput."""
        requests = [dict(zip(("method", "url", "richInput"), item, strict=False)) for item in items]
        return self("POST", "composite/batch", {"batchRequests": requests, **envelope})
