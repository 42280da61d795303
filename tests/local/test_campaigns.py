"""What campaigns tell of their members, opportunities and hierarchy, against the truth."""

from __future__ import annotations

import random
from typing import Any, Final

import attrs
import pytest

from tests.local.caller import Caller

_NUMBERS: Final = (
    *("NumberOfLeads", "NumberOfContacts", "NumberOfResponses"),
    *("NumberOfOpportunities", "AmountAllOpportunities"),
)
_REQUIRED: Final = {
    "Campaign": {"Name": "x"},
    "CampaignMember": {},
    "Opportunity": {"Name": "x", "StageName": "Prospecting", "CloseDate": "2024-05-15"},
}


@attrs.define
class Users:
    """Creates, changes and deletes records at random."""

    call: Caller
    chance: random.Random
    people: list[dict[str, str]] = attrs.field(factory=list[dict[str, str]])
    ids: dict[str, list[str]] = attrs.field(factory=lambda: {name: [] for name in _REQUIRED})

    def __attrs_post_init__(self) -> None:
        for n in range(8):
            lead = self.call.create("Lead", LastName=str(n), Company="x")
            contact = self.call.create("Contact", LastName=str(n))
            self.people += [{"LeadId": lead}, {"ContactId": contact}]

    def act(self) -> None:
        sobject = self.chance.choice(list(self.ids))
        known, what = self.ids[sobject], self.chance.random()
        if len(known) < 5 or what < 0.4:
            new = {**_REQUIRED[sobject], **self.values(sobject, is_new=True)}
            answer = self.call("POST", f"sobjects/{sobject}", new)
            known += [answer.body["id"]] if answer.status == 201 else []
            return
        path = f"sobjects/{sobject}/{self.chance.choice(known)}"
        if what < 0.8:
            self.call("PATCH", path, self.values(sobject, is_new=False))
        else:
            self.call("DELETE", path)
            for name in self.ids:
                self.ids[name] = [record["Id"] for record in records(self.call, name)]

    def values(self, sobject: str, *, is_new: bool) -> dict[str, Any]:
        choice = self.chance.choice
        campaign = choice([*self.ids["Campaign"], None])
        if sobject == "Campaign":
            return {"ParentId": campaign}
        if sobject == "CampaignMember":
            member = {**choice(self.people), "CampaignId": campaign} if is_new else {}
            return {**member, "Status": choice(["Sent", "Responded"])}
        stage = choice(["Prospecting", "Closed Won", "Closed Lost"])
        return {"CampaignId": campaign, "StageName": stage, "Amount": choice([None, 0.1, 7])}


def records(call: Caller, sobject: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call.query(f"SELECT FIELDS(ALL) FROM {sobject} LIMIT 200")[
        "records"
    ]
    return found


def counted(call: Caller, campaign_ids: list[str]) -> dict[str, list[float]]:
    """Return what the numbers of each campaign should be."""
    truth = {campaign_id: [0.0] * len(_NUMBERS) for campaign_id in campaign_ids}
    for member in records(call, "CampaignMember"):
        numbers = truth[member["CampaignId"]]
        numbers[0 if member["LeadId"] else 1] += 1
        numbers[2] += member["HasResponded"]
    for deal in records(call, "Opportunity"):
        if deal["CampaignId"] is not None:
            truth[deal["CampaignId"]][3] += 1
            truth[deal["CampaignId"]][4] += deal["Amount"] or 0
    return truth


def summed_up(
    truth: dict[str, list[float]], parents: dict[str, str | None]
) -> dict[str, list[float]]:
    """Return what the numbers of each campaign and of all below it should be."""
    sums = {campaign_id: [0.0] * len(_NUMBERS) for campaign_id in truth}
    for campaign_id, numbers in truth.items():
        above: str | None = campaign_id
        while above is not None:
            sums[above] = [old + new for old, new in zip(sums[above], numbers, strict=True)]
            above = parents[above]
    return sums


@pytest.mark.parametrize("seed", range(3))
def test_the_numbers_of_campaigns_are_true_after_many_changes(call: Caller, seed: int) -> None:
    users = Users(call, random.Random(seed))  # noqa: S311 - nothing is to be secret
    for _ in range(250):
        users.act()
    campaigns = {campaign["Id"]: campaign for campaign in records(call, "Campaign")}
    parents = {campaign_id: campaign["ParentId"] for campaign_id, campaign in campaigns.items()}
    assert len(set(parents.values())) > 2
    truth = counted(call, list(campaigns))
    sums = summed_up(truth, parents)
    for campaign_id, campaign in campaigns.items():
        own = [campaign[name] for name in _NUMBERS]
        assert own == pytest.approx(truth[campaign_id])
        of_all = [campaign[f"Hierarchy{name}"] for name in _NUMBERS]
        assert of_all == pytest.approx(sums[campaign_id])
