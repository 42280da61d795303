"""A Salesforce-like org in this process: for examples, tests, and work without Salesforce."""

from __future__ import annotations

from . import faults
from .actions import ActionError
from .org import LocalOrg
from .schema.declarations import LoadedMetadata
from .validation import Change

__all__ = ["ActionError", "Change", "LoadedMetadata", "LocalOrg", "faults"]
