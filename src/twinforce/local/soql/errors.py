"""What is wrong with a query, said as Salesforce says it: the place, a caret, the reason."""

from __future__ import annotations

import re
from typing import Final

from ..errors import ApiError

_CONTEXT: Final = 40
_NAMES_HINT: Final = "Please reference your WSDL or the describe call for the appropriate names."


def soql_error(text: str, position: int, code: str, reason: str) -> ApiError:
    """Return an error that shows where in the query *text* something is wrong, and *reason*."""
    line_start = text.rfind("\n", 0, position) + 1
    line_end = text.find("\n", position)
    line = text[line_start : line_end if line_end >= 0 else None]
    row, column = text.count("\n", 0, position) + 1, position - line_start
    start, end = 0, len(line)
    if column > _CONTEXT:  # a long line is shown from a word boundary near the error
        boundary = re.search(r"[\s,(]", line[column - _CONTEXT : column])
        start = column - _CONTEXT + boundary.end() if boundary else column - _CONTEXT
    if end - column > _CONTEXT:
        boundary = re.search(r"[\s,)]", line[column + _CONTEXT :])
        end = column + _CONTEXT + boundary.start() if boundary else end
    message = (
        f"\n{line[start:end]}\n{' ' * (column - start)}^\n"
        f"ERROR at Row:{row}:Column:{column + 1}\n{reason}"
    )
    return ApiError(code, message)


def malformed(text: str, position: int, reason: str) -> ApiError:
    return soql_error(text, position, "MALFORMED_QUERY", reason)


def malformed_search(text: str, position: int, reason: str) -> ApiError:
    return soql_error(text, position, "MALFORMED_SEARCH", reason)


def as_of_search(error: ApiError) -> ApiError:
    """Give the code of a search to an *error* that was found by what searches and queries share."""
    if error.error_code != "MALFORMED_QUERY":
        return error
    return ApiError("MALFORMED_SEARCH", error.message)


def invalid_field(text: str, position: int, reason: str) -> ApiError:
    return soql_error(text, position, "INVALID_FIELD", reason)


def no_such_column(text: str, position: int, name: str, sobject: str) -> ApiError:
    reason = (
        f"No such column '{name}' on entity '{sobject}'. If you are attempting to use a custom "
        f"field, be sure to append the '__c' after the custom field name. {_NAMES_HINT}"
    )
    return invalid_field(text, position, reason)


def no_such_relationship(text: str, position: int, name: str) -> ApiError:
    reason = (
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a "
        "custom relationship, be sure to append the '__r' after the custom relationship name. "
        + _NAMES_HINT
    )
    return invalid_field(text, position, reason)


def no_such_type(text: str, position: int, name: str) -> ApiError:
    reason = (
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, "
        f"be sure to append the '__c' after the entity name. {_NAMES_HINT}"
    )
    return soql_error(text, position, "INVALID_TYPE", reason)
