"""Duplicate rules: records that are there already are not saved once more.

Source: Salesforce Help, Duplicate Rules; REST API Developer Guide, Duplicate Rule Header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from .. import arguments
from ..errors import ApiError
from ..schema import Field, SObject
from ..store.tables import Row, Store
from ..store.values import casefold
from .intake import DuplicateOptions
from .shapes import attributes, record_json
from .validation import Change, ask, check_function

DuplicateFunction: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
DuplicateAction: TypeAlias = Literal["block", "allow"]

_ACTIONS: Final = ("block", "allow")


@attrs.frozen
class _Rule:
    """*match* is a function that compares two records, or the fields that must be the same."""

    name: str
    match: DuplicateFunction | tuple[Field, ...]
    message: str
    may_be_saved: bool


class DuplicateRules:
    """The duplicate rules of an org, by the names of their sObjects."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: dict[str, list[_Rule]] = {}

    def add(
        self,
        sobject: SObject,
        match: DuplicateFunction | str | Iterable[str],
        *,
        action: Any,
        message: Any,
        name: Any,
    ) -> None:
        """Add a rule. Raises TypeError or ValueError for arguments that make no sense."""
        if action not in _ACTIONS:
            refusal = f'action must be "block" or "allow", not {action!r}'
            raise ValueError(refusal)
        text = arguments.text("message", message)
        rules = self._rules.get(sobject.name, [])
        default = f"{sobject.name}_Duplicate_Rule" + (f"_{len(rules) + 1}" if rules else "")
        title = default if name is None else arguments.text("name", name)
        means = match if callable(match) else _fields(sobject, match)
        if isinstance(means, tuple):
            self._store.index(sobject, means[0])
        else:
            check_function("the function of a duplicate rule", means)
        self._rules[sobject.name] = [*rules, _Rule(title, means, text, action == "allow")]

    def has(self, sobject: SObject) -> bool:
        return sobject.name in self._rules

    def check(
        self,
        sobject: SObject,
        record_id: str | None,
        row: Row,
        change: Change,
        options: DuplicateOptions,
    ) -> None:
        """Raise ApiError if *row* is a duplicate, unless its rule and *options* allow the save."""
        for rule in self._rules.get(sobject.name, ()):
            if rule.may_be_saved and options.allow_save:
                continue
            matches = [
                other
                for other in self._candidates(sobject, rule, row, change)
                if other["Id"] != record_id and _same(sobject, rule, row, other, change)
            ]
            if matches:
                raise _DuplicatesError(sobject, rule, matches, options)

    def _candidates(self, sobject: SObject, rule: _Rule, row: Row, change: Change) -> Iterator[Row]:
        if isinstance(rule.match, tuple):
            names = [field.name for field in rule.match]
            if any(row.get(name) is None for name in names):
                return  # nothing is not the same as nothing
            if not change.is_new and not any(map(change.changed, names)):
                return
            found = self._store.find(sobject, rule.match[0], row[names[0]])
        else:
            found = self._store.ids(sobject)
        for other_id in found:
            other = self._store.get(sobject, other_id)
            if other is not None:
                yield other


class _DuplicatesError(ApiError):
    """A duplicate was found; the answer tells which records match."""

    def __init__(
        self, sobject: SObject, rule: _Rule, matches: list[Row], options: DuplicateOptions
    ) -> None:
        super().__init__("DUPLICATES_DETECTED", rule.message)
        exact = isinstance(rule.match, tuple)
        self._result: dict[str, Any] = {
            "allowSave": rule.may_be_saved,
            "duplicateRule": rule.name,
            "duplicateRuleEntityType": sobject.name,
            "errorMessage": rule.message,
            "matchResults": [
                {
                    "entityType": sobject.name,
                    "errors": [],
                    "matchEngine": "ExactMatchEngine" if exact else "FuzzyMatchEngine",
                    "matchRecords": [_match(sobject, row, options) for row in matches],
                    "rule": f"{rule.name}_Match",
                    "size": len(matches),
                    "success": True,
                }
            ],
        }

    def body(self) -> list[dict[str, Any]]:
        # The key is what Salesforce answers with; clients know it by this spelling.
        return [
            {
                "duplicateResut": self._result,
                "errorCode": self.error_code,
                "message": self.message,
            }
        ]


def _match(sobject: SObject, row: Row, options: DuplicateOptions) -> dict[str, Any]:
    record_id = str(row["Id"])
    record: dict[str, Any] = {"attributes": attributes(sobject, record_id, options.version)}
    shown = record_json(sobject, row) if options.include_record_details else {"Id": record_id}
    return {
        "additionalInformation": [],
        "fieldDiffs": [],
        "matchConfidence": 100.0,
        "record": record | shown,
    }


def _same(sobject: SObject, rule: _Rule, row: Row, other: Row, change: Change) -> bool:
    if isinstance(rule.match, tuple):
        return all(_comparable(it, row) == _comparable(it, other) for it in rule.match)
    existing = record_json(sobject, other)
    return ask("duplicate rule", sobject, rule.match, change.record, existing)


def _comparable(field: Field, row: Row) -> Any:
    value = row.get(field.name)
    return casefold(value) if field.ignores_case else value


def _fields(sobject: SObject, match: str | Iterable[str]) -> tuple[Field, ...]:
    fields = []
    for name in [match] if isinstance(match, str) else match:
        field = sobject.field(arguments.text("a field of a duplicate rule", name))
        if field is None or not field.has_column:
            refusal = f"{sobject.name} has no field {name!r} that a duplicate rule could compare"
            raise ValueError(refusal)
        fields.append(field)
    if not fields:
        refusal = "a duplicate rule needs one field at least, or a function"
        raise ValueError(refusal)
    return tuple(fields)
