"""Loading seed files into an org: all or nothing, and each of them once."""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from ..errors import ApiError
from ..records.intake import RecordData
from ..records.records import Records
from ..schema import Schema, SObject
from ..store.tables import Store
from ..store.values import WrongTypeError, stored_value
from .seed_files import Seed, SeedRecord, read_seed

_SEEDS: Final = "_seeds"  # what the org has been seeded with, and the ids by reference
_PLACES: Final = "_seed_places"  # where that was found, which may be several places
_PARSER_TALK: Final = re.compile(r" or request may be missing a required field at \[.*\]$")
_DECLARE: Final = "declare it first, or load its metadata (--schema)"
_NOTHING: Final = "nothing was loaded"


class Seeds:
    """Loads seed files and remembers, in the org's file, which it has loaded."""

    def __init__(self, schema: Schema, store: Store, records: Records) -> None:
        self._schema = schema
        self._store = store
        self._records = records

    def plant(self, paths: Iterable[str | Path]) -> dict[str, str]:
        """Load the seed files at *paths*; return the ids of their records by reference.

        Raises OSError or ValueError, which name the file, the record and the field; nothing is
        loaded then.
        """
        seeds = [read_seed(path) for path in paths]
        with self._store.transaction():
            self._store.rows(
                f"CREATE TABLE IF NOT EXISTS {_SEEDS} "
                "(digest TEXT PRIMARY KEY, source TEXT NOT NULL, ids TEXT NOT NULL)"
            )
            self._store.rows(f"CREATE TABLE IF NOT EXISTS {_PLACES} (source TEXT PRIMARY KEY)")
            self._store.rows(f"INSERT OR IGNORE INTO {_PLACES} SELECT source FROM {_SEEDS}")
            ids: dict[str, str] = {}
            fresh: dict[str, Seed] = {}
            for seed in seeds:
                known = self._known(seed)
                if known is None:
                    fresh.setdefault(seed.digest, seed)
                else:
                    ids.update(known)
            self._load(fresh.values(), ids)
            for seed in seeds:
                self._store.rows(f"INSERT OR IGNORE INTO {_PLACES} VALUES (?)", (seed.source,))
        return ids

    def _known(self, seed: Seed) -> dict[str, str] | None:
        """Return the ids of what has been loaded from *seed*; None if it has not been."""
        rows = self._store.rows(f"SELECT ids FROM {_SEEDS} WHERE digest = ?", (seed.digest,))
        if rows:
            known: dict[str, str] = orjson.loads(rows[0][0])
            return known
        if self._store.rows(f"SELECT 1 FROM {_PLACES} WHERE source = ?", (seed.source,)):
            message = (
                f"this org has been seeded with {Path(seed.source).name} already, and the seed has "
                "changed since; begin with a new org, or put the new records into a file of their "
                f"own; {_NOTHING}"
            )
            raise ValueError(message)
        return None

    def _load(self, seeds: Collection[Seed], ids: dict[str, str]) -> None:
        """Create the records of *seeds*, parents first, and add to *ids*."""
        records = [record for seed in seeds for record in seed.records]
        _check_references(records, ids)
        links = {record: self._links(record) for record in records}
        _check_links(links, ids)
        created: dict[SeedRecord, str] = {}
        for record in parents_first(links):
            parent = record.parent
            found = {name: ids[reference] for name, reference in links[record].items()}
            if parent is not None:
                found[self._link_to(parent, record)] = created[parent]
            created[record] = self._create(record, found)
            if record.reference is not None:
                ids[record.reference] = created[record]
        for seed in seeds:
            own = {r.reference: created[r] for r in seed.records if r.reference is not None}
            self._store.rows(
                f"INSERT INTO {_SEEDS} VALUES (?, ?, ?)",
                (seed.digest, seed.source, orjson.dumps(own).decode()),
            )

    def _sobject(self, record: SeedRecord) -> SObject:
        sobject = self._schema.get(record.sobject)
        if sobject is None:
            message = f"{record.place}: there is no sobject {record.sobject!r}; {_DECLARE}"
            raise ValueError(f"{message}; {_NOTHING}")
        return sobject

    def _links(self, record: SeedRecord) -> dict[str, str]:
        """Find the lookups of *record* that refer to other records: ``"@AccountRef1"``."""
        sobject = self._sobject(record)
        links: dict[str, str] = {}
        for name, value in record.fields.items():
            field = sobject.field(name)
            if field is not None and field.type == "reference" and isinstance(value, str):
                before, at, reference = value.partition("@")
                if at and not before:
                    links[name] = reference
        return links

    def _link_to(self, parent: SeedRecord, record: SeedRecord) -> str:
        """Name the lookup by which *record*, which stands within *parent*, points to it."""
        child = self._schema.child(self._sobject(parent), record.relationship)
        if child is None or child.sobject is not self._sobject(record):
            message = (
                f"{record.place}: {parent.sobject} has no child relationship "
                f"{record.relationship!r} to {record.sobject}; {_NOTHING}"
            )
            raise ValueError(message)
        return child.field.name

    def _create(self, record: SeedRecord, links: Mapping[str, str]) -> str:
        sobject = self._sobject(record)
        fields: dict[str, Any] = {**record.fields, **links}
        try:
            return self._records.create(sobject, RecordData(fields, orjson.dumps(fields)))
        except ApiError as error:
            message = _PARSER_TALK.sub("", error.message).removesuffix(".")
            wrong = list(error.fields or _not_understood(sobject, fields))
            place = ", field ".join([record.place, *wrong])
            unknown = [name for name in fields if _is_unknown(sobject, name)]
            if unknown and not wrong:
                message += f"; {_DECLARE}, or leave it out"
            raise ValueError(f"{place}: {message}; {_NOTHING}") from error


