"""A Salesforce-like org in this process: for examples, tests, and work without Salesforce."""

from __future__ import annotations

from . import faults
from .org import LocalOrg
from .records.validation import Change
from .resources.actions import ActionError
from .schema.declarations import LoadedMetadata

__all__ = ["ActionError", "Change", "LoadedMetadata", "LocalOrg", "faults"]
