"""Ctrl-C in a thread: what was not sent is marked, no answer goes astray, no place is lost."""

from __future__ import annotations

import gc
import http.client
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from types import FrameType

import attrs
import pytest

from tests.server import PATIENCE, Echo, Fault, ScriptedServer, reply
from tests.wire.clients import HOST, is_unsent, request
from twinforce import Request, RequestsTransport, Response

needs_signals = pytest.mark.skipif(
    not hasattr(signal, "pthread_kill"), reason="needs POSIX signals"
)


@pytest.fixture
def ctrl_c() -> Iterator[Callable[..., None]]:
    """Interrupts the main thread, some time after something has come to pass."""
    main = threading.get_ident()
    assert main == threading.main_thread().ident
    heard = threading.Event()
    threads = []

    def hear(*_: object) -> None:
        if not heard.is_set():
            heard.set()
            raise KeyboardInterrupt

    def interrupt(after: Callable[[], object], seconds: float = 0.0) -> None:
        def run() -> None:
            after()
            heard.wait(seconds)
            # More than once, since the first may come just before the thread begins to wait.
            while not heard.wait(0.02):
                signal.pthread_kill(main, signal.SIGINT)

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    before = signal.signal(signal.SIGINT, hear)
    yield interrupt
    heard.set()
    for thread in threads:
        thread.join(PATIENCE)
    signal.signal(signal.SIGINT, before)


def at_once() -> None:
    """Come to pass."""


def interrupted(transport: RequestsTransport, sent: Request) -> KeyboardInterrupt:
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        transport.send(sent)
    assert time.monotonic() - started < 2
    return caught.value


@needs_signals
def test_ctrl_c_while_waiting_for_an_answer_comes_out_and_the_answer_goes_to_nobody(
    server: ScriptedServer, ctrl_c: Callable[..., None]
) -> None:
    release = threading.Event()
    server.play(lambda: release.wait(PATIENCE), Echo())
    server.always(Echo())
    with RequestsTransport(pool_size=1) as transport:
        ctrl_c(lambda: server.wait_for_requests(1))
        error = interrupted(transport, request(f"{server.url}/first", "POST", body=b"1"))
        release.set()

        second = transport.send(request(f"{server.url}/second", "POST", body=b"2"))

    assert not is_unsent(error)
    assert second.body == b"/second 2"
    assert [got.connection for got in server.received] == [0, 1]


@needs_signals
def test_ctrl_c_within_an_answer_comes_out_and_the_rest_goes_to_nobody(
    server: ScriptedServer, ctrl_c: Callable[..., None]
) -> None:
    release, half = threading.Event(), threading.Event()
    answer = reply(200, b"x" * 100)
    server.play(answer[:-50], half.set, lambda: release.wait(PATIENCE), answer[-50:])
    server.always(Echo())
    with RequestsTransport(pool_size=1) as transport:
        ctrl_c(lambda: half.wait(PATIENCE), 0.02)
        error = interrupted(transport, request(server.url))
        release.set()

        assert transport.send(request(f"{server.url}/second")).body == b"/second "

    assert not is_unsent(error)
    assert [got.connection for got in server.received] == [0, 1]


@needs_signals
def test_ctrl_c_while_waiting_for_a_free_connection_means_that_nothing_was_sent(
    server: ScriptedServer, ctrl_c: Callable[..., None]
) -> None:
    release = threading.Event()
    server.play(lambda: release.wait(PATIENCE), reply())
    with RequestsTransport(pool_size=1) as transport:
        other = threading.Thread(target=transport.send, args=[request(server.url)])
        other.start()
        server.wait_for_requests(1)
        ctrl_c(at_once, 0.02)

        error = interrupted(transport, request(server.url, "POST"))

        release.set()
        other.join(PATIENCE)
        assert transport.send(request(server.url)).status_code == 200

    assert is_unsent(error)
    assert [got.method for got in server.received] == ["GET", "GET"]


@needs_signals
def test_ctrl_c_while_connecting_means_that_nothing_was_sent(
    silent_port: int, ctrl_c: Callable[..., None]
) -> None:
    with RequestsTransport(pool_size=1) as transport:
        ctrl_c(at_once, 0.02)
        error = interrupted(transport, request(f"https://127.0.0.1:{silent_port}", "POST"))

    assert is_unsent(error)


