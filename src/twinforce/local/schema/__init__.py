"""What sObjects and fields an org has."""

from __future__ import annotations

from .fields import Field, PicklistValue
from .sobjects import Schema, SObject, standard_schema

__all__ = ["Field", "PicklistValue", "SObject", "Schema", "standard_schema"]
