"""``twinforce serve``: a local org for clients in any language, until it is stopped."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from ..org import LocalOrg

if TYPE_CHECKING:
    from ..server.web import Server

_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _org(settings) as org, _server(org, settings) as server:
            with contextlib.suppress(KeyboardInterrupt):
                _announce(org, server, settings)
                while True:
                    time.sleep(_UNTIL_A_SIGNAL)
            # Whoever cannot wait for the answers that are being written, asks once more.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    except _StartError as error:
        _warn(str(error))
        return 1
    return 0


def _warn(message: str) -> None:
    print(f"twinforce: {message}", file=sys.stderr)


class _StartError(Exception):
    """Something of the user's, not of ours, keeps the org from being served."""


@contextlib.contextmanager
def _telling(place: str = "") -> Iterator[None]:
    """Make what the org says of files, declarations and its *place* one line for the user."""
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        if error.filename is not None:
            said = f"{str(error.filename)!r} cannot be read: {said}"
        elif place:
            said = said.rpartition(": ")[2]  # asyncio says before it which address that was
            said = f"cannot serve at {place}: {said}; choose another --port or --host"
        raise _StartError(said) from error
    except (ValueError, TypeError) as error:
        raise _StartError(" ".join(str(error).split())) from error


@contextlib.contextmanager
def _org(settings: Settings) -> Iterator[LocalOrg]:
    with _telling():
        org = LocalOrg(settings.db)
    with org:
        with _telling():
            for folder in settings.schema:
                org.load_metadata(folder)  # it logs what it skips, so that stderr shows it
            org.seed(*settings.seeds)
        yield org


def _server(org: LocalOrg, settings: Settings) -> Server:
    with _telling(f"{settings.host}:{settings.port}"):
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
    if settings.host not in _THIS_MACHINE:
        _warn(
            f"whoever can reach {settings.host} can sign in to this org: "
            "the words to sign in with are known to all"
        )
    print(json.dumps(facts) if settings.as_json else _text(facts, settings), flush=True)


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
