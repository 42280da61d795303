"""Files of source, as tests write them with the fixtures ``project``, ``write`` and ``field``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from tests.local.caller import Caller

NAMESPACE: Final = 'xmlns="http://soap.sforce.com/2006/04/metadata"'
OBJECT: Final = """
    <label>Invoice</label>
    <pluralLabel>Invoices</pluralLabel>
    <nameField><type>AutoNumber</type><label>Number</label><displayFormat>I-{0000}</displayFormat></nameField>
    <sharingModel>ReadWrite</sharingModel>
"""

Write: TypeAlias = Callable[..., None]


def described(call: Caller, sobject: str, name: str) -> dict[str, Any]:
    """Describe the field *name* of *sobject*."""
    fields = call("GET", f"sobjects/{sobject}/describe").body["fields"]
    found: dict[str, Any] = next(field for field in fields if field["name"] == name)
    return found
