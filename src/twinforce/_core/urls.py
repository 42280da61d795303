"""The one place that makes URLs: everything that enters one is checked or encoded here."""

from __future__ import annotations

import ipaddress
import re
import string
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote, urlsplit
from uuid import UUID

ExternalId: TypeAlias = str | int | float | Decimal | UUID | Enum
ParamValue: TypeAlias = str | int | float | bool

OLDEST_VERSION = 34.0
DATA = "/services/data"
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,254}}\Z)(?:{_LABEL}\.)*{_LABEL}\.?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PATH_OF_NAMES = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*")
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
# No id is without a digit, but a resource below an sObject is: approvalLayouts.
_ID = re.compile(r"(?=[A-Za-z]{0,14}[0-9])[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_ACTION = re.compile(r"(?:standard|custom)(?:/[A-Za-z][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+)*){1,4}")
_VERSION = re.compile(r"[1-9][0-9]{1,2}\.0")
# The characters of RFC 3986 that may stand in a path and a query, and well-formed escapes.
_ENCODED = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
_DOT_SEGMENT = re.compile(r"(?i)(?:\.|%2e){1,2}")
_VERSIONED = re.compile(r"(?:/?services/data/|/)?v([^/?]*)(?:/(.*))?", re.DOTALL)
_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")  # of RFC 3986
_MOST_DIGITS = 400  # before or behind the point; the longest of any float are 309 and 324
_MOST_SHOWN = 200


def text(value: object, name: str) -> str:
    """Give *value* back, as a plain str, if it is text that is not empty."""
    plain = _without_enum(value)
    if not isinstance(plain, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    # A subclass may format itself as something else than what is checked here.
    plain = str.__str__(plain)
    if not plain.strip():
        raise ValueError(f"{name} is empty")
    return plain


def _without_enum(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def origin(instance_url: str) -> str:
    """Reduce an instance URL to its origin, ``https://host[:port]``.

    A path is cut off. Plain ``http`` is accepted for this machine only, since the access token
    would be readable on the way to any other.
    """
    url = text(instance_url, "the instance URL").strip()
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:  # which may show a password
        raise ValueError(
            "the host or the port of the instance URL is malformed; it must look like "
            "https://acme.my.salesforce.com"
        ) from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("the instance URL must look like https://acme.my.salesforce.com")
    if "@" in parts.netloc:
        raise ValueError("the instance URL must not hold a user name or password")
    shown = f"[{host}]" if ":" in host else host
    authority = shown if port is None else f"{shown}:{port}"
    # What was split must be all there is: of [::1]evil.example the host is ::1, it says. And lower
    # case makes ASCII of a few characters, such as U+212A.
    is_whole = parts.netloc.isascii() and parts.netloc.lower().removesuffix(":") == authority
    is_clean = not re.search(r"[\s\\\x00-\x1f\x7f]", url)
    if not (is_whole and is_clean and (_HOST.fullmatch(host) or _is_ip(host))):
        raise ValueError(
            "the instance URL has no valid host name; it must look like https://acme.my.salesforce.com"
        )
    if scheme == "http" and not is_loopback(host):
        raise ValueError(
            f"http://{host} is refused: the access token would cross the network in the clear; "
            "use https:// (http:// is for this machine only)"
        )
    if port == 0:
        raise ValueError("the instance URL has the port 0, which is none")
    return f"{scheme}://{authority}"


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine, by its name or address alone."""
    if host == "localhost":
        return True
    return _is_ip(host) and ipaddress.ip_address(host).is_loopback


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def version(value: str) -> str:
    """Check an API version such as ``"67.0"``."""
    plain = _without_enum(value)
    if not isinstance(plain, str):
        raise TypeError(f'the API version is a str such as "67.0", not {type(value).__name__}')
    plain = str.__str__(plain)
    if not _VERSION.fullmatch(plain) or float(plain) < OLDEST_VERSION:
        raise ValueError(
            f'the API version must look like "67.0" and be at least {OLDEST_VERSION}, not '
            f"{_shown(plain)}"
        )
    return plain


def sobject_name(name: str) -> str:
    """Check the API name of an sObject, such as ``Account`` or ``ns__Widget__c``."""
    what = "the sObject name"
    return _name(name if type(name) is str else text(name, what), what)


def field_name(name: str) -> str:
    """Check the API name of a field, such as ``LastName`` or ``ExternalId__c``."""
    what = "the field name"
    return _name(name if type(name) is str else text(name, what), what)


def relationship_name(name: str) -> str:
    """Check the API name of a relationship, such as ``Contacts`` or ``Widgets__r``."""
    what = "the relationship name"
    return _name(name if type(name) is str else text(name, what), what)


def action_name(name: str) -> str:
    """Check the name of an action, such as ``standard/emailSimple`` or ``custom/apex/Greet``."""
    plain = text(name, "the action")
    if not _ACTION.fullmatch(plain):
        raise ValueError(
            f"the action {_shown(plain)} is not named as in standard/emailSimple or "
            "custom/apex/Greet"
        )
    return plain


@lru_cache(1024)  # the same few names come again and again
def _name(name: str, what: str) -> str:
    plain = text(name, what)
    if not _NAME.fullmatch(plain):
        raise ValueError(
            f"{what} {_shown(plain)} is not an API name (letters, digits and underscores)"
        )
    return plain


def field_list(fields: Iterable[str]) -> str:
    """Check the API names of fields and join them by commas."""
    if isinstance(fields, str) or not isinstance(fields, Iterable):
        raise TypeError(f'fields is a list of names, such as ["Id", "Name"], not {fields!r}')
    names = [text(name, "a field name") for name in fields]
    for name in names:
        if not _PATH_OF_NAMES.fullmatch(name):
            raise ValueError(
                f"the field name {_shown(name)} is not an API name (letters, digits and "
                "underscores)"
            )
    if not names:
        raise ValueError("fields is empty; leave it out to get all fields")
    return ",".join(names)


def record_id(value: object) -> str:
    """Check a record id: 15 letters and digits, or 18, of which the last three have to fit."""
    plain = text(value, "the record id")
    if not _ID.fullmatch(plain):
        raise ValueError(
            f"{_shown(plain)} is not a record id, which has 15 or 18 letters and digits"
        )
    if plain[15:] and _checksum(plain[:15]) != plain[15:]:
        raise ValueError(
            f"{_shown(plain)} is not a record id: its last three characters, which are a checksum "
            "of the others, do not fit; was it retyped, or its case changed?"
        )
    return plain


def _checksum(short: str) -> str:
    """Give the three characters that tell which of the 15 before them are upper case."""
    return "".join(
        _CHECKSUM[
            sum(
                1 << n
                for n, character in enumerate(short[start : start + 5])
                if character.isupper()
            )
        ]
        for start in (0, 5, 10)
    )


def whole(value: str, name: str) -> str:
    """Check that *value* is text that can be encoded at all."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half of a surrogate pair, which is not text") from None
    return value


def number(value: float | Decimal, name: str) -> str:
    """Write *value* in digits, without an exponent; raises ``ValueError`` if there is no end."""
    # As the number it is: a subclass may show itself as something else.
    exact = Decimal(float.__repr__(value) if isinstance(value, float) else value)
    if not exact.is_finite():
        raise ValueError(f"{name} is {exact}, which is no number")
    if max(exact.adjusted(), -exact.adjusted(), len(exact.as_tuple().digits)) > _MOST_DIGITS:
        raise ValueError(f"{name} is a number of more than {_MOST_DIGITS} digits")
    return format(exact, "f")


def external_id(value: object, field: str) -> str:
    """Write the value of an external id field as text."""
    plain, name = _without_enum(value), f"the external id {field}"
    if isinstance(plain, int | float | Decimal) and not isinstance(plain, bool):
        return number(plain, name)
    if isinstance(plain, UUID):
        return UUID.__str__(plain)
    if not isinstance(plain, str):
        kind = type(value).__name__
        raise TypeError(f"{name} must be a str, a number or a UUID, not {kind}")
    return text(plain, name)


def segment(value: str, name: str) -> str:
    """Percent-encode *value* to be one segment of a path, with nothing left safe."""
    encoded = whole(value, name).replace("%", "%25")
    # Each once, since quote() looks at all characters one by one, and SOQL is long.
    for character in set(value).difference(_UNRESERVED, "%"):
        encoded = encoded.replace(character, _escaped(character))
    # "." and ".." would name another resource, and quote() leaves dots as they are.
    return encoded.replace(".", "%2E") if _DOT_SEGMENT.fullmatch(encoded) else encoded


@lru_cache(256)
def _escaped(character: str) -> str:
    return quote(character, safe="")


def query_string(params: Mapping[str, ParamValue]) -> str:
    """Encode *params* as a query string; a space becomes ``%20``, never ``+``."""
    if not isinstance(params, Mapping):
        raise TypeError(f"params must be a dict, not {type(params).__name__}")
    pairs = []
    for key, value in params.items():
        key_text = segment(text(key, "the name of a parameter"), "the name of a parameter")
        name = f"the parameter {key_text[:_MOST_SHOWN]}"
        match _without_enum(value):
            case bool() as flag:
                shown = "true" if flag else "false"
            case str() as words:
                shown = str.__str__(words)
            case int() | float() as amount:
                shown = number(amount, name)
            case _:
                raise TypeError(f"{name} must be a str, a number or a bool")
        pairs.append(f"{key_text}={segment(shown, name)}")
    return "&".join(pairs)


def split_version(path: str) -> tuple[str | None, str]:
    """Part a path of the REST API into its version, if it names one, and the rest.

    Takes ``v67.0/limits``, ``/v67.0/limits``, ``/services/data/v67.0/limits`` and ``limits``.
    """
    path = checked(path)
    if found := _VERSIONED.fullmatch(path):
        if _VERSION.fullmatch(found[1]):
            return version(found[1]), _not_empty(found[2] or "", path)
        if path.startswith(("/services/data/", "services/data/", "/v")):
            raise ValueError(f"the path {_shown(path)} has no API version such as v67.0")
    if path.startswith("/"):
        raise ValueError(
            f"the path {_shown(path)} is neither relative to the version, as sobjects/Account, nor "
            "does it start with /services/data/v67.0/"
        )
    return None, _not_empty(path, path)


def _not_empty(rest: str, path: str) -> str:
    if not rest:
        raise ValueError(f"the path {_shown(path)} names no resource")
    return rest


def checked(path: str) -> str:
    """Check that *path* is a path with an optional query, encoded, and stays where it points."""
    if not isinstance(path, str):
        raise TypeError(f"the path must be a str, not {type(path).__name__}")
    path = text(path, "the path")
    if "://" in path.partition("?")[0] or path.startswith("//"):
        raise ValueError(
            "the path must not be an absolute URL: the access token goes to the instance only"
        )
    if not _ENCODED.fullmatch(path):
        raise ValueError(
            f"the path {_shown(path)} has characters that must be percent-encoded; "
            "encode each value with urllib.parse.quote(value, safe='')"
        )
    for part in path.partition("?")[0].split("/"):
        # Some servers cut off what follows a semicolon before they look for dots.
        if _DOT_SEGMENT.fullmatch(part.partition(";")[0]):
            raise ValueError(
                f"the path {_shown(path)} holds a dot segment, which would lead elsewhere"
            )
    return path


def _shown(given: str) -> str:
    return ascii(given if len(given) <= _MOST_SHOWN else given[:_MOST_SHOWN] + "…")


def target(path: str, default_version: str) -> str:
    """Turn a path as users write it into the one that is sent.

    Beside what :func:`split_version` takes, anything under ``/services/`` is.
    """
    path = checked(path)
    if path.startswith("/services/") and not path.startswith(f"{DATA}/v"):
        return path
    own_version, rest = split_version(path)
    return f"{DATA}/v{own_version or default_version}/{rest}"


def batch(version: str) -> str:
    """Give the path of composite batches."""
    return f"{DATA}/v{version}/composite/batch"


def next_records_path(url: object) -> str:
    """Check a ``nextRecordsUrl`` of an answer and return its path below the versions.

    Raises ``ValueError`` for anything but a query locator on the same instance.
    """
    if not isinstance(url, str) or not url.startswith(f"{DATA}/v"):
        raise ValueError(f"nextRecordsUrl does not start with {DATA}/v")
    own_version, rest = split_version(url)
    if not rest.startswith(("query/", "queryAll/")):
        raise ValueError("nextRecordsUrl is not a query locator")
    return f"v{own_version}/{rest}"
