"""TLS of a local server: certificates that are made for it, or the user's own."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs

from ..arguments import read_file
from .hosts import is_everywhere

_TAKEN: Final = "; tls takes (certificate file, key file), both PEM, or True, which makes one"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@attrs.frozen
class Tls:
    """How a server speaks TLS; *certificate* is what clients have to trust, if that is known."""

    context: ssl.SSLContext = attrs.field(repr=False)
    certificate: Path | None = None
    _folder: TemporaryDirectory[str] | None = attrs.field(default=None, repr=False)

    @classmethod
    def of(cls, tls: Any, host: str) -> Tls | None:
        """Read what a user passes as *tls*; see ``LocalOrg.serve``."""
        if tls is False or tls is None:
            return None
        if tls is True:
            # Who serves everywhere, is called by the name of the machine.
            return _made_for({*_LOOPBACK, gethostname() if is_everywhere(host) else host})
        if isinstance(tls, ssl.SSLContext):
            return cls(tls)
        if isinstance(tls, tuple) and len(tls) == 2 and all(isinstance(p, str | Path) for p in tls):
            return _loaded(Path(tls[0]), Path(tls[1]))
        message = (
            "tls must be True, a pair (certificate file, key file) or an ssl.SSLContext, not "
            f"{type(tls).__name__}"
        )
        raise TypeError(message)

    def close(self) -> None:
        """Remove the files that were made."""
        if self._folder is not None:
            self._folder.cleanup()


def _loaded(certificate: Path, key: Path) -> Tls:
    for what, path in (("certificate", certificate), ("private key", key)):
        read_file(what, path, _TAKEN)  # ssl's error would not name the file
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # With a password that is none, OpenSSL does not ask for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        message = (
            f"{certificate} and {key} cannot be used for TLS: {error.reason or error}; they must "
            "be a certificate and the private key that goes with it, both PEM and not encrypted"
        )
        raise ValueError(message) from None
    return Tls(context, certificate)


def _made_for(hosts: Iterable[str]) -> Tls:
    """Make a certificate for *hosts*; of its files only the one to trust is kept."""
    from .certificates import make

    made = make(hosts)
    folder = TemporaryDirectory(prefix="twinforce-", ignore_cleanup_errors=True)
    trusted, own = Path(folder.name, "ca.pem"), Path(folder.name, "server.pem")
    trusted.write_bytes(made.authority)
    own.write_bytes(made.server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    own.unlink()
    return Tls(context, trusted, folder)
