"""Who may call: signing in by OAuth 2.0 or SOAP, tokens, and what is told about users."""

from __future__ import annotations

from .apps import ConnectedApp, ConnectedApps
from .door import SignIn, Visit
from .sessions import Session, Sessions
from .users import PASSWORD, SECURITY_TOKEN, Password, Users

__all__ = [
    "PASSWORD",
    "SECURITY_TOKEN",
    "ConnectedApp",
    "ConnectedApps",
    "Password",
    "Session",
    "Sessions",
    "SignIn",
    "Users",
    "Visit",
]
