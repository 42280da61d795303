"""Salesforce Composite Batch for blocking scripts, asyncio services and notebooks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from ._core.version import __version__
from .soql import soql  # here, since the module has the same name

if TYPE_CHECKING:
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
    from ._sync.batch import Batch
    from ._sync.client import Salesforce
    from ._sync.query import Query
    from ._transports._aiohttp import AiohttpTransport
    from ._transports._requests import RequestsTransport
    from .auth import AccessToken, ClientCredentials, Grant, Token
    from .progress import Progress
    from .retry import RetryPolicy

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

# Where the names above come from. Each module is loaded when a name of it is asked for first, so
# that a program pays for what it uses: the twin it has, and its HTTP library.
_MODULES: Final = {
    "_async.batch": "AsyncBatch",
    "_async.client": "AsyncSalesforce",
    "_async.query": "AsyncQuery",
    "_core.blobs": "Binary",
    "_core.http": "AsyncTransport Pieces Request Response Timeout Transport",
    "_core.json": "Json",
    "_core.replies": "ApiVersion UpsertResult",
    "_core.subrequests": (
        "ActionSubrequest CreateSubrequest DeleteSubrequest DescribeSubrequest GetSubrequest "
        "LimitsSubrequest QuerySubrequest RelatedSubrequest RequestSubrequest SearchSubrequest "
        "Subrequest SubrequestState UpdateSubrequest UpsertSubrequest"
    ),
    "_core.usage": "ApiUsage AppUsage",
    "_sync.batch": "Batch",
    "_sync.client": "Salesforce",
    "_sync.query": "Query",
    "_transports._aiohttp": "AiohttpTransport",
    "_transports._requests": "RequestsTransport",
    "auth": "AccessToken ClientCredentials Grant Token",
    "progress": "Progress",
    "retry": "RetryPolicy",
    "errors": "",
    "hooks": "",
}
_HOMES: Final = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
