# Generated from tests/_async/test_hostile_servers.py by scripts/make_sync.py.
# Change that file, never this one, and then run `scripts/test -s twins -- --write`.
"""A hostile server leads the client, and its token, to no other place."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import strategies as st

from tests.hostile import URLS, hostile, leads_elsewhere
from tests.twin import Answers
from twinforce import AccessToken, Request, Response, Salesforce, SubrequestState
from twinforce.errors import MalformedResponseError


class Pages(Answers):
    """A server whose first page of a query goes on at *url*, in the list or within a record."""

    def __init__(self, url: object, *, within: bool) -> None:
        super().__init__()
        self.requests: list[Request] = []
        first = {"totalSize": 2, "done": False, "records": [{"Id": "1"}], "nextRecordsUrl": url}
        self.first: dict[str, Any] = first
        if within:
            self.first = {"totalSize": 1, "done": True, "records": [{"Contacts": first}]}

    def send(self, request: Request, /) -> Response:
        self.requests.append(request)
        page = {"totalSize": 2, "done": True, "records": [{"Id": "2"}]}
        body: dict[str, Any] = self.first if len(self.requests) == 1 else page
        if request.url.endswith("/composite/batch"):
            body = {"hasErrors": False, "results": [{"statusCode": 200, "result": body}]}
        return Response(200, {}, json.dumps(body).encode())


@hostile(url=URLS, within=st.booleans())
def test_a_hostile_next_page_leads_to_no_other_place(url: Any, within: bool) -> None:
    text = "SELECT Id, (SELECT Id FROM Contacts) FROM Account"

    def alone(salesforce: Salesforce) -> None:
        salesforce.query(text).all()

    def in_batch(salesforce: Salesforce) -> None:
        with salesforce.composite.batch() as batch:
            query = batch.query(text)
        if query.state is not SubrequestState.SUCCEEDED:
            query.raise_for_status()

    for call in (alone, in_batch):
        server = Pages(url, within=within)
        salesforce = Salesforce(
            "https://acme.my.salesforce.com", AccessToken("00D!x"), transport=server, retry=None
        )
        try:
            call(salesforce)
        except MalformedResponseError:
            assert len(server.requests) == 1
            continue
        _, request = server.requests
        assert isinstance(url, str)
        assert request.url == f"https://acme.my.salesforce.com{url}"
        assert re.match(r"/services/data/v[0-9]{2,3}\.0/query(All)?/", url)
        assert not leads_elsewhere(url)
