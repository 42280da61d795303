"""Reads the files of a Salesforce project: what objects and fields its source declares.

Source: Metadata API Developer Guide, CustomObject, CustomField, GlobalValueSet, StandardValueSet.
Both layouts are read: that of the Salesforce CLI, a file for each field, and that of packages for
the Metadata API, all of an object in one ``.object`` file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import attrs

from ..arguments import read_file, unreadable

_IGNORED_FOLDERS: Final = frozenset({"node_modules", "__pycache__"})
_OBJECT: Final = (".object-meta.xml", ".object")
# Parts of objects, by what their files hold: where they stand within an object, their files.
_PARTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "CustomField": ("fields", (".field-meta.xml",)),
    "RecordType": ("recordTypes", (".recordType-meta.xml",)),
    "ValidationRule": ("validationRules", (".validationRule-meta.xml",)),
}
_GLOBAL_VALUES: Final = (".globalValueSet-meta.xml", ".globalValueSet")
_STANDARD_VALUES: Final = (".standardValueSet-meta.xml", ".standardValueSet")
_KNOWN: Final = (
    *_OBJECT,
    *_GLOBAL_VALUES,
    *_STANDARD_VALUES,
    *(ending for _, endings in _PARTS.values() for ending in endings),
)
_MOST_DIGITS: Final = 9
_SHOWN: Final = 40  # of what is no number; it may be long
_BOOLEANS: Final = {"true": True, "false": False}


@attrs.frozen
class Element:
    """An element of a file; every error that it raises names the file and the element."""

    path: Path
    _node: ET.Element

    @property
    def name(self) -> str:
        return _local(self._node)

    def children(self, name: str) -> Iterator[Element]:
        for node in self._node:
            if _local(node) == name:
                yield Element(self.path, node)

    def child(self, name: str) -> Element | None:
        return next(self.children(name), None)

    def text(self, name: str) -> str | None:
        """The text of the child *name*, without spaces around it; None if there is none."""
        child = self.child(name)
        return (child.content or None) if child is not None else None

    @property
    def content(self) -> str:
        return (self._node.text or "").strip()

    def boolean(self, name: str) -> bool | None:
        text = self.text(name)
        if text is None:
            return None
        if text not in _BOOLEANS:
            raise self.error(name, f"must be true or false, not {text!r}")
        return _BOOLEANS[text]

    def number(self, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            raise self.error(name, f"must be a whole number, not {text[:_SHOWN]!r}")
        return int(text)

    def needed(self, name: str) -> str:
        text = self.text(name)
        if text is None:
            raise ValueError(f"{self.path}: <{self.name}> has no <{name}>")
        return text

    def check_same(self, name: str, other: Element) -> None:
        """Raise ValueError if *other*, which declares *name* too, says something else."""
        if self != other and _canonical(self._node) != _canonical(other._node):
            raise ValueError(f"{self.path}: {name} is in {other.path} too, and differently")

    def error(self, name: str, reason: str) -> ValueError:
        return ValueError(f"{self.path}: <{name}> in <{self.name}> {reason}")


@attrs.frozen
class Source:
    """What the files of a folder declare: each an element, with the name of what it declares.

    *fields*, *record_types* and *validation_rules* come with the name of their object too.
    """

    objects: tuple[tuple[str, Element], ...]
    fields: tuple[tuple[str, str, Element], ...]
    record_types: tuple[tuple[str, str, Element], ...]
    validation_rules: tuple[tuple[str, str, Element], ...]
    global_values: dict[str, Element]
    standard_values: dict[str, Element]


def read_source(*folders: Path) -> Source:
    """Read all files of objects, fields and value sets under *folders*, each file once.

    Raises OSError if there is no such folder or a file cannot be read, ValueError for a folder
    without any of these, and for a file that is not XML, or holds a document type, which could make
    a small file a huge one.
    """
    objects: list[tuple[str, Element]] = []
    parts: dict[str, list[tuple[str, str, Element]]] = {kind: [] for kind in _PARTS}
    global_values: dict[str, Element] = {}
    standard_values: dict[str, Element] = {}
    for path in {file.resolve(): file for folder in folders for file in _files(folder)}.values():
        if stem := _stem(path, _OBJECT):
            element = _parsed(path, "CustomObject")
            objects.append((stem, element))
            for kind, (inline, _) in _PARTS.items():
                for part in element.children(inline):
                    parts[kind].append((stem, part.needed("fullName"), part))
        elif stem := _stem(path, _GLOBAL_VALUES):
            _put(global_values, stem, _parsed(path, "GlobalValueSet"))
        elif stem := _stem(path, _STANDARD_VALUES):
            _put(standard_values, stem, _parsed(path, "StandardValueSet"))
        for kind, (_, endings) in _PARTS.items():
            if stem := _stem(path, endings):
                element = _parsed(path, kind)
                name = element.text("fullName") or stem
                parts[kind].append((path.parent.parent.name, name, element))
    return Source(
        tuple(objects),
        tuple(parts["CustomField"]),
        tuple(parts["RecordType"]),
        tuple(parts["ValidationRule"]),
        global_values,
        standard_values,
    )


def _put(values: dict[str, Element], name: str, element: Element) -> None:
    element.check_same(name, values.setdefault(name, element))


def _files(folder: Path) -> list[Path]:
    """List the files in *folder* that are metadata of objects. Raises ValueError for none."""
    found = [path for path in _all_files(folder) if _stem(path, _KNOWN)]
    if not found:
        message = (
            f"{str(folder)!r} holds no metadata of objects (*.object-meta.xml, *.field-meta.xml, "
            "*.object, …); name the folder of a Salesforce project, or the part of it that has them"
        )
        raise ValueError(message)
    return found


def _all_files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        hint = "; name the folder of a Salesforce project, or a part of it"
        raise unreadable("folder", error.filename or folder, error, hint) from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(
            name for name in folders if name not in _IGNORED_FOLDERS and not name.startswith(".")
        )
        yield from (Path(place, name) for name in sorted(names))


def _stem(path: Path, endings: tuple[str, ...]) -> str | None:
    for ending in endings:
        if path.name.endswith(ending):
            return path.name.removesuffix(ending)
    return None


def _canonical(node: ET.Element) -> str:
    return ET.canonicalize(ET.tostring(node, encoding="unicode"), strip_text=True)


def _local(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


class _NoDocumentType(ET.TreeBuilder):
    """Builds a tree of elements. Entities are declared in a document type, which it refuses."""

    def doctype(self, name: str, *_: str | None) -> None:
        raise ValueError(f"it has a document type (<!DOCTYPE {name}>), which source never has")


def _parsed(path: Path, wanted: str) -> Element:
    parser = ET.XMLParser(target=_NoDocumentType())  # noqa: S314 - it takes no entities
    try:
        parser.feed(read_file("file", path))
        element = Element(path, parser.close())
    except (ET.ParseError, ValueError, LookupError) as error:  # the last is an unknown encoding
        raise ValueError(f"{path}: {error}") from error
    if element.name != wanted:
        raise ValueError(f"{path}: it holds a <{element.name}>, where a <{wanted}> belongs")
    return element
