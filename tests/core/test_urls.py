"""URLs: everything that enters one is checked or encoded."""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import pytest
from hypothesis import strategies as st

from tests.hostile import ANYTHING, Money, Outcomes, hostile
from twinforce._core import urls
from twinforce.local.store.ids import checksum, make_id


class Key(UUID):
    """Shows itself as something else than it is."""

    def __str__(self) -> str:
        return "../../evil"


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://ACME.my.salesforce.com/lightning/page?x=1#y", "https://acme.my.salesforce.com"),
        (
            "https://acme--dev.sandbox.my.salesforce.com/",
            "https://acme--dev.sandbox.my.salesforce.com",
        ),
        ("https://acme--dev.my.salesforce.com", "https://acme--dev.my.salesforce.com"),
        ("https://acme.develop.my.salesforce.com", "https://acme.develop.my.salesforce.com"),
        ("https://acme.scratch.my.salesforce.com", "https://acme.scratch.my.salesforce.com"),
        ("https://acme.trailblaze.my.salesforce.com", "https://acme.trailblaze.my.salesforce.com"),
        ("https://acme.patch.my.salesforce.com", "https://acme.patch.my.salesforce.com"),
        ("https://acme.demo.my.salesforce.com", "https://acme.demo.my.salesforce.com"),
        ("https://acme.free.my.salesforce.com", "https://acme.free.my.salesforce.com"),
        ("https://na1.salesforce.com", "https://na1.salesforce.com"),
        ("https://cs1.salesforce.com/services/Soap/u/60.0", "https://cs1.salesforce.com"),
        ("https://eu1.salesforce.com", "https://eu1.salesforce.com"),
        ("https://acme.cloudforce.com", "https://acme.cloudforce.com"),
        ("https://acme.my.salesforce.mil", "https://acme.my.salesforce.mil"),
        ("https://acme.my.sfcrmproducts.cn", "https://acme.my.sfcrmproducts.cn"),
        ("https://acme.my.salesforce-setup.com", "https://acme.my.salesforce-setup.com"),
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://acme.my.site.com/customers", "https://acme.my.site.com"),
        ("https://acme.my.salesforce.com.mcas.ms", "https://acme.my.salesforce.com.mcas.ms"),
        (
            "https://acme.my.salesforce.com.mcas.ms:8443",
            "https://acme.my.salesforce.com.mcas.ms:8443",
        ),
        (
            "https://salesforce-proxy.corp.example:65535",
            "https://salesforce-proxy.corp.example:65535",
        ),
        ("https://xn--acm-bma.example", "https://xn--acm-bma.example"),
        ("https://10.0.0.5", "https://10.0.0.5"),
        ("https://[2001:DB8::1]:8443/x", "https://[2001:db8::1]:8443"),
        ("HTTPS://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com:", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com.", "https://acme.my.salesforce.com."),
        ("https://acme.my.salesforce.com?x=1@y", "https://acme.my.salesforce.com"),
        ("https://" + "a" * 63 + ".example", "https://" + "a" * 63 + ".example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://localhost", "http://localhost"),
        ("http://LOCALHOST:8080/", "http://localhost:8080"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[0:0:0:0:0:0:0:1]"),
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
        ("http://localhost.", "access token would cross the network"),
        ("http://10.0.0.5", "access token would cross the network"),
        ("http://0.0.0.0", "access token would cross the network"),
        ("http://2130706433", "access token would cross the network"),
        ("http://0x7f000001", "access token would cross the network"),
        ("http://127.1", "access token would cross the network"),
        ("http://[::]", "access token would cross the network"),
        ("http://[2001:db8::1]", "access token would cross the network"),
        ("acme.my.salesforce.com", "must look like"),
        ("ftp://acme.my.salesforce.com", "must look like"),
        ("https://", "must look like"),
        ("https:acme.my.salesforce.com", "must look like"),
        ("https:/acme.my.salesforce.com", "must look like"),
        ("https:///acme.my.salesforce.com", "must look like"),
        ("//acme.my.salesforce.com", "must look like"),
        ("javascript:alert(1)", "must look like"),
        ("file:///etc/passwd", "must look like"),
        ("https\t://acme.my.salesforce.com", "no valid host name"),
        ("https://acme.my.sales\tforce.com", "no valid host name"),
        ("https://acme.my.sales\r\nforce.com", "no valid host name"),
        ("https://acme.my.salesforce.com\x00.evil.example", "no valid host name"),
        ("https://acme.my.salesforce.com\\.evil.example", "no valid host name"),
        ("https:\\\\acme.my.salesforce.com", "must look like"),
        ("https://acme.my.salesforce.com%2eevil.example", "no valid host name"),
        ("https://acme..example", "no valid host name"),
        ("https://.acme.example", "no valid host name"),
        ("https://-acme.example", "no valid host name"),
        ("https://acme,evil.example", "no valid host name"),
        ("https://*.salesforce.com", "no valid host name"),
        ("https://" + "a" * 64 + ".example", "no valid host name"),
        ("https://" + "a." * 127 + "example", "no valid host name"),
        # Characters that become ASCII in lower case, or when names are normalised.
        ("https://\u212ayle.example", "no valid host name"),
        ("https://acme\u3002example", "no valid host name"),
        ("https://acme.my.\u017falesforce.com", "no valid host name"),
        ("https://\u0430cme.my.salesforce.com", "no valid host name"),
        ("https://acme.my.salesforce.com\u2044evil.example", "no valid host name"),
        ("https://acme.my.salesforce.com\uff0fevil.example", "malformed"),
        ("https://[::1%25eth0]", "no valid host name"),
        ("https://[::1]evil.example", "malformed|no valid host name"),
        ("http://[::1]evil.example", "malformed|no valid host name"),
        ("https://[v1.acme]", "malformed|no valid host name"),
        ("https://[127.0.0.1]", "malformed|no valid host name"),
        ("https://[acme.example]", "malformed|no valid host name"),
        ("https://acme.my.salesforce.com:8a", "malformed"),
        ("https://acme.my.salesforce.com:-1", "malformed"),
        ("https://acme.my.salesforce.com:٨٠", "malformed|no valid host name"),
        ("https://acme.my.salesforce.com:80:80", "malformed"),
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


@pytest.mark.parametrize(
    "given",
    [
        "https://user:s3cret@acme.my.salesforce.com",
        "https://user:s3cret@acme.my.salesforce.com\uff0fx",
        "https://user:s3cret/@acme.my.salesforce.com",
        "http://user:s3cret@acme.my.salesforce.com",
    ],
)
def test_a_refused_instance_url_does_not_show_its_password(given: str) -> None:
    with pytest.raises(ValueError, match="the instance URL") as caught:
        urls.origin(given)

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


@pytest.mark.parametrize(
    "given",
    [
        "0011r00001k1h2iqav",
        "0011R00001K1H2IQAv",
        "0011R00001K1H2IQAA",
        "0011R00001K1h2IQAV",
        "0011R00001K1H2I000",
    ],
)
def test_a_record_id_whose_checksum_does_not_fit_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="its last three characters, which are a checksum"):
        urls.record_id(given)


@pytest.mark.parametrize("given", ["approvalLayouts", "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAA555"])
def test_a_resource_below_an_sobject_is_no_record_id(given: str) -> None:
    with pytest.raises(ValueError, match=f"'{given}' is not a record id"):
        urls.record_id(given)


@hostile(short=st.from_regex(r"\A[A-Za-z0-9]{3}[0-9][A-Za-z0-9]{11}\Z"))
def test_every_record_id_is_taken_in_both_lengths(short: str) -> None:
    assert urls.record_id(short) == short
    assert urls.record_id(short + checksum(short)) == short + checksum(short)


@pytest.mark.parametrize("number", [1, 61, 62, 10**9, 62**9 - 1])
def test_the_record_ids_of_the_local_org_are_taken(number: int) -> None:
    assert urls.record_id(make_id("001", number)) == make_id("001", number)


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
        (1e22, "10000000000000000000000"),
        (-1e-7, "-0.0000001"),
        (Money("2.50"), "2.50"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Key(int=1), "00000000-0000-0000-0000-000000000001"),
        (" a ", " a "),
    ],
)
def test_an_external_id_is_written_as_text(value: urls.ExternalId, written: str) -> None:
    assert urls.external_id(value, "Key__c") == written


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        Decimal("Infinity"),
        Decimal("sNaN"),
        Decimal("1E+999999999"),
        Decimal("1E-999999999"),
        "",
        "  ",
        pytest.param(10**5000, id="many digits"),
    ],
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
    VERSION = "67.0"


