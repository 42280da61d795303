"""``twinforce serve`` and ``twinforce demo``, as users run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from twinforce import AccessToken, ClientCredentials, RequestsTransport, Salesforce
from twinforce.local.tools.cli import main

DOCUMENT = Path(__file__).parents[2] / "docs" / "local-org.md"
SHELL = shutil.which("sh")
START = "from twinforce.local.tools.cli import main; raise SystemExit(main())"
FIELD = """<?xml version="1.0" encoding="UTF-8"?>
<CustomField xmlns="http://soap.sforce.com/2006/04/metadata">
    <fullName>Rank__c</fullName><label>Rank</label>
    <type>Number</type><precision>3</precision><scale>0</scale>
</CustomField>
"""


class Command:
    """``twinforce serve`` while it runs; then what it said and how it ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def stop(self, number: signal.Signals) -> tuple[int, str, str]:
        """Send a signal; return the exit status, and what is left of both outputs."""
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, output, errors


@contextmanager
def serving(*options: str, warnings: str = "error") -> Iterator[Command]:
    python = (sys.executable, "-W", warnings)
    with subprocess.Popen(
        [*python, "-c", START, "serve", "--port=0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    ) as process:
        try:
            yield Command(process)
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def seed(folder: Path) -> Path:
    path = folder / "seed.json"
    path.write_text('{"Account": [{"Name": "Acme", "Rank__c": 1}]}', "utf-8")
    return path


def schema(folder: Path) -> Path:
    fields = folder / "source" / "objects" / "Account" / "fields"
    fields.mkdir(parents=True, exist_ok=True)
    (fields / "Rank__c.field-meta.xml").write_text(FIELD, "utf-8")
    return folder / "source"


def test_an_org_in_a_file_is_served_with_its_schema_and_its_seed_again_and_again(
    tmp_path: Path,
) -> None:
    db = tmp_path / "org.db"
    options = (f"--db={db}", f"--schema={schema(tmp_path)}", f"--seed={seed(tmp_path)}", "--json")
    found: list[list[tuple[str, Any]]] = []
    for name in ("Globex", "Initech"):
        with serving(*options) as command:
            facts = json.loads(command.line())
            grant = ClientCredentials(facts["client_id"], facts["client_secret"])
            with Salesforce(facts["url"], grant) as salesforce:
                salesforce.sobject.create("Account", {"Name": name})
                rows = salesforce.query("SELECT Name, Rank__c FROM Account ORDER BY Name").all()
            found.append([(row["Name"], row["Rank__c"]) for row in rows])
            assert command.stop(signal.SIGTERM) == (0, "", "")

    assert found == [
        [("Acme", 1), ("Globex", None)],
        [("Acme", 1), ("Globex", None), ("Initech", None)],
    ]
    assert {"url", "access_token", "username", "password", "security_token"} <= facts.keys()


def test_what_it_says_lets_people_in_and_ctrl_c_ends_it() -> None:
    with serving() as command:
        said = command.line()
        assert said.startswith("A local org, in memory, at http://127.0.0.1:")
        while not said.endswith("\nCtrl-C ends it, and the org with it.\n"):
            said += command.line()
        [python] = [line.partition(":")[2] for line in said.splitlines() if "Python:" in line]
        names = {"Salesforce": Salesforce, "AccessToken": AccessToken}
        with eval(python, names) as salesforce:  # noqa: S307 - it is ours
            assert salesforce.query("SELECT Id FROM Account").all() == []
            [user] = salesforce.query("SELECT Username FROM User").all()
        assert user["Username"] in said
        ended = command.stop(signal.SIGINT)

    assert ended == (0, "", "")
    assert "sf org login access-token --instance-url http://127.0.0.1:" in said


@pytest.mark.skipif(SHELL is None or shutil.which("curl") is None, reason="needs sh and curl")
def test_the_example_of_the_documents_runs_in_a_shell() -> None:
    [script] = re.findall(r"(?ms)^```sh\n(url=.*?)^```", DOCUMENT.read_text("utf-8"))
    with serving("--json") as command:
        url = json.loads(command.line())["url"]
        here = script.replace("http://127.0.0.1:8080", url)
        done = subprocess.run([str(SHELL), "-c", here], capture_output=True, check=True)
    answer = json.loads(done.stdout)

    assert not answer["hasErrors"]
    assert answer["results"][1]["result"]["records"][0]["Name"] == "Acme"


def test_with_tls_it_says_which_certificate_to_trust() -> None:
    with serving("--tls", "--json") as command:
        facts = json.loads(command.line())
        token = AccessToken(facts["access_token"])
        with (
            RequestsTransport(ca_bundle=facts["certificate"]) as transport,
            Salesforce(facts["url"], token, transport=transport) as salesforce,
        ):
            assert facts["url"].startswith("https://127.0.0.1:")
            assert salesforce.query("SELECT Id FROM Account").all() == []
        assert command.stop(signal.SIGTERM) == (0, "", "")
    assert not Path(facts["certificate"]).exists()


def test_other_machines_are_let_in_only_with_a_warning() -> None:
    with serving("--host=0.0.0.0", "--json") as command:
        assert json.loads(command.line())["url"].startswith("http://127.0.0.1:")
        status, _, errors = command.stop(signal.SIGTERM)

    assert status == 0
    assert errors.startswith("twinforce: whoever can reach 0.0.0.0 can sign in to this org")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")
def test_ctrl_c_before_it_serves_ends_it_without_a_traceback(tmp_path: Path) -> None:
    pipe = tmp_path / "seed.json"
    os.mkfifo(pipe)
    # Between the opening of a file and its reading, an interruption leaves it to be closed later.
    serve = serving(f"--seed={pipe}", warnings="ignore::ResourceWarning")
    with serve as command, pipe.open("w"):  # it is reading now, for ever
        assert command.stop(signal.SIGINT) == (130, "", "")


def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status = main(["serve", f"--port={port}"])

    assert status == 1
    assert capsys.readouterr().err == (
        f"twinforce: cannot serve at 127.0.0.1:{port}: address already in use; "
        "choose another --port or --host\n"
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--db={folder}/none/org.db", "cannot be used: unable to open database file"),
        ("--db={folder}/other", "is not the file of a local org"),
        ("--seed={folder}/none.json", "the seed file '{folder}/none.json' cannot be read: No such"),
        ("--seed={folder}/other", "other is not JSON"),
        ("--seed={folder}/seed.json", "seed.json, Account, record 1: No such column 'Rank__c'"),
        ("--schema={folder}/none", "{folder}/none"),
        ("--schema={folder}/broken", "Rank__c.field-meta.xml"),
        ("--cert={folder}/none --key={folder}/other", "'{folder}/none' cannot be read: No such"),
        ("--cert={folder}/other --key={folder}/other", "cannot be used for TLS"),
        ("--host=nowhere.invalid", "cannot serve at nowhere.invalid:0: "),
    ],
)
def test_what_keeps_it_from_serving_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: str, complaint: str
) -> None:
    (tmp_path / "other").write_text("something else\n" * 100, "utf-8")
    seed(tmp_path)
    broken = schema(tmp_path).rename(tmp_path / "broken")
    (broken / "objects/Account/fields/Rank__c.field-meta.xml").write_text("<Custom", "utf-8")

    status = main(["serve", "--port=0", *options.format(folder=tmp_path).split()])

    assert status == 1
    output, errors = capsys.readouterr()
    assert errors.startswith("twinforce: ")
    assert errors.count("\n") == 1
    assert complaint.format(folder=tmp_path) in errors
    assert not output


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--port=65536"], "argument --port: '65536' is no port"),
        (["--port=http"], "argument --port: 'http' is no port"),
        (["--cert=a.pem"], "--cert and --key go together"),
        (["--key=a.pem"], "--cert and --key go together"),
        (["--bogus"], "unrecognized arguments: --bogus"),
    ],
)
def test_wrong_options_are_told_with_the_usage(
    capsys: pytest.CaptureFixture[str], options: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", *options])

    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_source_that_the_org_cannot_have_is_told(tmp_path: Path) -> None:
    event = tmp_path / "objects" / "News__e"
    event.mkdir(parents=True)
    (event / "News__e.object-meta.xml").write_text(
        '<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata"><label>News</label>'
        "<pluralLabel>News</pluralLabel><eventType>HighVolume</eventType></CustomObject>",
        "utf-8",
    )
    with serving(f"--schema={tmp_path}", "--json") as command:
        command.line()
        status, _, errors = command.stop(signal.SIGTERM)

    assert status == 0
    assert errors.count("\n") == 1
    assert "News__e: the local org has no use for a platform event" in errors


def test_without_the_extra_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lark", None)

    assert main(["serve"]) == 1
    assert 'pip install "twinforce[local]"' in capsys.readouterr().err


def test_the_demo_shows_both_twins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    output = capsys.readouterr().out
    assert "Salesforce, blocking" in output
    assert "AsyncSalesforce, asyncio" in output
