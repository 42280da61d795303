"""Validation rules: what must not be in a record, said by a function instead of a formula.

Source: Salesforce Help, Validation Rules.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs

from .. import arguments
from ..errors import ApiError
from ..schema import SObject

_LOG = logging.getLogger("twinforce.local")


def _read_only(record: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return a view of *record* that one rule cannot change for the next."""
    if record is None:
        return None
    views = {
        name: MappingProxyType(value) if isinstance(value, dict) else value
        for name, value in record.items()
    }
    return MappingProxyType(views)


def _read_only_record(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return _read_only(record) or {}


@attrs.frozen
class Change:
    """A record as it is about to be saved, and as it was *before*; that is None for a new one.

    Both have all fields of the sObject but blobs, by their names, with values as the API answers
    them; a new record has no Id yet. They are read-only: a rule judges, and changes nothing.
    """

    record: Mapping[str, Any] = attrs.field(converter=_read_only_record)
    before: Mapping[str, Any] | None = attrs.field(default=None, converter=_read_only)

    @property
    def is_new(self) -> bool:
        """Whether the record is being created, as ISNEW() says in a formula."""
        return self.before is None

    def changed(self, field: str) -> bool:
        """Whether the save changes *field*, as ISCHANGED() says: not if the record is new."""
        return self.before is not None and self.record[field] != self.before[field]


ValidationFunction: TypeAlias = Callable[[Change], Any]


@attrs.frozen
class _Rule:
    function: ValidationFunction
    message: str
    field: str | None


class ValidationRules:
    """The validation rules of an org, by the names of their sObjects."""

    def __init__(self) -> None:
        self._rules: dict[str, list[_Rule]] = {}

    def add(self, sobject: SObject, function: ValidationFunction, message: Any, field: Any) -> None:
        """Add a rule. Raises TypeError or ValueError for arguments that make no sense."""
        check_function("the function of a validation rule", function)
        text = arguments.text("message", message)
        if not text:
            refusal = "message must not be empty: it is what the user reads"
            raise ValueError(refusal)
        name = None
        if field is not None:
            known = sobject.field(arguments.text("field", field))
            if known is None:
                refusal = f"{sobject.name} has no field {field!r}; leave it out for none"
                raise ValueError(refusal)
            name = known.name
        self._rules.setdefault(sobject.name, []).append(_Rule(function, text, name))

    def has(self, sobject: SObject) -> bool:
        return sobject.name in self._rules

    def check(self, sobject: SObject, change: Change) -> None:
        """Raise ApiError, for every rule it breaks, if *change* makes a record invalid."""
        broken = [
            rule
            for rule in self._rules.get(sobject.name, ())
            if ask("validation rule", sobject, rule.function, change)
        ]
        if broken:
            raise _InvalidError(broken)


class _InvalidError(ApiError):
    """The record breaks validation rules; each of them is told."""

    def __init__(self, broken: Sequence[_Rule]) -> None:
        first = broken[0]
        super().__init__("FIELD_CUSTOM_VALIDATION_EXCEPTION", first.message, fields=_fields(first))
        self._broken = broken

    def body(self) -> list[dict[str, Any]]:
        return [
            {"message": rule.message, "errorCode": self.error_code, "fields": _fields(rule)}
            for rule in self._broken
        ]


def _fields(rule: _Rule) -> list[str]:
    return [] if rule.field is None else [rule.field]


def check_function(what: str, function: Any) -> None:
    """Raise TypeError if *function* is none that a rule can ask."""
    if not callable(function):
        message = f"{what} must be a function, not {type(function).__name__}"
        raise TypeError(message)
    if inspect.iscoroutinefunction(function):
        message = f"{what} must not be async: nobody awaits it"
        raise TypeError(message)


def ask(kind: str, sobject: SObject, function: Callable[..., Any], *given: Any) -> bool:
    """Return what the *function* of a rule says. Raises ApiError if it raises; nothing is saved."""
    try:
        return bool(function(*given))
    except Exception as error:
        name = getattr(function, "__qualname__", repr(function))
        _LOG.exception("the %s %s of %s raised", kind, name, sobject.name)
        message = (
            f"The {kind} {name} of {sobject.name} raised {type(error).__name__}: {error}. "
            "Nothing was saved."
        )
        raise ApiError("UNKNOWN_EXCEPTION", message) from error
