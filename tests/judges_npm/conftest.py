"""A served org for clients that are not Python, where npm put them, and what runs their tests.

The sessions of noxfile.py install the clients (and Node.js, from PyPI) and say so in NODE_PATH;
without it, as in a plain run of pytest, these tests skip.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which

import pytest

from twinforce.local import LocalOrg
from twinforce.local.server.web import Server

NODE_PATH = os.environ.get("NODE_PATH", "")


@pytest.fixture
def installed() -> Callable[[str], Path]:
    """Return where the npm package of a name is; skip the test if npm was not asked for it."""

    def find(package: str) -> Path:
        place = Path(NODE_PATH) / package
        if not NODE_PATH or not place.is_dir():
            pytest.skip(f"{package} is not installed; the sessions of noxfile.py install it")
        return place

    return find


@pytest.fixture
def node() -> str:
    """Return where Node.js is."""
    return which("node") or pytest.skip("there is no Node.js")


@pytest.fixture
def server(org: LocalOrg) -> Iterator[Server]:
    with org.serve() as server:
        yield server


@pytest.fixture
def run_tests(
    org: LocalOrg, server: Server, installed: Callable[[str], Path], node: str
) -> Callable[[str, str], None]:
    """Return what runs a file of tests for an npm package against the org, with 450 Leads in it."""

    def run(package: str, script: str) -> None:
        installed(package)
        with org.client() as salesforce, salesforce.composite.batch() as batch:
            for number in range(450):
                batch.sobject.create("Lead", {"LastName": f"{number:03}", "Company": "Acme"})
        facts = {
            "url": server.url,
            "accessToken": org.access_token,
            "clientId": org.client_id,
            "clientSecret": org.client_secret,
            "refreshToken": org.grant_refresh_token(),
            "username": org.username,
            "password": org.password,
            "securityToken": org.security_token,
        }
        done = subprocess.run(
            [node, "--test", "--test-reporter=spec", str(Path(__file__).with_name(script))],
            env={**os.environ, "TWINFORCE_ORG": json.dumps(facts)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        print(done.stdout)
        assert done.returncode == 0
        # Node.js takes a file in which no test ran for a success.
        assert re.search(r"^\S+ pass [1-9]", done.stdout, re.MULTILINE)
        assert re.search(r"^\S+ fail 0$", done.stdout, re.MULTILINE)

    return run
