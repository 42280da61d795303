"""What the names in a query stand for: fields, the parents on the way to them, and their joins."""

from __future__ import annotations

from typing import Final

import attrs

from ..schema import Field, SObject
from ..store.tables import comparable, quoted
from ..store.values import casefold
from . import ast
from .errors import invalid_field, malformed, no_such_column, no_such_relationship
from .plan import Context, Expression

MOST_PARENTS: Final = 5

Relationships = tuple[str, ...]  # in lower case, from the object of the query on


def _name_field(name: str, kind: str = "string") -> Field:
    return Field(name, name, kind)


def _name_lookup(parent: str) -> Field:
    name = f"{parent}Id"
    return Field(name, name, "reference", reference_to=(parent,), relationship_name=parent)


def _name_entity() -> SObject:
    """What any parent of a polymorphic relationship is read as, whichever sObject it is of.

    Source: SOQL and SOSL Reference, Understanding Relationship Fields and Polymorphic Fields;
    Object Reference, Name.
    """
    entity = SObject("Name", "Name", "Names", "")
    for field in (
        _name_field("Id", "id"),
        _name_field("Name"),
        _name_field("Type"),
        _name_field("FirstName"),
        _name_field("LastName"),
        _name_field("Alias"),
        _name_field("Username"),
        _name_field("Email", "email"),
        _name_field("Phone", "phone"),
        _name_field("Title"),
        _name_field("IsActive", "boolean"),
        _name_lookup("Profile"),
        _name_lookup("UserRole"),
        _name_lookup("RecordType"),
    ):
        entity.put(field)
    return entity


NAME: Final = _name_entity()


@attrs.frozen
class Place:
    """The record at the end of some relationships: a table's row, called *alias* in the SQL.

    Where it may be of several sObjects, *alias* is None, and *link* is the SQL of its id.
    """

    sobject: SObject
    link: str
    alias: str | None = None
    parents: tuple[SObject, ...] = ()
    reference: Field | None = None

    def column(self, field: Field) -> str:
        if self.alias is not None:
            return f"{self.alias}.{quoted(field.name)}"
        if field.name == "Id":
            return self.link
        branches = []
        for parent in self.parents:
            if field.name == "Type":
                branches.append(f"WHEN '{parent.key_prefix}' THEN {self._type_of(parent)}")
                continue
            own = parent.name_field if field.name == "Name" else parent.field(field.name)
            if own is not None and own.has_column:
                value = (
                    f"(SELECT p.{quoted(own.name)} FROM {quoted(parent.name)} AS p "
                    f'WHERE p."Id" = {self.link})'
                )
                branches.append(f"WHEN '{parent.key_prefix}' THEN {value}")
        if not branches:
            return "NULL"
        return f"CASE substr({self.link}, 1, 3) {' '.join(branches)} END"

    def _type_of(self, parent: SObject) -> str:
        """Return what Type is of a *parent* of this sObject: of a queue, that it is one."""
        if parent.name != "Group":
            return f"'{parent.name}'"
        queue = f"""SELECT 1 FROM "Group" AS p WHERE p."Id" = {self.link} AND p."Type" = 'Queue'"""
        return f"CASE WHEN EXISTS ({queue}) THEN 'Queue' ELSE 'Group' END"


