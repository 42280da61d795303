"""What the type checkers must see of soql(). Checked, never run."""

# A mistake that is not found is one, for pyright too; "type: ignore" stands for both checkers.
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import LiteralString, assert_type
from uuid import UUID

from twinforce import soql


class Stage(Enum):
    WON = "Closed Won"


def templates(
    name: str, operator: LiteralString, fields: list[LiteralString], *, by_name: bool
) -> None:
    assert_type(soql("SELECT Id FROM Account WHERE Name = {}", name), str)
    soql("SELECT Id FROM Account WHERE Name " + operator + " {}", name)
    soql(f"SELECT Id FROM Account WHERE Name {operator} {{}}", name)
    soql("Name = {}" if by_name else "Id = {}", name)
    soql(", ".join(fields) + " FROM Account")


def values(name: str, ids: list[str], keys: set[UUID], numbers: tuple[int | None, ...]) -> None:
    soql("{} {} {} {} {} {}", None, True, 5, 1.5, Decimal("1.5"), name)
    soql("{} {} {}", dt.date(2024, 1, 1), dt.datetime.now(dt.UTC), dt.time(9))
    soql("{} {} LIKE '{name:like}%'", UUID(int=1), Stage.WON, name=name)
    soql("IN {} IN {} IN {}", ids, keys, numbers)
    soql("IN {} IN {ids}", {"Id": 1}.keys(), ids=ids)


def mistakes(name: str, template: str) -> None:
    # A query that was put together from text of anybody's; mypy knows no LiteralString yet.
    soql(template, name)  # pyright: ignore[reportArgumentType]
    soql(f"SELECT Id FROM Account WHERE Name = '{name}'")  # pyright: ignore[reportArgumentType]
    soql("SELECT Id FROM Account WHERE Name = '" + name + "'")  # pyright: ignore[reportArgumentType]
    soql("SELECT Id FROM Account WHERE Name = '%s'" % name)  # noqa: UP031  # pyright: ignore[reportArgumentType]
    soql("SELECT Id FROM Account WHERE Name = '{}'".format(name))  # noqa: UP032  # pyright: ignore[reportArgumentType]
    soql(soql("SELECT Id FROM Account WHERE Name = {}", name))  # pyright: ignore[reportArgumentType]
    soql(template="SELECT Id FROM Account")  # type: ignore[call-arg]
    soql("Name = {}", object())  # type: ignore[arg-type]
    soql("Name = {name}", name=1j)  # type: ignore[arg-type]
    soql("Name IN {}", [b"x"])  # type: ignore[list-item]
    soql("Name IN {}", [["x"]])  # type: ignore[list-item]
    soql("Name IN {}", (character for character in name))  # type: ignore[arg-type]