class Impostor(str):
    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return "../../evil"

    __str__ = __repr__ = __format__  # type: ignore[assignment]


class Level(int, Enum):
    """Shows itself as Level.HIGH."""

    HIGH = 3


def test_what_is_checked_is_what_is_sent() -> None:
    assert urls.sobject_name(Names.ACCOUNT) == "Account"
    assert urls.record_id(Names.ID) == "001000000000000AAA"
    assert urls.field_list([Names.ACCOUNT]) == "Account"
    assert urls.external_id(Names.ACCOUNT, "Key__c") == "Account"
    assert urls.query_string({"a": Names.ACCOUNT, "b": Level.HIGH}) == "a=Account&b=3"
    assert f"{urls.version(Names.VERSION)}" == f"{urls.version(Impostor('67.0'))}" == "67.0"
    for plain in (urls.sobject_name(Impostor("Account")), urls.target(Impostor("limits"), "67.0")):
        assert type(plain) is str
        assert "evil" not in f"{plain}"


@pytest.mark.parametrize("value", [None, Decimal(1), b"x", [1]])
def test_a_parameter_that_is_no_value_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="the parameter a must be"):
        urls.query_string({"a": value})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "is NaN, which is no number"),
        (float("inf"), "is Infinity, which is no number"),
        (10**400, "is a number of more than 400 digits"),
        pytest.param(10**5000, "is a number of more than 400 digits", id="5000 digits"),
        ("\ud800", "holds half of a surrogate pair"),
    ],
)
def test_a_parameter_that_cannot_be_written_is_refused(value: urls.ParamValue, reason: str) -> None:
    with pytest.raises(ValueError, match=f"the parameter a {reason}"):
        urls.query_string({"a": value})


