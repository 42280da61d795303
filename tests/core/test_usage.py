"""The Sforce-Limit-Info header."""

from __future__ import annotations

import pytest

from twinforce import ApiUsage, AppUsage
from twinforce._core import usage


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("api-usage=18/5000", ApiUsage(18, 5000)),
        (
            "api-usage=25/5000; per-app-api-usage=17/250(appName=sample, app; x)",
            ApiUsage(25, 5000, (AppUsage("sample, app; x", 17, 250),)),
        ),
        ("my-api-usage=9/9; api-usage=1/2", ApiUsage(1, 2)),
        ("api-bursts=1/750, api-usage=1/10, new-thing", ApiUsage(1, 10)),
        ("api-usage=1/2(appName=" + " " * 4000, ApiUsage(1, 2)),
        (";" * 32_000, None),
        ("api-usage=" + "9" * 5000 + "/1", None),
        ("", None),
        ("api-usage=many", None),
    ],
)
def test_the_header_is_read(header: str, expected: ApiUsage | None) -> None:
    assert usage.parse(header) == expected


def test_what_remains_is_what_is_not_used() -> None:
    usage_now = ApiUsage(18, 5000, (AppUsage("sample", 17, 250),))

    assert usage_now.remaining == 4982
    assert usage_now.per_app[0].remaining == 233
