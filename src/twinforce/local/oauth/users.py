"""The users of an org as they sign in: Username, password and security token."""

from __future__ import annotations

from typing import Final

import attrs

from ..schema import Schema
from ..store.tables import Row, Store
from .refusals import same

PASSWORD: Final = "local-org-password"  # noqa: S105 - of an org that nobody breaks into
SECURITY_TOKEN: Final = "local-org-security-token"  # noqa: S105 - as above


@attrs.frozen
class Password:
    """What a user types in; an empty *security_token* is a trusted network, which asks for none."""

    password: str = attrs.field(default=PASSWORD, repr=False)
    security_token: str = attrs.field(default=SECURITY_TOKEN, repr=False)


class WrongPasswordError(Exception):
    """Nobody with this name and password; *token_missing* if only the security token is wrong."""

    def __init__(self, *, token_missing: bool = False) -> None:
        super().__init__("wrong user name or password")
        self.token_missing = token_missing


class Users:
    """Finds the rows of User; *admin_id* is the administrator's."""

    def __init__(self, schema: Schema, store: Store, admin_id: str) -> None:
        self._schema = schema
        self._store = store
        self.admin_id = admin_id
        self._passwords: dict[str, Password] = {}

    def set_password(self, username: str, password: Password) -> str:
        """Give a user another password; return the id. Raises ValueError if nobody has the name."""
        user = self.named(username)
        if user is None:
            message = f"there is no User with the Username {username!r}"
            raise ValueError(message)
        user_id = str(user["Id"])
        self._passwords[user_id] = password
        return user_id

    def named(self, username: str) -> Row | None:
        """Find a user by the Username, whose case does not matter."""
        sobject = self._schema["User"]
        field = sobject.field("Username")
        if field is None or not username:
            return None
        found = self._store.find(sobject, field, username)
        return self.with_id(found[0]) if found else None

    def with_id(self, user_id: str) -> Row | None:
        return self._store.get(self._schema["User"], user_id)

    def is_active(self, user_id: str) -> bool:
        """Whether a user may work in the org; every call asks, so no more is read than that."""
        rows = self._store.rows('SELECT "IsActive" FROM "User" WHERE "Id" = ?', (user_id,))
        return bool(rows and rows[0][0])

    def active(self, user_id: str) -> Row | None:
        """Return the row of a user who may work in the org."""
        return self.with_id(user_id) if self.is_active(user_id) else None

    def sign_in(self, username: str, password: str, *, trusted: bool = False) -> Row:
        """Return the row of the user with this password, behind which the security token stands.

        From a *trusted* network the token may be missing. Raises WrongPasswordError.
        """
        user = self.named(username)
        if user is None or not user["IsActive"]:
            raise WrongPasswordError
        known = self._passwords.get(str(user["Id"]), Password())
        if same(password, known.password + known.security_token):
            return user
        if same(password, known.password):
            if trusted:
                return user
            raise WrongPasswordError(token_missing=True)
        raise WrongPasswordError
