"""Binary data, given out piece by piece."""

from __future__ import annotations

from io import BytesIO

from twinforce._core.blobs import Blob


class Hesitant(BytesIO):
    """A file that gives less than it is asked for, as those that are not buffered may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1000))


def test_a_file_that_gives_less_than_is_asked_for_is_read_to_its_end() -> None:
    data = bytes(range(250)) * 20
    blob = Blob.of("Body", Hesitant(data), "a.bin")

    assert b"".join(blob) == data
    assert b"".join(blob) == data
