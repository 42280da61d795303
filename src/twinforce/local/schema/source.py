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

_IGNORED_FOLDERS: Final = frozenset({"node_modules", "__pycache__"})
_OBJECT: Final = (".object-meta.xml", ".object")
_FIELD: Final = (".field-meta.xml",)
_RECORD_TYPE: Final = (".recordType-meta.xml",)
_GLOBAL_VALUES: Final = (".globalValueSet-meta.xml", ".globalValueSet")
_STANDARD_VALUES: Final = (".standardValueSet-meta.xml", ".standardValueSet")
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
        if not (text.isascii() and text.isdigit()):
            raise self.error(name, f"must be a whole number, not {text!r}")
        return int(text)

    def needed(self, name: str) -> str:
        text = self.text(name)
        if text is None:
            raise ValueError(f"{self.path}: <{self.name}> has no <{name}>")
        return text

    def error(self, name: str, reason: str) -> ValueError:
        return ValueError(f"{self.path}: <{name}> in <{self.name}> {reason}")


@attrs.frozen
class Source:
    """What the files of a folder declare: each an element, with the name of what it declares.

    *fields* and *record_types* come with the name of their object too.
    """

    objects: tuple[tuple[str, Element], ...]
    fields: tuple[tuple[str, str, Element], ...]
    record_types: tuple[tuple[str, str, Element], ...]
    global_values: dict[str, Element]
    standard_values: dict[str, Element]


def read_source(folder: Path) -> Source:
    """Read all files of objects, fields and value sets under *folder*.

    Raises OSError if there is no such folder or a file cannot be read, ValueError for a file that
    is not XML, or holds a document type, which could make a small file a huge one.
    """
    objects: list[tuple[str, Element]] = []
    fields: list[tuple[str, str, Element]] = []
    record_types: list[tuple[str, str, Element]] = []
    global_values: dict[str, Element] = {}
    standard_values: dict[str, Element] = {}
    for path in _files(folder):
        if stem := _stem(path, _OBJECT):
            element = _parsed(path, "CustomObject")
            objects.append((stem, element))
            inline = element.children("fields")
            fields.extend((stem, field.needed("fullName"), field) for field in inline)
            inline = element.children("recordTypes")
            record_types.extend((stem, it.needed("fullName"), it) for it in inline)
        elif stem := _stem(path, _FIELD):
            element = _parsed(path, "CustomField")
            fields.append((path.parent.parent.name, element.text("fullName") or stem, element))
        elif stem := _stem(path, _RECORD_TYPE):
            element = _parsed(path, "RecordType")
            record_types.append(
                (path.parent.parent.name, element.text("fullName") or stem, element)
            )
        elif stem := _stem(path, _GLOBAL_VALUES):
            global_values[stem] = _parsed(path, "GlobalValueSet")
        elif stem := _stem(path, _STANDARD_VALUES):
            standard_values[stem] = _parsed(path, "StandardValueSet")
    return Source(
        tuple(objects), tuple(fields), tuple(record_types), global_values, standard_values
    )


def _files(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

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


def _local(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


class _NoDocumentType(ET.TreeBuilder):
    """Builds a tree of elements. Entities are declared in a document type, which it refuses."""

    def doctype(self, name: str, *_: str | None) -> None:
        raise ValueError(f"it has a document type (<!DOCTYPE {name}>), which source never has")


def _parsed(path: Path, wanted: str) -> Element:
    parser = ET.XMLParser(target=_NoDocumentType())  # noqa: S314 - it takes no entities
    try:
        parser.feed(path.read_bytes())
        element = Element(path, parser.close())
    except (ET.ParseError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    if element.name != wanted:
        raise ValueError(f"{path}: it holds a <{element.name}>, where a <{wanted}> belongs")
    return element
