"""The ``Sforce-Limit-Info`` header: how much of the API requests of 24 hours is used."""

from __future__ import annotations

import re

import attrs

# No header can make this slow, nor an int of it fail.
_USAGE = re.compile(
    r"(?<![\w-])(api-usage|per-app-api-usage)=([0-9]{1,18})/([0-9]{1,18})(?![0-9])"
    r"(?:\(appName=([^()]{0,255})\))?"
)


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


_TOLD = re.compile(r"(?<![\w-])api-usage=[0-9]{1,18}/[0-9]{1,18}(?![0-9])")


def tells(header: str) -> bool:
    """Say whether the header tells the usage, so that it is worth to :func:`parse`."""
    return _TOLD.search(header) is not None


def parse(header: str) -> ApiUsage | None:
    """Read the header; None if it says nothing of the usage. Unknown parts are passed over."""
    org: tuple[int, int] | None = None
    apps: list[AppUsage] = []
    for kind, used, total, app in _USAGE.findall(header):
        if kind == "api-usage":
            org = int(used), int(total)
        else:
            apps.append(AppUsage(app, int(used), int(total)))
    return None if org is None else ApiUsage(*org, tuple(apps))
