"""``twinforce serve``: a local org for clients in any language, until it is stopped."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import attrs

from ..org import LocalOrg
from ..server.hosts import is_this_machine
from .output import say, warn

if TYPE_CHECKING:
    from ..server.web import Server

_UNTIL_A_SIGNAL: Final = 3600.0  # a sleep is what Ctrl-C interrupts on every system


@attrs.frozen
class Settings:
    """What ``twinforce serve`` is to do; *tls* is True, or a certificate and its key."""

    port: int = 8080
    host: str = "127.0.0.1"
    db: Path | None = None
    tls: bool | tuple[Path, Path] = False
    schema: Sequence[Path] = ()
    seeds: Sequence[Path] = ()
    as_json: bool = False


def serve_until_stopped(settings: Settings) -> int:
    """Serve an org until Ctrl-C or SIGTERM; return the exit status, 0 if it could be served.

    Raises KeyboardInterrupt if either comes before it is served.
    """
    signals = _Signals()
    signals.listen()
    try:
        with _org(settings) as org, _server(org, settings) as server:
            signals.server = server
            with contextlib.suppress(KeyboardInterrupt):
                _announce(org, server, settings)
                while not signals.asked:
                    time.sleep(_UNTIL_A_SIGNAL)
    except Exception as error:
        if signals.asked and signals.server is None:
            raise KeyboardInterrupt from None  # of which SQLite makes another error, say
        if not isinstance(error, _StartError):
            raise
        warn(str(error))
        return 1
    return 0


@attrs.define
class _Signals:
    """What Ctrl-C and SIGTERM do: the first ends the *server*, as soon as it has answered.

    Whoever cannot wait for that, asks once more, which ends the process. Until there is a server,
    ending takes no time, and is not to be interrupted.
    """

    server: Server | None = None
    asked: bool = False

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self._end)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # of a shell's background
            signal.signal(signal.SIGINT, self._end)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(each) == self._end:
                signal.signal(each, signal.SIG_IGN if self.server is None else self._end_at_once)
        self.asked = True
        raise KeyboardInterrupt

    def _end_at_once(self, number: int, _frame: FrameType | None) -> None:
        if self.server is not None:
            self.server.remove_files()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


class _StartError(Exception):
    """Something of the user's, not of ours, keeps the org from being served."""


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    """Make what the org says of files, declarations and its port one line for the user."""
    try:
        yield
    except (OSError, TypeError, ValueError) as error:
        raise _StartError(" ".join(str(error).split())) from error


@contextlib.contextmanager
def _org(settings: Settings) -> Iterator[LocalOrg]:
    with _telling():
        org = LocalOrg(settings.db)
    with org:
        with _telling():
            org.load_metadata(*settings.schema)  # it logs what it skips, so that stderr shows it
            org.seed(*settings.seeds)
        yield org


def _server(org: LocalOrg, settings: Settings) -> Server:
    with _telling():
        return org.serve(port=settings.port, host=settings.host, tls=settings.tls)


def _announce(org: LocalOrg, server: Server, settings: Settings) -> None:
    certificate = server.certificate
    facts: dict[str, Any] = {
        "url": server.url,
        "access_token": server.access_token,
        "client_id": server.client_id,
        "client_secret": server.client_secret,
        "username": org.username,
        "password": org.password,
        "security_token": org.security_token,
        "certificate": None if certificate is None else str(certificate),
    }
    if not is_this_machine(settings.host):
        warn(
            f"whoever can reach {settings.host} can sign in to this org: "
            "the words to sign in with are known to all"
        )
    say(json.dumps(facts) if settings.as_json else _text(facts, settings))


def _text(facts: dict[str, Any], settings: Settings) -> str:
    """Say for people where the org is, and how clients sign in."""
    place = "in memory" if settings.db is None else f"in {settings.db}"
    url, token = facts["url"], facts["access_token"]
    sign_in = f"SF_ACCESS_TOKEN='{token}' sf org login access-token --instance-url {url}"
    client = f'Salesforce("{url}", AccessToken("{token}")'
    lines = [f"A local org, {place}, at {url}", ""]
    lines += [
        f"  {name.replace('_', ' '):<14} {value}"
        for name, value in facts.items()
        if name != "url" and value is not None
    ]
    certificate = facts["certificate"]
    if certificate is not None:
        sign_in = f"NODE_EXTRA_CA_CERTS={certificate} {sign_in}"
        client += f', transport=RequestsTransport(ca_bundle="{certificate}")'
    lines += [
        "",
        f"Python:  {client})",
        f"sf:      {sign_in} --no-prompt --alias local",
        "",
        "Ctrl-C ends it" + (", and the org with it." if settings.db is None else "."),
    ]
    return "\n".join(lines)
