"""A Salesforce-like org in this process, on SQLite."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from .._core.http import Request, Response, Timeout
from ..errors import InvalidStateError
from ..hooks import AsyncHook, Hook
from ..retry import RetryPolicy
from . import arguments
from .access import Access
from .errors import unexpected
from .extra import require_extra
from .records.duplicates import DuplicateAction, DuplicateFunction
from .records.intake import RecordData
from .records.records import Records
from .records.validation import ValidationFunction
from .resources.actions import Action, ActionFunction, Actions
from .resources.batch import CompositeBatch, composite_resources
from .resources.calls import Calls
from .resources.queries import Queries
from .resources.routes import Resources
from .resources.searches import Searches
from .resources.usage import ApiUsage
from .resources.versions import spoken_version
from .schema import SObject, standard_schema
from .schema.declarations import Declarations, LoadedMetadata
from .server.api import RestApi
from .server.exchange import Broken
from .server.http import error_reply, response_of
from .server.script import Faults
from .store.ids import make_id
from .store.seed import plant
from .store.tables import Store
from .store.transactions import StoreError
from .tools.seeding import Seeds

if TYPE_CHECKING:
    from .. import AsyncSalesforce, Salesforce
    from .server.web import Server

_URL: Final = re.compile(r"(https?://[^/?#]+)(.*)", re.DOTALL)
_NO_WAIT: Final = RetryPolicy(base=0)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalOrg(Access):
    """A Salesforce-like org, in memory or in the SQLite file *path*.

    It holds Accounts, Contacts, Opportunities, Leads, Cases, Users, files (ContentVersions) and
    Attachments, and what is declared with :meth:`add_object` and :meth:`add_field`; the
    declarations of an org in a file are made again whenever it is opened. *page_size* is how many
    records a page of a query holds, *clock* returns the time (aware) and is there for tests.

    Numbers are rounded to the scale of their field, half up, as Salesforce does. The org may be
    used from any thread; it answers one request after the other. So a rule, an action and the
    *when* of a fault may use the org too, but must not wait for another thread that uses it, as the
    one behind the URL of :meth:`serve` does: both would wait for ever.

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
        self._declarations = Declarations(self._schema, self._store)
        self._store.prepare_standard(self._schema)
        super().__init__(
            self._schema,
            self._store,
            clock,
            lock=self._lock,
            org_id=make_id("00D", 1),
            user_id=plant(self._schema, self._store, clock),
        )
        self._faults = Faults()
        usage = ApiUsage()
        records = Records(self._schema, self._store, clock, self.user_id)
        self._records = records
        self._seeds = Seeds(self._schema, self._store, records)
        queries = Queries(self._schema, self._store, clock, page_size, self.user_id)
        searches = Searches(self._schema, self._store, queries)
        resources = Resources(self._schema, records, queries, searches, usage, clock)
        calls = Calls(resources, self._faults)
        resources.add("composite", GET=composite_resources)
        resources.add("composite/batch", POST=CompositeBatch(calls, usage))
        self._actions = Actions(self._store.attempt)
        for depth in range(5):
            pattern = "actions" + "/{name}" * depth
            invocable = {"POST": self._actions.post} if depth > 1 else {}
            resources.add(pattern, GET=self._actions.get, **invocable)
        self._api = RestApi(
            calls, self._sign_in, self._sessions, usage, self._faults, (records, queries)
        )

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
        and by default there is no wait before what failed is tried again. Raises ValueError for a
        *version* that the org does not speak, which are 34.0 to 67.0.
        """
        from .. import ClientCredentials, Salesforce
        from .server.transports import LocalTransport

        return Salesforce(
            self.instance_url,
            ClientCredentials(self.client_id, self.client_secret),
            version=spoken_version(version),
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
        from .server.transports import AsyncLocalTransport

        return AsyncSalesforce(
            self.instance_url,
            ClientCredentials(self.client_id, self.client_secret),
            version=spoken_version(version),
            transport=AsyncLocalTransport(self),
            retry=retry,
            timeout=timeout,
            hooks=hooks,
        )

    def serve(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        tls: bool | tuple[str | Path, str | Path] | ssl.SSLContext = False,
    ) -> Server:
        """Serve this org over HTTP on 127.0.0.1; *port* 0 takes a free one.

        With *tls* it is HTTPS: True makes a certificate for this machine, which clients trust if
        they trust ``server.certificate``; a pair names the files of your own certificate and its
        key. Any other *host* lets other machines in, for whom the credentials are no secret.

        The server runs, in its own thread, until it is closed, by its ``close()`` or as a context
        manager. Raises OSError if the port is taken or a file cannot be read, ValueError for a
        certificate that cannot be used, InvalidStateError if the org is closed.
        """
        from .server.web import Server

        arguments.whole_number("port", port, 0, 65_535)
        arguments.host("host", host)
        self._check_open()
        return Server(self, self._exchange, port=port, host=host, tls=tls)

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
        with self._lock:
            self._check_open()
            self._declarations.add_object(
                name, label=label, label_plural=label_plural, name_format=name_format
            )

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
        delete_constraint: str | None = None,
        display_format: str | None = None,
        formula: str | None = None,
        help_text: str | None = None,
    ) -> None:
        """Declare a custom field, such as ``ExternalId__c``, of an sObject.

        *type* is one of Setup's: Text, TextArea, LongTextArea, Html, Number, Currency, Percent,
        Checkbox, Date, DateTime, Time, Email, EncryptedText, Phone, Url, Picklist,
        MultiselectPicklist, Lookup, MasterDetail, Hierarchy, AutoNumber, Location, Summary.

        *default* is what a create without this field stores, written as in JSON: a date as
        ``"2024-01-31"``. *length* is in characters: 1 to 255 of a Text (255 unless given), 256 to
        131072 of a LongTextArea or an Html (32768). *precision* counts all digits (at most 18, and
        18 unless given), *scale* those behind the point. An external id need not be *unique*.
        Where text is *case_sensitive*, ``a`` and ``A`` are two values, for *unique*, for an
        external id and in queries. *values* are a picklist's; a *restricted* one takes no others.
        *reference_to* is the parent of a Lookup or a MasterDetail, and *child_relationship_name*
        what it calls these children; *delete_constraint* is what becomes of a child by a Lookup
        when its parent is deleted: SetNull, Restrict or Cascade. Unless given it is SetNull, and
        Restrict of a *required* Lookup, which is never empty. A Hierarchy is a lookup between
        users. *display_format* is how an AutoNumber looks: ``A-{0000}`` counts A-0001, A-0002. With
        a *formula*, which is not calculated here, and as a Summary, a field is empty and read-only.
        *help_text* is shown by describe.

        To declare the same field again changes nothing. An org in a file remembers the field: when
        the file is opened again, it may be declared otherwise if what is in it fits. Raises
        ValueError for a declaration that does not fit, or that Salesforce would not allow either,
        TypeError for an argument of the wrong type.
        """
        with self._lock:
            self._check_open()
            self._declarations.add_field(
                sobject,
                name,
                type,
                {
                    "length": length,
                    "precision": precision,
                    "scale": scale,
                    "unique": unique,
                    "external_id": external_id,
                    "case_sensitive": case_sensitive,
                    "values": values,
                    "restricted": restricted,
                    "reference_to": reference_to,
                    "child_relationship_name": child_relationship_name,
                    "delete_constraint": delete_constraint,
                    "display_format": display_format,
                    "formula": formula,
                },
                label=label,
                required=required,
                default=default,
                help_text=help_text,
            )

    def load_metadata(self, *folders: str | Path) -> LoadedMetadata:
        """Declare the objects, fields and record types of source, and return what came.

        Each of *folders* is a project of the Salesforce CLI, or a part of it, or a package for the
        Metadata API: read are its ``*.object-meta.xml`` (or ``*.object``), ``*.field-meta.xml``,
        ``*.recordType-meta.xml``, ``*.globalValueSet-meta.xml`` and
        ``*.standardValueSet-meta.xml``, wherever they are in it. Folders that refer to each other
        are to be loaded together; their order does not matter.

        All is declared, or nothing. Formulas and roll-up summaries are not calculated: their fields
        are empty. What the local org cannot have is skipped, logged and listed in the result:
        platform events, custom metadata types, custom settings, validation rules, standard objects
        and fields that are not there, and fields whose parent or value set is nowhere.

        Raises OSError for a folder or a file that cannot be read, ValueError for a folder without
        metadata of objects, and for source that Salesforce would not take either; it names the
        file.
        """
        places = [arguments.path("a folder of source", folder) for folder in folders]
        with self._lock:
            self._check_open()
            return self._declarations.load(
                places,
                lambda sobject, values: self._records.create(sobject, RecordData(values, b"")),
            )

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

    def add_validation_rule(
        self,
        sobject: str,
        function: ValidationFunction,
        *,
        message: str,
        field: str | None = None,
    ) -> None:
        """Refuse to save a record of *sobject* for which *function* returns True.

        As the formula of a validation rule does, *function* says what is wrong, not what is right.
        It takes a :class:`~twinforce.local.Change`: the record as it is about to be saved, and the
        one before. The error is FIELD_CUSTOM_VALIDATION_EXCEPTION with *message*, beside *field*
        or, without one, of the record as a whole; every rule that a record breaks is told. A
        function that raises is logged and becomes UNKNOWN_EXCEPTION, and nothing is saved.

        The org does not keep rules in its file. Raises TypeError or ValueError for arguments that
        make no sense.
        """
        with self._lock:
            self._check_open()
            owner = self._sobject(sobject, "the name of an sobject")
            self._records.validation.add(owner, function, message, field)

    def add_duplicate_rule(
        self,
        sobject: str,
        match: DuplicateFunction | str | Iterable[str],
        *,
        action: DuplicateAction = "block",
        message: str = "Use one of these records?",
        name: str | None = None,
    ) -> None:
        """Refuse to save a record of *sobject* that is there already (DUPLICATES_DETECTED).

        *match* is the name of a field, or several, that are the same in both: text in any case, and
        never both empty. Or it is a function that takes the record as it is about to be saved and
        one that is there, both dicts of JSON values, and returns True for duplicates; it is asked
        about every record there is. With the *action* ``"allow"`` the caller may have it saved all
        the same, by the header ``Sforce-Duplicate-Rule-Header: allowSave=true``; ``"block"`` is
        final. *name* is what errors call the rule.

        The org does not keep rules in its file. Raises TypeError or ValueError for arguments that
        make no sense.
        """
        with self._lock:
            self._check_open()
            owner = self._sobject(sobject, "the name of an sobject")
            self._records.duplicates.add(owner, match, action=action, message=message, name=name)

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
        replaces the one before. What an invocation has written is undone if it fails. The org does
        not keep actions in its file. Raises TypeError or ValueError for arguments that make no
        sense.
        """
        action = Action.of(name, function, label=label, failure_status=failure_status)
        with self._lock:
            self._check_open()
            self._actions.add(action)

    def _sobject(self, name: str, what: str) -> SObject:
        """Find the sObject that an argument, called *what* in errors, means."""
        return self._declarations.sobject(name, what)

    # ---- records to begin with ----

    def seed(self, *paths: str | Path) -> dict[str, str]:
        """Load the records in the files at *paths*; return their ids by ``referenceId``.

        A file is the plan of ``sf data import tree``, one of its tree files, or lists of records by
        sObject, ``{"Account": [{"Name": "Acme"}]}``. In lookups, ``"@AccountRef1"`` refers to the
        record of any of these files whose ``attributes`` have that ``referenceId``.

        All of it is loaded, or nothing. What the org has been seeded with, it remembers, in its
        file too: the same seed again changes nothing, and returns the same ids. Raises OSError for
        a file that cannot be read, ValueError, which names file, record and field, for what cannot
        be loaded and for a seed that has changed since it was loaded.
        """
        with self._lock:
            self._check_open()
            return self._seeds.plant(paths)

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
            try:
                with self._store.together():  # nothing is answered before it is committed
                    return self._api.exchange(request, instance_url=match[1], target=match[2])
            except StoreError as error:
                return response_of(error_reply(unexpected(error, request.method)))

    def close(self) -> None:
        """Close the org; one in memory is gone then. Closing twice does nothing.

        Raises InvalidStateError from within: a rule or an action that runs cannot close its org.
        """
        with self._lock:
            if not self._closed:
                if self._store.is_busy:
                    message = "this LocalOrg is answering a request; close it when that is done"
                    raise InvalidStateError(message)
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
