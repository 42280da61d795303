"""SOAP's login and logout, as older clients sign in."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import attrs
import pytest

from tests.local.caller import Caller
from tests.local.signing_in import lets_in, new_user
from twinforce.local import LocalOrg

PATH = "/services/Soap/u/60.0"
HEADERS = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"}


@attrs.frozen
class Answer:
    status: int
    text: str

    def of(self, name: str) -> str:
        """Return the text of the one element with this name."""
        root = ET.fromstring(self.text)  # noqa: S314 - our own answer
        [found] = [element for element in root.iter() if element.tag.rpartition("}")[2] == name]
        return found.text or ""


def send(org: LocalOrg, body: str, path: str = PATH, method: str = "POST") -> Answer:
    response = Caller(org).send(method, path, body.encode(), HEADERS)
    return Answer(response.status_code, response.body.decode())


def envelope(body: str, header: str = "") -> str:
    return f"""<?xml version="1.0" encoding="utf-8" ?>
<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:urn="urn:partner.soap.sforce.com">
  <env:Header><urn:CallOptions><urn:client>x</urn:client></urn:CallOptions>{header}</env:Header>
  <env:Body>{body}</env:Body>
</env:Envelope>"""


def login(username: str, password: str, header: str = "") -> str:
    return envelope(
        f'<n1:login xmlns:n1="urn:partner.soap.sforce.com">'
        f"<n1:username>{escape(username)}</n1:username>"
        f"<n1:password>{escape(password)}</n1:password></n1:login>",
        header,
    )


def good(org: LocalOrg) -> str:
    return login(org.username, org.password + org.security_token)


def test_a_login_gives_a_session(org: LocalOrg) -> None:
    answer = send(org, good(org))
    assert answer.status == 200
    assert lets_in(org, answer.of("sessionId"))
    assert answer.of("serverUrl") == f"{org.instance_url}/services/Soap/u/60.0/{org.org_id}"
    assert answer.of("organizationId") == org.org_id
    assert answer.of("userName") == org.username
    assert int(answer.of("sessionSecondsValid")) > 0
    assert "<loginResponse><result><metadataServerUrl>" in answer.text
    assert f"<userId>{org.user_id}</userId>" in answer.text


def test_an_answer_is_xml_also_for_clients_that_look(org: LocalOrg) -> None:
    response = Caller(org).send("POST", PATH, good(org).encode(), HEADERS)
    assert response.headers["content-type"] == "text/xml; charset=utf-8"


def test_names_and_passwords_may_hold_anything(org: LocalOrg) -> None:
    new_user(org, LastName="<&>")
    org.set_password("ann@example.com", "<&>\"' \u00e4", security_token="]]>")
    answer = send(org, login("ann@example.com", "<&>\"' \u00e4]]>"))
    assert answer.status == 200
    assert answer.of("userFullName") == "<&>"


def test_a_name_that_xml_cannot_hold_is_answered_in_xml_all_the_same(org: LocalOrg) -> None:
    call = Caller(org)
    name = {"LastName": "\x01a\x1f\uffffb\rc"}
    assert call("PATCH", f"sobjects/User/{org.user_id}", name).status == 204
    assert call.get("User", org.user_id)["LastName"] == name["LastName"]
    answer = send(org, good(org))
    assert answer.of("userFullName") == "Local \ufffda\ufffd\ufffdb\rc"


def test_blanks_belong_to_a_password(org: LocalOrg) -> None:
    org.set_password(org.username, " secret ", security_token="")
    assert send(org, login(f" {org.username} ", " secret ")).status == 200
    assert send(org, login(org.username, "secret")).of("exceptionCode") == "INVALID_LOGIN"


def test_the_enterprise_door_is_there_too(org: LocalOrg) -> None:
    answer = send(org, good(org), "/services/Soap/c/59.0/0DF")
    assert 'xmlns="urn:enterprise.soap.sforce.com"' in answer.text
    assert lets_in(org, answer.of("sessionId"))


def test_a_wrong_password_is_a_fault(org: LocalOrg) -> None:
    answer = send(org, login(org.username, "<wrong>"))
    message = "Invalid username, password, security token; or user locked out."
    assert answer.status == 500
    assert answer.of("faultstring") == f"INVALID_LOGIN: {message}"
    assert f"<sf:exceptionMessage>{message}</sf:exceptionMessage>" in answer.text
    assert "<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>" in answer.text
    assert 'xmlns:sf="urn:fault.partner.soap.sforce.com"' in answer.text


def test_a_missing_security_token_is_said(org: LocalOrg) -> None:
    answer = send(org, login(org.username, org.password))
    assert answer.of("exceptionCode") == "LOGIN_MUST_USE_SECURITY_TOKEN"


def test_who_names_the_org_is_in_its_trusted_network(org: LocalOrg) -> None:
    header = (
        "<urn:LoginScopeHeader><urn:organizationId>{}</urn:organizationId></urn:LoginScopeHeader>"
    )
    inside = send(org, login(org.username, org.password, header.format(org.org_id[:15])))
    assert inside.status == 200
    outside = send(org, login(org.username, org.password, header.format("00D000000000001")))
    assert outside.of("exceptionCode") == "LOGIN_MUST_USE_SECURITY_TOKEN"


def test_logout_ends_the_session(org: LocalOrg) -> None:
    token = send(org, good(org)).of("sessionId")
    header = f"<urn:SessionHeader><urn:sessionId>{token}</urn:sessionId></urn:SessionHeader>"
    logout = envelope("<urn:logout/>", header)
    assert send(org, logout).status == 200
    assert not lets_in(org, token)
    assert send(org, logout).of("exceptionCode") == "INVALID_SESSION_ID"


def test_from_65_on_there_is_no_login(org: LocalOrg) -> None:
    answer = send(org, good(org), "/services/Soap/u/65.0")
    assert answer.of("exceptionCode") == "INVALID_OPERATION"
    assert "not available in the API version specified (65.0)" in answer.of("exceptionMessage")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "<a/>",
        "<Envelope/>",
        "<Envelope><Body/></Envelope>",
        "<Envelope><Body><query/></Body></Envelope>",
        "<Envelope><Body><login/></Envelope>",
        '<?xml version="1.0" encoding="nope"?><Envelope/>',
    ],
)
def test_what_is_no_login_is_a_fault_of_the_client(org: LocalOrg, body: str) -> None:
    answer = send(org, body)
    assert (answer.status, answer.of("faultcode")) == (500, "soapenv:Client")


def test_no_entity_is_ever_expanded(org: LocalOrg) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    for declaration in (bomb, outside, "<!DOCTYPE x>"):
        answer = send(org, good(org).replace("?>", f"?>{declaration}", 1))
        assert answer.of("faultcode") == "soapenv:Client"
        assert "DOCTYPE" in answer.of("faultstring")


@pytest.mark.parametrize(
    "path", ["/services/Soap", "/services/Soap/u", "/services/Soap/x/60.0", "/services/Soap/u/x"]
)
def test_elsewhere_is_nothing(org: LocalOrg, path: str) -> None:
    assert send(org, good(org), path).status == 404


def test_only_post_is_allowed(org: LocalOrg) -> None:
    answer = send(org, "", method="GET")
    assert answer.status == 405
    assert "Only POST allowed" in answer.text
