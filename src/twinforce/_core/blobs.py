"""Binary data on its way into a multipart request, piece by piece."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeAlias

import attrs

_PIECE = 64 * 1024
_BINARY = "application/octet-stream"


class BinaryFile(Protocol):
    """A file that was opened to read bytes and in which one can go back."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = ..., /) -> int: ...
    def tell(self) -> int: ...


Content: TypeAlias = bytes | bytearray | memoryview | BinaryFile


@attrs.frozen
class Binary:
    """The binary part of a raw request: *name* is what the resource calls it."""

    name: str
    content: Content = attrs.field(repr=False)
    filename: str


@attrs.frozen
class Blob:
    """The binary part of an operation: its *field* gets *content* under the name *filename*.

    A file is read when the request is sent, from where it stood when it was given, and is left
    there. One file may be given to several subrequests, as our transports take one piece at a time.
    """

    field: str
    content: bytes | BinaryFile = attrs.field(repr=False)
    filename: str
    size: int
    start: int = 0

    @classmethod
    def of(cls, field: str, content: Content, filename: str) -> Blob:
        """Check *content* and measure it."""
        if isinstance(content, bytes | bytearray | memoryview):
            data = bytes(content)
            return cls(field, data, filename, len(data))
        if isinstance(content, str) or not all(
            callable(getattr(content, name, None)) for name in ("read", "seek", "tell")
        ):
            raise TypeError(
                f"the content of {field} must be bytes, or a file that was opened to read bytes "
                f"(open(path, 'rb')), not {type(content).__name__}"
            )
        try:
            start = content.tell()
            size = content.seek(0, os.SEEK_END) - start
            content.seek(start)
            sample = content.read(0)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"the content of {field} is a file in which one cannot go back ({error}); pass "
                "what it reads, as bytes"
            ) from error
        if not isinstance(sample, bytes):
            raise TypeError(
                f"the content of {field} is a file of text; open it to read bytes, with 'rb'"
            )
        return cls(field, content, filename, size, start)

    def __iter__(self) -> Iterator[bytes | memoryview]:
        if isinstance(self.content, bytes):
            view = memoryview(self.content)
            for start in range(0, self.size, _PIECE):
                yield view[start : start + _PIECE]
        else:
            yield from self._read(self.content)

    def _read(self, file: BinaryFile) -> Iterator[bytes]:
        offset = 0
        while offset < self.size:
            # Anew for each piece: the file may be given out elsewhere at the same time.
            file.seek(self.start + offset)
            piece = file.read(min(self.size - offset, _PIECE))
            file.seek(self.start)
            if not piece:
                raise ValueError(f"the file for {self.field} is shorter than when it was given")
            offset += len(piece)
            yield piece


@attrs.frozen
class Multipart:
    """The body of a multipart request: *document*, JSON, called *name*; and blobs by name.

    It can be given out again and again. ``len()`` is its length in bytes.

    Source: REST API Developer Guide, Insert or Update Blob Data; Connect REST API Developer Guide,
    Batch Requests with Binary Parts.
    """

    name: str
    document: bytes = attrs.field(repr=False)
    blobs: Sequence[tuple[str, Blob]]
    boundary: str = attrs.field(factory=lambda: f"twinforce-{secrets.token_hex(16)}")

    @property
    def content_type(self) -> str:
        """The value of the header Content-Type."""
        return f"multipart/form-data; boundary={self.boundary}"

    def __len__(self) -> int:
        return sum(len(part) if isinstance(part, bytes) else part.size for part in self._parts())

    def __iter__(self) -> Iterator[bytes | memoryview]:
        for part in self._parts():
            if isinstance(part, bytes):
                yield part
            else:
                yield from part

    def _parts(self) -> Iterator[bytes | Blob]:
        yield self._head(f'form-data; name="{self.name}"', "application/json; charset=UTF-8")
        yield self.document
        for name, blob in self.blobs:
            filename = blob.filename.replace("\\", r"\\").replace('"', r"\"")
            yield b"\r\n"
            yield self._head(f'form-data; name="{name}"; filename="{filename}"', _BINARY)
            yield blob
        yield f"\r\n--{self.boundary}--\r\n".encode()

    def _head(self, disposition: str, kind: str) -> bytes:
        return (
            f"--{self.boundary}\r\nContent-Disposition: {disposition}\r\n"
            f"Content-Type: {kind}\r\n\r\n"
        ).encode()