def parents_first(links: Mapping[SeedRecord, Mapping[str, str]]) -> Iterator[SeedRecord]:
    """Yield each record behind those that it refers to, and else as they stand in the files."""
    by_reference = {record.reference: record for record in links}
    needed: dict[SeedRecord, set[SeedRecord]] = {}
    needing: dict[SeedRecord, list[SeedRecord]] = {}
    for record, own in links.items():
        parents = {by_reference[name] for name in own.values() if name in by_reference}
        if record.parent is not None:
            parents.add(record.parent)
        needed[record] = parents
        for parent in parents:
            needing.setdefault(parent, []).append(record)
    places = {record: place for place, record in enumerate(links)}
    records = list(links)
    ready = [places[record] for record in records if not needed[record]]  # a heap
    while ready:
        record = records[heapq.heappop(ready)]
        yield record
        del needed[record]
        for child in needing.get(record, ()):
            needed[child].remove(record)
            if not needed[child]:
                heapq.heappush(ready, places[child])
    if needed:
        names = ", ".join(record.place for record in list(needed)[:3])
        message = f"{names}: these records refer to each other in a circle; {_NOTHING}"
        raise ValueError(message)


def _is_unknown(sobject: SObject, name: str) -> bool:
    return sobject.field(name) is None and sobject.reference(name) is None


def _not_understood(sobject: SObject, fields: Mapping[str, Any]) -> list[str]:
    """Find the fields whose values are of another type, which Salesforce's error does not name."""
    wrong: list[str] = []
    for name, value in fields.items():
        field = sobject.field(name)
        try:
            if field is not None:
                stored_value(field, value)
        except WrongTypeError:
            wrong.append(name)
        except ApiError:
            continue
    return wrong


def _check_references(records: Iterable[SeedRecord], ids: Mapping[str, str]) -> None:
    """Check that each reference is one record's only."""
    seen = dict.fromkeys(ids, "a seed that was loaded before")
    for record in records:
        reference = record.reference
        if reference is None:
            continue
        if reference in seen:
            message = f"{record.place}: {reference} is also the reference of {seen[reference]}"
            raise ValueError(f"{message}; give each record its own; {_NOTHING}")
        seen[reference] = record.place


def _check_links(links: Mapping[SeedRecord, Mapping[str, str]], ids: Mapping[str, str]) -> None:
    """Check that there is a record, or an id, behind each reference."""
    known = {record.reference for record in links} | ids.keys()
    for record, own in links.items():
        for name, reference in own.items():
            if reference not in known:
                message = (
                    f"{record.place}, field {name}: no record has the referenceId {reference!r}; "
                    f"load the file that has it too, or the plan that names both; {_NOTHING}"
                )
                raise ValueError(message)
