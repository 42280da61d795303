"""A Salesforce-like org in this process, on SQLite."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from .._core.http import Request, Response, Timeout
from ..errors import InvalidStateError
from ..hooks import AsyncHook, Hook
from ..retry import RetryPolicy
from . import arguments, oauth
from .actions import Action, ActionFunction, Actions
from .api import RestApi
from .batch import CompositeBatch
from .calls import Calls
from .exchange import Broken
from .extra import require_extra
from .ids import make_id
from .queries import Queries
from .records import Records
from .resources import Resources
from .schema import SObject, standard_schema
from .schema.declare import custom_field, custom_object
from .script import Faults
from .searches import Searches
from .seed import plant
from .store import Store
from .usage import ApiUsage

if TYPE_CHECKING:
    from .. import AsyncSalesforce, Salesforce
    from .server import Server

_URL: Final = re.compile(r"(https?://[^/?#]+)(.*)", re.DOTALL)
_FIRST_CUSTOM_PREFIX: Final = 36 * 36 * 10  # "a00" in base 36
_BASE_36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_NO_WAIT: Final = RetryPolicy(base=0)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalOrg:
    """A Salesforce-like org, in memory or in the SQLite file *path*.

    It holds Accounts, Contacts, Opportunities, Leads, Cases, Users, files (ContentVersions) and
    Attachments, and what is declared with :meth:`add_object` and :meth:`add_field`; the
    declarations of an org in a file are made again whenever it is opened. *page_size* is how many
    records a page of a query holds, *clock* returns the time (aware) and is there for tests.

    Numbers are rounded to the scale of their field, half up, as Salesforce does. The org may be
    used from any thread; it answers one request after the other.

    Raises ImportError if the extra ``local`` is not installed, OSError for a *path* that cannot be
    opened or written, ValueError for one that is something else than an org.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        page_size: int = 2000,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        require_extra()
        arguments.whole_number("page_size", page_size, 1)
        self._lock = threading.RLock()
        self._closed = False
        self._clock = clock
        self._schema = standard_schema()
        self._store = Store(path)
        with self._store.transaction():
            for sobject in self._schema:
                self._store.prepare(sobject)
        self.user_id = plant(self._schema, self._store, clock)
        org_id = make_id("00D", 1)
        self._credentials = oauth.Credentials(org_id)
        self._faults = Faults()
        usage = ApiUsage()
        records = Records(self._schema, self._store, clock, self.user_id)
        queries = Queries(self._schema, self._store, clock, page_size)
        searches = Searches(self._schema, self._store, clock, queries)
        resources = Resources(self._schema, records, queries, searches, usage)
        calls = Calls(resources, self._faults)
        resources.add("composite/batch", POST=CompositeBatch(calls, usage))
        self._actions = Actions()
        for depth in range(5):
            pattern = "actions" + "/{name}" * depth
            invocable = {"POST": self._actions.post} if depth > 1 else {}
            resources.add(pattern, GET=self._actions.get, **invocable)
        user = partial(records.get, self._schema["User"], self.user_id)
        self._api = RestApi(calls, self._credentials, usage, user, clock, self._faults)

    # ---- what a caller needs to get in ----

    @property
    def instance_url(self) -> str:
        """The instance URL for requests in process; a server has its own."""
        return "https://local-org.my.salesforce.com"

    @property
    def org_id(self) -> str:
        """The id of the org, 18 characters that begin with 00D."""
        return self._credentials.org_id

    @property
    def access_token(self) -> str:
        """The token that lets requests in, in process and over HTTP.

        It does not expire, unless :meth:`expire_token` or a fault makes it; then this is a new one.
        """
        return self._credentials.access_token

    @property
    def client_id(self) -> str:
        """The consumer key for ``/services/oauth2/token``, by the client credentials flow."""
        return self._credentials.client_id

    @property
    def client_secret(self) -> str:
        """The consumer secret that goes with :attr:`client_id`."""
        return self._credentials.client_secret

    def expire_token(self) -> None:
        """Refuse the access token from now on (401 INVALID_SESSION_ID).

        Clients have to sign in again, which gives them a new one.
        """
        with self._lock:
            self._check_open()
            self._credentials.expire_token()

    @property
    def faults(self) -> Faults:
        """The faults that this org is to have, for tests; see :mod:`twinforce.local.faults`."""
        return self._faults

    def client(
        self,
        *,
        version: str = "67.0",
        retry: RetryPolicy | None = _NO_WAIT,
        timeout: Timeout = Timeout(),
        hooks: Iterable[Hook] = (),
    ) -> Salesforce:
        """Return a blocking client of this org, in process.

        It signs in by the client credentials flow, so it outlives its access token. The parameters
        are those of :class:`twinforce.Salesforce`; nothing in process waits as long as *timeout*,
        and by default there is no wait before what failed is tried again.
        """
        from .. import ClientCredentials, Salesforce
        from .transports import LocalTransport

        return Salesforce(
            self.instance_url,
            ClientCredentials(self.client_id, self.client_secret),
            version=version,
            transport=LocalTransport(self),
            retry=retry,
            timeout=timeout,
            hooks=hooks,
        )

    def async_client(
        self,
        *,
        version: str = "67.0",
        retry: RetryPolicy | None = _NO_WAIT,
        timeout: Timeout = Timeout(),
        hooks: Iterable[AsyncHook] = (),
    ) -> AsyncSalesforce:
        """Return an async client of this org, in process; see :meth:`client`."""
        from .. import AsyncSalesforce, ClientCredentials
        from .transports import AsyncLocalTransport

        return AsyncSalesforce(
            self.instance_url,
            ClientCredentials(self.client_id, self.client_secret),
            version=version,
            transport=AsyncLocalTransport(self),
            retry=retry,
            timeout=timeout,
            hooks=hooks,
        )

    def serve(self, *, port: int = 0) -> Server:
        """Serve this org over HTTP on 127.0.0.1; *port* 0 takes a free one.

        The server runs, in its own thread, until it is closed, by its ``close()`` or as a context
        manager. Raises OSError if the port is taken, InvalidStateError if the org is closed.
        """
        from .server import Server

        arguments.whole_number("port", port, 0, 65_535)
        self._check_open()
        return Server(self, self._exchange, port=port)

    # ---- the schema ----

    def add_object(
        self,
        name: str,
        *,
        label: str | None = None,
        label_plural: str | None = None,
        name_format: str | None = None,
    ) -> None:
        """Declare a custom object, such as ``Widget__c``, with a Name field.

        *name_format* makes Name an auto number, such as ``W-{0000}``. To declare the same object
        again changes nothing. Raises ValueError or TypeError for a declaration that cannot be made.
        """
        sobject = custom_object(
            name, label=label, label_plural=label_plural, name_format=name_format
        )
        with self._lock:
            self._check_open()
            known = self._schema.get(name)
            if known is not None:
                same = (known.label, known.label_plural, known.field("Name")) == (
                    sobject.label,
                    sobject.label_plural,
                    sobject.field("Name"),
                )
                if not same:
                    message = f"{name} has been declared already, and differently"
                    raise ValueError(message)
                return
            number = self._store.number_of(f"key prefix of {name.lower()}", "custom objects")
            sobject.key_prefix = _key_prefix(number - 1)
            self._schema.add(sobject)
            self._store.prepare(sobject)

    def add_field(
        self,
        sobject: str,
        name: str,
        type: str,  # noqa: A002 - the word of Setup
        *,
        label: str | None = None,
        required: bool = False,
        default: Any = None,
        length: int | None = None,
        precision: int | None = None,
        scale: int | None = None,
        unique: bool | None = None,
        external_id: bool | None = None,
        case_sensitive: bool | None = None,
        values: Iterable[str] | None = None,
        restricted: bool | None = None,
        reference_to: str | None = None,
        child_relationship_name: str | None = None,
        display_format: str | None = None,
    ) -> None:
        """Declare a custom field, such as ``ExternalId__c``, of an sObject.

        *type* is one of Setup's: Text, TextArea, LongTextArea, Html, Number, Currency, Percent,
        Checkbox, Date, DateTime, Time, Email, Phone, Url, Picklist, MultiselectPicklist, Lookup,
        MasterDetail, AutoNumber.

        *default* is what a create without this field stores, written as in JSON: a date as
        ``"2024-01-31"``. *length* is in characters: 1 to 255 of a Text (255 unless given), 256 to
        131072 of a LongTextArea or an Html (32768). *precision* counts all digits (at most 18, and
        18 unless given), *scale* those behind the point. An external id need not be *unique*.
        Where text is *case_sensitive*, ``a`` and ``A`` are two values, for *unique*, for an
        external id and in queries. *values* are a picklist's; a *restricted* one takes no others.
        *reference_to* is the parent of a Lookup or a MasterDetail, and *child_relationship_name*
        what it calls these children. *display_format* is how an AutoNumber looks: ``A-{0000}``
        counts A-0001, A-0002.

        To declare the same field again changes nothing. Raises ValueError for a declaration that
        Salesforce would not allow either, TypeError for an argument of the wrong type.
        """
        with self._lock:
            self._check_open()
            owner = self._sobject(sobject, "the name of an sobject")
            parent = None
            if reference_to is not None:
                parent = self._sobject(reference_to, f"reference_to of {name}")
            field = custom_field(
                name,
                type,
                label=label,
                required=required,
                default=default,
                options={
                    "length": length,
                    "precision": precision,
                    "scale": scale,
                    "unique": unique,
                    "external_id": external_id,
                    "case_sensitive": case_sensitive,
                    "values": values,
                    "restricted": restricted,
                    "reference_to": None if parent is None else parent.name,
                    "child_relationship_name": child_relationship_name,
                    "display_format": display_format,
                },
            )
            known = owner.declared(name)
            if known is None:
                owner.put(field)
                self._store.prepare(owner)
            elif known != field:
                message = f"{owner.name}.{known.name} has been declared already, and differently"
                raise ValueError(message)

    def require(self, sobject: str, *fields: str) -> None:
        """From now on, a create of *sobject* needs exactly these *fields*.

        Without this it needs what Salesforce needs: an Opportunity its Name, StageName and
        CloseDate, a Contact its LastName. Raises ValueError for a name that is not there,
        TypeError for one that is not text.
        """
        with self._lock:
            self._check_open()
            owner = self._sobject(sobject, "the name of an sobject")
            owner.require([arguments.text("the name of a field", field) for field in fields])

    def add_action(
        self,
        name: str,
        function: ActionFunction,
        *,
        label: str | None = None,
        failure_status: int = 400,
    ) -> None:
        """Have the invocable action *name*, such as ``custom/apex/Greet``, do what *function* does.

        *function* takes one of the inputs, a dict, and returns its outputs, a dict of JSON values
        or None. It fails by raising :class:`~twinforce.local.ActionError`; any other exception is
        logged and becomes the error UNKNOWN_EXCEPTION. *failure_status* is the HTTP status of an
        answer in which an input failed: 400, or 200 as some of Salesforce's actions have it.

        *name* is what stands behind ``actions/`` in the URL: ``standard/emailSimple``,
        ``custom/flow/Greet``, ``custom/quickAction/Account/Greet``. An action that is added again
        replaces the one before. The org does not keep actions in its file. Raises TypeError or
        ValueError for arguments that make no sense.
        """
        action = Action.of(name, function, label=label, failure_status=failure_status)
        with self._lock:
            self._check_open()
            self._actions.add(action)

    def _sobject(self, name: str, what: str) -> SObject:
        """Find the sObject that an argument, called *what* in errors, means."""
        sobject = self._schema.get(arguments.text(what, name))
        if sobject is None:
            message = f"there is no sobject {name!r}; declare it with add_object() first"
            raise ValueError(message)
        return sobject

    # ---- requests ----

    def handle(self, request: Request) -> Response:
        """Answer one HTTP request as the org's REST API would.

        The host in the request's URL does not matter. Raises InvalidStateError if the org is
        closed, ValueError if the URL is not one of http or https, and a
        :class:`twinforce.errors.TransportError` where :attr:`faults` want the connection to fail.
        """
        ending = self._exchange(request)
        if isinstance(ending, Broken):
            raise ending.error()
        return ending

    def _exchange(self, request: Request) -> Response | Broken:
        match = _URL.fullmatch(request.url)
        if match is None:
            message = "the request's url must begin with http:// or https:// and a host"
            raise ValueError(message)
        with self._lock:
            self._check_open()
            return self._api.exchange(request, instance_url=match[1], target=match[2])

    def close(self) -> None:
        """Close the org; one in memory is gone then. Closing twice does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        place = "in memory" if self._store.path is None else repr(self._store.path)
        return f"<LocalOrg {place}{', closed' if self._closed else ''}>"

    def _check_open(self) -> None:
        if self._closed:
            message = "this LocalOrg is closed; make a new one, or open its file again"
            raise InvalidStateError(message)


def _key_prefix(number: int) -> str:
    """Return the key prefix of the custom object with this number: a00, a01, … a0z, a10 …."""
    digits = ""
    value = _FIRST_CUSTOM_PREFIX + number
    for _ in range(3):
        value, digit = divmod(value, 36)
        digits = _BASE_36[digit] + digits
    return digits
