"""A small HTTP server that does as it is told, and remembers every byte it was sent."""

from __future__ import annotations

import contextlib
import enum
import io
import os
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self, TypeAlias

import attrs

PATIENCE = 5.0  # seconds that a test waits for what must happen


class Fault(enum.Enum):
    """What a server may do instead of answering."""

    DROP = "close the connection, in good order"
    RESET = "tear the connection down"
    GARBLE = "send bytes that are no TLS, if the connection is"
    HANG = "say nothing more until the server is stopped"
    READ_SOME = "read 4 MB of what has not been read yet"
    LEAVE_BODY_UNREAD = "only at the start: go on without reading the body of the request"


@attrs.frozen
class Echo:
    """Answers with the target and the body of the request; in pieces, if it is *chunked*."""

    chunked: bool = False


@attrs.frozen
class Decided:
    """Asks *by* what to do about a request that has arrived; a generator decides as it goes."""

    by: Callable[[Received], Iterable[Step]]


Step: TypeAlias = "bytes | Fault | Echo | Decided | Callable[[], object]"
"""Bytes are sent, a fault happens, a function is called (to wait for something, say)."""


@attrs.frozen
class Received:
    """One request, as it arrived; *connection* counts the server's connections from 0."""

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def echo(self, step: Echo) -> bytes:
        """Write the answer that *step* asks for."""
        return reply(200, self.target.encode() + b" " + self.body, chunked=step.chunked)

    def values(self, name: str) -> list[str]:
        """Return the values of each field called *name*, in order."""
        return [value for field, value in self.headers if field.lower() == name.lower()]


def reply(
    status: int = 200,
    body: bytes = b"",
    headers: Iterable[tuple[str, str]] = (),
    *,
    chunked: bool = False,
) -> bytes:
    """Write an answer, framed by Content-Length or in chunks of 10 bytes."""
    fields = list(headers)
    if chunked:
        fields.append(("Transfer-Encoding", "chunked"))
        chunks = [body[start : start + 10] for start in range(0, len(body), 10)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
    else:
        fields.append(("Content-Length", str(len(body))))
    head = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(head).encode("latin-1") + body


class ScriptedServer:
    """Plays a script to its clients, on 127.0.0.1, in threads of its own; a context manager.

    Each request gets the next ``play``, or what is played ``always`` (an empty 200 at first). With
    *tls* it speaks HTTPS. With *tunnel_to* it also is a proxy that connects every CONNECT to that
    server, whatever the name asked for, unless a ``play`` is waiting.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        tunnel_to: ScriptedServer | None = None,
        port: int = 0,
    ) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.most_at_once = 0
        self._tls = tls
        self._tunnel_to = tunnel_to
        self._script: deque[tuple[Step, ...]] = deque()
        self._default: tuple[Step, ...] = (reply(),)
        self._open: dict[int, socket.socket] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def play(self, *steps: Step) -> None:
        """Answer the next request that has no answer yet with *steps*."""
        self._script.append(steps)

    def always(self, *steps: Step) -> None:
        """Answer each request for which there is no ``play`` with *steps*."""
        self._default = steps

    def wait_for_requests(self, count: int) -> None:
        """Wait until *count* requests have arrived."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, PATIENCE)

    def wait_until_disconnected(self) -> None:
        """Wait until no connection is open any more."""
        with self._changed:
            assert self._changed.wait_for(lambda: not self._open, PATIENCE)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        _shut(self._listener)
        self._listener.close()
        with self._changed:
            connections = list(self._open.values())
        for connection in connections:
            _shut(connection)
        for thread in self._threads:
            thread.join(PATIENCE)

    def _start(self, target: Callable[..., None], *args: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                number = self.connections
                self.connections += 1
                self._open[number] = connection
                self.most_at_once = max(self.most_at_once, len(self._open))
                self._changed.notify_all()
            self._start(self._serve, connection, number)

    def _serve(self, accepted: socket.socket, number: int) -> None:
        connection = accepted
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(accepted, server_side=True)
                self._open[number] = connection
            with connection.makefile("rb") as stream:
                while self._exchange(connection, stream, number):
                    pass
        except OSError:
            pass  # the client went away, or does not trust us
        finally:
            connection.close()
            accepted.close()
            with self._changed:
                del self._open[number]
                self._changed.notify_all()

    def _exchange(self, connection: socket.socket, stream: io.BufferedReader, number: int) -> bool:
        """Read a request and answer it. Tells whether another may follow."""
        if not stream.peek(1)[:1].isalpha():
            if stream.peek(1):  # as servers do that are spoken to in TLS
                connection.sendall(reply(400, b"not HTTP"))
            return False
        method, target, version = stream.readline().decode("latin-1").split()
        headers = []
        while line := stream.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        tunnel = method == "CONNECT" and self._tunnel_to is not None and not self._script
        steps = (
            (b"HTTP/1.1 200 Connected\r\n\r\n",)
            if tunnel
            else (self._script.popleft() if self._script else self._default)
        )
        is_read = Fault.LEAVE_BODY_UNREAD not in steps
        length = sum(int(value) for name, value in headers if name.lower() == "content-length")
        body = stream.read(length) if is_read else b""
        received = Received(method, target, version, tuple(headers), body, number)
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()
        if not self._perform(connection, stream, received, steps):
            return False
        if tunnel:
            self._tunnel(connection)
        return not tunnel

    def _perform(
        self,
        connection: socket.socket,
        stream: io.BufferedReader,
        received: Received,
        steps: Iterable[Step],
    ) -> bool:
        for step in steps:
            match step:
                case bytes() | Echo():
                    connection.sendall(step if isinstance(step, bytes) else received.echo(step))
                case Decided():
                    if not self._perform(connection, stream, received, step.by(received)):
                        return False
                case Fault.DROP:
                    if isinstance(connection, ssl.SSLSocket):
                        connection.setblocking(False)
                        with contextlib.suppress(OSError):
                            connection.unwrap()  # says goodbye, and does not wait for an answer
                    return False
                case Fault.RESET:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return False
                case Fault.GARBLE:
                    os.write(connection.fileno(), b"this is not a TLS record\r\n")
                case Fault.HANG:
                    self._stopping.wait()
                    return False
                case Fault.READ_SOME:
                    stream.read(4_000_000)
                case Fault.LEAVE_BODY_UNREAD:
                    pass
                case _:
                    step()
        return True

    def _tunnel(self, client: socket.socket) -> None:
        assert self._tunnel_to is not None
        with socket.create_connection(("127.0.0.1", self._tunnel_to.port)) as origin:
            back = self._start(_copy, origin, client)
            _copy(client, origin)
            back.join(PATIENCE)


def _copy(source: socket.socket, destination: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            destination.sendall(data)
    _shut(destination)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not TLS's own shutdown, which the thread that reads would trip over.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
