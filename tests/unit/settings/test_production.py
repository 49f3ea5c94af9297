"""Production: each refusal is a named check that can be waived alone."""

from __future__ import annotations

import pytest

from tallystick.settings import Check, durability_problems, load_settings, read_settings
from tallystick.settings.rules import MEANINGS

#: check, setting, value that fails it (None: left out).
FAILING = [
    (Check.DEBUG, "DEBUG", "true"),
    (Check.DEFAULT_KEY, "SECRET_KEY", None),
    (Check.DEFAULT_KEY, "SECRET_KEY", "too-short"),
    (Check.DEFAULT_KEY, "SECRET_KEY", "a" * 80),
    (Check.DEFAULT_KEY, "SECRET_KEY", "0123456789" * 6),
    (Check.DEFAULT_KEY, "SECRET_KEY", "replace-me-with-what-that-command-prints"),
    (Check.DATABASE_TLS, "DATABASE_URL", "postgresql://u@h/db"),
    (Check.DATABASE_TLS, "DATABASE_URL", "postgresql://u@h/db?sslmode=prefer"),
    (Check.DATABASE_TLS, "DATABASE_URL", "postgresql://u@/db?hostaddr=10.0.0.1"),
    (Check.DATABASE_TLS, "OWNER_DATABASE_URL", "postgresql://u@h/db?sslmode=allow"),
    (Check.DATABASE_TLS, "DIRECT_DATABASE_URL", "postgresql://u@h/db?sslmode=disable"),
    (Check.DEBUG_ENDPOINTS, "DEV_ENDPOINTS", "true"),
    (Check.EMBEDDED_ENGINES, "EMBEDDED_ENGINES", "true"),
    (Check.REDIS_TLS, "REDIS_URL", "redis://h"),
    (Check.REDIS_TLS, "REDIS_URL", "rediss://h?ssl_cert_reqs=none"),
    (Check.PLAIN_HTTP, "PUBLIC_URL", "http://wallets.example.org"),
    (Check.SIMULATED_PROVIDER, "STRIPE_API_URL", "http://127.0.0.1:8124"),
    (Check.SIMULATED_PROVIDER, "STRIPE_SECRET_KEY", "sk_test_123"),
    (Check.MISSING_SMTP, "SMTP_URL", None),
    (Check.MISSING_SMTP, "MAIL_FROM", None),
    (Check.SMTP_TLS, "SMTP_URL", "smtp://h:25?tls=off"),
]
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


class TestProduction:
    def test_starts_with_the_examples_and_a_key_of_its_own(
        self, production: dict[str, str]
    ) -> None:
        settings = load_settings(production, env_file=None)
        assert settings.is_production
        assert settings.dev_endpoints is False

    def test_keeps_development_endpoints_off_unless_asked(self, production: dict[str, str]) -> None:
        del production["TALLYSTICK_DEV_ENDPOINTS"]
        assert load_settings(production, env_file=None).dev_endpoints is False

    @pytest.mark.parametrize(("check", "setting", "value"), FAILING)
    def test_refuses_and_starts_when_that_one_check_is_waived(
        self, production: dict[str, str], check: Check, setting: str, value: str | None
    ) -> None:
        production.pop(f"TALLYSTICK_{setting}", None)
        if value is not None:
            production[f"TALLYSTICK_{setting}"] = value
        (problem,) = read_settings(production, env_file=None).problems
        assert problem.variable == f"TALLYSTICK_{setting}"
        assert f"name {check} in TALLYSTICK_ACCEPT" in problem.remedy
        others = ",".join(name for name in Check if name != check)
        assert read_settings({**production, "TALLYSTICK_ACCEPT": others}, env_file=None).problems
        accepted = load_settings({**production, "TALLYSTICK_ACCEPT": check}, env_file=None)
        assert accepted.waived == (check,)

    def test_trusts_a_socket_on_the_same_machine(self, production: dict[str, str]) -> None:
        production["TALLYSTICK_DATABASE_URL"] = "postgresql:///db?host=/run/postgresql"
        assert load_settings(production, env_file=None).is_production

    def test_needs_no_provider(self, production: dict[str, str]) -> None:
        del production["TALLYSTICK_STRIPE_SECRET_KEY"]
        del production["TALLYSTICK_STRIPE_WEBHOOK_SECRET"]
        assert load_settings(production, env_file=None).stripe_secret_key is None

    def test_tries_every_check_that_settings_alone_can_fail(self) -> None:
        of_the_database = {Check.FSYNC, Check.FULL_PAGE_WRITES, Check.SYNCHRONOUS_COMMIT}
        assert {check for check, _, _ in FAILING} | of_the_database == set(Check) == set(MEANINGS)


class TestAccept:
    def test_refuses_unknown_names_in_every_environment(self, development: dict[str, str]) -> None:
        development["TALLYSTICK_ACCEPT"] = "debug, all"
        (problem,) = read_settings(development, env_file=None).problems
        assert problem.what == "names a check that does not exist (name 2 of 2)"
        assert "embedded_engines" in problem.remedy

    def test_waives_nothing_in_development(self, development: dict[str, str]) -> None:
        development["TALLYSTICK_ACCEPT"] = "debug,"
        settings = load_settings(development, env_file=None)
        assert settings.accept == ("debug",)
        assert settings.waived == ()


class TestDurabilityProblems:
    def test_finds_nothing_in_a_durable_database(self, production: dict[str, str]) -> None:
        assert durability_problems(DURABLE, load_settings(production, env_file=None)) == ()

    @pytest.mark.parametrize("name", list(DURABLE))
    def test_refuses_each_that_is_off_or_unknown_unless_waived(
        self, production: dict[str, str], name: str
    ) -> None:
        settings = load_settings(production, env_file=None)
        unknown = {one: value for one, value in DURABLE.items() if one != name}
        for reported in ({**DURABLE, name: "off"}, unknown):
            (problem,) = durability_problems(reported, settings)
            assert problem.what == f"leads to a server that reports {name} as off"
            assert f"name {name} in TALLYSTICK_ACCEPT" in problem.remedy
        waiving = load_settings({**production, "TALLYSTICK_ACCEPT": name}, env_file=None)
        assert durability_problems({**DURABLE, name: "off"}, waiving) == ()

    def test_takes_the_slower_kinds_of_commit(self, production: dict[str, str]) -> None:
        settings = load_settings(production, env_file=None)
        reported = {**DURABLE, "synchronous_commit": "remote_apply"}
        assert durability_problems(reported, settings) == ()

    def test_leaves_development_alone(self, development: dict[str, str]) -> None:
        assert durability_problems({}, load_settings(development, env_file=None)) == ()
