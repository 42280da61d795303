"""sf-toolkit 0.6.1, unmodified, on the served local org, blocking and async.

Run: a client with a token (userinfo, versions); insert, fetch, update, upsert and delete of
records, and their errors; queries by its builder (conditions, order, group, count, children),
their pages and deleted records; describe, and a class made from it; limits and usage; a file
inserted in parts and downloaded; login of the blocking client by password, client credentials, JWT
bearer token and SOAP.

Not covered, since the org does not serve it: lists of records (sObject Collections), Bulk 2.0,
Tooling and Metadata. It has no search and no Composite Batch. Its renewal of an expired session
fails on Salesforce's own answer, too (it looks for `errorDetails`), and its async client cannot
sign in anywhere (it reads the token answer with a blocking call). After a SOAP login its client
takes `serverUrl` for the instance URL, so the token alone is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.peers.conftest import HttpxTransport
from twinforce.local import LocalOrg
from twinforce.local.server.web import Server

sf_toolkit = pytest.importorskip("sf_toolkit")
httpx = pytest.importorskip("httpx")
auth = pytest.importorskip("sf_toolkit.auth")
data = pytest.importorskip("sf_toolkit.data")
exceptions = pytest.importorskip("sf_toolkit.exceptions")
fields = pytest.importorskip("sf_toolkit.data.fields")
query_builder = pytest.importorskip("sf_toolkit.data.query_builder")
toolkit = pytest.importorskip("sf_toolkit.io.api")


class Contact(data.SObject):  # type: ignore[misc, name-defined]
    Id = data.IdField()
    LastName = data.TextField()
    AccountId = data.IdField()
    Key__c = data.TextField()
    Birthdate = data.DateField()
    CreatedDate = data.DateTimeField(data.FieldFlag.readonly)


class Account(data.SObject):  # type: ignore[misc, name-defined]
    Id = data.IdField()
    Name = data.TextField()
    Phone = data.TextField()
    AnnualRevenue = data.NumberField()
    Contacts = data.ListField(Contact)


class PlainAccount(data.SObject, api_name="Account"):  # type: ignore[call-arg, misc, name-defined]
    Id = data.IdField()
    Name = data.TextField()
    Phone = data.TextField()
    AnnualRevenue = data.NumberField()
    IsDeleted = data.CheckboxField(data.FieldFlag.readonly)


class ContentVersion(data.SObject):  # type: ignore[misc, name-defined]
    Id = data.IdField()
    Title = data.TextField()
    PathOnClient = data.TextField()
    VersionData = data.BlobField()


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    token = auth.SalesforceToken(httpx.URL(server.url), server.access_token)
    with sf_toolkit.SalesforceClient(token=token) as client:
        yield client


@pytest.fixture
async def async_client(server: Server) -> AsyncIterator[Any]:
    token = auth.SalesforceToken(httpx.URL(server.url), server.access_token)
    async with sf_toolkit.AsyncSalesforceClient(token=token) as client:
        yield client


def test_a_client_learns_who_it_is_and_which_versions_there_are(org: LocalOrg, client: Any) -> None:
    info = client._userinfo
    assert (info.user_id, info.organization_id) == (org.user_id, org.org_id)
    assert info.preferred_username == org.username
    assert client.api_version.version == max(client.versions)
    assert (info.active, info.user_type) == (True, "STANDARD")


def test_records_are_inserted_fetched_updated_and_deleted(client: Any) -> None:
    account = PlainAccount(Name="Acme", AnnualRevenue=12)
    toolkit.save_insert(account, reload_after_success=True)
    account.Phone = "1"
    toolkit.save_update(account, only_changes=True)
    fetched = toolkit.fetch(PlainAccount, account.Id)
    assert (fetched.Name, fetched.Phone, fetched.AnnualRevenue) == ("Acme", "1", 12.0)
    account_id = account.Id
    toolkit.delete(account)
    with pytest.raises(exceptions.SalesforceResourceNotFound):
        toolkit.fetch(PlainAccount, account_id)


def test_an_upsert_creates_and_then_updates(client: Any) -> None:
    first = toolkit.save_upsert(Contact(Key__c="a/b?c", LastName="Doe"), "Key__c")
    again = toolkit.save_upsert(Contact(Key__c="a/b?c", LastName="Roe"), "Key__c")
    assert first.Id == again.Id
    assert toolkit.fetch(Contact, first.Id).LastName == "Roe"


def test_errors_carry_what_salesforce_says(client: Any) -> None:
    with pytest.raises(exceptions.SalesforceMalformedRequest, match="REQUIRED_FIELD_MISSING"):
        toolkit.save_insert(PlainAccount(Phone="1"))


def test_its_queries_are_understood(client: Any) -> None:
    for name, revenue in (("A", 1.0), ("B", 2.0), ("O'Neil", 4.0)):
        toolkit.save_insert(PlainAccount(Name=name, AnnualRevenue=revenue))
    (account,) = data.select(PlainAccount).where(Name="O'Neil").execute()
    toolkit.save_insert(Contact(LastName="Doe", AccountId=account.Id))

    def names(query: Any) -> list[str]:
        return [row.Name for row in query.order_by(Name="ASC").execute()]

    assert names(data.select(PlainAccount).where(Name__in=["A", "B"])) == ["A", "B"]
    assert names(data.select(PlainAccount).where(Name__like="O%")) == ["O'Neil"]
    assert names(data.select(PlainAccount).where(NOT__Name="A")) == ["B", "O'Neil"]
    query = data.select(PlainAccount).where(AnnualRevenue__ge=2).and_where(AnnualRevenue__lt=4)
    assert names(query) == ["B"]
    both = data.select(PlainAccount).where(Name="A").or_where(AnnualRevenue__gt=3.5)
    assert names(both) == ["A", "O'Neil"]
    assert data.select(PlainAccount).where(Name__ne="A").count() == 2

    parents = data.select(Account).where(Name="O'Neil").execute().as_list()
    assert [contact.LastName for contact in parents[0].Contacts] == ["Doe"]


def test_it_groups(client: Any) -> None:
    class Sum(data.SObject, api_name="Account"):  # type: ignore[call-arg, misc, name-defined]
        Name = data.TextField()
        total = data.NumberField()

    for name, revenue in (("A", 1.0), ("A", 2.0), ("B", 9.0)):
        toolkit.save_insert(PlainAccount(Name=name, AnnualRevenue=revenue))
    query = data.select(Sum).group_by("Name").having(SUM__AnnualRevenue__lt=5)
    (group,) = query.execute("Name", "SUM(AnnualRevenue) total")
    assert (group.Name, group.total) == ("A", 3.0)


def test_queries_go_through_all_pages(client: Any) -> None:
    for number in range(250):
        toolkit.save_insert(PlainAccount(Name=f"{number:03}"))
    result = data.select(PlainAccount).order_by(Name="ASC").execute()
    assert (len(result), result.done) == (250, False)
    assert [row.Name for row in result] == [f"{number:03}" for number in range(250)]

    account = next(iter(result))
    toolkit.delete(account, clear_id_field=False)
    deleted = data.select(PlainAccount, include_deleted=True).where(Id=account.Id).execute()
    assert [row.IsDeleted for row in deleted] == [True]


def test_describe(client: Any) -> None:
    assert toolkit.sobject_describe(PlainAccount)["keyPrefix"] == "001"
    made = toolkit.sobject_from_description("Contact", "default")
    names = data.object_fields(made)
    assert {"Id", "LastName", "AccountId", "Birthdate", "Key__c"} <= set(names)
    assert isinstance(names["Birthdate"], data.DateField)


def test_limits_and_usage(client: Any) -> None:
    before, after = client.limits().DailyApiRequests, client.limits().DailyApiRequests
    assert before.Remaining - after.Remaining == 1
    assert client.api_usage.api_usage.total == after.Max


def test_a_file_is_inserted_in_parts_and_downloaded(client: Any, tmp_path: Any) -> None:
    content = bytes(range(256))
    file = tmp_path / "bytes.bin"
    file.write_bytes(content)
    blob = fields.BlobData(file, filename="bytes.bin", content_type="application/octet-stream")
    version = ContentVersion(Title="Bytes", PathOnClient="bytes.bin", VersionData=blob)
    toolkit.save_insert(version)
    assert toolkit.download_file(version, None) == content


async def test_the_async_client(async_client: Any) -> None:
    account = PlainAccount(Name="Acme")
    await toolkit.save_insert_async(account)
    account.Phone = "1"
    await toolkit.save_update_async(account, only_changes=True)
    assert (await toolkit.fetch_async(PlainAccount, account.Id)).Phone == "1"
    contact = await toolkit.save_upsert_async(Contact(Key__c="x", LastName="Doe"), "Key__c")
    found = await data.select(Contact).where(Key__c="x").execute_async()
    assert [row.Id for row in found] == [contact.Id]
    for number in range(210):
        await toolkit.save_insert_async(PlainAccount(Name=f"{number:03}"))
    result = await data.select(PlainAccount).execute_async()
    assert len([row async for row in result]) >= 211
    await toolkit.delete_async(account)
    assert await data.select(PlainAccount).where(Name="Acme").count_async() == 0


def signed_in(server: Server, login: Any) -> str:
    """Sign in, and return who that is."""
    transport = HttpxTransport(server.url)
    with sf_toolkit.SalesforceClient(login=login, transport=transport) as client:
        return str(client._userinfo.preferred_username)


def test_logins_by_oauth(org: LocalOrg, server: Server, private_key: str, app: str) -> None:
    client = (org.client_id, org.client_secret)
    password = org.password + org.security_token
    logins = (
        auth.password_login(org.username, password, *client),
        auth.client_credentials_flow_login(*client, "acme.my"),
        auth.public_key_auth_login(org.username, app, private_key),
    )
    assert [signed_in(server, login) for login in logins] == [org.username] * 3
    with pytest.raises(exceptions.SalesforceAuthenticationFailed, match="authentication failure"):
        signed_in(server, auth.password_login(org.username, "wrong", *client))


def test_logins_by_soap(org: LocalOrg, server: Server) -> None:
    def token(login: Any) -> str:
        """Go through the login without its client, which takes serverUrl for the instance URL."""
        flow = login()
        with httpx.Client(transport=HttpxTransport(server.url)) as http:
            request = next(flow)
            try:
                while True:
                    request = flow.send(http.send(request))
            except StopIteration as done:
                return str(done.value.token)

    password = org.password + org.security_token
    user = {"username": org.username, "api_version": 60}
    logins = (
        auth.security_token_login(
            **user, password=org.password, security_token=org.security_token, domain="login"
        ),
        auth.ip_filtering_org_login(
            **user, password=password, organizationId=org.org_id, domain="acme"
        ),
        auth.ip_filtering_non_service_login(**user, password=password, domain="acme.my"),
    )
    for login in logins:
        session = auth.SalesforceToken(httpx.URL(server.url), token(login))
        with sf_toolkit.SalesforceClient(token=session) as client:
            assert client._userinfo.preferred_username == org.username
    wrong = auth.ip_filtering_non_service_login(**user, password="wrong", domain="acme.my")
    with pytest.raises(exceptions.SalesforceAuthenticationFailed):
        token(wrong)