def test_a_name_of_a_parameter_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="the name of a parameter holds half of a surrogate pair"):
        urls.query_string({"\ud800": None})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


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


@pytest.mark.parametrize("path", [None, b"limits", 7, Level.HIGH])
def test_a_path_of_another_type_is_refused(path: Any) -> None:
    with pytest.raises(TypeError, match="the path must be a str, not"):
        urls.target(path, "67.0")


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
        "//evil.example/services/data/v60.0/query/01g-2000",
        "/services/data/v60.0/query",
        "/services/data/v60.0/queryAll",
        "services/data/v60.0/query/01g-2000",
    ],
)
def test_only_a_query_locator_of_the_instance_is_a_next_page(url: object) -> None:
    with pytest.raises(ValueError, match="nextRecordsUrl"):
        urls.next_records_path(url)


@pytest.mark.parametrize(
    "url",
    [
        "/services/data/v60.0/query/../sobjects/User",
        "/services/data/v60.0/query/%2e%2E/limits",
        "/services/data/v60.0/query/..;x/limits",
        "/services/data/v60.0/query/01g 2000",
        "/services/data/v60.0/query/01g\r\nX: y",
        "/services/data/v60.0/query/01g#x",
        "/services/data/v60.0/query/https://evil.example",
        "/services/data/v/query/01g",
        "/services/data/v60.0@evil.example/query/01g",
        "/services/data/v1.0/query/01g",
    ],
)
def test_a_next_page_that_leads_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"the path|absolute URL|API version"):
        urls.next_records_path(url)


def test_the_next_page_keeps_its_version() -> None:
    assert (
        urls.next_records_path("/services/data/v50.0/query/01g09-2000") == "v50.0/query/01g09-2000"
    )


@pytest.mark.parametrize("given", ["67", "v67.0", "67.5", "33.0", "", "067.0"])
def test_what_is_not_an_api_version_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="API version"):
        urls.version(given)


HOSTS = st.one_of(
    st.tuples(
        st.sampled_from(["https://", "http://", "HTTPS://", "https:/", "ftp://"]),
        st.sampled_from(["", "user@", "user:pass@", "acme.my.salesforce.com@"]),
        st.sampled_from(
            ["acme.my.salesforce.com", "localhost", "127.0.0.1", "[::1]", "evil.example"]
        ),
        st.text("\\\t\r\n /?#@:.%-_aZ0[]\u212a\u3002\uff0f\u0430é", max_size=6),
        st.sampled_from(["", ".salesforce.com", ":443", ":0", ":99999", "/x", "?x", "#x"]),
    ).map("".join),
    ANYTHING,
)


@hostile(url=HOSTS)
def test_a_hostile_instance_url_is_an_origin_or_refused(url: Any) -> None:
    try:
        origin = urls.origin(url)
    except (TypeError, ValueError) as error:
        Outcomes().refuse(error)
        return

    found = re.fullmatch(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]*)?", origin)
    assert found is not None
    parts = urlsplit(url.strip())
    assert (parts.scheme, parts.username, parts.password) == (found[1], None, None)
    assert parts.netloc.lower().removesuffix(":") == origin.partition("://")[2]
    if found[1] == "http":
        name = found[2].strip("[]")
        assert name == "localhost" or ipaddress.ip_address(name).is_loopback
