"""Each check of the house is shown a planted breach, and something sound beside it."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest
from tests.house import checks

FUTURE = "from __future__ import annotations\n"
COUNTER = "from prometheus_client import Counter as C\n"
METRICS_PAGE = """\
# Metrics

### `tallystick_queue_jobs_total`

- Labels: `group`, `state`

### `tallystick_queue_wait_seconds`

- Labels: none
- Meaning: see `tallystick_queue_idle_seconds`
"""
ROOMS = {
    "tallystick.mail": {"queue"},
    "tallystick.web": set[str](),
    "tallystick.providers": set[str](),
    "tallystick.providers.stripe": {"Stripe"},
}


def from_syntax(check: Callable[[ast.Module], list[str]]) -> Callable[[str], list[str]]:
    return lambda text: check(ast.parse(text))


def metric_breaches(tree: ast.Module) -> list[str]:
    return checks.metric_breaches(checks.metrics(tree), checks.documented_metrics(METRICS_PAGE))


#: check, what is sound, what is a breach, a word of the breach's sentence.
PLANTED: list[tuple[Callable[[str], list[str]], str, str, str]] = [
    (lambda text: checks.long_file(text, 3), "a\nb\nc", "a\nb\nc\nd", "4 lines, 3 at most"),
    (
        from_syntax(checks.long_functions),
        "def f():\n" + "    x()\n" * 59,
        "def f():\n" + "    x()\n" * 60,
        "f has 61 lines",
    ),
    (from_syntax(checks.module_docstring), '"""What it is."""', "x = 1", "no docstring"),
    (
        from_syntax(checks.module_docstring),
        '"""What is wrong.\n\nRoot\n├── A   b\n└── B   c\n\n' + "One line.\n" * 5 + '"""',
        '"""What is wrong.\n' + "One line.\n" * 6 + '"""',
        "7 lines of prose",
    ),
    (from_syntax(checks.annotations_import), f'"""A."""\n{FUTURE}x = 1', "x = 1", "lacks"),
    (
        from_syntax(checks.front_door),
        '"""A."""\n__all__ = ["x"]\nx = 1',
        '"""A."""\nx = 1',
        "__all__",
    ),
    (from_syntax(checks.front_door), f'"""A."""\n{FUTURE}', FUTURE, "no docstring"),
    (checks.banned_words, "x = recent_percents", "x = total_cents", "say minor units"),
    (checks.banned_words, "@contextmanager", "class WalletManager:", "manager"),
    (checks.banned_words, "from email.utils import x", "from tallystick.utils import x", "utils"),
    (checks.banned_words, "503 Service Unavailable", "the wallet service", "service"),
    (checks.banned_words, "the user's account", "a user account", "user account"),
    (checks.banned_words, "class UserAccess:", "class UserAccount:", "user account"),
    (checks.empty_name, "src/tallystick/mail/store.py", "src/tallystick/utils/x.py", "utils"),
    (checks.empty_name, "src/database/x.py", "src/tallystick/mail/common.py", "common"),
    (from_syntax(checks.floats), "x = 15 // 10", "x = 1.5", "line 1 has a float"),
    (from_syntax(checks.floats), "x = int('1')", "x = float('1')", "names float"),
    (from_syntax(checks.floats), "def f(x: int): ...", "def f(x: float): ...", "names float"),
    (from_syntax(checks.floats), "p = root / 'a' / name", "x = amount / 2", "divides"),
    (from_syntax(checks.floats), "x //= 2", "x /= 2", "divides"),
    (checks.unfinished, "todos = 1", "# TODO: later", "puts work off"),
    (checks.unfinished, "a hacksaw", "x = 1  # FIXME", "puts work off"),
    (
        from_syntax(checks.environment_reads),
        "import os\nos.getpid()",
        "import os\nos.environ['X']",
        "os.environ",
    ),
    (
        from_syntax(checks.environment_reads),
        "import os as o\no.sep",
        "import os as o\no.getenv('X')",
        "os.getenv",
    ),
    (
        from_syntax(checks.environment_reads),
        "from os import sep",
        "from os import environ",
        "os.environ",
    ),
    (
        from_syntax(checks.clocks_and_dice),
        "import time\ntime.monotonic()",
        "import time\ntime.time()",
        "time.time",
    ),
    (
        from_syntax(checks.clocks_and_dice),
        "from datetime import datetime\ndatetime.fromisoformat(x)",
        "from datetime import datetime as d\nd.now()",
        "datetime.datetime.now",
    ),
    (
        from_syntax(checks.clocks_and_dice),
        "from uuid import UUID",
        "from uuid import uuid4",
        "uuid4",
    ),
    (
        from_syntax(checks.clocks_and_dice),
        "import hmac",
        "import random\nrandom.random()",
        "random",
    ),
    (from_syntax(checks.clocks_and_dice), "x.random()", "from secrets import token_hex", "secrets"),
    (
        from_syntax(checks.plain_compares),
        "hmac.compare_digest(kept, sent.secret)",
        "kept == sent.secret",
        "compare_digest",
    ),
    (from_syntax(checks.plain_compares), "secret is None", "x in signatures[0]", "plain operator"),
    (from_syntax(checks.plain_compares), "x == y", "digest(x) != y", "line 1"),
    (
        from_syntax(checks.mocks_and_skips),
        "import unittest",
        "from unittest.mock import patch",
        "mock",
    ),
    (
        from_syntax(checks.mocks_and_skips),
        "import pytest\n@pytest.mark.full\ndef f(): ...",
        "import pytest\n@pytest.mark.skipif(x)\ndef f(): ...",
        "skip",
    ),
    (
        from_syntax(checks.mocks_and_skips),
        "import pytest\npytest.fail('x')",
        "import pytest\npytest.skip('x')",
        "skip",
    ),
    (checks.addresses, "https://example.org/simple", "https://py" + "pi.org/simple", "registry"),
    (checks.addresses, "pip install x", "pip install --index" + "-url y", "registry"),
    (checks.addresses, "/usr/bin/chromium", "cd /ro" + "ot/main", "machine's own path"),
    (checks.addresses, "https://example.org/work/x", "in '/wo" + "rk/main'", "machine's own path"),
    (
        checks.requirements,
        f"# made by uv\na==1.0 \\\n    --hash=sha256:{'0' * 64}\n    # via b\n",
        "a==1.0\n",
        "has no hash",
    ),
    (checks.requirements, "", f"a>=1.0 --hash=sha256:{'0' * 64}", "no pinned package"),
    (checks.requirements, "", f"-i https://example.org\na==1 --hash=sha256:{'0' * 64}", "URL"),
    (
        checks.ruff_ignores,
        'ignore = [\n    "D203", # clashes with D211\n]\n',
        'ignore = [\n    "D203", # clashes\n    "D213",\n]\n',
        "D213",
    ),
    (
        checks.ruff_ignores,
        "",
        '[tool.ruff.lint.per-file-ignores]\n"tests/**" = [\n    "S101",\n]\n\n[tool.x]\n',
        "S101",
    ),
    (
        checks.silent_ignores,
        "x  # no" + "qa: S101 - a test asserts",
        "x  # no" + "qa: S101",
        "silences",
    ),
    (checks.silent_ignores, "x  # type: " + "ignore[misc]", "x  # type: " + "ignore", "silences"),
    (
        lambda sql: checks.named_sql(sql, ['STATEMENTS["get"]']),
        "-- name: get\n-- One row.\nSELECT 1\n",
        "-- name: get\nSELECT 1\n",
        "no sentence of purpose",
    ),
    (
        lambda sql: checks.named_sql(sql, ['STATEMENTS["get"]']),
        "-- name: get\n-- One row.\nSELECT 1\n",
        "-- name: put\n-- One row.\nSELECT 1\n",
        "put is used by nobody",
    ),
    (
        lambda sql: checks.named_sql(sql, []),
        "-- name: a\n-- B.\n",
        "SELECT 1",
        "names no statement",
    ),
    (
        from_syntax(metric_breaches),
        "import prometheus_client as p\np.Gauge('tallystick_queue_wait_seconds', 'A.')",
        "import prometheus_client as p\np.Gauge('tallystick_queue_idle_seconds', 'A.')",
        "tallystick_queue_idle_seconds, which the page does not tell of",
    ),
    (
        from_syntax(metric_breaches),
        COUNTER + "C('tallystick_queue_jobs_total', 'A.', ('group', 'state'))",
        COUNTER + "C('tallystick_queue_jobs_total', 'A.', labelnames=['group'])",
        "('group',), and the page tells ('group', 'state')",
    ),
    (
        from_syntax(metric_breaches),
        COUNTER + "print('jobs')",
        COUNTER + "C('jobs', 'A.')",
        "no tallystick_<room>",
    ),
    (
        from_syntax(metric_breaches),
        "from collections import Counter\nCounter('abc')",
        COUNTER + "C(name=NAME, documentation='A.')",
        "NAME, which is no",
    ),
    (
        lambda page: checks.dead_links(page, ["there.md"]),
        "[a](there.md#b) [c](https://example.org) [d](#e)",
        "![a](gone.png)",
        "gone.png",
    ),
]
# The last sound text of `named_sql` without Python is used by nobody: it stands for itself.
SOUND = [(check, sound) for check, sound, _, word in PLANTED if word != "names no statement"]


class TestChecks:
    @pytest.mark.parametrize(("check", "sound"), SOUND)
    def test_let_pass_what_is_sound(self, check: Callable[[str], list[str]], sound: str) -> None:
        assert check(sound) == []

    @pytest.mark.parametrize(("check", "_sound", "breach", "word"), PLANTED)
    def test_find_a_planted_breach(
        self, check: Callable[[str], list[str]], _sound: str, breach: str, word: str
    ) -> None:
        assert any(word in sentence for sentence in check(breach)), check(breach)


class TestDeepImports:
    @pytest.mark.parametrize(
        "line",
        [
            "from tallystick.mail import queue",
            "from tallystick import mail",
            "import tallystick.mail",
            "from tallystick.mail.model import Message",
            "from tallystick.mail import model",
            "from tallystick.providers.stripe import Stripe",
            "from tallystick.providers import stripe",
            "from tallystick.clock import now",
            "from tallystick.wallets.store import insert",
            "from django.db import models",
        ],
    )
    def test_let_pass_what_goes_through_a_door(self, line: str) -> None:
        assert checks.deep_imports(ast.parse(line), room="wallets", rooms=ROOMS, doors=ROOMS) == []

    @pytest.mark.parametrize(
        "line",
        [
            "from tallystick.mail.store import insert",
            "from tallystick.mail import store",
            "import tallystick.mail.store",
            "from tallystick.providers.stripe.calls import post",
        ],
    )
    def test_find_what_goes_round_it(self, line: str) -> None:
        (breach,) = checks.deep_imports(ast.parse(line), room="wallets", rooms=ROOMS, doors=ROOMS)
        assert "front door" in breach


class TestManifestBreaches:
    def test_finds_each_kind(self) -> None:
        told = {
            "sound.js": {"sha256": "1", "licence": "MIT"},
            "other.js": {"sha256": "2", "licence": "MIT"},
            "gone.js": {"sha256": "3", "licence": "MIT"},
            "free.js": {"sha256": "4"},
        }
        kept = {"sound.js": "1", "other.js": "9", "free.js": "4", "new.js": "5"}
        assert checks.manifest_breaches(told, kept) == [
            "new.js is not in the manifest",
            "gone.js is not there",
            "free.js has no licence in the manifest",
            "other.js is not the file that the manifest describes",
        ]


class TestErrorCodes:
    def test_reads_both_ways_of_writing_one(self) -> None:
        text = (
            "class A(Exception):\n    code = 'a'\n"
            "class B(A):\n    code: ClassVar[str] = 'b'\n"
            "class C(A):\n    other = 'c'\n"
            "class D:\n    code = 'd'\n"
            "class _E(A):\n    code = 'e'\n"
        )
        assert checks.error_codes(ast.parse(text)) == {"A": "a", "B": "b"}

    def test_reads_the_page_s_tables(self) -> None:
        page = "| Code | Status |\n|---|---|\n| `a_b` | 409 | when |\n| `c` | — | when |\ntext `d`"
        assert checks.documented_codes(page) == {"a_b": "409", "c": "—"}
