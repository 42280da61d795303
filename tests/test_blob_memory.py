"""5 MB of binary data through the served org, by batch: byte-identical, and little memory."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from twinforce import AccessToken, AsyncSalesforce, Salesforce

SIZE = 5_000_000
# In a process of its own, so that what is measured is the client's.
SERVER = """
import sys
from twinforce.local import LocalOrg
with LocalOrg() as org, org.serve() as server:
    print(server.url, server.access_token, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def served() -> Iterator[list[str]]:
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()
        process.communicate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(os.urandom(SIZE))
    return path


FIELDS = {"Title": "Data", "PathOnClient": "data.bin"}


def test_a_large_file_is_sent_by_a_batch_piece_by_piece(served: list[str], file: Path) -> None:
    with Salesforce(served[0], AccessToken(served[1])) as salesforce, file.open("rb") as content:
        salesforce.limits()
        tracemalloc.start()
        with salesforce.composite.batch() as batch:
            version = batch.sobject.create_with_blob(
                "ContentVersion",
                FIELDS,
                blob_field="VersionData",
                content=content,
                filename="data.bin",
            )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        stored = salesforce.request("GET", f"sobjects/ContentVersion/{version.id}/VersionData").body

    assert hashlib.sha256(stored).digest() == hashlib.sha256(file.read_bytes()).digest()
    assert peak < SIZE / 2


def test_a_large_file_is_sent_by_an_async_batch_piece_by_piece(
    served: list[str], file: Path
) -> None:
    async def upload() -> tuple[bytes, int]:
        async with AsyncSalesforce(served[0], AccessToken(served[1])) as salesforce:
            await salesforce.limits()
            tracemalloc.start()
            with file.open("rb") as content:
                async with salesforce.composite.batch() as batch:
                    version = batch.sobject.create_with_blob(
                        "ContentVersion",
                        FIELDS,
                        blob_field="VersionData",
                        content=content,
                        filename="data.bin",
                    )
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            target = f"sobjects/ContentVersion/{version.id}/VersionData"
            return (await salesforce.request("GET", target)).body, peak

    stored, peak = asyncio.run(upload())

    assert hashlib.sha256(stored).digest() == hashlib.sha256(file.read_bytes()).digest()
    assert peak < SIZE * 3
