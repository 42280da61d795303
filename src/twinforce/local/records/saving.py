"""A record that is about to be saved, as the rules of its sObject see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs

from ..schema import SObject
from ..store.tables import Row
from ..store.values import casefold

Parents: TypeAlias = Callable[[object], Row | None]


@attrs.frozen
class Saving:
    """A save of a record of *sobject*, of which *row* is what will be stored.

    *changed* are the names of the fields that the caller set, *now* is the time of the save as the
    API writes datetimes, *parents* finds the record with an id.
    """

    sobject: SObject
    row: Row
    changed: set[str]
    now: str
    parents: Parents

    def implied(self, picklist: str) -> Mapping[str, Any] | None:
        """What the standard value of a *picklist* implies; None if it is not a standard one."""
        field = self.sobject.field(picklist)
        value = casefold(self.row.get(picklist))
        for choice in field.picklist_values if field else ():
            if casefold(choice.value) == value:
                return choice.extra
        return None


Rule: TypeAlias = Callable[[Saving], Row]
