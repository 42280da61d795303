"""Date literals as ranges of days."""

from __future__ import annotations

from datetime import date

import pytest

from twinforce.local.soql.dates import date_range

WEDNESDAY = date(2024, 5, 15)


@pytest.mark.parametrize(
    ("literal", "first", "behind"),
    [
        ("TODAY", "2024-05-15", "2024-05-16"),
        ("YESTERDAY", "2024-05-14", "2024-05-15"),
        ("TOMORROW", "2024-05-16", "2024-05-17"),
        ("THIS_WEEK", "2024-05-12", "2024-05-19"),
        ("LAST_WEEK", "2024-05-05", "2024-05-12"),
        ("NEXT_WEEK", "2024-05-19", "2024-05-26"),
        ("LAST_MONTH", "2024-04-01", "2024-05-01"),
        ("NEXT_MONTH", "2024-06-01", "2024-07-01"),
        ("THIS_QUARTER", "2024-04-01", "2024-07-01"),
        ("LAST_FISCAL_QUARTER", "2024-01-01", "2024-04-01"),
        ("NEXT_YEAR", "2025-01-01", "2026-01-01"),
        ("THIS_FISCAL_YEAR", "2024-01-01", "2025-01-01"),
        ("LAST_N_DAYS:30", "2024-04-15", "2024-05-16"),
        ("LAST_90_DAYS", "2024-02-15", "2024-05-16"),
        ("NEXT_N_DAYS:1", "2024-05-16", "2024-05-17"),
        ("NEXT_90_DAYS", "2024-05-16", "2024-08-14"),
        ("LAST_N_MONTHS:5", "2023-12-01", "2024-05-01"),
        ("NEXT_N_QUARTERS:2", "2024-07-01", "2025-01-01"),
        ("NEXT_N_FISCAL_YEARS:1", "2025-01-01", "2026-01-01"),
        ("LAST_N_WEEKS:1", "2024-05-05", "2024-05-12"),
        ("N_DAYS_AGO:1", "2024-05-14", "2024-05-15"),
        ("N_MONTHS_AGO:5", "2023-12-01", "2024-01-01"),
        ("N_FISCAL_QUARTERS_AGO:2", "2023-10-01", "2024-01-01"),
        ("N_YEARS_AGO:1", "2023-01-01", "2024-01-01"),
        ("LAST_N_FISCAL_YEARS:2", "2022-01-01", "2024-01-01"),
        ("N_WEEKS_AGO:0", "2024-05-12", "2024-05-19"),
    ],
)
def test_a_literal_is_a_range_of_days(literal: str, first: str, behind: str) -> None:
    expected = (date.fromisoformat(first), date.fromisoformat(behind))
    assert date_range(literal, WEDNESDAY) == expected


def test_the_week_begins_on_sunday() -> None:
    sunday = date(2024, 5, 12)
    assert date_range("THIS_WEEK", sunday) == (sunday, date(2024, 5, 19))


@pytest.mark.parametrize(
    "literal", ["SOON", "LAST_N_DAYS", "THIS_DAY", "LAST_N_DAYS:", "TODAY:1", "LAST_FISCAL_WEEK"]
)
def test_other_words_are_no_dates(literal: str) -> None:
    assert date_range(literal, WEDNESDAY) is None
