"""A client whose calls end: by an answer of bounded size, or at the deadline.

Connections are kept for the next call, of whichever thread. The lookup of a host's name is the
one thing that the deadline does not cut: the system's resolver has limits of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import urllib3
from urllib3 import PoolManager as Pools
from urllib3.util import Timeout

from tallystick.resilience.deadline import Deadline, DeadlinePassed
from tallystick.resilience.http.connections import PlainPool, TlsPool, within

__all__ = ["Answer", "AnswerTooLarge", "HttpClient", "LineBroken"]

_PIECE_BYTES: Final = 65_536
#: Connections that are kept for one host; more are opened and closed again.
_KEPT_MAX: Final = 8
_HOSTS_MAX: Final = 4
_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class LineBroken(Exception):
    """There is no answer: nobody knows what the other side did. Its cause is kept."""


class AnswerTooLarge(LineBroken):
    """The answer is larger than any that is meant for us; the rest was not read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, as it is: also a redirect is an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """HTTP/1.1 over kept connections; for all threads."""

    def __init__(
        self,
        *,
        deadline_s: float,
        connect_s: float,
        body_bytes_max: int,
        ca_file: str | None = None,
    ) -> None:
        """Connect to nothing yet.

        `deadline_s` is for a whole call, and `connect_s` for the making of a connection in it.
        `ca_file` names the authorities that are believed, in place of the system's.
        """
        self._deadline_s: Final = deadline_s
        self._connect_s: Final = connect_s
        self._body_bytes_max: Final = body_bytes_max
        pools = Pools(
            _HOSTS_MAX, maxsize=_KEPT_MAX, block=False, cert_reqs="CERT_REQUIRED", ca_certs=ca_file
        )
        pools.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
        self._pools: Final = pools

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | str | None = None
    ) -> Answer:
        """Return the answer; raise LineBroken where there is none, AnswerTooLarge as one of them.

        It may have been done all the same: the caller's key must make it safe to ask.
        """
        deadline = Deadline(self._deadline_s)
        try:
            with within(deadline, connect_s=self._connect_s):
                reply = self._pools.urlopen(
                    method,
                    url,
                    body=body,
                    headers=dict(headers),
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                    # Each wait on the line is cut by the deadline, within its own connection.
                    timeout=Timeout(None),
                )
                return _believed(self._whole(reply))
        except (urllib3.exceptions.HTTPError, OSError) as trouble:
            if _is_late(trouble):
                raise LineBroken(f"There was no whole answer in {self._deadline_s} s.") from trouble
            raise LineBroken(f"{type(trouble).__name__}: {trouble}") from trouble

    def close(self) -> None:
        """Close the kept connections; a later call opens new ones."""
        self._pools.clear()

    def _whole(self, reply: urllib3.BaseHTTPResponse) -> Answer:
        """Return the answer read to its end; else the line is closed, and never used again."""
        is_whole = False
        body = bytearray()
        try:
            for piece in reply.stream(_PIECE_BYTES, decode_content=False):
                body += piece
                if len(body) > self._body_bytes_max:
                    raise AnswerTooLarge(f"The answer is above {self._body_bytes_max} bytes.")
            is_whole = True
        finally:
            if not is_whole:
                reply.close()
            reply.release_conn()
        return Answer(reply.status, reply.headers, bytes(body))


def _believed(answer: Answer) -> Answer:
    """Return the answer; raise LineBroken for what the cut of a line in the head looks like."""
    has_length = "content-length" in answer.headers or "transfer-encoding" in answer.headers
    if answer.body or has_length or answer.status in _WITHOUT_BODY:
        return answer
    raise LineBroken("The answer ended in its head.")


def _is_late(trouble: BaseException | None) -> bool:
    """Return whether the deadline is behind the trouble, under whichever names it came up."""
    while trouble is not None:
        if isinstance(trouble, DeadlinePassed):
            return True
        trouble = trouble.__cause__ or trouble.__context__
    return False