class Names:
    """Finds what names mean in the query *text* over *sobject*, and joins the parents they need."""

    def __init__(
        self, text: str, context: Context, sobject: SObject, sources: tuple[ast.Source, ...]
    ) -> None:
        self.text = text
        self.context = context
        self.sobject = sobject
        self._places: dict[Relationships, Place] = {(): Place(sobject, 't0."Id"', "t0")}
        self._from = [f"{quoted(sobject.name)} AS t0"]
        self._starts: dict[str, Relationships] = {}
        self._name_sources(sources)

    def _name_sources(self, sources: tuple[ast.Source, ...]) -> None:
        first, *others = sources
        for name in (first.path.names[-1], self.sobject.name, first.alias):
            if name is not None:
                self._starts[name.lower()] = ()
        for source in others:  # FROM Contact c, c.Account a
            names, positions = source.path.names, source.path.positions
            start = self._starts.get(names[0].lower())
            steps = tuple(zip(names[1:], positions[1:], strict=True))
            if start is None or not steps:
                raise no_such_relationship(self.text, positions[0], names[0])
            self._starts[(source.alias or names[-1]).lower()] = self.follow(start, steps)

    @property
    def from_sql(self) -> str:
        return " ".join(self._from)

    def follow(self, start: Relationships, steps: tuple[tuple[str, int], ...]) -> Relationships:
        """Follow *steps*, the names of relationships and their positions, from *start* on."""
        followed = start
        for relationship, position in steps:
            reference = self.place(followed).sobject.reference(relationship)
            # The data of partners is not in the org, though fields of it refer to them.
            if reference is None or not self._parents(reference):
                raise no_such_relationship(self.text, position, relationship)
            followed += (relationship.lower(),)
            if len(followed) > MOST_PARENTS:
                reason = f"a path may go through {MOST_PARENTS} parents at most"
                raise malformed(self.text, position, reason)
            self.place(followed)
        return followed

    def place(self, relationships: Relationships, sobject: SObject | None = None) -> Place:
        """Return where *relationships* lead to; with *sobject*, if it is one of these there."""
        key = relationships if sobject is None else (*relationships, f"as {sobject.name}")
        place = self._places.get(key)
        if place is None:
            child = self.place(relationships[:-1])
            reference = child.sobject.reference(relationships[-1])
            if reference is None:
                raise AssertionError(relationships)
            link = child.column(reference)
            if sobject is None and reference.is_polymorphic:
                place = Place(NAME, link, None, self._parents(reference), reference)
            else:
                parent = sobject or self._parents(reference)[0]
                alias = f"t{len(self._from)}"
                self._from.append(
                    f'LEFT JOIN {quoted(parent.name)} AS {alias} ON {alias}."Id" = {link}'
                )
                place = Place(parent, f'{alias}."Id"', alias, (), reference)
            self._places[key] = place
        return place

    def _parents(self, reference: Field) -> tuple[SObject, ...]:
        found = (self.context.schema.get(name) for name in reference.reference_to)
        return tuple(parent for parent in found if parent is not None)

    def resolve(self, path: ast.Path) -> tuple[Relationships, Field]:
        """Return the relationships to follow, and the field at the end."""
        *steps, (name, position) = zip(path.names, path.positions, strict=True)
        relationships = self.start(steps)
        sobject = self.place(relationships).sobject
        field = sobject.field(name)
        if field is None:
            raise no_such_column(self.text, position, name, sobject.name)
        return relationships, field

    def start(self, steps: list[tuple[str, int]]) -> Relationships:
        """Follow *steps*, of which the first may be a name from FROM."""
        if steps and steps[0][0].lower() in self._starts:
            return self.follow(self._starts[steps[0][0].lower()], tuple(steps[1:]))
        return self.follow((), tuple(steps))

    def expression(self, path: ast.Path) -> Expression:
        """Return the field that *path* leads to."""
        relationships, field = self.resolve(path)
        parents = [self.place(relationships[: n + 1]) for n in range(len(relationships))]
        steps = [place.reference.relationship_name or "" for place in parents if place.reference]
        sql = self.place(relationships).column(field)
        label = ".".join([*steps, field.name])
        return field_expression(field, sql, label, path.positions[-1])

    def present(self, path: ast.Path) -> list[str]:
        """Return what is true wherever all parents on *path* are there.

        SQLite only looks up a parent first, by an index, if a condition says that there is one.
        """
        relationships, _ = self.resolve(path)
        places = (self.place(relationships[: n + 1]) for n in range(len(relationships)))
        return [f"{place.link} > ''" for place in places if place.alias is not None]

    def filtered(self, expression: Expression) -> Expression:
        """Return *expression* if it may stand in a condition. Raises ApiError if not."""
        field = expression.field
        if not field.filterable or field.is_compound:
            reason = f"field '{field.name}' can not be filtered in a query call"
            raise invalid_field(self.text, expression.position, reason)
        return expression


def field_expression(field: Field, sql: str, label: str, position: int) -> Expression:
    """Return the expression that is *field* itself, whose column is *sql*."""
    key = comparable(field, sql)
    if field.type == "boolean":  # never nothing: that of a parent that is not there is false
        key = f"IFNULL({sql}, 0)"
    return Expression(field, sql, key, label, position, picklist_order(field, key))


def picklist_order(field: Field, key: str) -> str:
    """Return the SQL by which *field* is sorted: as in Setup, other values of a picklist last."""
    if field.type != "picklist" or not field.picklist_values:
        return key
    places = " ".join(
        f"WHEN {sql_text(casefold(choice.value))} THEN {place}"
        for place, choice in enumerate(field.picklist_values)
    )
    return (
        f"CASE WHEN {key} IS NULL THEN NULL "
        f"ELSE CASE {key} {places} ELSE {len(field.picklist_values)} END END"
    )


def sql_text(text: str) -> str:
    """Write *text* as a literal of SQL."""
    return "'" + text.replace("'", "''").replace("\0", "' || char(0) || '") + "'"
