"""What Salesforce sees to when a User is saved."""

from __future__ import annotations

from ..errors import ApiError
from ..store.tables import Row
from .saving import Saving


def user(saving: Saving) -> Row:
    """Refuse users who deactivate themselves: in the end nobody could let anybody in again."""
    row = saving.row
    if (
        "IsActive" in saving.changed
        and not row["IsActive"]
        and row["Id"] == row["LastModifiedById"]
    ):
        message = "You cannot deactivate your own user"
        raise ApiError("FIELD_INTEGRITY_EXCEPTION", message, fields=["IsActive"])
    return {}
