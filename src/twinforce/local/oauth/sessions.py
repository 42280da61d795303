"""The tokens that let requests in. They are kept in the org's file, so they outlive a restart."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import attrs

from ..store.tables import Store

SCOPE: Final = "api"
_TABLE: Final = "_tokens"
_EXPIRED: Final = "expired access tokens"  # the sequence that counts them
_COLUMNS: Final = "token, kind, app, user, scope, issued, family, spent"
_MOST_GRANTS: Final = 5  # of a user to an app, as at Salesforce
_MOST_TOKENS: Final = 100  # of a grant and kind; more than that many clients do not share one


@attrs.frozen
class Session:
    """A token, whose it is, and by which app; *issued* in seconds since 1970.

    Tokens of one *family* come from the same grant of a user to an app; that of the sign-ins which
    give the same token to all is empty. A refresh token is *spent* when another one was given for
    it.
    """

    token: str = attrs.field(repr=False)
    kind: str
    app: str
    user_id: str
    scope: str
    issued: float
    family: str = attrs.field(repr=False)
    spent: bool = attrs.field(converter=bool)

    @property
    def is_refresh_token(self) -> bool:
        return self.kind == "refresh"


class Sessions:
    """All tokens of an org. The one of *app* for *user_id* is the org's own access token.

    They are bounded, and the oldest go: a user has five grants to an app, a grant a hundred tokens.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime], *, org_id: str, app: str, user_id: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._org_id = org_id
        self._owner = (app, user_id)
        self._run(
            f"CREATE TABLE IF NOT EXISTS {_TABLE} (token TEXT PRIMARY KEY, kind TEXT NOT NULL, "
            "app TEXT NOT NULL, user TEXT NOT NULL, scope TEXT NOT NULL, issued REAL NOT NULL, "
            "family TEXT NOT NULL, spent INTEGER NOT NULL DEFAULT 0)"
        )
        self.current(app, user_id)

    @property
    def access_token(self) -> str:
        """The org's own, as it is now: another org on the same file may have made it expire."""
        return self.current(*self._owner).token

    def find(self, token: str) -> Session | None:
        """Return what is known of a token, if it is alive."""
        if not token:
            return None
        return self._one("token = ?", token)

    def current(self, app: str, user_id: str) -> Session:
        """Return the access token of a user for an app; while it lives, it is the same one."""
        found = self._one(
            "kind = 'access' AND app = ? AND user = ? AND family = '' ORDER BY rowid DESC",
            app,
            user_id,
        )
        return found or self.begin(app, user_id)

    def begin(self, app: str, user_id: str, *, scope: str = SCOPE, family: str = "") -> Session:
        """Issue an access token."""
        own = self._is_own(app, user_id, family)
        token = self._own_token() if own else f"{self._org_id[:15]}!{secrets.token_urlsafe(48)}"
        return self._issue(token, "access", app, user_id, scope, family)

    def begin_family(
        self, app: str, user_id: str, scope: str, *, family: str | None = None
    ) -> Session:
        """Issue the first refresh token of a grant."""
        return self._refresh_token(app, user_id, scope, family or new_family())

    def rotate(self, session: Session) -> Session | None:
        """Issue another refresh token in the place of *session*; None if it was spent already."""
        with self._store.transaction():
            spent = self._store.rows(
                f"UPDATE {_TABLE} SET spent = 1 WHERE token = ? AND spent = 0 RETURNING token",
                (session.token,),
            )
            if not spent:
                return None
            return self._refresh_token(session.app, session.user_id, session.scope, session.family)

    def end(self, session: Session) -> None:
        """Let a token in no more; with a refresh token go those of its family."""
        if session.is_refresh_token:
            self.end_family(session.family)
            return
        with self._store.transaction():
            self._run(f"DELETE FROM {_TABLE} WHERE token = ?", session.token)
            if self._is_own(session.app, session.user_id, session.family):
                self._renew()

    def end_family(self, family: str) -> None:
        """Let no token of a grant in any more."""
        self._run(f"DELETE FROM {_TABLE} WHERE family = ?", family)

    def end_all(self, user_id: str) -> None:
        """Let the access tokens of a user in no more; refresh tokens go on."""
        with self._store.transaction():
            self._run(f"DELETE FROM {_TABLE} WHERE kind = 'access' AND user = ?", user_id)
            if user_id == self._owner[1]:
                self._renew()

    def expire_token(self) -> None:
        """Let the access tokens of all in no more; refresh tokens go on."""
        with self._store.transaction():
            self._run(f"DELETE FROM {_TABLE} WHERE kind = 'access'")
            self._renew()

    def _is_own(self, app: str, user_id: str, family: str) -> bool:
        return (app, user_id) == self._owner and not family

    def _renew(self) -> None:
        """Have another token of the org's own, for the one before has ended."""
        self._store.next_number(_EXPIRED)
        self.current(*self._owner)

    def _own_token(self) -> str:
        known = self._store.rows("SELECT last FROM _numbers WHERE sequence = ?", (_EXPIRED,))
        number = f"-{known[0][0] + 1}" if known else ""
        return f"{self._org_id[:15]}!local-org-access-token{number}"

    def _refresh_token(self, app: str, user_id: str, scope: str, family: str) -> Session:
        token = f"5Aep{secrets.token_urlsafe(48)}"
        return self._issue(token, "refresh", app, user_id, scope, family)

    def _issue(self, *columns: Any) -> Session:
        token, kind, app, user_id, scope, family = columns
        session = Session(
            token, kind, app, user_id, scope, self._clock().timestamp(), family, spent=False
        )
        with self._store.transaction():
            self._run(
                f"INSERT OR REPLACE INTO {_TABLE} ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                token,
                kind,
                app,
                user_id,
                scope,
                session.issued,
                family,
            )
            if family:
                self._drop_oldest(session)
        return session

    def _drop_oldest(self, session: Session) -> None:
        """Make room for *session*, which has begun."""
        self._run(
            f"DELETE FROM {_TABLE} WHERE family = ? AND kind = ? AND rowid NOT IN "
            f"(SELECT rowid FROM {_TABLE} WHERE family = ? AND kind = ? "
            f"ORDER BY rowid DESC LIMIT {_MOST_TOKENS})",
            session.family,
            session.kind,
            session.family,
            session.kind,
        )
        self._run(
            f"DELETE FROM {_TABLE} WHERE app = ? AND user = ? AND family <> '' AND family NOT IN "
            f"(SELECT family FROM {_TABLE} WHERE app = ? AND user = ? AND family <> '' "
            f"GROUP BY family ORDER BY MIN(rowid) DESC LIMIT {_MOST_GRANTS})",
            session.app,
            session.user_id,
            session.app,
            session.user_id,
        )

    def _one(self, condition: str, *values: str) -> Session | None:
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM {_TABLE} WHERE {condition} LIMIT 1", values
        )
        return Session(*rows[0]) if rows else None

    def _run(self, sql: str, *values: Any) -> None:
        with self._store.transaction():
            self._store.rows(sql, values)


def new_family() -> str:
    """Name a grant, as no other is named."""
    return secrets.token_urlsafe(12)
