"""Multipart messages, written out by hand, so that they can be wrong too, and files made of them."""

from __future__ import annotations

import json
import random
from typing import Any, Final

import attrs

from tests.local.caller import Answer, Caller

BOUNDARY: Final = "a boundary"
JSON: Final = "application/json"


@attrs.frozen
class Part:
    """A part: what its headers say, and what is in it."""

    name: str | None
    content: bytes
    media_type: str | None = "application/octet-stream"
    filename: str | None = "x.bin"
    headers: tuple[str, ...] = ()

    def __bytes__(self) -> bytes:
        disposition = "Content-Disposition: form-data"
        if self.name is not None:
            disposition += f'; name="{self.name}"'
        if self.filename is not None:
            disposition += f'; filename="{self.filename}"'
        lines = [disposition, *self.headers]
        if self.media_type is not None:
            lines.append(f"Content-Type: {self.media_type}")
        return "\r\n".join([*lines, "", ""]).encode() + self.content + b"\r\n"


def document(data: Any, name: str = "entity_content") -> Part:
    """Return the part that holds *data* as JSON."""
    return Part(name, json.dumps(data).encode(), JSON, filename=None)


def message(*parts: Part) -> bytes:
    line = f"--{BOUNDARY}".encode()
    return b"".join(line + b"\r\n" + bytes(part) for part in parts) + line + b"--\r\n"


def send(
    call: Caller, method: str, path: str, body: bytes, *, content_type: str | None = None
) -> Answer:
    """Send a multipart message to a resource."""
    response = call.send(
        method,
        f"/services/data/v{call.version}/{path}",
        body,
        {
            "Authorization": f"Bearer {call.org.access_token}",
            "Content-Type": content_type or f'multipart/form-data; boundary="{BOUNDARY}"',
        },
    )
    answer = json.loads(response.body) if response.body else None
    return Answer(response.status_code, response.headers, answer)


DATA = b"\x00\xff\r\n--a boundar\r\n\n\r--\x80"
FILE = {"Title": "Data", "PathOnClient": "folder/data.bin"}
GOOD = Part("VersionData", DATA)


def noise(size: int) -> bytes:
    """Return bytes of all kinds, the same each time."""
    return random.Random(size).randbytes(size)  # noqa: S311


def upload(call: Caller, *parts: Part) -> Answer:
    return send(call, "POST", "sobjects/ContentVersion", message(*parts))


def new_file(call: Caller, data: bytes = DATA, **fields: Any) -> str:
    answer = upload(call, document({**FILE, **fields}), Part("VersionData", data))
    assert answer.status == 201, answer.body
    record_id: str = answer.body["id"]
    return record_id


def read(call: Caller, path: str) -> bytes:
    response = call.send("GET", f"/services/data/v{call.version}/sobjects/{path}")
    assert response.status_code == 200, response.body
    assert response.headers["content-type"] == "application/octetstream"
    return response.body


def batch(call: Caller, items: list[dict[str, Any]], *parts: Part, **envelope: Any) -> Answer:
    body = message(document({"batchRequests": items, **envelope}, "json"), *parts)
    return send(call, "POST", "composite/batch", body)


def item(part: str, **changes: Any) -> dict[str, Any]:
    """Return a subrequest that makes a file of the binary part called *part*."""
    subrequest = {
        "method": "POST",
        "url": "v67.0/sobjects/ContentVersion",
        "richInput": FILE,
        "binaryPartName": part,
        "binaryPartNameAlias": "VersionData",
        **changes,
    }
    return {key: value for key, value in subrequest.items() if value is not None}


def versions(call: Caller) -> int:
    count: int = call.query("SELECT COUNT() FROM ContentVersion")["totalSize"]
    return count
