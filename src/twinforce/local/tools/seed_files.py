"""Seed files: the records that an org is to begin with, as users have them at hand.

Three forms are read: the plan of ``sf data import tree`` with its files, one such tree file, and
plain lists of records by sObject, ``{"Account": [{"Name": "Acme"}]}``. Source of the first two:
Salesforce CLI Command Reference, data import tree; REST API Developer Guide, sObject Tree.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
import orjson

from .. import arguments

_FORMS: Final = (
    'a seed file is a plan ([{"sobject": …, "files": […]}]), a tree file ({"records": […]}), '
    'or lists of records by sobject ({"Account": [{"Name": "Acme"}]})'
)


@attrs.frozen(eq=False)
class SeedRecord:
    """One record of a seed file. *place* says where it stands, for errors.

    Others refer to it by *reference*, as ``"@AccountRef1"``. One that stands within its *parent*
    is its child by *relationship*.
    """

    sobject: str
    fields: Mapping[str, Any]
    place: str
    reference: str | None = None
    parent: SeedRecord | None = None
    relationship: str = ""


@attrs.frozen
class Seed:
    """All records of one seed, each behind its parent. *digest* tells it from any other."""

    source: str
    digest: str
    records: tuple[SeedRecord, ...]


def read_seed(path: str | Path) -> Seed:
    """Read the seed file at *path*, and the files that it names if it is a plan.

    Raises OSError for a file that cannot be read, ValueError for one that is no seed file.
    """
    file = arguments.path("the path of a seed file", path)
    document = _load(file)
    if isinstance(document, list):
        parts = dict(_parts(file, document))
        records = [
            record
            for part, (sobject, content) in parts.items()
            for record in _tree(part.name, content, sobject)
        ]
        everything = [document, *(content for _, content in parts.values())]
    else:
        records = list(_tree(file.name, document, None))
        everything = [document]
    if not records:
        raise _refused(f"{file.name} holds no records: {_FORMS}")
    # What it says counts, not how it is written: line ends change on their way through git.
    written = orjson.dumps(everything, option=orjson.OPT_SORT_KEYS)
    return Seed(str(file.resolve()), hashlib.sha256(written).hexdigest(), tuple(records))


def _load(file: Path) -> Any:
    content = arguments.read_file("seed file", file).removeprefix(codecs.BOM_UTF8)
    try:
        return orjson.loads(content.decode())
    except UnicodeDecodeError:
        raise _refused(f"{file.name} is not UTF-8; save it as UTF-8") from None
    except orjson.JSONDecodeError as error:
        raise _refused(f"{file.name} is not JSON: {error}") from error


def _parts(plan: Path, entries: list[Any]) -> Iterator[tuple[Path, tuple[str, Any]]]:
    """Read the files that *plan* names, each of one sObject.

    Its saveRefs and resolveRefs mean nothing: references are always kept and resolved, as by the
    Salesforce CLI of today.
    """
    named: set[Path] = set()
    for number, entry in enumerate(entries, start=1):
        match entry:
            case {"sobject": str(sobject), "files": [*files]} if _all_text(files):
                for name in files:
                    file = plan.parent / name
                    if file in named:
                        raise _refused(f"{plan.name} names {name} twice; a file can be loaded once")
                    named.add(file)
                    yield file, (sobject, _load(file))
            case _:
                raise _refused(
                    f"{plan.name}, entry {number}: it must be an object with the name of an "
                    f'"sobject" and a list of "files", the names of tree files; {_FORMS}'
                )


def _all_text(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _tree(name: str, document: Any, sobject: str | None) -> Iterator[SeedRecord]:
    """Read what is in one file; *sobject* is what the plan says that it holds."""
    if not isinstance(document, dict):
        raise _refused(f"{name} holds no records: {_FORMS}")
    if sobject is None and not isinstance(document.get("records"), list):
        for key, items in document.items():
            if not isinstance(items, list):
                raise _refused(f"{name}: {key!r} must be a list of records; {_FORMS}")
            yield from _records(f"{name}, {key}", items, key)
        return
    items = document.get("records")
    if not isinstance(items, list):
        raise _refused(f'{name} must be a tree file, {{"records": […]}}, since a plan names it')
    yield from _records(name, items, sobject)


def _records(
    where: str,
    items: list[Any],
    sobject: str | None,
    parent: SeedRecord | None = None,
    relationship: str = "",
) -> Iterator[SeedRecord]:
    for number, item in enumerate(items, start=1):
        place = f"{where}, record {number}"
        if not isinstance(item, dict):
            raise _refused(f'{place}: a record must be an object, as {{"Name": "Acme"}}')
        attributes = item.get("attributes", {})
        kind = _attribute(place, attributes, "type")
        reference = _attribute(place, attributes, "referenceId")
        if reference is not None:
            place += f" ({reference})"
        if kind is None and sobject is None:
            raise _refused(f'{place}: give its sobject, as in "attributes": {{"type": "Account"}}')
        if kind is not None and sobject is not None and kind.lower() != sobject.lower():
            raise _refused(f"{place}: its type is {kind}, though it is among records of {sobject}")
        children = {key: value["records"] for key, value in item.items() if _is_children(value)}
        fields = {key: item[key] for key in item if key not in {"attributes", *children}}
        record = SeedRecord(kind or sobject or "", fields, place, reference, parent, relationship)
        yield record
        for key, within in children.items():
            yield from _records(f"{place}, {key}", within, None, record, key)


def _attribute(place: str, attributes: Any, name: str) -> str | None:
    is_object = isinstance(attributes, dict)
    value = attributes.get(name) if is_object else None
    if not is_object or (value is not None and (not isinstance(value, str) or not value)):
        raise _refused(
            f"{place}: its attributes must be an object with texts, as in "
            '{"type": "Account", "referenceId": "AccountRef1"}'
        )
    return value


def _refused(message: str) -> ValueError:
    return ValueError(message)


def _is_children(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("records"), list)
