"""The resource ``parameterizedSearch``: a search in parameters, which becomes one of SOSL.

Source: REST API Developer Guide, Parameterized Search.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from ..errors import ApiError
from ..server.http import Call
from ..soql import ast
from ..soql.errors import as_of_search

_SPECIAL: Final = re.compile(r"""[?&|!{}\[\]()^~:\\"'+-]""")
_GROUPS: Final = frozenset({"ALL", "NAME", "EMAIL", "PHONE", "SIDEBAR"})
_NAME: Final = re.compile(r"\w+(?:\.\w+)*", re.ASCII)
_KEYS: Final = frozenset(
    {
        "q",
        "in",
        "fields",
        "sobjects",
        "defaultLimit",
        "overallLimit",
        "offset",
        "dataCategories",
        "metadata",
        "netWorkIds",
        "pricebookId",
        "snippet",
        "spellCorrection",
        "updateTracking",
        "updateViewStat",
        "withDivision",
    }
)
_KEYS_OF_AN_SOBJECT: Final = frozenset({"name", "fields", "limit", "where", "orderBy"})
# What these do, the local org does not; to leave them out in silence would find other records.
_NOT_DONE: Final = frozenset({"dataCategories", "netWorkIds", "pricebookId", "withDivision"})


@attrs.frozen
class Wanted:
    """What a search returns of one sObject."""

    name: str
    fields: tuple[str, ...]
    limit: int | None
    offset: int | None = None
    where: str = ""
    order_by: str = ""

    def sosl(self) -> str:
        text = ", ".join(self.fields or ("Id",))
        if self.where:
            text += f" WHERE {self.where}"
        if self.order_by:
            text += f" ORDER BY {self.order_by}"
        if self.limit is not None:
            text += f" LIMIT {self.limit}"
        if self.offset is not None:
            text += f" OFFSET {self.offset}"
        return f"{self.name}({text})"


def sosl_of(call: Call) -> str:
    """Return the search that *call* means. Raises ApiError for parameters that mean none."""
    parameters = _from_query(call.query) if call.method != "POST" else call.json_object()
    _check_keys(parameters, _KEYS)
    undone = next((key for key in parameters if key in _NOT_DONE), None)
    if undone is not None:
        message = f"The local org does not search by {undone}. Salesforce does."
        raise ApiError("NOT_IMPLEMENTED_IN_LOCAL_ORG", message)
    term = parameters.get("q")
    if not isinstance(term, str) or not term.strip():
        raise ApiError("MALFORMED_SEARCH", "A search string has to be specified")
    group = str(parameters.get("in") or "ALL").upper()
    if group not in _GROUPS:
        raise ApiError("MALFORMED_SEARCH", f"in must be one of {', '.join(sorted(_GROUPS))}")
    text = f"FIND {{{_SPECIAL.sub(_escaped, term)}}} IN {group} FIELDS"
    wanted = list(_wanted(parameters))
    if wanted:
        text += f" RETURNING {', '.join(each.sosl() for each in wanted)}"
    limit = _number(parameters.get("overallLimit"), "overallLimit")
    return text if limit is None else f"{text} LIMIT {limit}"


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[0]}"


def _check_keys(given: Mapping[str, Any], known: frozenset[str]) -> None:
    unknown = next((key for key in given if key not in known), None)
    if unknown is not None:
        raise _malformed(f'Unrecognized field "{unknown}"')


def _wanted(parameters: Mapping[str, Any]) -> Iterable[Wanted]:
    sobjects = parameters.get("sobjects") or []
    if not isinstance(sobjects, list) or not all(isinstance(each, dict) for each in sobjects):
        raise _malformed("sobjects must be an array of objects, each with a name")
    fields = _names(parameters.get("fields"), "fields")
    limit = _number(parameters.get("defaultLimit"), "defaultLimit")
    offset = _number(parameters.get("offset"), "offset")
    if offset is not None and len(sobjects) != 1:
        raise ApiError("MALFORMED_SEARCH", "offset is for a search of one sobject")
    for each in sobjects:
        _check_keys(each, _KEYS_OF_AN_SOBJECT)
        own = _number(each.get("limit"), "limit")
        yield Wanted(
            _name(each.get("name"), "name"),
            _names(each.get("fields"), "fields") or fields,
            limit if own is None else own,
            offset,
            _clause(each, "where", "WHERE"),
            _clause(each, "orderBy", "ORDER BY"),
        )


def _from_query(query: Mapping[str, str]) -> dict[str, Any]:
    """Read the parameters of a URL: ``sobject=Account&Account.fields=Id,Name&Account.limit=5``."""
    parameters: dict[str, Any] = {}
    details: dict[str, dict[str, Any]] = {}
    for key, value in query.items():
        sobject, point, detail = key.partition(".")
        if point:
            details.setdefault(sobject, {})[detail] = (
                value.split(",") if detail == "fields" else value
            )
        elif key not in {"sobject", "fields"}:
            parameters[key] = value
    names = [name.strip() for name in query.get("sobject", "").split(",") if name.strip()]
    for name in details:
        if name not in names:
            raise _malformed(f"{name} must be among the values of sobject")
    if query.get("fields"):
        parameters["fields"] = query["fields"].split(",")
    parameters["sobjects"] = [{"name": name, **details.get(name, {})} for name in names]
    return parameters


def _names(value: Any, what: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _malformed(f"{what} must be an array of names")
    return tuple(_name(each, what) for each in value)


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value.strip()):
        raise _malformed(f"{what} must be a name")
    return value.strip()


def _clause(sobject: Mapping[str, Any], what: str, words: str) -> str:
    """Return a clause, which must be one by itself, so that it says nothing beyond itself."""
    from ..soql.parser import parse  # the parser library takes a while to load

    value = sobject.get(what) or ""
    if not isinstance(value, str):
        raise _malformed(f"{what} must be text")
    if not value.strip():
        return ""
    try:
        query = parse(f"SELECT Id FROM {_name(sobject.get('name'), 'name')} {words} {value}")
    except ApiError as error:
        raise as_of_search(error) from None
    except RecursionError as error:
        message = "The search is too complicated: nest or combine fewer conditions"
        raise ApiError("QUERY_TOO_COMPLICATED", message) from error
    alone = ast.Query(query.select, query.sources)
    alone = attrs.evolve(alone, where=query.where) if what == "where" else alone
    alone = attrs.evolve(alone, order_by=query.order_by) if what == "orderBy" else alone
    if query != alone:
        raise ApiError("MALFORMED_SEARCH", f"{what} must hold nothing but its clause: {value}")
    return value


def _number(value: Any, what: str) -> int | None:
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise _malformed(f"{what} must be a whole number")
    return int(text)


def _malformed(reason: str) -> ApiError:
    return ApiError("JSON_PARSER_ERROR", f"{reason} at [line:1, column:1]")
