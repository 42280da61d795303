"""The ``Sforce-Limit-Info`` header: how much of the API requests of 24 hours is used."""

from __future__ import annotations

import re

import attrs

_USAGE = re.compile(r"\s*([\w-]+)\s*=\s*(\d+)\s*/\s*(\d+)\s*(?:\(\s*appName\s*=\s*(.*?)\s*\))?\s*")


@attrs.frozen
class AppUsage:
    """How many API requests one connected app used, of how many."""

    app: str
    used: int
    total: int

    @property
    def remaining(self) -> int:
        """How many are left."""
        return self.total - self.used


@attrs.frozen
class ApiUsage:
    """How many API requests the org used in the last 24 hours, of how many; also per app."""

    used: int
    total: int
    per_app: tuple[AppUsage, ...] = ()

    @property
    def remaining(self) -> int:
        """How many are left."""
        return self.total - self.used


def parse(header: str) -> ApiUsage | None:
    """Read the header; None if it says nothing of the usage. Unknown parts are passed over."""
    org: tuple[int, int] | None = None
    apps: list[AppUsage] = []
    for part in re.split(r"[;,](?![^()]*\))", header):
        match _USAGE.fullmatch(part):
            case re.Match() as found if found[1] == "api-usage":
                org = int(found[2]), int(found[3])
            case re.Match() as found if found[1] == "per-app-api-usage":
                apps.append(AppUsage(found[4] or "", int(found[2]), int(found[3])))
            case _:
                continue
    return None if org is None else ApiUsage(*org, tuple(apps))
