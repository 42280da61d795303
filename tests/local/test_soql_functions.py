"""The functions of SOQL: parts of dates, labels and formats."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.local.caller import Caller
from twinforce.local import LocalOrg

DAY = "2024-02-29"  # a Thursday
MOMENT = "2024-12-31T23:59:58Z"  # a Tuesday


@pytest.fixture
def call(org: LocalOrg) -> Caller:
    call = Caller(org)
    org.add_field("Account", "Day__c", "Date")
    org.add_field("Account", "Moment__c", "DateTime")
    call.create("Account", Name="dated", Day__c=DAY, Moment__c=MOMENT)
    call.create("Account", Name="not")
    return call


@pytest.mark.parametrize(
    ("function", "of_day", "of_moment"),
    [
        ("CALENDAR_MONTH", 2, 12),
        ("CALENDAR_QUARTER", 1, 4),
        ("CALENDAR_YEAR", 2024, 2024),
        ("DAY_IN_MONTH", 29, 31),
        ("DAY_IN_WEEK", 5, 3),
        ("DAY_IN_YEAR", 60, 366),
        ("FISCAL_MONTH", 2, 12),
        ("FISCAL_QUARTER", 1, 4),
        ("FISCAL_YEAR", 2024, 2024),
        ("WEEK_IN_MONTH", 5, 5),
        ("WEEK_IN_YEAR", 9, 53),
        ("HOUR_IN_DAY", None, 23),
        ("DAY_ONLY", None, "2024-12-31"),
    ],
)
def test_a_part_of_a_date(
    call: Caller, function: str, of_day: int | None, of_moment: int | str
) -> None:
    parts = {"Day__c": of_day, "Moment__c": of_moment}
    for field, part in parts.items():
        value = f"{function}({field})"
        soql = f"SELECT {value} part FROM Account GROUP BY {value} ORDER BY {value}"
        if part is None:
            assert "can not be used with" in call.refused(soql)["message"]
            continue
        assert [record["part"] for record in call.query(soql)["records"]] == [None, part]
        assert call.names(f"WHERE {value} = {part}") == ["dated"]
        assert call.names(f"WHERE {value} != {part}") == ["not"]
        assert call.names(f"WHERE {value} IN ({part}, null) ORDER BY Name") == ["dated", "not"]


def test_weeks_begin_on_the_first_of_the_month_and_year(call: Caller) -> None:
    for day, week in (("2023-01-01", 1), ("2023-01-07", 1), ("2023-01-08", 2), ("2023-12-31", 53)):
        call.create("Account", Name=day, Day__c=day)
        found = call.names(f"WHERE WEEK_IN_YEAR(Day__c) = {week} AND CALENDAR_YEAR(Day__c) = 2023")
        assert day in found
    assert call.names("WHERE WEEK_IN_MONTH(Day__c) = 2") == ["2023-01-08"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("FORMAT(AnnualRevenue)", "$1,234,568"),
        ("FORMAT(convertCurrency(AnnualRevenue))", "$1,234,568"),
        ("convertCurrency(AnnualRevenue)", 1234568.0),
        ("FORMAT(NumberOfEmployees)", "-1,000"),
        ("FORMAT(Day__c)", "2/29/2024"),
        ("FORMAT(Moment__c)", "12/31/2024, 11:59 PM"),
        ("FORMAT(Part__c)", "12.50%"),
        ("FORMAT(Clock__c)", "12:05 AM"),
        ("FORMAT(BillingLatitude)", None),
        ("toLabel(Industry)", "Banking"),
        ("toLabel(Colours__c)", "red;green"),
    ],
)
def test_values_as_users_read_them(org: LocalOrg, call: Caller, value: str, shown: Any) -> None:
    org.add_field("Account", "Part__c", "Percent", precision=5, scale=2)
    org.add_field("Account", "Clock__c", "Time")
    org.add_field("Account", "Colours__c", "MultiselectPicklist", values=["red", "green"])
    call.create(
        "Account",
        Name="A",
        AnnualRevenue=1234567.6,
        NumberOfEmployees=-1000,
        Industry="Banking",
        Day__c=DAY,
        Moment__c=MOMENT,
        Part__c=12.5,
        Clock__c="00:05:00Z",
        Colours__c="red;green",
    )
    name = value.rpartition("(")[2].strip(")")
    for alias, key in ((" x", "x"), ("", name)):
        [record] = call.query(f"SELECT {value}{alias} FROM Account WHERE Name = 'A'")["records"]
        del record["attributes"]
        assert record == {key: shown}


def test_a_value_may_stand_beside_its_format(call: Caller) -> None:
    soql = "SELECT Day__c, FORMAT(Day__c) read, Owner.Name, toLabel(Owner.UserType) FROM Account"
    record = call.query(f"{soql} WHERE Name = 'dated'")["records"][0]
    assert (record["Day__c"], record["read"]) == (DAY, "2/29/2024")
    owner = record["Owner"]
    assert (owner["Name"], owner["UserType"]) == ("Local Admin", "Standard")
    error = call.refused("SELECT Day__c, FORMAT(Day__c) FROM Account")
    assert error["message"] == "duplicate field selected: Day__c"


def test_labels_stand_for_values_where_they_differ(call: Caller) -> None:
    day = {"DurationInMinutes": 60, "ActivityDateTime": MOMENT}
    call.create("Event", Subject="away", ShowAs="OutOfOffice", **day)
    call.create("Event", Subject="here", ShowAs="Busy", **day)
    soql = "SELECT Subject, toLabel(ShowAs), ShowAs value FROM Event"
    assert "only aggregate expressions" in call.refused(soql)["message"]
    soql = "SELECT ShowAs, toLabel(ShowAs) label FROM Event"
    values = {"OutOfOffice": "Out of Office", "Busy": "Busy"}
    for record in call.query(soql)["records"]:
        assert record["label"] == values.pop(record["ShowAs"])
    found = call.query(f"{soql} WHERE toLabel(ShowAs) = 'out of office'")["records"]
    assert [record["ShowAs"] for record in found] == ["OutOfOffice"]
    assert call.query(f"{soql} WHERE toLabel(ShowAs) LIKE 'OutOf%'")["totalSize"] == 0
    soql = "SELECT toLabel(ShowAs), COUNT(Id) FROM Event GROUP BY ShowAs ORDER BY ShowAs"
    assert {record["expr0"] for record in call.query(soql)["records"]} == {"Out of Office", "Busy"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("FORMAT(Name)", "field 'Name' can not be used with FORMAT()"),
        ("CALENDAR_YEAR(Name)", "field 'Name' can not be used with CALENDAR_YEAR()"),
        ("convertCurrency(Name)", "field 'Name' can not be used with convertCurrency()"),
        ("toLabel(Day__c)", "field 'Day__c' has no labels, so toLabel() can not be used on it"),
        ("convertTimezone(Moment__c)", "convertTimezone() can not be used here"),
        ("FORMAT(Day__c, Name)", "FORMAT() takes one field"),
        (
            "HOUR_IN_DAY(convertTimezone(Day__c))",
            "field 'Day__c' can not be used with HOUR_IN_DAY()",
        ),
    ],
)
def test_what_a_function_does_not_take_is_refused(call: Caller, value: str, reason: str) -> None:
    error = call.refused(f"SELECT {value} FROM Account")
    assert error["errorCode"] == "MALFORMED_QUERY"
    assert error["message"].endswith(f"\n{reason}")


def test_the_user_has_a_time_zone() -> None:
    """At half past one in Greenwich it is still the day before in New York."""
    with LocalOrg(clock=lambda: datetime(2024, 7, 4, 1, 30, tzinfo=UTC)) as org:
        call = Caller(org)
        org.add_field("Account", "Day__c", "Date")
        call.create("Account", Name="A", Day__c="2024-07-03")
        hour = "HOUR_IN_DAY(convertTimezone(CreatedDate))"
        day = "DAY_ONLY(convertTimezone(CreatedDate))"
        soql = (
            f"SELECT {hour} h, {day} d, HOUR_IN_DAY(CreatedDate) gmt FROM Account GROUP BY {hour}"
        )
        soql += f", {day}, HOUR_IN_DAY(CreatedDate)"
        shown = "SELECT FORMAT(CreatedDate) FROM Account"

        def told() -> tuple[Any, ...]:
            [group] = call.query(soql)["records"]
            [record] = call.query(shown)["records"]
            yesterday = call.names("WHERE Day__c = YESTERDAY")
            return group["h"], group["d"], group["gmt"], record["CreatedDate"], yesterday

        assert told() == (1, "2024-07-04", 1, "7/4/2024, 1:30 AM", ["A"])
        zone = {"TimeZoneSidKey": "America/New_York"}
        assert call("PATCH", f"sobjects/User/{org.user_id}", zone).status == 204
        assert told() == (21, "2024-07-03", 1, "7/3/2024, 9:30 PM", [])
        assert call.names("WHERE CreatedDate = TODAY") == ["A"]
        assert call.names("WHERE CreatedDate < TODAY") == []
        assert call.names("WHERE CreatedDate >= 2024-07-03T21:30:00-04:00") == ["A"]
        assert call.names(f"WHERE {hour} = 21 AND CreatedDate > YESTERDAY") == ["A"]
