"""URLs: everything that enters one is checked or encoded."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from urllib.parse import unquote
from uuid import UUID

import pytest

from twinforce._core import urls


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://ACME.my.salesforce.com/lightning/page?x=1#y", "https://acme.my.salesforce.com"),
        (
            "https://acme--dev.sandbox.my.salesforce.com/",
            "https://acme--dev.sandbox.my.salesforce.com",
        ),
        ("https://acme.my.salesforce.mil", "https://acme.my.salesforce.mil"),
        ("https://acme.my.sfcrmproducts.cn", "https://acme.my.sfcrmproducts.cn"),
        (
            "https://acme.my.salesforce.com.mcas.ms:8443",
            "https://acme.my.salesforce.com.mcas.ms:8443",
        ),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("  https://acme.my.salesforce.com\n", "https://acme.my.salesforce.com"),
    ],
)
def test_an_instance_url_is_reduced_to_its_origin(given: str, origin: str) -> None:
    assert urls.origin(given) == origin


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("http://acme.my.salesforce.com", "access token would cross the network"),
        ("http://127.0.0.1.evil.example", "access token would cross the network"),
        ("http://localhost.evil.example", "access token would cross the network"),
        ("acme.my.salesforce.com", "must look like"),
        ("ftp://acme.my.salesforce.com", "must look like"),
        ("https://", "must look like"),
        ("https://user:pass@acme.my.salesforce.com", "user name or password"),
        ("https://127.0.0.1@evil.example", "user name or password"),
        ("https://acme.my.salesforce.com:99999", "malformed"),
        ("https://acme my.salesforce.com", "no valid host name"),
        ("https://acme.my.salesforce.com\\@evil.example", "user name or password"),
        ("https://acmé.example", "no valid host name"),
        ("https://[::1", "malformed"),
        ("https://acme.my.salesforce.com:0", "port 0"),
        ("", "is empty"),
    ],
)
def test_an_instance_url_that_is_not_safe_is_refused(given: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        urls.origin(given)


def test_a_refused_instance_url_does_not_show_its_password() -> None:
    with pytest.raises(ValueError, match="user name or password") as caught:
        urls.origin("https://user:s3cret@acme.my.salesforce.com")

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "a/b",
        "50% off",
        "what?x=1#frag",
        "naïve",
        "../../limits",
        "+1 555",
        "..",
        ".",
        "%2e%2E",
        "😀",
        "a;b&c='",
    ],
)
def test_a_segment_holds_any_text_and_leads_nowhere_else(value: str) -> None:
    encoded = urls.segment(value, "the value")

    assert unquote(encoded) == value
    assert not set("/?#+ ;&'") & set(encoded)
    assert encoded not in (".", "..")
    assert encoded.isascii()


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="the value holds half of a surrogate pair"):
        urls.segment("\ud800", "the value")


@pytest.mark.parametrize("name", ["Account", "ns__Widget__c", "Order2__x"])
def test_an_api_name_is_taken(name: str) -> None:
    assert urls.sobject_name(name) == urls.field_name(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "Account/..", "Acc ount", "Ünit__c", "1st", "A.b", "A\n"]
)
def test_what_is_not_an_api_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="the sObject name"):
        urls.sobject_name(name)


@pytest.mark.parametrize("given", [None, 3, b"Account", ["Account"]])
def test_a_name_of_another_type_is_refused(given: object) -> None:
    with pytest.raises(TypeError, match="the sObject name must be a str"):
        urls.sobject_name(given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given",
    ["001", "0011R00001K1H2I/AV", "0011R00001K1H2IQAV1", "//evil.example/x", "0011R00001K1H2é"],
)
def test_what_is_not_a_record_id_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="is not a record id"):
        urls.record_id(given)


@pytest.mark.parametrize("given", ["0011R00001K1H2I", "0011R00001K1H2IQAV"])
def test_a_record_id_of_15_or_18_is_taken(given: str) -> None:
    assert urls.record_id(given) == given


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a b", "a b"),
        (7, "7"),
        (Decimal("1E+3"), "1000"),
        (1.5, "1.5"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_an_external_id_is_written_as_text(value: urls.ExternalId, written: str) -> None:
    assert urls.external_id(value, "Key__c") == written


@pytest.mark.parametrize(
    "value", [float("nan"), Decimal("Infinity"), "", "  ", pytest.param(10**5000, id="many digits")]
)
def test_what_identifies_nothing_is_no_external_id(value: object) -> None:
    with pytest.raises(ValueError, match="the external id Key__c"):
        urls.external_id(value, "Key__c")


@pytest.mark.parametrize("value", [None, True, [], {}, b"x"])
def test_an_external_id_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="the external id Key__c must be a str, a number"):
        urls.external_id(value, "Key__c")


class Names(str, Enum):  # noqa: UP042 - StrEnum formats itself as its value
    """Formats itself as Names.ACCOUNT, which must not get into a URL."""

    ACCOUNT = "Account"
    ID = "001000000000000AAA"


class Impostor(str):
    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return "../../evil"

    __str__ = __repr__ = __format__  # type: ignore[assignment]


def test_what_is_checked_is_what_is_sent() -> None:
    assert urls.sobject_name(Names.ACCOUNT) == "Account"
    assert urls.record_id(Names.ID) == "001000000000000AAA"
    assert urls.field_list([Names.ACCOUNT]) == "Account"
    assert urls.external_id(Names.ACCOUNT, "Key__c") == "Account"
    assert urls.query_string({"a": Names.ACCOUNT}) == "a=Account"
    for plain in (urls.sobject_name(Impostor("Account")), urls.target(Impostor("limits"), "67.0")):
        assert type(plain) is str
        assert "evil" not in f"{plain}"


@pytest.mark.parametrize("value", [None, float("nan"), b"x", [1]])
def test_a_parameter_that_is_no_value_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="the parameter a must be"):
        urls.query_string({"a": value})  # type: ignore[dict-item]


def test_a_query_string_writes_a_space_as_percent_20() -> None:
    assert urls.query_string({"q": "a b+c&d='é'", "n": 1, "flag": True}) == (
        "q=a%20b%2Bc%26d%3D%27%C3%A9%27&n=1&flag=true"
    )


@pytest.mark.parametrize(
    ("path", "version", "rest"),
    [
        ("limits", None, "limits"),
        ("v60.0/limits", "60.0", "limits"),
        ("/v60.0/limits", "60.0", "limits"),
        ("services/data/v60.0/limits", "60.0", "limits"),
        (
            "/services/data/v60.0/query?q=SELECT%20Id%20FROM%20Account",
            "60.0",
            "query?q=SELECT%20Id%20FROM%20Account",
        ),
        ("query?q=a%2Fb://x", None, "query?q=a%2Fb://x"),
    ],
)
def test_a_path_is_parted_into_version_and_resource(
    path: str, version: str | None, rest: str
) -> None:
    assert urls.split_version(path) == (version, rest)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("https://evil.example/services/data/v60.0/limits", "absolute URL"),
        ("//evil.example/x", "absolute URL"),
        ("/services/apexrest/x", "neither relative"),
        ("/etc/passwd", "neither relative"),
        ("/services/data/v12.0/limits", "at least 34.0"),
        ("/services/data/vX/limits", "no API version"),
        ("v60.0/../v61.0/limits", "dot segment"),
        ("v60.0/%2e%2E/limits", "dot segment"),
        ("v60.0/..;x=1/limits", "dot segment"),
        ("sobjects/Account/a b", "percent-encoded"),
        ("sobjects/Account/50%", "percent-encoded"),
        ("limits#x", "percent-encoded"),
        ("limits\r\nX: y", "percent-encoded"),
        ("sobjects/Ünit", "percent-encoded"),
        ("v60.0", "names no resource"),
        ("/v60.0/", "names no resource"),
        ("", "is empty"),
    ],
)
def test_a_path_that_leads_elsewhere_or_is_not_encoded_is_refused(path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        urls.split_version(path)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("limits", "/services/data/v67.0/limits"),
        ("v60.0/limits", "/services/data/v60.0/limits"),
        ("/services/apexrest/My/x", "/services/apexrest/My/x"),
        ("/services/data", "/services/data"),
    ],
)
def test_a_request_may_go_to_any_service_of_the_instance(path: str, target: str) -> None:
    assert urls.target(path, "67.0") == target


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "https://evil.example/services/data/v60.0/query/01g-2000",
        "/services/data/v60.0/limits",
        "/query/x",
    ],
)
def test_only_a_query_locator_of_the_instance_is_a_next_page(url: object) -> None:
    with pytest.raises(ValueError, match="nextRecordsUrl"):
        urls.next_records_path(url)


def test_the_next_page_keeps_its_version() -> None:
    assert (
        urls.next_records_path("/services/data/v50.0/query/01g09-2000") == "v50.0/query/01g09-2000"
    )


@pytest.mark.parametrize("given", ["67", "v67.0", "67.5", "33.0", "", "067.0"])
def test_what_is_not_an_api_version_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="API version"):
        urls.version(given)
