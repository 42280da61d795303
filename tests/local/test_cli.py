"""``twinforce serve`` and ``twinforce demo``, as users run them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
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
UNCLOSED = "ignore::ResourceWarning"
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
def serving(
    *options: str, start: str = START, encoding: str = "utf-8", warnings: str = "error"
) -> Iterator[Command]:
    python = (sys.executable, "-W", warnings)
    with subprocess.Popen(
        [*python, "-c", start, "serve", "--port=0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": encoding},
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


def many(folder: Path) -> Path:
    """Make a seed that takes much longer to load than a test may take."""
    path = folder / "seed.json"
    path.write_text(json.dumps({"Account": [{"Name": "Acme"}] * 200_000}), "utf-8")
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [1, 3])
def test_an_interruption_before_it_serves_ends_it_without_a_traceback(
    tmp_path: Path, number: signal.Signals, times: int
) -> None:
    db = tmp_path / "org.db"
    # Between the opening of a file and its reading, an interruption leaves it to be closed later.
    with serving(f"--db={db}", f"--seed={many(tmp_path)}", warnings=UNCLOSED) as command:
        while not db.exists():  # then it is at work, and signals mean what they shall
            assert command.process.poll() is None
        for _ in range(times - 1):
            command.process.send_signal(number)
        assert command.stop(number) == (130, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_cannot_wait_ends_it_by_one_more_signal(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving("--tls", "--json", warnings=UNCLOSED) as command:
        facts = json.loads(command.line())
        certificate = Path(facts["certificate"])
        assert certificate.is_relative_to(tmp_path)
        with socket.create_connection(("127.0.0.1", int(facts["url"].rpartition(":")[2]))):
            for _ in range(5):
                command.process.send_signal(number)
            status, *said = command.stop(number)
    assert status in {0, -number}  # as quick as it was
    assert said == ["", ""]
    assert list(tmp_path.iterdir()) == []


def test_two_signals_in_the_middle_of_an_answer_end_it_and_remove_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    # An action that never ends, so that the first signal is not enough.
    slow = (
        "import time; from twinforce.local import org; made = org.LocalOrg.__init__; "
        "org.LocalOrg.__init__ = lambda self, *given: (made(self, *given), self.add_action("
        "'standard/sleep', lambda _: print('asleep', flush=True) or time.sleep(600)), None)[2]; "
    )
    with serving("--tls", "--json", start=slow + START, warnings=UNCLOSED) as command:
        facts = json.loads(command.line())
        context = ssl.create_default_context(cafile=facts["certificate"])
        port = int(facts["url"].rpartition(":")[2])
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
        with contextlib.closing(connection):
            connection.request(
                "POST",
                "/services/data/v67.0/actions/standard/sleep",
                '{"inputs": [{}]}',
                {"Authorization": f"Bearer {facts['access_token']}"},
            )
            assert command.line() == "asleep\n"
            command.process.send_signal(signal.SIGTERM)
            while port_is_open(port):  # until the first has been understood
                pass
            assert command.stop(signal.SIGTERM) == (-signal.SIGTERM, "", "")
    assert list(tmp_path.iterdir()) == []


def port_is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.skipif(SHELL is None or sys.platform == "win32", reason="needs a shell")
@pytest.mark.parametrize(
    ("command", "targets"),
    [
        ("serve --port=0", ["| true", "> /dev/full"]),
        ("serve --port=0 --json", ["| true", "> /dev/full"]),
        ("demo", ["| true", "> /dev/full", ">&-"]),
        ("--help", ["| true", "> /dev/full"]),
    ],
    ids=range(4),
)
def test_nobody_to_tell_is_no_traceback(command: str, targets: list[str]) -> None:
    python = shlex.join([sys.executable, "-c", START])
    for target in targets:
        if target == "> /dev/full" and not Path("/dev/full").exists():
            continue
        done = subprocess.run(
            [str(SHELL), "-c", f"{python} {command} {target}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        is_told = done.stderr.startswith("twinforce: the standard output cannot be written: ")
        assert not done.stderr or (is_told and done.stderr.count("\n") == 1)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")
@pytest.mark.parametrize("options", ["--seed={pipe}", "--cert={pipe} --key={pipe}"])
def test_what_is_no_regular_file_is_not_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: str
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert main(["serve", "--port=0", *options.format(pipe=pipe).split()]) == 1
    assert f"{str(pipe)!r} cannot be read: it is no regular file" in capsys.readouterr().err


@pytest.mark.parametrize(("host", "warned"), [("0", True), ("127.1", False)])
def test_a_host_may_be_written_shortly(host: str, *, warned: bool) -> None:
    with serving(f"--host={host}", "--json") as command:
        url = json.loads(command.line())["url"]
        assert url.startswith("http://127.0.0.1:")
        assert port_is_open(int(url.rpartition(":")[2]))
        _, _, errors = command.stop(signal.SIGTERM)
    assert errors.startswith("twinforce: whoever can reach") is warned


def test_what_the_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    with serving(f"--db={tmp_path / 'zoë.db'}", encoding="ascii") as command:
        assert "zo\\xeb.db" in command.line()
        status, _, errors = command.stop(signal.SIGTERM)
    assert (status, errors) == (0, "")


def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status = main(["serve", f"--port={port}"])

    assert status == 1
    assert capsys.readouterr().err == (
        f"twinforce: cannot serve at 127.0.0.1:{port}: address already in use; "
        "choose another port or host\n"
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--db={folder}/none/org.db", "cannot be used: unable to open database file"),
        ("--db={folder}/other", "is not the file of a local org"),
        ("--seed={folder}/none.json", "the seed file '{folder}/none.json' cannot be read: No such"),
        ("--seed={folder}/other", "other is not JSON"),
        ("--seed={folder}/seed.json", "seed.json, Account, record 1: No such column 'Rank__c'"),
        ("--seed={folder}/empty.json", "empty.json holds no records: a seed file is"),
        ("--seed={folder}/latin.json", "latin.json is not UTF-8; save it as UTF-8"),
        ("--schema={folder}/none", "the folder '{folder}/none' cannot be read: No such file"),
        ("--schema={folder}/empty", "'{folder}/empty' holds no metadata of objects"),
        ("--schema={folder}/broken", "Rank__c.field-meta.xml"),
        (
            "--cert={folder}/none --key={folder}/other",
            "the certificate '{folder}/none' cannot be read: No such",
        ),
        ("--cert={folder}/other --key={folder}/other", "cannot be used for TLS"),
        ("--host=nowhere.invalid", "cannot serve at nowhere.invalid:0: "),
    ],
)
def test_what_keeps_it_from_serving_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: str, complaint: str
) -> None:
    (tmp_path / "other").write_text("something else\n" * 100, "utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.json").write_text("{}", "utf-8")
    (tmp_path / "latin.json").write_text('{"Account": [{"Name": "Süd"}]}', "latin-1")
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
        ([f"--port={'9' * 5_000}"], "argument --port: '99999999999999999999…' is no port"),
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


def test_folders_of_source_may_refer_to_each_other(tmp_path: Path) -> None:
    fields = tmp_path / "one" / "objects" / "Account" / "fields"
    fields.mkdir(parents=True)
    (fields / "Kind__c.field-meta.xml").write_text(
        '<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><fullName>Kind__c</fullName>'
        "<label>Kind</label><type>Lookup</type><referenceTo>Kind__c</referenceTo></CustomField>",
        "utf-8",
    )
    kind = tmp_path / "two" / "objects" / "Kind__c"
    kind.mkdir(parents=True)
    (kind / "Kind__c.object-meta.xml").write_text(
        '<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata"><label>Kind</label>'
        "</CustomObject>",
        "utf-8",
    )
    both = (f"--schema={tmp_path / name}" for name in ("one", "two"))
    with serving(*both, "--json") as command:
        facts = json.loads(command.line())
        with Salesforce(facts["url"], AccessToken(facts["access_token"])) as salesforce:
            assert salesforce.query("SELECT Kind__r.Name FROM Account").all() == []
        assert command.stop(signal.SIGTERM) == (0, "", "")


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
