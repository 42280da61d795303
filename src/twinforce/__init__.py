"""Salesforce Composite Batch for blocking scripts, asyncio services and notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import errors, hooks
from ._async.batch import AsyncBatch
from ._async.client import AsyncSalesforce
from ._async.query import AsyncQuery
from ._core.blobs import Binary
from ._core.http import AsyncTransport, Pieces, Request, Response, Timeout, Transport
from ._core.json import Json
from ._core.replies import ApiVersion, UpsertResult
from ._core.subrequests import (
    ActionSubrequest,
    CreateSubrequest,
    DeleteSubrequest,
    DescribeSubrequest,
    GetSubrequest,
    LimitsSubrequest,
    QuerySubrequest,
    RelatedSubrequest,
    RequestSubrequest,
    SearchSubrequest,
    Subrequest,
    SubrequestState,
    UpdateSubrequest,
    UpsertSubrequest,
)
from ._core.usage import ApiUsage, AppUsage
from ._core.version import __version__
from ._sync.batch import Batch
from ._sync.client import Salesforce
from ._sync.query import Query
from .auth import AccessToken, ClientCredentials, Grant, Token
from .progress import Progress
from .retry import RetryPolicy
from .soql import soql

if TYPE_CHECKING:
    from ._transports._aiohttp import AiohttpTransport
    from ._transports._requests import RequestsTransport

__all__ = [
    "AccessToken",
    "ActionSubrequest",
    "AiohttpTransport",
    "ApiUsage",
    "ApiVersion",
    "AppUsage",
    "AsyncBatch",
    "AsyncQuery",
    "AsyncSalesforce",
    "AsyncTransport",
    "Batch",
    "Binary",
    "ClientCredentials",
    "CreateSubrequest",
    "DeleteSubrequest",
    "DescribeSubrequest",
    "GetSubrequest",
    "Grant",
    "Json",
    "LimitsSubrequest",
    "Pieces",
    "Progress",
    "Query",
    "QuerySubrequest",
    "RelatedSubrequest",
    "Request",
    "RequestSubrequest",
    "RequestsTransport",
    "Response",
    "RetryPolicy",
    "Salesforce",
    "SearchSubrequest",
    "Subrequest",
    "SubrequestState",
    "Timeout",
    "Token",
    "Transport",
    "UpdateSubrequest",
    "UpsertResult",
    "UpsertSubrequest",
    "__version__",
    "errors",
    "hooks",
    "soql",
]


def __getattr__(name: str) -> object:
    # Each transport loads its HTTP library, which users of the other twin need not pay for.
    if name == "AiohttpTransport":
        from ._transports._aiohttp import AiohttpTransport

        return AiohttpTransport
    if name == "RequestsTransport":
        from ._transports._requests import RequestsTransport

        return RequestsTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
