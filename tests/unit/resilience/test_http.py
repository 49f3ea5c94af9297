"""A call ends with its answer or at its deadline, whatever the other side does to the line."""

from __future__ import annotations

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tallystick.resilience.http import AnswerTooLarge, HttpClient, LineBroken

CERTIFICATE = Path(__file__).with_name("loopback.pem")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def client(**changed):
    asked = {"deadline_s": 0.3, "connect_s": 0.5, "body_bytes_max": 1_048_576, **changed}
    return HttpClient(**asked)


def post(url, made=None):
    return (made or client()).request("POST", url, headers={"X-Key": "k"}, body="a=1")


#: What the peer does; each of them for far longer than the deadline.
SLOW = {
    "a head by the byte": lambda talk: talk.drip(OK * 100),
    "headers without end": lambda talk: talk.drip(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 99),
    "a body by the byte": lambda talk: (
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        talk.drip(b"x" * 1000),
    ),
    "a chunked body by the byte": lambda talk: (
        talk.send(CHUNKED),
        talk.drip(b"1\r\nx\r\n" * 200),
    ),
    "a body without a length": lambda talk: (
        talk.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
        talk.drip(b"x" * 1000),
    ),
    "nothing": lambda talk: talk.hang(),
    "a head and then nothing": lambda talk: (talk.send(OK[:20]), talk.hang()),
    "100 Continue for ever": lambda talk: talk.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
}

BROKEN = {
    "a reset": lambda talk: talk.reset(),
    "an end before the head": lambda talk: talk.end(),
    "a cut head": lambda talk: (talk.send(OK[:25]), talk.end()),
    "a cut body": lambda talk: (
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        talk.end(),
    ),
    "a cut chunk": lambda talk: (talk.send(CHUNKED + b"a\r\nxx"), talk.end()),
    "a reset in the body": lambda talk: (
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        talk.reset(),
    ),
    "no HTTP": lambda talk: (talk.send(b"SSH-2.0-OpenSSH\r\n\r\n"), talk.end()),
    "a wrong length": lambda talk: (
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9, 8\r\n\r\n{}"),
        talk.end(),
    ),
    "a head of many lines": lambda talk: talk.send(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000),
    "a line of 100 KiB": lambda talk: talk.send(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 102_400),
}


class TestDeadline:
    @pytest.mark.parametrize("what", SLOW)
    def test_cuts_a_peer_that_sends(self, peer, what):
        begun = time.monotonic()
        with pytest.raises(LineBroken, match="no whole answer"):
            post(peer(SLOW[what]).url)
        # Each of them would last for 40 s at the least.
        assert time.monotonic() - begun < 20

    def test_cuts_a_peer_that_takes_no_request(self, peer):
        stuck = peer(None)
        with pytest.raises(LineBroken):
            client().request("POST", stuck.url, headers={}, body="x" * 50_000_000)

    def test_cuts_the_greeting_of_tls(self, peer):
        silent = peer(None)
        with pytest.raises(LineBroken):
            post(silent.url.replace("http://", "https://"))

    def test_is_for_each_call_anew(self, peer):
        turns = iter([b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", OK, OK])
        made = client()
        mixed = peer(lambda talk: talk.send(next(turns)))
        with pytest.raises(LineBroken):
            post(mixed.url, made)
        assert post(mixed.url, made).body == b"{}"
        assert post(mixed.url, made).body == b"{}"


class TestBrokenLines:
    @pytest.mark.parametrize("what", BROKEN)
    def test_give_no_answer(self, peer, what):
        made = client()
        broken = peer(BROKEN[what])
        with pytest.raises(LineBroken):
            post(broken.url, made)
        assert len(broken.requests) == 1, "a POST was sent again"
        broken.script = lambda talk: talk.send(OK)
        assert post(broken.url, made).body == b"{}"

    def test_of_a_port_that_nobody_listens_on(self, peer):
        gone = peer(None)
        url = gone.url
        gone.close()
        with pytest.raises(LineBroken, match="takes no connection"):
            post(url)

    def test_of_a_host_without_an_address(self):
        with pytest.raises(LineBroken):
            post("http://nowhere.invalid/")


class TestSize:
    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
            CHUNKED,
        ],
    )
    def test_above_the_cap_is_refused(self, peer, head):
        sent = []

        def flood(talk):
            talk.send(head)
            piece = b"x" * 65_536
            while len(sent) < 160:
                talk.send(b"10000\r\n" + piece + b"\r\n" if head is CHUNKED else piece)
                sent.append(1)

        with pytest.raises(AnswerTooLarge):
            post(peer(flood).url, client(deadline_s=20))
        assert len(sent) < 160, "it was read to its end"

    def test_up_to_the_cap_is_read(self, peer):
        body = b"x" * 1_048_576
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        made = client(deadline_s=20)
        assert post(peer(lambda talk: talk.send(head + body)).url, made).body == body

    def test_is_that_of_the_packed_body(self, peer):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
        answer = post(peer(lambda talk: talk.send(head)).url)
        assert answer.body == b"abc"


