"""Deleting a record: what goes along with it, what keeps it, and what forgets it.

Source: Salesforce Help, Object Relationships Overview.
"""

from __future__ import annotations

import attrs

from ..schema import Schema, SObject
from ..schema.sobjects import Child
from ..store.tables import Row, Store
from .refusals import closed_won, in_use
from .rollups import Rollups


class Deletion:
    """Puts records of *store* into the recycle bin."""

    def __init__(self, schema: Schema, store: Store, rollups: Rollups) -> None:
        self._schema = schema
        self._store = store
        self._rollups = rollups

    def delete(self, sobject: SObject, record_id: str, stamp: Row) -> None:
        """Delete a record and what cannot be without it; *stamp* tells who does it, and when.

        Raises ApiError if a record that would be left cannot be without one of them.
        """
        found = self._found(sobject, record_id)
        for doomed_id, owner in found.doomed.items():
            if owner.name == "Account":
                self._check_won(owner, doomed_id)
        left = found.left()
        for link in left:
            if _keeps_parent(link.child):
                self._refuse(found.doomed[link.parent_id], link)
        rows = {it: self._store.get(owner, it) or {} for it, owner in found.doomed.items()}
        for doomed_id, owner in found.doomed.items():
            own_stamp = {name: value for name, value in stamp.items() if owner.field(name)}
            self._store.update(owner, doomed_id, {"IsDeleted": 1, **own_stamp})
        for doomed_id, owner in found.doomed.items():
            self._rollups.saved(owner.name, rows[doomed_id], None)
        for link in left:
            for child_id in link.child_ids:
                self._store.update(link.child.sobject, child_id, {link.child.field.name: None})

    def _found(self, sobject: SObject, record_id: str) -> _Found:
        """Find all that goes along with a record, however long the chains of them are."""
        found = _Found({record_id: sobject})
        children: dict[str, tuple[Child, ...]] = {}
        waiting = [record_id]
        while waiting:
            parent_id = waiting.pop()
            parent = found.doomed[parent_id]
            if parent.name not in children:
                children[parent.name] = tuple(self._schema.children(parent))
            for child in children[parent.name]:
                child_ids = self._store.find(child.sobject, child.field, parent_id)
                if not child.field.cascade_delete:
                    found.links += [_Link(parent_id, child, child_ids)] if child_ids else []
                    continue
                new = [child_id for child_id in child_ids if child_id not in found.doomed]
                found.doomed.update(dict.fromkeys(new, child.sobject))
                waiting += reversed(new)
        return found

    def _check_won(self, account: SObject, account_id: str) -> None:
        """Raise ApiError if the account has opportunities that were won."""
        won = self._store.rows(
            'SELECT "Name" FROM "Opportunity" '
            'WHERE "AccountId" = ? AND "IsWon" = 1 AND "IsDeleted" = 0 ORDER BY rowid',
            (account_id,),
        )
        if won:
            name = called(account, self._store.get(account, account_id) or {})
            raise closed_won(name, [opportunity for (opportunity,) in won])

    def _refuse(self, parent: SObject, link: _Link) -> None:
        child = link.child.sobject
        name = called(parent, self._store.get(parent, link.parent_id) or {})
        rows = (self._store.get(child, child_id) or {} for child_id in link.child_ids)
        raise in_use(name, child, [called(child, row) for row in rows])


@attrs.frozen
class _Link:
    """Records that refer to one that is to be deleted, and would not go along with it."""

    parent_id: str
    child: Child
    child_ids: list[str]


@attrs.define
class _Found:
    """The sObjects of the *doomed* records by their ids, and the *links* to them."""

    doomed: dict[str, SObject]
    links: list[_Link] = attrs.field(factory=list[_Link])

    def left(self) -> list[_Link]:
        """Return the links from records that are not doomed themselves by another way."""
        left = []
        for link in self.links:
            child_ids = [child_id for child_id in link.child_ids if child_id not in self.doomed]
            if child_ids:
                left.append(attrs.evolve(link, child_ids=child_ids))
        return left


def _keeps_parent(child: Child) -> bool:
    """Whether a parent must stay because its children may not be without one."""
    field = child.sobject.declared(child.field.name) or child.field
    return field.restricted_delete or not field.nillable


def called(sobject: SObject, row: Row) -> str:
    """Return what people call a record: Mr. Josh Davis, a case's number."""
    field = sobject.name_field
    names = (row.get("Salutation"), row.get(field.name if field else "Id"))
    return " ".join(str(name) for name in names if name)
