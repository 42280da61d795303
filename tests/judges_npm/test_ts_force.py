"""ts-force 3.5 (npm), unmodified, on the served local org: `nox -s ts_force`.

It is the one client of npm with a Composite Batch of its own. Run, in ts_force.test.js: insert,
update, refresh and delete of records; query, queryMore, deleted records, search, limits, describe
and invokeAction; CompositeBatch with each of its subrequests, with callbacks, and more than 25;
tokens by password, client credentials and refresh token.

Not covered, since the org does not serve it: Composite (which `insert({refresh: true})` uses),
sObject Collections, Tooling and Streaming.
"""

from __future__ import annotations

from collections.abc import Callable

from twinforce.local import LocalOrg


def test_ts_force(org: LocalOrg, run_tests: Callable[[str, str], None]) -> None:
    org.add_action("custom/apex/Greet", lambda given: {"greeting": f"Hello, {given['name']}"})
    run_tests("ts-force", "ts_force.test.js")