class TestRequests:
    def test_carry_what_they_were_given_and_ask_for_no_packing(self, peer):
        taken = peer(lambda talk: talk.send(OK))
        answer = post(taken.url)
        assert (answer.status, answer.headers["content-length"]) == (200, "2")
        [request] = taken.requests
        assert request.startswith(b"POST /v1/things HTTP/1.1\r\n")
        assert b"X-Key: k" in request
        assert b"Accept-Encoding: identity" in request
        assert request.endswith(b"\r\n\r\na=1")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_follow_no_redirect(self, peer, status):
        other = peer(lambda talk: talk.send(OK))
        head = f"HTTP/1.1 {status} X\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n"
        answer = post(peer(lambda talk: talk.send(head.encode())).url)
        assert (answer.status, other.lines) == (status, 0)

    def test_ask_no_proxy_of_the_environment(self, peer, monkeypatch):
        proxy = peer(lambda talk: talk.send(OK))
        real = peer(lambda talk: talk.send(OK))
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert post(real.url).status == 200
        assert (real.lines, proxy.lines) == (1, 0)

    def test_with_an_error_are_answers_too(self, peer):
        bad = b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
        answer = post(peer(lambda talk: talk.send(bad)).url)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "7")


class TestConnections:
    def test_are_used_again_by_any_thread(self, peer):
        taken = peer(lambda talk: talk.send(OK))
        made = client(deadline_s=20)
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: post(taken.url, made), range(200)))
        assert {answer.body for answer in answers} == {b"{}"}
        assert taken.lines <= 4

    def test_that_the_peer_has_closed_are_made_anew(self, peer):
        closing = peer(lambda talk: (talk.send(OK), talk.end()))
        made = client()
        post(closing.url, made)
        # Its end has arrived before the next call looks.
        closing.wait_for_the_lines_to_end()
        assert post(closing.url, made).body == b"{}"
        assert closing.lines == 2

    def test_keep_the_answers_of_threads_apart(self, peer):
        def echo(talk):
            body = talk.request.rpartition(b"\r\n\r\n")[2]
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        taken = peer(echo)
        made = client(deadline_s=20)

        def ask(number):
            answer = made.request("POST", taken.url, headers={}, body=f"n={number}")
            return answer.body == f"n={number}".encode()

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(ask, range(400)))


class TestTls:
    @pytest.fixture
    def secret_peer(self, peer):
        """Make peers that speak TLS with a certificate for 127.0.0.1 that nobody has signed."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)

        def make(script):
            made = peer(script)
            made.wrap = lambda line: context.wrap_socket(line, server_side=True)
            return made, made.url.replace("http://", "https://")

        return make

    def test_is_spoken_on_kept_lines(self, secret_peer):
        taken, url = secret_peer(lambda talk: talk.send(OK))
        made = client(ca_file=str(CERTIFICATE), deadline_s=20)
        assert [post(url, made).body for _ in range(3)] == [b"{}"] * 3
        assert taken.lines == 1

    @pytest.mark.parametrize("what", SLOW)
    def test_is_cut_at_the_deadline_too(self, secret_peer, what):
        slow, url = secret_peer(SLOW[what])
        begun = time.monotonic()
        with pytest.raises(LineBroken, match="no whole answer"):
            post(url, client(ca_file=str(CERTIFICATE), deadline_s=1, connect_s=1))
        assert time.monotonic() - begun < 20
        assert slow.requests

    def test_asks_for_a_certificate_that_is_believed(self, secret_peer):
        taken, url = secret_peer(lambda talk: talk.send(OK))
        with pytest.raises(LineBroken, match="certificate verify failed"):
            post(url)
        assert not taken.requests

    def test_asks_for_the_name_of_the_host(self, secret_peer):
        taken, url = secret_peer(lambda talk: talk.send(OK))
        with pytest.raises(LineBroken, match="certificate"):
            post(
                url.replace("127.0.0.1", "localhost"),
                client(ca_file=str(CERTIFICATE), deadline_s=20, connect_s=20),
            )
        assert not taken.requests
