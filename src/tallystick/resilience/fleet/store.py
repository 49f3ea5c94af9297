"""Three scripts on one hash, each of them atomic and on the store's own clock.

A store that does not answer at once is away, and is asked again only a second later: nobody pays
its timeout at each call. It raises nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from tallystick import clock
from tallystick.resilience.fleet import texts
from tallystick.resilience.model import Memory
from tallystick.resilience.rules import FORGOTTEN_AFTER_S
from tallystick.resilience.shared import Kept

__all__ = ["KEY", "Fleet"]

log: Final = structlog.get_logger(__name__)

#: The one key: a hash, with a field for each breaker.
KEY: Final = "tallystick:breakers"
_TIMEOUT_S: Final = 0.1
#: Who was away is not asked for so long.
_PAUSE_S: Final = 1.0
#: What was read longer ago is not decided on: its process may have been asleep.
_READING_S_MAX: Final = 1.0

# A key of another type is no breaker of ours: nothing is read from it, and a swap replaces it.
_READ: Final = """
local kept = redis.pcall('HGET', KEYS[1], ARGV[1])
local now = redis.call('TIME')
if type(kept) == 'table' then kept = false end
return {now[1], now[2], kept}
"""
_READ_ALL: Final = """
local kept = redis.pcall('HGETALL', KEYS[1])
local now = redis.call('TIME')
if kept['err'] then kept = {} end
return {now[1], now[2], kept}
"""
_SWAP: Final = """
local kept = redis.pcall('HGET', KEYS[1], ARGV[1])
if type(kept) == 'table' then
  redis.call('DEL', KEYS[1])
  kept = false
end
local now = redis.call('TIME')
local age = now[1] + now[2] / 1000000 - ARGV[4]
if (kept or '') ~= ARGV[2] or age > tonumber(ARGV[5]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1
"""


class Fleet:
    """The store that all processes of a fleet share; for all threads."""

    def __init__(
        self, url: str, *, timeout_s: float = _TIMEOUT_S, now: Callable[[], float] = clock.start
    ) -> None:
        """Connect to nothing yet. `timeout_s` is for a connection and for each answer."""
        self._now: Final = now
        self._client: Final = redis.Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            # The library would try three times more, and introduce itself before each first call.
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
            protocol=2,
        )
        self._read: Final = self._client.register_script(_READ)
        self._read_all: Final = self._client.register_script(_READ_ALL)
        self._swap: Final = self._client.register_script(_SWAP)
        self._lock: Final = threading.Lock()
        self._is_away = False
        self._ask_again_at = 0.0

    def read(self, name: str) -> Kept | None:
        """Return what is kept; None while the store is away."""
        reply = self._ask(self._read, name)
        return None if reply is None else _kept(reply[2], _moment(reply))

    def read_all(self) -> Mapping[str, Kept] | None:
        """Return what is kept of every breaker, by name; None while the store is away."""
        reply = self._ask(self._read_all)
        if reply is None:
            return None
        now, fields = _moment(reply), reply[2]
        pairs = zip(fields[::2], fields[1::2], strict=True)
        found = {name.decode(errors="replace"): _kept(raw, now) for name, raw in pairs}
        # A field that nobody has written for so long is left over: the key lives by the others.
        return {
            name: kept
            for name, kept in found.items()
            if kept.memory is not None and now - kept.memory.touched_at < FORGOTTEN_AFTER_S
        }

    def swap(self, name: str, kept: Kept, memory: Memory) -> bool | None:
        """Keep the memory in the place of what was read; False where that is there no more."""
        lives_ms = round(FORGOTTEN_AFTER_S * 1000)
        reply = self._ask(
            self._swap,
            name,
            kept.raw or b"",
            texts.write(memory),
            f"{kept.now:.6f}",
            _READING_S_MAX,
            lives_ms,
        )
        return None if reply is None else reply == 1

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._client.close()

    def _ask(self, script: Callable[..., Any], *arguments: object) -> Any:
        """Return the script's reply; None while the store is away."""
        with self._lock:
            if self._is_away and self._now() < self._ask_again_at:
                return None
            # Of all who wait for it to be back, one asks.
            self._ask_again_at = self._now() + _PAUSE_S
        try:
            reply = script(keys=[KEY], args=arguments)
        except (redis.RedisError, OSError) as trouble:
            self._lose(trouble)
            return None
        if self._is_away:
            self._is_away = False
            log.info("breakers_shared_again")
        return reply

    def _lose(self, trouble: Exception) -> None:
        with self._lock:
            is_news = not self._is_away
            self._is_away = True
            self._ask_again_at = self._now() + _PAUSE_S
        if is_news:
            log.warning("breakers_not_shared", trouble=f"{type(trouble).__name__}: {trouble}")


def _moment(reply: Any) -> float:
    return int(reply[0]) + int(reply[1]) / 1_000_000


def _kept(raw: bytes | None, now: float) -> Kept:
    return Kept(raw or None, texts.read(raw) if raw else None, now)
