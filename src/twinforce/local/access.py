"""What a caller needs to get into an org, and who else may: a part of LocalOrg."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from threading import RLock

from . import arguments, oauth
from .schema import Schema
from .store.tables import Store


class Access(ABC):
    """Signs in the administrator, whose id is *user_id*, and whom else the org knows."""

    def __init__(
        self,
        schema: Schema,
        store: Store,
        clock: Callable[[], datetime],
        *,
        lock: RLock,
        org_id: str,
        user_id: str,
    ) -> None:
        self._lock = lock
        self.user_id = user_id
        self._org_id = org_id
        self._app = oauth.ConnectedApp("local-org-client-id", "local-org-client-secret")
        self._apps = oauth.ConnectedApps(self._app, oauth.ConnectedApp("PlatformCLI"))
        self._users = oauth.Users(schema, store, user_id)
        self._sessions = oauth.Sessions(
            store, clock, org_id=org_id, app=self._app.client_id, user_id=user_id
        )
        self._sign_in = oauth.SignIn(
            self._apps, self._users, self._sessions, clock, org_id=org_id, org_url=self.instance_url
        )

    @abstractmethod
    def _check_open(self) -> None:
        """Raise InvalidStateError if the org is closed."""

    @property
    def instance_url(self) -> str:
        """The instance URL for requests in process; a server has its own."""
        return "https://local-org.my.salesforce.com"

    @property
    def org_id(self) -> str:
        """The id of the org, 18 characters that begin with 00D."""
        return self._org_id

    @property
    def access_token(self) -> str:
        """The token that lets requests in, in process and over HTTP.

        It does not expire, unless :meth:`expire_token`, :meth:`set_password` or a fault makes it;
        then this is a new one.
        """
        with self._lock:
            self._check_open()
            return self._sessions.access_token

    @property
    def client_id(self) -> str:
        """The consumer key for ``/services/oauth2/token``, by any of its flows but JWT bearer."""
        return self._app.client_id

    @property
    def client_secret(self) -> str:
        """The consumer secret that goes with :attr:`client_id`."""
        return self._app.client_secret or ""

    @property
    def username(self) -> str:
        """The Username of the administrator, who owns the records."""
        with self._lock:
            self._check_open()
            user = self._users.with_id(self.user_id)
            return "" if user is None else str(user["Username"])

    @property
    def password(self) -> str:
        """The password of every User, for the password flow and SOAP's login.

        What is sent is the password with :attr:`security_token` behind it. :meth:`set_password`
        gives a user another one.
        """
        return oauth.PASSWORD

    @property
    def security_token(self) -> str:
        """The security token that goes with :attr:`password`."""
        return oauth.SECURITY_TOKEN

    def expire_token(self) -> None:
        """Refuse all access tokens from now on (401 INVALID_SESSION_ID).

        Clients have to sign in again, which gives them new ones; refresh tokens go on.
        """
        with self._lock:
            self._check_open()
            self._sessions.expire_token()

    def set_password(
        self, username: str, password: str, *, security_token: str = oauth.SECURITY_TOKEN
    ) -> None:
        """Give the User with this Username another password, and end the sessions of that User.

        Refresh tokens go on. With an empty *security_token* the password alone will do, as from a
        trusted network. The org does not keep passwords in its file. Raises ValueError if there is
        no such User, or for an empty password.
        """
        known = oauth.Password(
            arguments.text("password", password), arguments.text("security_token", security_token)
        )
        if not password:
            message = "password must not be empty"
            raise ValueError(message)
        with self._lock:
            self._check_open()
            user_id = self._users.set_password(arguments.text("username", username), known)
            self._sessions.end_all(user_id)

    def add_connected_app(
        self,
        client_id: str,
        client_secret: str | None = None,
        *,
        certificate: str | bytes | Path | None = None,
        callback_urls: Iterable[str] = (),
        run_as: str | None = None,
        rotate_refresh_tokens: bool = False,
    ) -> None:
        """Let another app sign in at ``/services/oauth2/token``.

        Without a *client_secret* it is a public app, which cannot use the client credentials flow.
        *certificate* is the X.509 certificate, or the RSA public key, with which the assertions of
        the JWT bearer flow are checked: PEM, or the Path of its file. Codes are sent to
        *callback_urls*; without any, to every URL of this machine. *run_as* is the Username for
        whom the client credentials flow signs in, the administrator's unless given. With
        *rotate_refresh_tokens*, a refresh token works once and is answered with another one; a
        spent one that comes again ends all of that grant.

        An app that is added again replaces the one before, but for the org's own
        (:attr:`client_id`). The org does not keep apps in its file. Raises TypeError or ValueError
        for arguments that make no sense.
        """
        app = oauth.ConnectedApp.of(
            client_id,
            client_secret,
            certificate=certificate,
            callback_urls=callback_urls,
            run_as=run_as,
            rotate_refresh_tokens=rotate_refresh_tokens,
        )
        if app.client_id == self.client_id:
            message = f"{client_id!r} is the org's own app; give yours another client_id"
            raise ValueError(message)
        with self._lock:
            self._check_open()
            self._apps.add(app)

    def grant_refresh_token(self, client_id: str | None = None, username: str | None = None) -> str:
        """Return a new refresh token, as a user's sign-in by the web server flow gives one.

        It is for the app *client_id* (the org's own unless given) and the user *username* (the
        administrator). As at Salesforce, a user has five of them for an app: with the sixth the
        oldest ends. Raises ValueError if there is no such app or active User.
        """
        with self._lock:
            self._check_open()
            return self._sign_in.grant_refresh_token(
                self.client_id if client_id is None else client_id, username
            )
