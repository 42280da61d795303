"""Many clients at once over real sockets: everyone gets their own answers, and nothing is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest
import requests

from twinforce.local import LocalOrg
from twinforce.local.server.web import Server

CLIENTS = 32
ROUNDS = 4


@attrs.define
class Client:
    """One of many, which creates, reads, queries, pages and sends batches in turn."""

    server: Server
    number: int
    session: requests.Session
    statuses: Counter[int] = attrs.Factory(Counter)
    ids: list[str] = attrs.Factory(list)

    def send(self, method: str, path: str, data: Any = None) -> Any:
        url = f"{self.server.url}/services/data/v67.0/{path}"
        headers = {"Authorization": f"Bearer {self.server.access_token}"}
        response = self.session.request(method, url, json=data, headers=headers)
        self.statuses[response.status_code] += 1
        assert response.headers["sforce-limit-info"].startswith("api-usage=")
        return response.json() if response.content else None

    def names(self) -> list[str]:
        soql = f"SELECT+Name+FROM+Account+WHERE+Site='{self.number}'+ORDER+BY+Name"
        return [record["Name"] for record in self.send("GET", f"query?q={soql}")["records"]]

    def run(self) -> None:
        for turn in range(ROUNDS):
            before = self.names()
            own = {"Name": f"{self.number}-{turn}", "Site": str(self.number)}
            created = self.send("POST", "sobjects/Account", own)
            record = self.send("GET", f"sobjects/Account/{created['id']}?fields=Name")
            assert record["Name"] == own["Name"]
            children = [
                {
                    "method": "POST",
                    "url": "v67.0/sobjects/Contact",
                    "richInput": {"LastName": f"{turn}/{place}", "AccountId": created["id"]},
                }
                for place in range(5)
            ]
            read = {"method": "GET", "url": f"v67.0/sobjects/Account/{created['id']}?fields=Name"}
            batch = self.send("POST", "composite/batch", {"batchRequests": [*children, read]})
            assert [item["statusCode"] for item in batch["results"]] == [201] * 5 + [200]
            assert batch["results"][-1]["result"]["Name"] == own["Name"]
            self.ids += [created["id"], *(i["result"]["id"] for i in batch["results"][:-1])]
            key = f"sobjects/Account/Key__c/{turn}"
            self.send("PATCH", key, {"Name": "shared", "NumberOfEmployees": self.number})
            assert self.names() == [*before, own["Name"]]


@pytest.fixture(params=["in memory", "in a file"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    path = tmp_path / "org.db" if request.param == "in a file" else None
    with LocalOrg(path) as org:
        org.add_field("Account", "Key__c", "Text", external_id=True, unique=True)
        with org.serve() as server:
            yield server


def test_32_clients_do_not_get_in_each_others_way(server: Server) -> None:
    start = threading.Barrier(CLIENTS)

    def run(number: int) -> Client:
        with requests.Session() as session:
            session.trust_env = False
            client = Client(server, number, session)
            start.wait(10)
            client.run()
            return client

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = list(pool.map(run, range(CLIENTS)))
        everything = clients[0]
        with requests.Session() as session:
            session.trust_env = False
            everything.session = session
            shared = everything.send("GET", "query?q=SELECT+Key__c+FROM+Account+WHERE+Key__c!=null")
            count = everything.send("GET", "query?q=SELECT+COUNT()+FROM+Contact")["totalSize"]
    statuses = sum((client.statuses for client in clients), Counter())
    assert set(statuses) == {200, 201}
    ids = [record_id for client in clients for record_id in client.ids]
    assert len(set(ids)) == len(ids) == CLIENTS * ROUNDS * 6
    assert count == CLIENTS * ROUNDS * 5
    assert sorted(record["Key__c"] for record in shared["records"]) == [*map(str, range(ROUNDS))]
    # Of each shared record, one client was told that it made it.
    usage = {client.statuses[201] for client in clients}
    assert sum(client.statuses[201] for client in clients) == CLIENTS * ROUNDS + ROUNDS, usage
