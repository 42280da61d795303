"""How the org refuses to write a record: Salesforce's codes, in Salesforce's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ApiError
from ..schema import Field, SObject
from ..store.values import json_token


def no_such_column(name: str, sobject: SObject) -> ApiError:
    message = f"No such column '{name}' on sobject of type {sobject.name}"
    return ApiError("INVALID_FIELD", message)


def id_in_data() -> ApiError:
    message = "The Id field should not be specified in the sobject data."
    return ApiError("INVALID_FIELD", message, fields=["Id"])


def required_missing(names: Sequence[str]) -> ApiError:
    message = f"Required fields are missing: [{', '.join(names)}]"
    return ApiError("REQUIRED_FIELD_MISSING", message, fields=names)


def read_only(names: Sequence[str]) -> ApiError:
    message = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the "
        "security settings of this field and verify that it is read/write for your "
        "profile or permission set."
    )
    return ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", message, fields=names)


def invalid_cross_reference(status: int = 400) -> ApiError:
    message = "invalid cross reference id"
    return ApiError("INVALID_CROSS_REFERENCE_KEY", message, status=status, fields=[])


def entity_is_deleted(status: int = 404) -> ApiError:
    return ApiError("ENTITY_IS_DELETED", "entity is deleted", status=status, fields=[])


def no_such_id(field: Field, text: str) -> ApiError:
    """What stands in a lookup is no id of a record, whatever its sObject."""
    message = f"{field.label}: id value of incorrect type: {text}"
    return ApiError("MALFORMED_ID", message, fields=[field.name])


def wrong_parent(field: Field, record_id: str) -> ApiError:
    """What stands in a lookup is the id of a record of another sObject."""
    message = f"{field.label}: id value of incorrect type: {record_id}"
    return ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=[field.name])


def circular(field: Field) -> ApiError:
    message = "Hierarchy Constraint Violation"
    return ApiError("CIRCULAR_DEPENDENCY", message, fields=[field.name])


def inactive_owner(sobject: SObject, user_id: str) -> ApiError:
    message = (
        f"operation performed with inactive user [{user_id[:15]}] "
        f"as owner of {sobject.label.lower()}"
    )
    return ApiError("INACTIVE_OWNER_OR_USER", message, fields=[])


def not_a_queue() -> ApiError:
    """The group that is to own a record is one of people, or nothing that could own one."""
    message = "Queue not associated with this SObject type"
    return ApiError("INVALID_OPERATION", message, fields=[])


def two_references(field: Field) -> ApiError:
    message = (
        f"Cannot specify both an external ID reference {field.relationship_name} "
        f"and a salesforce id, {field.name}"
    )
    return ApiError("INVALID_FIELD", message, fields=[])


def wrong_type(field: Field, value: Any, location: str = "") -> ApiError:
    """The JSON *value* for *field* is of another type; *location* is where it stands."""
    message = (
        f"Cannot deserialize instance of {field.type} from {json_token(value)} "
        f"or request may be missing a required field{location}"
    )
    return ApiError("JSON_PARSER_ERROR", message)


def duplicate_value(name: str, record_id: str) -> ApiError:
    message = f"duplicate value found: {name} duplicates value on record with id: {record_id[:15]}"
    return ApiError("DUPLICATE_VALUE", message, fields=[])


def duplicate_username() -> ApiError:
    message = (
        "Duplicate Username.<br>The username already exists in this or another Salesforce "
        "organization. Usernames must be unique across all Salesforce organizations. To resolve, "
        "use a different username (it doesn't need to match the user's email address). "
    )
    return ApiError("DUPLICATE_USERNAME", message, fields=["Username"])


def in_use(name: str, children: SObject, child_names: Sequence[str]) -> ApiError:
    """The record *name* has children that may not be without it."""
    message = (
        f"Your attempt to delete {name} could not be completed because it is associated with the "
        f"following {children.label_plural.lower()}.: {', '.join(child_names)}\n"
    )
    return ApiError("DELETE_FAILED", message, fields=[])


def closed_won(name: str, opportunity_names: Sequence[str]) -> ApiError:
    """The account *name* has opportunities that were won."""
    message = (
        f"Your attempt to delete {name} could not be completed because some opportunities in that "
        "account were closed won. The opportunities that could not be deleted are shown below.: "
        f"{', '.join(opportunity_names)}\n"
    )
    return ApiError("DELETE_FAILED", message, fields=[])


def not_allowed(what: str, sobject: SObject) -> ApiError:
    message = f"entity type {sobject.name} does not support {what}"
    return ApiError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, fields=[])
