"""The one place that makes URLs: everything that enters one is checked or encoded here."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from typing import TypeAlias
from urllib.parse import quote, urlsplit
from uuid import UUID

ExternalId: TypeAlias = str | int | float | Decimal | UUID | Enum
ParamValue: TypeAlias = str | int | float | bool

OLDEST_VERSION = 34.0
DATA = "/services/data"
_HOST = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.?"
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PATH_OF_NAMES = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)*")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_VERSION = re.compile(r"[1-9][0-9]{1,2}\.0")
# The characters of RFC 3986 that may stand in a path and a query, and well-formed escapes.
_ENCODED = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
_DOT_SEGMENT = re.compile(r"(?i)(?:\.|%2e){1,2}")
_VERSIONED = re.compile(r"(?:/?services/data/|/)?v([^/?]*)(?:/(.*))?", re.DOTALL)


def text(value: object, name: str) -> str:
    """Give *value* back, as a plain str, if it is text that is not empty."""
    plain = value.value if isinstance(value, Enum) else value
    if not isinstance(plain, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not plain.strip():
        raise ValueError(f"{name} is empty")
    # A subclass may format itself as something else than what is checked here.
    return str.__str__(plain)


def origin(instance_url: str) -> str:
    """Reduce an instance URL to its origin, ``https://host[:port]``.

    A path is cut off. Plain ``http`` is accepted for this machine only, since the access token
    would be readable on the way to any other.
    """
    url = text(instance_url, "the instance URL").strip()
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise ValueError(f"the instance URL is malformed: {error}") from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("the instance URL must look like https://acme.my.salesforce.com")
    if "@" in parts.netloc:
        raise ValueError("the instance URL must not hold a user name or password")
    if re.search(r"[\s\\\x00-\x1f\x7f]", url) or not (_HOST.fullmatch(host) or _is_ip(host)):
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
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + (f":{port}" if port is not None else "")


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
    if not isinstance(value, str):
        raise TypeError(f'the API version is a str such as "67.0", not {type(value).__name__}')
    if not _VERSION.fullmatch(value) or float(value) < OLDEST_VERSION:
        raise ValueError(
            f'the API version must look like "67.0" and be at least {OLDEST_VERSION}, not {value!r}'
        )
    return value


def sobject_name(name: str) -> str:
    """Check the API name of an sObject, such as ``Account`` or ``ns__Widget__c``."""
    return _name(name, "the sObject name")


def field_name(name: str) -> str:
    """Check the API name of a field, such as ``LastName`` or ``ExternalId__c``."""
    return _name(name, "the field name")


def _name(name: str, what: str) -> str:
    plain = text(name, what)
    if not _NAME.fullmatch(plain):
        raise ValueError(f"{what} {plain!r} is not an API name (letters, digits and underscores)")
    return plain


def field_list(fields: Iterable[str]) -> str:
    """Check the API names of fields and join them by commas."""
    if isinstance(fields, str) or not isinstance(fields, Iterable):
        raise TypeError(f'fields is a list of names, such as ["Id", "Name"], not {fields!r}')
    names = [text(name, "a field name") for name in fields]
    for name in names:
        if not _PATH_OF_NAMES.fullmatch(name):
            raise ValueError(
                f"the field name {name!r} is not an API name (letters, digits and underscores)"
            )
    if not names:
        raise ValueError("fields is empty; leave it out to get all fields")
    return ",".join(names)


def record_id(value: object) -> str:
    """Check a record id: 15 or 18 letters and digits."""
    shown = text(value, "the record id")
    if not _ID.fullmatch(shown):
        raise ValueError(f"{shown!r} is not a record id, which has 15 or 18 letters and digits")
    return shown


def external_id(value: object, field: str) -> str:
    """Write the value of an external id field as text."""
    plain = value.value if isinstance(value, Enum) else value
    if isinstance(plain, str):
        return text(plain, f"the external id {field}")
    if isinstance(plain, bool) or not isinstance(plain, int | float | Decimal | UUID):
        kind = type(value).__name__
        raise TypeError(f"the external id {field} must be a str, a number or a UUID, not {kind}")
    if isinstance(plain, Decimal) and plain.is_finite():
        return format(plain, "f")
    if isinstance(plain, float | Decimal) and not math.isfinite(plain):
        raise ValueError(f"the external id {field} is {plain}, which identifies nothing")
    try:
        return str(plain)
    except ValueError as error:  # an int of very many digits
        raise ValueError(f"the external id {field} cannot be sent: {error}") from None


def segment(value: str, name: str) -> str:
    """Percent-encode *value* to be one segment of a path, with nothing left safe."""
    try:
        encoded = quote(value, safe="")
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half of a surrogate pair, which is not text") from None
    # "." and ".." would name another resource, and quote() leaves dots as they are.
    return encoded.replace(".", "%2E") if _DOT_SEGMENT.fullmatch(encoded) else encoded


def query_string(params: Mapping[str, ParamValue]) -> str:
    """Encode *params* as a query string; a space becomes ``%20``, never ``+``."""
    if not isinstance(params, Mapping):
        raise TypeError(f"params must be a dict, not {type(params).__name__}")
    pairs = []
    for key, value in params.items():
        name = text(key, "the name of a parameter")
        match value:
            case bool():
                shown = str(value).lower()
            case str():
                shown = str.__str__(value.value if isinstance(value, Enum) else value)
            case int() | float() if math.isfinite(value):
                shown = str(value)
            case _:
                raise TypeError(f"the parameter {name} must be a str, a number or a bool")
        pairs.append(f"{segment(name, name)}={segment(shown, name)}")
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
            raise ValueError(f"the path {path!r} has no API version such as v67.0")
    if path.startswith("/"):
        raise ValueError(
            f"the path {path!r} is neither relative to the version, as sobjects/Account, nor does "
            "it start with /services/data/v67.0/"
        )
    return None, _not_empty(path, path)


def _not_empty(rest: str, path: str) -> str:
    if not rest:
        raise ValueError(f"the path {path!r} names no resource")
    return rest


def checked(path: str) -> str:
    """Check that *path* is a path with an optional query, encoded, and stays where it points."""
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
            raise ValueError(f"the path {path!r} holds a dot segment, which would lead elsewhere")
    return path


def _shown(path: str) -> str:
    longest = 200
    return ascii(path if len(path) <= longest else path[:longest] + "…")


def target(path: str, default_version: str) -> str:
    """Turn a path as users write it into the one that is sent.

    Beside what :func:`split_version` takes, anything under ``/services/`` is.
    """
    path = checked(path)
    if path.startswith("/services/") and not path.startswith(f"{DATA}/v"):
        return path
    own_version, rest = split_version(path)
    return f"{DATA}/v{own_version or default_version}/{rest}"


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
