"""The Salesforce CLI (`@salesforce/cli`, npm), unmodified, on the served local org: `nox -s sf`.

Run, over HTTPS with a generated certificate and once over HTTP: org login access-token, org
display, org list, org logout; data create, get, update, delete record and their errors; data
query as a table, JSON and CSV, with parents, children, aggregates and pages; data search; data
export tree, whose files seed an org; sobject list and describe; limits api display; api request
rest, which posts a batch; org login jwt and sfdx-url (a refresh token), whose sessions are renewed
when they expire.

Not covered, since the org does not serve it: what needs Bulk (data import bulk and the like),
sObject Trees (data import tree), Tooling, Metadata (project, package) or Apex; org open, whose
front door is a page; web and device logins, which need a browser.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any, Self

import attrs
import pytest
import trustme

from twinforce.local import LocalOrg
from twinforce.local.server.web import Server

QUIET = {
    "CI": "true",
    "NO_COLOR": "1",
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_DISABLE_AUTOUPDATE": "true",
    "SF_DISABLE_LOG_FILE": "true",
    "SF_DISABLE_TELEMETRY": "true",
    "SF_HIDE_RELEASE_NOTES": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
    # Keys are kept in a file of HOME, not in a key ring that the machine may not have.
    "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
}
BATCH = {
    "batchRequests": [
        {"method": "POST", "url": "v67.0/sobjects/Account", "richInput": {"Name": "Batched"}},
        {"method": "GET", "url": "v67.0/query?q=SELECT+Name+FROM+Account+WHERE+Name='Batched'"},
        {"method": "POST", "url": "v67.0/sobjects/Account", "richInput": {}},
    ]
}


@attrs.frozen
class Cli:
    """The program `sf` with a home of its own."""

    program: Path
    environment: dict[str, str]
    home: Path

    def run(self, *words: str, fails: bool = False) -> str:
        """Run one command; its output, checked to succeed or to fail."""
        done = subprocess.run(
            [str(self.program), *words],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        print("$ sf", *words, f"-> {done.returncode}", done.stdout, done.stderr, sep="\n")
        assert (done.returncode != 0) is fails
        return done.stdout

    def json(self, *words: str) -> Any:
        """Run one command with --json; its result."""
        answer = json.loads(self.run(*words, "--json"))
        assert answer["status"] == 0
        return answer["result"]

    def error(self, *words: str) -> Any:
        """Run one command that fails, with --json; its error."""
        return json.loads(self.run(*words, "--json", fails=True))

    def trusting(self, server: Server) -> Self:
        """Return one that takes the certificate of *server* for good."""
        environment = {**self.environment, "NODE_EXTRA_CA_CERTS": str(server.certificate)}
        return attrs.evolve(self, environment=environment)


@pytest.fixture
def cli(org: LocalOrg, installed: Callable[[str], Path], tmp_path: Path) -> Cli:
    program = installed("@salesforce/cli").parent.parent / ".bin" / "sf"
    home = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    ours = {**home, **QUIET, "SF_ACCESS_TOKEN": org.access_token}
    return Cli(program, {**os.environ, **ours}, tmp_path)


@pytest.fixture
def https(org: LocalOrg) -> Iterator[Server]:
    with org.serve(tls=True) as server:
        yield server


@pytest.fixture
def sf(cli: Cli, https: Server) -> Cli:
    """Return a CLI that is signed in, over HTTPS."""
    cli = cli.trusting(https)
    cli.run(
        "org", "login", "access-token", "--instance-url", https.url, "--no-prompt", "-a", "o", "-s"
    )
    return cli


def test_signing_in_and_out(org: LocalOrg, sf: Cli, https: Server) -> None:
    shown = sf.json("org", "display")
    assert (shown["username"], shown["id"]) == (org.username, org.org_id)
    assert (shown["connectedStatus"], shown["apiVersion"]) == ("Connected", "67.0")
    (listed,) = sf.json("org", "list")["nonScratchOrgs"]
    assert (listed["alias"], listed["instanceUrl"].rstrip("/")) == ("o", https.url)
    org.expire_token()
    assert (
        "Session expired or invalid"
        in sf.json("org", "list")["nonScratchOrgs"][0]["connectedStatus"]
    )
    assert sf.error("data", "query", "-q", "SELECT Id FROM User")["name"] == "INVALID_SESSION_ID"
    assert sf.json("org", "logout", "--target-org", "o", "--no-prompt") == [org.username]


def test_signing_in_over_http(server: Server, cli: Cli) -> None:
    cli.run("org", "login", "access-token", "--instance-url", server.url, "--no-prompt", "-s")
    assert cli.json("data", "query", "-q", "SELECT Id FROM User")["totalSize"] >= 1


def test_records(org: LocalOrg, sf: Cli) -> None:
    made = sf.json("data", "create", "record", "-s", "Account", "-v", "Name='Acme & Sons' Phone=1")
    assert (made["success"], made["errors"], len(made["id"])) == (True, [], 18)
    where = ("-s", "Account", "-w", "Name='Acme & Sons'")
    assert sf.json("data", "get", "record", *where)["Id"] == made["id"]
    assert sf.json("data", "update", "record", *where, "-v", "Phone=2")["id"] == made["id"]
    assert sf.json("data", "get", "record", "-s", "Account", "-i", made["id"])["Phone"] == "2"
    assert sf.json("data", "delete", "record", "-s", "Account", "-i", made["id"])["success"]
    gone = sf.error("data", "get", "record", "-s", "Account", "-i", made["id"])
    assert gone["name"] == "NOT_FOUND"

    refused = sf.error("data", "create", "record", "-s", "Contact", "-v", "FirstName=Jon")
    assert refused["name"] == "REQUIRED_FIELD_MISSING"
    assert "Required fields are missing: [LastName]" in refused["message"]


def test_queries(org: LocalOrg, sf: Cli) -> None:
    with org.client() as salesforce:
        account_id = salesforce.sobject.create("Account", {"Name": "Acme, Inc."})
        for name in ("Doe", 'R"oe'):
            contact = {"LastName": name, "AccountId": account_id, "Birthdate": "2000-02-29"}
            salesforce.sobject.create("Contact", contact)

    soql = "SELECT LastName, Account.Name, Account.Phone FROM Contact ORDER BY LastName"
    found = sf.json("data", "query", "-q", soql)
    assert (found["totalSize"], found["done"]) == (2, True)
    assert found["records"][0]["Account"]["Name"] == "Acme, Inc."
    rows = list(csv.DictReader(StringIO(sf.run("data", "query", "-q", soql, "-r", "csv"))))
    assert rows == [
        {"LastName": name, "Account.Name": "Acme, Inc.", "Account.Phone": ""}
        for name in ("Doe", 'R"oe')
    ]
    table = sf.run("data", "query", "-q", soql)
    assert "Account.Name" in table.upper().replace("ACCOUNT.NAME", "Account.Name")
    assert "Total number of records retrieved: 2." in table

    children = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account"
    rows = list(csv.DictReader(StringIO(sf.run("data", "query", "-q", children, "-r", "csv"))))
    assert rows[0]["Contacts.totalSize"] == "2"
    assert rows[0]["Contacts.records.0.LastName"] == "Doe"

    groups = "SELECT Birthdate, COUNT(Id), MAX(LastName) FROM Contact GROUP BY Birthdate"
    rows = list(csv.DictReader(StringIO(sf.run("data", "query", "-q", groups, "-r", "csv"))))
    assert [list(row.values()) for row in rows] == [["2000-02-29", "2", 'R"oe']]
    named = groups.replace("MAX(LastName)", "MAX(LastName) latest")
    assert sf.json("data", "query", "-q", named)["records"][0]["latest"] == 'R"oe'
    assert "Total number of records retrieved: 2." in sf.run(
        "data", "query", "-q", "SELECT COUNT() FROM Contact"
    )

    refused = sf.error("data", "query", "-q", "SELECT Nam FROM Account")
    assert refused["name"] == "INVALID_FIELD"
    assert "No such column 'Nam' on entity 'Account'." in refused["message"]
    assert sf.error("data", "query", "-q", "SELECT FROM")["name"] == "MALFORMED_QUERY"


def test_pages(org: LocalOrg, sf: Cli) -> None:
    with org.client() as salesforce, salesforce.composite.batch() as batch:
        for number in range(450):
            batch.sobject.create("Lead", {"LastName": f"{number:03}", "Company": "Acme"})
    found = sf.json("data", "query", "-q", "SELECT LastName FROM Lead ORDER BY LastName")
    assert [row["LastName"] for row in found["records"]] == [f"{n:03}" for n in range(450)]


def test_search(org: LocalOrg, sf: Cli) -> None:
    with org.client() as salesforce:
        salesforce.sobject.create("Account", {"Name": "Findable Industries"})
    sosl = "FIND {findab*} IN NAME FIELDS RETURNING Account(Id, Name)"
    (record,) = sf.json("data", "search", "-q", sosl)["searchRecords"]
    assert record["Name"] == "Findable Industries"
    assert "Findable Industries" in sf.run("data", "search", "-q", sosl)


def test_descriptions(sf: Cli) -> None:
    assert {"Account", "Contact", "Lead", "User"} <= set(sf.json("sobject", "list"))
    described = sf.json("sobject", "describe", "-s", "Contact")
    fields = {field["name"]: field for field in described["fields"]}
    assert (described["keyPrefix"], fields["Key__c"]["externalId"]) == ("003", True)
    assert sf.error("sobject", "describe", "-s", "Nothing__c")["name"] == "NOT_FOUND"


def test_limits(sf: Cli) -> None:
    limits = {limit["name"]: limit for limit in sf.json("limits", "api", "display")}
    assert 0 < limits["DailyApiRequests"]["remaining"] < limits["DailyApiRequests"]["max"]


def test_a_batch_and_other_requests(sf: Cli) -> None:
    path = "/services/data/v67.0/composite/batch"
    body = json.dumps(BATCH)
    answer = json.loads(sf.run("api", "request", "rest", path, "-X", "POST", "--body", body))
    assert answer["hasErrors"] is True
    assert [item["statusCode"] for item in answer["results"]] == [201, 200, 400]
    assert answer["results"][1]["result"]["records"][0]["Name"] == "Batched"
    versions = json.loads(sf.run("api", "request", "rest", "/services/data"))
    assert versions[-1]["version"] == "67.0"
    unknown = sf.run("api", "request", "rest", "/services/data/v67.0/nothing", fails=True)
    assert json.loads(unknown)[0]["errorCode"] == "NOT_FOUND"


def test_what_it_exports_is_a_seed(org: LocalOrg, sf: Cli, tmp_path: Path) -> None:
    with org.client() as salesforce:
        account_id = salesforce.sobject.create("Account", {"Name": "Acme"})
        for name in ("Doe", "Roe"):
            salesforce.sobject.create("Contact", {"LastName": name, "AccountId": account_id})
    accounts = "SELECT Id, Name FROM Account"
    contacts = "SELECT Id, LastName, AccountId FROM Contact"
    words = ("data", "export", "tree", "--plan", "--output-dir", str(tmp_path / "tree"))
    sf.run(*words, "--query", contacts, "--query", accounts)
    (plan,) = (tmp_path / "tree").glob("*plan.json")

    with LocalOrg() as other, other.client() as salesforce:
        other.seed(plan)
        soql = "SELECT LastName, Account.Name FROM Contact ORDER BY LastName"
        rows = [(row["LastName"], row["Account"]["Name"]) for row in salesforce.query(soql)]
    assert rows == [("Doe", "Acme"), ("Roe", "Acme")]


def test_signing_in_by_jwt(org: LocalOrg, cli: Cli, https: Server, tmp_path: Path) -> None:
    app = trustme.CA().issue_cert("app.example.com", key_type=trustme.KeyType.RSA)
    org.add_connected_app("a_consumer_key", certificate=app.cert_chain_pems[0].bytes())
    file = tmp_path / "app.key"
    file.write_bytes(app.private_key_pem.bytes())
    cli = cli.trusting(https)
    words = ["org", "login", "jwt", "--client-id", "a_consumer_key", "--jwt-key-file", str(file)]
    words += ["--instance-url", https.url, "-s"]
    assert cli.json(*words, "--username", org.username)["orgId"] == org.org_id
    assert cli.json("data", "query", "-q", "SELECT Id FROM User")["totalSize"] >= 1
    org.expire_token()
    assert cli.json("data", "query", "-q", "SELECT Id FROM User")["totalSize"] >= 1
    refused = cli.error(*words, "--username", "nobody@example.com")
    assert "user hasn't approved this consumer" in refused["message"]


def test_signing_in_by_a_refresh_token(
    org: LocalOrg, cli: Cli, https: Server, tmp_path: Path
) -> None:
    token = org.grant_refresh_token("PlatformCLI")
    file = tmp_path / "auth-url.txt"
    file.write_text(f"force://PlatformCLI::{token}@{https.url.removeprefix('https://')}")
    cli = cli.trusting(https)
    done = cli.json("org", "login", "sfdx-url", "--sfdx-url-file", str(file), "-s")
    assert done["username"] == org.username
    org.expire_token()
    assert cli.json("data", "query", "-q", "SELECT Id FROM User")["totalSize"] >= 1
