"""Connected apps: the clients that may ask for tokens, and how each is let in."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from .. import arguments
from .callbacks import is_callback, is_on_this_machine
from .refusals import OAuthError, same

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


@attrs.frozen
class ConnectedApp:
    """A client: its consumer key and secret, and what it may do.

    An app without a *client_secret* is a public one; it cannot use the client credentials flow.
    Without *callback_urls* any on this machine will do. *run_as* is the Username for whom the
    client credentials flow signs in; None is the administrator.
    """

    client_id: str
    client_secret: str | None = attrs.field(default=None, repr=False)
    public_key: RSAPublicKey | None = attrs.field(default=None, repr=False)
    callback_urls: tuple[str, ...] = ()
    run_as: str | None = None
    rotate_refresh_tokens: bool = False

    @classmethod
    def of(
        cls,
        client_id: Any,
        client_secret: Any,
        *,
        certificate: Any,
        callback_urls: Any,
        run_as: Any,
        rotate_refresh_tokens: Any,
    ) -> ConnectedApp:
        """Check what a user registers; see ``LocalOrg.add_connected_app``."""
        if not arguments.text("client_id", client_id):
            message = "client_id must not be empty"
            raise ValueError(message)
        if client_secret is not None and not arguments.text("client_secret", client_secret):
            message = "client_secret must not be empty; leave it out for an app without one"
            raise ValueError(message)
        if isinstance(callback_urls, str) or not isinstance(callback_urls, Iterable):
            message = 'callback_urls must be a list, such as ["http://localhost:1717/callback"]'
            raise TypeError(message)
        urls = tuple(arguments.text("each of callback_urls", url) for url in callback_urls)
        for url in urls:
            if not is_callback(url):
                message = (
                    "each of callback_urls must be a whole URL without a fragment, such as "
                    f"http://localhost:1717/callback, not {url!r}"
                )
                raise ValueError(message)
        return cls(
            client_id,
            client_secret,
            None if certificate is None else _public_key(certificate),
            urls,
            None if run_as is None else arguments.text("run_as", run_as),
            arguments.boolean("rotate_refresh_tokens", rotate_refresh_tokens),
        )

    def takes_callback(self, url: str) -> bool:
        """Whether *url* may be sent a code."""
        return url in self.callback_urls if self.callback_urls else is_on_this_machine(url)


class ConnectedApps:
    """The apps of an org, by their consumer keys."""

    def __init__(self, *apps: ConnectedApp) -> None:
        self._apps = {app.client_id: app for app in apps}

    def add(self, app: ConnectedApp) -> None:
        """Let *app* in, in the place of the one with its client_id if there is one."""
        self._apps[app.client_id] = app

    def get(self, client_id: str) -> ConnectedApp:
        """Find an app. Raises OAuthError if there is none."""
        app = self._apps.get(client_id)
        if app is None:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        return app

    def authenticated(self, headers: Mapping[str, str], form: Mapping[str, str]) -> ConnectedApp:
        """Return the app whose key and secret came, by HTTP Basic or in the *form*.

        A public app has no secret to show. What comes in both ways must be right in both. Raises
        OAuthError.
        """
        client_id, secrets = _credentials(headers, form)
        app = self.get(client_id)
        if not all(same(secret, app.client_secret or "") for secret in secrets):
            raise OAuthError("invalid_client", "invalid client credentials")
        return app


def _credentials(headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the key of an app, empty if none or several came, and the secrets that came."""
    posted = form.get("client_id", "")
    secret = form.get("client_secret", "")
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return posted, [secret]
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except ValueError:  # no base64, or not that of UTF-8
        return "", []
    client_id, _, basic_secret = decoded.partition(":")
    if posted and posted != client_id:
        return "", []
    return client_id, [basic_secret, secret] if secret else [basic_secret]


def _public_key(certificate: Any) -> RSAPublicKey:
    from .assertions import read_public_key

    if isinstance(certificate, Path):
        return read_public_key(certificate.read_bytes())
    if isinstance(certificate, str):
        return read_public_key(certificate.encode())
    if isinstance(certificate, bytes):
        return read_public_key(certificate)
    message = (
        "certificate must be the PEM of an X.509 certificate or an RSA public key, as str or "
        f"bytes, or the Path of its file, not {type(certificate).__name__}"
    )
    raise TypeError(message)
