"""The examples of the documents run as they stand, on the local org."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinforce._core.resending import CASES, Again
from twinforce.local import LocalOrg

ROOT = Path(__file__).parents[1]


def examples() -> Iterator[object]:
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        text = path.read_text("utf-8")
        for block in re.finditer(r"(?ms)^```python\n(.*?)^```", text):
            line = text.count("\n", 0, block.start()) + 2
            yield pytest.param(block[1], id=f"{path.name}:{line}")


@pytest.mark.parametrize("source", list(examples()))
def test_an_example_runs(source: str, org: LocalOrg, capsys: pytest.CaptureFixture[str]) -> None:
    with org.serve() as server:
        placeholders = {
            "https://acme.my.salesforce.com": server.url,
            "00D...": server.access_token,
            "consumer key": org.client_id,
            "consumer secret": org.client_secret,
        }
        for placeholder, value in placeholders.items():
            source = source.replace(placeholder, value)
        # As a cell of a notebook runs it: await may stand at the top.
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(source, "example", "exec", flags=flags, dont_inherit=True)
        result = eval(code, {"__name__": "example"})  # noqa: S307 - our own documents
        if inspect.iscoroutine(result):
            asyncio.run(result)

    assert capsys.readouterr().out


def test_there_are_examples_of_both_twins() -> None:
    sources = "".join(parameter.values[0] for parameter in examples())  # type: ignore[attr-defined]

    assert "with salesforce.composite.batch" in sources
    assert "await batch.execute()" in sources


def test_the_table_of_what_is_sent_again_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    words = {
        Again.YES: "yes",
        Again.BY_POLICY: "by policy",
        Again.WHEN_TOLD: "when told",
        Again.NO: "no",
    }
    rows = [
        f"| {case.name} | {'yes' if case.may_have_run else 'no'} | {words[case.again]} |"
        for case in CASES
    ]

    assert "\n".join(rows) in text
