"""SOAP's ``login`` and ``logout``, by which older clients sign in.

Source: SOAP API Developer Guide, login() and logout().
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import (
    Element,
    ParseError,
    TreeBuilder,
    XMLParser,
)
from xml.sax.saxutils import escape

from ..server.http import Reply
from ..store.tables import Row
from .sessions import Sessions
from .users import Users, WrongPasswordError

_APP: Final = "SOAP"
_LAST_VERSION: Final = 64.0
_NAMESPACES: Final = {"u": "partner", "c": "enterprise"}
_SESSION_SECONDS: Final = 7200
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_XML: Final = {"content-type": "text/xml; charset=utf-8"}
_WRONG: Final = "Invalid username, password, security token; or user locked out."
_AT_A_NEW_LOCATION: Final = (
    "Invalid username, password, security token; or user locked out. Are you at a new location? "
    "When accessing Salesforce--either via a desktop client or the API--from outside of your "
    "company\u2019s trusted networks, you must add a security token to your password to log in."
)


class SoapError(Exception):
    """A fault: its code and message."""

    def __init__(self, code: str, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.kind = kind


class Soap:
    """Answers at ``/services/Soap/u/NN.0`` (partner) and ``…/c/NN.0`` (enterprise)."""

    def __init__(self, users: Users, sessions: Sessions, org_id: str) -> None:
        self._users = users
        self._sessions = sessions
        self._org_id = org_id

    def answer(self, path: tuple[str, ...], body: bytes, instance_url: str) -> Reply | None:
        """Answer a message that was posted to *path*; None if nothing is there."""
        namespace = _NAMESPACES.get(path[0].lower()) if len(path) > 1 else None
        version = _version(path[1]) if len(path) > 1 else None
        if namespace is None or version is None:
            return None
        try:
            envelope = _parsed(body)
            operation = _first(_child(envelope, "Body"))
            name = "" if operation is None else _local(operation)
            if operation is not None and name == "login":
                result = self._login(envelope, operation, path, version, instance_url)
            elif name == "logout":
                self._logout(envelope)
                result = ""
            else:
                message = (
                    f"No operation available for request {{urn:{namespace}.soap.sforce.com}}{name}"
                )
                raise SoapError("soapenv:Client", message)
        except SoapError as fault:
            return _fault(fault, namespace)
        xml = f"<{name}Response>{result}</{name}Response>"
        return _envelope(200, xml, f'xmlns="urn:{namespace}.soap.sforce.com"')

    def _login(
        self,
        envelope: Element,
        operation: Element,
        path: tuple[str, ...],
        version: float,
        instance_url: str,
    ) -> str:
        if version > _LAST_VERSION:
            message = (
                "The SOAP Login operation is not available in the API version specified "
                f"({path[1]}). Refer to the documentation for supported versions."
            )
            raise SoapError("INVALID_OPERATION", message, "UnexpectedErrorFault")
        scope = _child(_child(envelope, "Header"), "LoginScopeHeader")
        # Who names the org is taken to be in its trusted network.
        trusted = _text(scope, "organizationId").strip()[:15] == self._org_id[:15]
        try:
            user = self._users.sign_in(
                _text(operation, "username").strip(),
                _text(operation, "password"),
                trusted=trusted,
            )
        except WrongPasswordError as error:
            raise (
                SoapError("LOGIN_MUST_USE_SECURITY_TOKEN", _AT_A_NEW_LOCATION, "LoginFault")
                if error.token_missing
                else SoapError("INVALID_LOGIN", _WRONG, "LoginFault")
            ) from None
        session = self._sessions.current(_APP, str(user["Id"]))
        base = f"{instance_url}/services/Soap"
        return _tags(
            {
                "result": {
                    "metadataServerUrl": f"{base}/m/{path[1]}/{self._org_id}",
                    "passwordExpired": False,
                    "sandbox": False,
                    "serverUrl": f"{base}/{path[0]}/{path[1]}/{self._org_id}",
                    "sessionId": session.token,
                    "userId": user["Id"],
                    "userInfo": _user_info(user, self._org_id),
                }
            }
        )

    def _logout(self, envelope: Element) -> None:
        session = self._sessions.find(
            _text(_child(_child(envelope, "Header"), "SessionHeader"), "sessionId").strip()
        )
        if session is None or session.is_refresh_token:
            message = "Invalid Session ID found in SessionHeader: Illegal Session"
            raise SoapError("INVALID_SESSION_ID", message, "UnexpectedErrorFault")
        self._sessions.end(session)


def _user_info(user: Row, org_id: str) -> dict[str, Any]:
    return {
        "accessibilityMode": False,
        "chatterExternal": False,
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": 5242880,
        "orgDefaultCurrencyIsoCode": "USD",
        "orgDefaultCurrencyLocale": "en_US",
        "orgDisallowHtmlAttachments": False,
        "orgHasPersonAccounts": False,
        "organizationId": org_id,
        "organizationMultiCurrency": False,
        "organizationName": "Local Org",
        "profileId": user.get("ProfileId"),
        "roleId": user.get("UserRoleId"),
        "sessionSecondsValid": _SESSION_SECONDS,
        "userDefaultCurrencyIsoCode": None,
        "userEmail": user.get("Email"),
        "userFullName": user["Name"],
        "userId": user["Id"],
        "userLanguage": user.get("LanguageLocaleKey"),
        "userLocale": user.get("LocaleSidKey"),
        "userName": user["Username"],
        "userTimeZone": user.get("TimeZoneSidKey"),
        "userType": user.get("UserType") or "Standard",
        "userUiSkin": "Theme3",
    }


def _tags(values: Mapping[str, Any]) -> str:
    """Write *values* as XML, in their order."""
    written = []
    for name, value in values.items():
        if value is None:
            written.append(f'<{name} xsi:nil="true"/>')
        elif isinstance(value, Mapping):
            written.append(f"<{name}>{_tags(value)}</{name}>")
        else:
            text = str(value).lower() if isinstance(value, bool) else _escaped(str(value))
            written.append(f"<{name}>{text}</{name}>")
    return "".join(written)


def _escaped(text: str) -> str:
    """Write *text* as XML; what XML has no way to write becomes a replacement character."""
    return escape(_NOT_IN_XML.sub("\ufffd", text), {"\r": "&#13;"})


def _fault(fault: SoapError, namespace: str) -> Reply:
    code, message = _escaped(fault.code), _escaped(fault.message)
    if not fault.kind:
        xml = (
            f"<soapenv:Fault><faultcode>{code}</faultcode>"
            f"<faultstring>{message}</faultstring></soapenv:Fault>"
        )
        return _envelope(500, xml)
    xml = (
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode>"
        f"<faultstring>{code}: {message}</faultstring>"
        f'<detail><sf:{fault.kind} xsi:type="sf:{fault.kind}">'
        f"<sf:exceptionCode>{code}</sf:exceptionCode>"
        f"<sf:exceptionMessage>{message}</sf:exceptionMessage>"
        f"</sf:{fault.kind}></detail></soapenv:Fault>"
    )
    return _envelope(500, xml, f'xmlns:sf="urn:fault.{namespace}.soap.sforce.com"')


def _envelope(status: int, body: str, namespaces: str = "") -> Reply:
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {namespaces}>'
        f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )
    return Reply(status, xml, _XML)


class _Tree(TreeBuilder):
    """Builds a tree of a document without a DTD: one could hold entities."""

    def doctype(self, name: str, _public: str | None, _system: str | None) -> None:
        message = f"a DOCTYPE ({name}) is not allowed"
        raise SoapError("soapenv:Client", message)


def _parsed(body: bytes) -> Element:
    parser = XMLParser(target=_Tree())  # noqa: S314 - see _Tree
    try:
        parser.feed(body)
        envelope: Element = parser.close()
    except (ParseError, ValueError, LookupError) as error:
        message = f"the message is no XML: {error}"
        raise SoapError("soapenv:Client", message) from None
    if _local(envelope) != "Envelope":
        raise SoapError("soapenv:Client", "the message is no SOAP envelope")
    return envelope


def _local(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _child(element: Element | None, name: str) -> Element | None:
    return next((child for child in _children(element) if _local(child) == name), None)


def _children(element: Element | None) -> list[Element]:
    return [] if element is None else list(element)


def _first(element: Element | None) -> Element | None:
    return next(iter(_children(element)), None)


def _text(element: Element | None, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else child.text or ""


def _version(text: str) -> float | None:
    number, point, rest = text.partition(".")
    digits = number.isascii() and number.isdigit() and len(number) <= 3
    return float(number) if digits and (not point or rest == "0") else None