@needs_signals
def test_ctrl_c_while_tls_is_agreed_on_leaves_no_socket_open(
    ctrl_c: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        RequestsTransport(pool_size=1) as transport,
    ):
        accepted: list[socket.socket] = []

        def hear_the_first_word() -> None:
            accepted.append(listener.accept()[0])
            accepted[0].recv(1)

        ctrl_c(hear_the_first_word)
        error = interrupted(transport, request(f"https://127.0.0.1:{listener.getsockname()[1]}"))
        accepted[0].close()

    assert is_unsent(error)
    del error
    gc.collect()
    assert complaints == []


@needs_signals
def test_ctrl_c_while_a_proxy_connects_means_that_nothing_was_sent(
    server: ScriptedServer, ctrl_c: Callable[..., None]
) -> None:
    server.play(Fault.HANG)
    with RequestsTransport(pool_size=1, proxy=server.url) as transport:
        ctrl_c(lambda: server.wait_for_requests(1))
        error = interrupted(transport, request(f"https://{HOST}", "POST"))

    assert is_unsent(error)
    assert [got.method for got in server.received] == ["CONNECT"]


class Interruption(BaseException):
    """As KeyboardInterrupt, which a test cannot raise without ending the run."""


PLACES = (
    "/_transports/",
    "/requests/",
    "/urllib3/",
    "/http/client.py",
    "/queue.py",
    "/threading.py",
)


class Moments:
    """Raises at a certain one of the moments at which CPython looks for signals.

    These are when a function begins, and when one written in C has returned.
    """

    def __init__(self, moment: int) -> None:
        self.left = moment

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename.replace("\\", "/")
        if event not in {"call", "c_return"} or not any(place in name for place in PLACES):
            return
        self.left -= 1
        if self.left < 0:
            sys.setprofile(None)
            raise Interruption


@attrs.define
class Sending:
    """Sends in a thread, interrupted at *moment*; gives the answer if it came before that."""

    transport: RequestsTransport
    request: Request
    moment: int
    answer: Response | None = None
    interruption: Interruption | None = None

    def __call__(self) -> None:
        moments = Moments(self.moment)
        sys.setprofile(moments)
        try:
            answer = self.transport.send(self.request)
        except Interruption as interruption:
            self.interruption = interruption
        else:
            # What comes while something is finalized is not heard.
            self.answer = answer if moments.left >= 0 else None
        finally:
            sys.setprofile(None)

    def run(self) -> None:
        thread = threading.Thread(target=self, daemon=True)
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "an interruption left something locked"


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="is about CPython")
# What is interrupted while it is finalized, or dropped before it is closed, cannot tell anybody.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("is_kept", [False, True], ids=["a new connection", "a kept connection"])
def test_no_interruption_of_a_thread_loses_a_place_or_mixes_up_answers(
    server: ScriptedServer, *, is_kept: bool
) -> None:
    server.always(Echo(chunked=True))
    transport = RequestsTransport(pool_size=2)
    unsent = []
    for moment in count():
        if is_kept:
            transport.send(request(server.url))
        else:
            transport.close()
            transport = RequestsTransport(pool_size=2)
        sending = Sending(transport, request(f"{server.url}/{moment}", body=b"x"), moment)
        sending.run()
        if sending.interruption is not None and is_unsent(sending.interruption):
            unsent.append(f"/{moment}")

        for route in transport._routes.values():
            assert route.free_places.qsize() == 2
            assert len(route.idle) <= 1
        following = transport.send(request(f"{server.url}/next", "POST", body=b"%d" % moment))
        assert following.body == b"/next %d" % moment
        if sending.answer is not None:
            assert sending.answer.body == b"/%d x" % moment
            break
    transport.close()
    gc.collect()

    targets = [got.target for got in server.received if got.target not in {"/", "/next"}]
    assert len(targets) == len(set(targets)) > 20
    assert len(unsent) > 10
    assert not set(unsent) & set(targets)


def test_an_interruption_while_an_answer_is_made_leaves_nothing_that_complains_later(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.always(Echo())
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)

    def interrupt(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is http.client.HTTPResponse.__init__.__code__:
            sys.setprofile(None)
            raise Interruption

    with RequestsTransport(pool_size=1) as transport:
        sys.setprofile(interrupt)
        try:
            with pytest.raises(Interruption):
                transport.send(request(server.url))
        finally:
            sys.setprofile(None)
        gc.collect()

        assert complaints == []
        assert transport.send(request(f"{server.url}/second")).body == b"/second "
