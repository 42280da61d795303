"""jsforce 3 (npm), unmodified, on the served local org: `nox -s jsforce`.

Run, in jsforce.test.js: create, retrieve, update, destroy and upsert of single records, lists of
records in a version before collections (sent one by one); errors; query, the query builder
(find, findOne, select, include, count), queryMore, autoFetch, streamed records, scanAll;
describe and describeGlobal; search; Composite Batch by requestPost; limits, versions and
resources; identity and userinfo; recent; login by OAuth (password, client credentials, web server
flow with PKCE, refresh token, revocation) and by SOAP, logout; a file as a multipart upload, and
read back.

Not covered, since the org does not serve it: sObject Collections (lists of records from version
42.0 on), Bulk, Tooling, Metadata, Streaming, Analytics, Apex REST, quick actions, approvals,
list views, layouts, updated and deleted.
"""

from __future__ import annotations

from collections.abc import Callable


def test_jsforce(run_tests: Callable[[str, str], None]) -> None:
    run_tests("jsforce", "jsforce.test.js")
