"""A local org as it comes, a caller of its resources, and source to load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.caller import Caller
from tests.local.sources import NAMESPACE, Write
from twinforce.local import LocalOrg


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    with LocalOrg() as org:
        yield org


@pytest.fixture
def call(org: LocalOrg) -> Caller:
    return Caller(org)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "force-app"


@pytest.fixture
def write(project: Path) -> Write:
    """Write a file of source: where in the project it is, its kind, and what is in it."""

    def write(place: str, kind: str, content: str, *, head: str = "") -> None:
        path = project / place
        path.parent.mkdir(parents=True, exist_ok=True)
        declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
        path.write_text(f"{declaration}{head}<{kind} {NAMESPACE}>{content}</{kind}>", "utf-8")

    return write


@pytest.fixture
def field(write: Write) -> Write:
    """Write the file of a field of an object: its type and the rest of its elements."""

    def write_field(sobject: str, name: str, kind: str, content: str = "") -> None:
        write(
            f"objects/{sobject}/fields/{name}.field-meta.xml",
            "CustomField",
            f"<fullName>{name}</fullName><label>{name[:-3]}</label><type>{kind}</type>{content}",
        )

    return write_field
