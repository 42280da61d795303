"""How many API requests the org has answered, and the limits it reports."""

from __future__ import annotations

from typing import Final

import attrs

DAILY_API_REQUESTS: Final = 15_000

# What a Developer Edition org reports, of which nothing is used up here.
_OTHER_LIMITS: Final = {
    "ActiveScratchOrgs": 3,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentSyncReportRuns": 20,
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyDurableStreamingApiEvents": 10_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyStreamingApiEvents": 10_000,
    "DailyWorkflowEmails": 1_000,
    "DataStorageMB": 5,
    "FileStorageMB": 20,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyODataCallout": 1_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 50,
    "MassEmail": 10,
    "SingleEmail": 15,
}


@attrs.define
class ApiUsage:
    """Counts the requests; each subrequest of a batch counts as one too."""

    used: int = 0

    def count(self) -> None:
        self.used += 1

    def header(self) -> str:
        """The value of ``Sforce-Limit-Info``."""
        return f"api-usage={self.used}/{DAILY_API_REQUESTS}"

    def limits(self) -> dict[str, dict[str, int]]:
        """The body of the limits resource."""
        remaining = max(0, DAILY_API_REQUESTS - self.used)
        limits = {"DailyApiRequests": {"Max": DAILY_API_REQUESTS, "Remaining": remaining}}
        limits |= {name: {"Max": most, "Remaining": most} for name, most in _OTHER_LIMITS.items()}
        return dict(sorted(limits.items()))
