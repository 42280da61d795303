"""Our SOQL parser beside Salesforce's own, `@salesforce/soql-common` (npm): `nox -s soql_oracle`.

Both say of each query whether its syntax is right: those of shared/data/soql-cases.json, and
20,000 made by soql_corpus.py from the documented grammar, half of them broken. Objects and fields
are not looked up: ours is `twinforce.local.soql.parser.parse` alone.

Where the two differ, DIFFERENCES tells who is right and why. Any other difference fails, and so
does one whose example is none any more. With WRITE_VERDICTS=1 in the environment, the excerpt that the
ordinary suite checks is written anew (tests/local/soql-verdicts.json).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlencode

import attrs
import pytest

from tests.judges_npm.soql_corpus import corpus
from tests.local.caller import Caller
from twinforce.local import LocalOrg
from twinforce.local.errors import ApiError
from twinforce.local.soql.parser import parse

HERE = Path(__file__).parent
CASES = HERE.parents[2] / "shared" / "data" / "soql-cases.json"
VERDICTS = HERE.parent / "local" / "soql-verdicts.json"
SEED = 20_261_123
COUNT = 20_000
OURS, THEIRS = "ours", "theirs"


@attrs.frozen
class Difference:
    """A kind of query about which the two parsers disagree.

    *query* is searched in the query and *complaint* in what the one that refuses says, both as
    regular expressions that ignore case. *example* is one on objects that the local org has.
    """

    name: str
    accepted_by: str
    reason: str
    example: str
    query: str = ""
    complaint: str = ""

    def covers(self, query: str, accepted_by: str, complaint: str) -> bool:
        return (
            self.accepted_by == accepted_by
            and re.search(self.query, query, re.IGNORECASE) is not None
            and re.search(self.complaint, complaint, re.IGNORECASE) is not None
        )


DIFFERENCES = (
    Difference(
        "an alias with dots",
        THEIRS,
        "Ours is right: the reference's aliases are names. Their grammar takes a path, or one with "
        "a name missing (A..B).",
        "SELECT Name Owner.Name FROM Account",
        complaint=r"unexpected token: '\.'",
    ),
    Difference(
        "an alias of a child query or of TYPEOF",
        THEIRS,
        "Ours is right: the reference gives aliases to fields and functions.",
        "SELECT Id, (SELECT Id FROM Contacts) c FROM Account",
        query=r"(\)|\bend)\s+[a-z][\w.]*\s*(,|from)",
        complaint=r"unexpected token: '(?!(order|group|offset|from)')[a-z]\w*'",
    ),
    Difference(
        "a word that begins a clause, as an alias",
        THEIRS,
        "Ours is right about GROUP, which the reference reserves, and stricter about ORDER, "
        "OFFSET, END, ALL, AS and the like, which it does not list: nobody can tell such an alias "
        "from a clause that was broken off.",
        "SELECT Id FROM Account ORDER",
        query=r"\b(group|order|offset|end|all|as|data)\b",
        complaint=r"unexpected token: '(<EOF>|\d+|\)|,|group|order|offset|end|all|limit|where|using"
        r"|with|from|for|by|having)'",
    ),
    Difference(
        "a number with a sign after LIMIT or OFFSET",
        THEIRS,
        "Ours is right: the reference has no negative ones there, nor a plus.",
        "SELECT Id FROM Account LIMIT -5",
        query=r"\b(limit|offset)\s*[-+]",
        complaint=r"unexpected token: '[-+]\d*'",
    ),
    Difference(
        "a sign apart from its number",
        THEIRS,
        "Ours is stricter. Nobody writes - 5 for -5.",
        "SELECT Id FROM Account WHERE NumberOfEmployees = - 5",
        query=r"[-+]\s+[\d.]",
        complaint=r"unexpected token: '[-+]'",
    ),
    Difference(
        "an operator in two pieces",
        THEIRS,
        "Ours is stricter: the reference's operators are written in one piece.",
        "SELECT Id FROM Account WHERE NumberOfEmployees > = 5",
        query=r"[<>!]\s+[=>]",
        complaint=r"unexpected token: '[=>]'",
    ),
    Difference(
        "a hyphen in a name",
        THEIRS,
        "Ours is right: no name in Salesforce has one.",
        "SELECT Id FROM Account WHERE Na-me = 'Acme'",
        query=r"[a-z]-[a-z]",
        complaint=r"unexpected token: '-'",
    ),
    Difference(
        "a function that SOQL does not have",
        THEIRS,
        "Ours is right. Theirs takes any name in front of a parenthesis.",
        "SELECT JOIN(Name) FROM Account",
        complaint=r"unexpected token: '\('",
    ),
    Difference(
        "FIELDS() of something else than ALL, STANDARD or CUSTOM",
        THEIRS,
        "Ours is right. Theirs takes any name.",
        "SELECT FIELDS(FOO) FROM Account LIMIT 200",
        query=r"fields\s*\(",
        complaint=r"FIELDS\(\) takes ALL, STANDARD or CUSTOM",
    ),
    Difference(
        "a field named TYPEOF",
        THEIRS,
        "Ours is stricter. No object has a field of that name: custom ones end in __c.",
        "SELECT TYPEOF, Id FROM Account",
        query=r"typeof",
        complaint=r"unexpected token: '(,|from|\()'",
    ),
    Difference(
        "arguments of DISTANCE and GEOLOCATION",
        OURS,
        "Theirs is right; the org executes neither and says so.",
        "SELECT Id FROM Account WHERE DISTANCE(BillingAddress, GEOLOCATION(1, 2), TODAY) < 20",
        query=r"distance\s*\(",
        complaint=r"^(?!unexpected token)",
    ),
    Difference(
        "COUNT() elsewhere than alone in SELECT",
        OURS,
        "Theirs is right; the org refuses it after parsing.",
        "SELECT Name FROM Account GROUP BY Name HAVING COUNT() > 1",
        query=r"(having|order\s+by).*count\s*\(\s*\)",
        complaint=r"no viable alternative at input 'count",
    ),
    Difference(
        "an alias in a semi-join",
        OURS,
        "Theirs is right; the org refuses it after parsing.",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId a FROM Contact)",
        query=r"\bin\s*\(\s*select\s+\w+\s+\w+\s+from",
        complaint=r"extraneous input",
    ),
    Difference(
        "a name where a value must stand",
        OURS,
        "Theirs is right; our parser takes every name for a date literal, and the org then refuses "
        "those that are none.",
        "SELECT Id FROM Account WHERE Name = DISTINCT",
        query=r"([=<>,(]|\blike)\s*(?!(null|true|false)\b)[a-z]+",
        complaint=r"(no viable alternative at input|mismatched input) '[^']*\b[a-z_]+'",
    ),
)
# Only in soql-cases.json, which says that they are SOQL; the corpus has REST's only.
APEX_ONLY = Difference(
    "FOR UPDATE and ALL ROWS",
    OURS,
    "They are SOQL, but Apex's: theirs was asked as for REST. The org refuses ALL ROWS after "
    "parsing (queryAll is REST's way); FOR UPDATE has nothing to lock there.",
    "SELECT Id FROM Account ALL ROWS",
    query=r"\b(for\s+update|all\s+rows)\b",
)

Ask = Callable[[Sequence[str]], list[str]]


@pytest.fixture
def theirs(installed: Callable[[str], Path], node: str) -> Ask:
    """Return what asks Salesforce's parser: its first complaint of each query, or ""."""
    installed("@salesforce/soql-common")

    def ask(queries: Sequence[str]) -> list[str]:
        done = subprocess.run(
            [node, str(HERE / "soql_oracle.js")],
            input=json.dumps(queries),
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        return [complaint or "" for complaint in json.loads(done.stdout)]

    return ask


def ours(query: str) -> str:
    """Return what our parser complains of, or ""."""
    try:
        parse(query)
    except ApiError as error:
        return error.message.splitlines()[-1]
    return ""


def compared(queries: Sequence[str], theirs: Ask) -> dict[str, tuple[str, str]]:
    """Return what the two say of the queries on which they disagree, ours first."""
    verdicts = zip(queries, map(ours, queries), theirs(queries), strict=True)
    return {query: (mine, other) for query, mine, other in verdicts if bool(mine) != bool(other)}


def covering(differences: Sequence[Difference], query: str, mine: str, other: str) -> str:
    """Return the name of the first of *differences* that covers a disagreement."""
    found = (
        difference.name
        for difference in differences
        if difference.covers(query, THEIRS if mine else OURS, mine or other)
    )
    return next(found, "")


def test_both_agree_on_the_corpus(theirs: Ask) -> None:
    queries = corpus(SEED, COUNT)
    different = compared(queries, theirs)
    names = {
        query: covering(DIFFERENCES, query, mine, other)
        for query, (mine, other) in different.items()
    }
    unlisted = {query: different[query] for query, name in names.items() if not name}
    assert not unlisted
    print(f"agreement on {COUNT - len(different)} of {COUNT}; listed differences:")
    for difference in DIFFERENCES:
        count = list(names.values()).count(difference.name)
        print(f"{count:5} {difference.name}, accepted by {difference.accepted_by}")
    if os.environ.get("WRITE_VERDICTS"):
        write_excerpt([query for query in queries if query not in different])


def write_excerpt(agreed: Sequence[str]) -> None:
    """Keep some queries of which both say the same: facts that need no npm to be checked."""
    short = [query for query in agreed if len(query) <= 160]
    accepted = [query for query in short if not ours(query)][:200]
    refused = [query for query in short if ours(query)][:200]
    text = json.dumps({"accepted": accepted, "refused": refused}, indent=1, ensure_ascii=False)
    VERDICTS.write_text(text + "\n", encoding="utf-8")


@pytest.mark.skipif(not CASES.is_file(), reason="shared/data is not there")
def test_both_agree_on_the_cases(theirs: Ask) -> None:
    cases = json.loads(CASES.read_text(encoding="utf-8"))
    queries = [query for _, query in cases]
    different = compared(queries, theirs)
    named = {query: covering([APEX_ONLY], query, *both) for query, both in different.items()}
    assert named == {
        query: APEX_ONLY.name for name, query in cases if name in {"FOR UPDATE", "ALL ROWS"}
    }
    assert {query: not ours(query) for query in queries} == {
        query: not name.startswith("NEG") for name, query in cases
    }


@pytest.mark.parametrize("difference", [*DIFFERENCES, APEX_ONLY], ids=lambda item: item.name)
def test_each_difference_is_as_it_says(org: LocalOrg, theirs: Ask, difference: Difference) -> None:
    (both,) = compared([difference.example], theirs).values()
    assert covering([difference], difference.example, *both)
    # Whoever is right about the syntax: the org executes none of them.
    target = "/services/data/v67.0/query?" + urlencode({"q": difference.example})
    response = Caller(org).send("GET", target)
    assert response.status_code == 400


def test_the_corpus_is_the_same_each_time() -> None:
    assert corpus(SEED, 300) == corpus(SEED, 300)
    assert corpus(SEED, 300) != corpus(SEED + 1, 300)
