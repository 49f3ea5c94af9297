"""Loading: where values come from, and that everything wrong is said at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pydantic
import pytest

from tallystick.settings import (
    Problem,
    Settings,
    SettingsError,
    adopt,
    load_settings,
    read_settings,
)


def problems_of(environ: Mapping[str, str], env_file: Path | None = None) -> dict[str, Problem]:
    found = read_settings(environ, env_file=env_file).problems
    by_variable = {problem.variable: problem for problem in found}
    assert len(by_variable) == len(found), f"a variable is reported twice: {found}"
    return by_variable


class TestLoadSettings:
    def test_needs_a_database_and_a_cache_and_nothing_else(
        self, development: dict[str, str]
    ) -> None:
        settings = load_settings(development, env_file=None)
        assert settings.env == "development"
        assert settings.dev_endpoints is True
        assert settings.waived == ()
        assert settings.direct_url == settings.database_url

    def test_names_both_when_the_environment_is_empty(self) -> None:
        found = problems_of({})
        assert set(found) == {"TALLYSTICK_DATABASE_URL", "TALLYSTICK_REDIS_URL"}
        assert found["TALLYSTICK_REDIS_URL"].what == "is not set"
        assert "TALLYSTICK_REDIS_URL=rediss://" in found["TALLYSTICK_REDIS_URL"].remedy

    def test_reads_the_process_environment_when_none_is_given(
        self, monkeypatch: pytest.MonkeyPatch, development: dict[str, str]
    ) -> None:
        for name, value in development.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TALLYSTICK_PORT", "9001")
        assert load_settings(env_file=None).port == 9001

    def test_is_frozen(self, development: dict[str, str]) -> None:
        settings = load_settings(development, env_file=None)
        with pytest.raises(pydantic.ValidationError, match="frozen"):
            settings.port = 1  # type: ignore[misc]

    def test_takes_an_empty_value_for_none(self, development: dict[str, str]) -> None:
        environ = {**development, "TALLYSTICK_SMTP_URL": "", "TALLYSTICK_PORT": " "}
        settings = load_settings(environ, env_file=None)
        assert settings.smtp_url is None
        assert settings.port == 8123

    def test_ignores_the_variables_of_others(self, development: dict[str, str]) -> None:
        assert not problems_of({**development, "PATH": "/bin", "DATABASE_URL": "x"})

    def test_prefers_the_direct_database(self, development: dict[str, str]) -> None:
        url = "postgresql://app:pw@127.0.0.1:6543/tallystick"
        settings = load_settings(
            {**development, "TALLYSTICK_DIRECT_DATABASE_URL": url}, env_file=None
        )
        assert settings.direct_url.get_secret_value() == url

    def test_never_reads_the_environment_when_made_by_hand(
        self, monkeypatch: pytest.MonkeyPatch, development: dict[str, str]
    ) -> None:
        monkeypatch.setenv("TALLYSTICK_PORT", "9001")
        values = {name.removeprefix("TALLYSTICK_").lower(): v for name, v in development.items()}
        assert Settings(**values).port == 8123  # type: ignore[arg-type]


class TestAllAtOnce:
    def test_lists_every_kind_of_problem_together(self) -> None:
        found = problems_of(
            {
                "TALLYSTICK_ENV": "production",
                "TALLYSTICK_DEBUG": "perhaps",
                "TALLYSTICK_PORT": "70000",
                "TALLYSTICK_SERVER_WORKERS": "0",
                "TALLYSTICK_DATABASE_POOL_MAX": "ten",
                "TALLYSTICK_DATABASE_URL": "mysql://h/x",
                "TALLYSTICK_LOG_FORMAT": "xml",
                "TALLYSTICK_ACCEPT": "debug,everything",
                "TALLYSTICK_MAIL_FORM": "x",
                "TALLYSTICK_DEV_ENDPOINTS": "true",
            }
        )
        assert {name.removeprefix("TALLYSTICK_") for name in found} == {
            *("DEBUG", "PORT", "SERVER_WORKERS", "DATABASE_POOL_MAX", "DATABASE_URL"),
            *("LOG_FORMAT", "ACCEPT", "MAIL_FORM", "DEV_ENDPOINTS", "REDIS_URL"),
            *("SECRET_KEY", "PUBLIC_URL", "SMTP_URL", "MAIL_FROM"),
        }

    def test_speaks_no_jargon_and_always_says_what_to_do(self) -> None:
        environ = {f"TALLYSTICK_{name.upper()}": "§" for name in Settings.model_fields}
        found = problems_of(environ)
        assert len(found) >= 25
        for problem in found.values():
            text = str(problem).lower()
            for jargon in ("pydantic", "input", "validat", "literal", "type=", "ctx", "parse"):
                assert jargon not in text, problem
            assert problem.remedy.strip(), problem
            assert not problem.what.endswith("."), problem

    def test_counts_in_the_error_and_keeps_its_code(self) -> None:
        with pytest.raises(SettingsError, match="have 2 problems") as caught:
            load_settings({}, env_file=None)
        assert len(caught.value.problems) == 2
        assert caught.value.code == "settings_invalid"

    @pytest.mark.parametrize(
        ("variable", "value", "what", "remedy"),
        [
            ("PORT", "0", "is too small", "from 1 to 65535"),
            ("PORT", "65536", "is too large", "from 1 to 65535"),
            ("METRICS_PORT", "0", "is too small", "from 1 to 65535"),
            ("METRICS_PORT", "http", "is no whole number", "from 1 to 65535"),
            ("PORT", "8123.5", "is no whole number", "from 1 to 65535"),
            ("PORT", "nan", "is no whole number", "from 1 to 65535"),
            ("DATABASE_TIMEOUT_S", "-1", "is too small", "from 1 to 3600"),
            ("BODY_BYTES_MAX", "0", "is too small", "from 1024 to 104857600"),
            ("TRUSTED_PROXIES", "11", "is too large", "from 0 to 10"),
            ("DEBUG", "si", "is neither true nor false", "Write true or false."),
            ("LOG_LEVEL", "LOUD", "is none of its possible values", "'INFO'"),
            ("DEFAULT_CURRENCY", "KSH", "is no currency", "KES"),
            ("TIME_ZONE", "Nairobi", "is no time zone", "Africa/Nairobi"),
            ("MAIL_FROM", "Tallystick", "is no mail address", "no-reply@example.org"),
            ("MAIL_FROM", "A <a@b>\r\nBcc: c@d", "mail address", "no-reply@example.org"),
            ("SIMULATOR_PORT", "8123", "is the server's own port", "its own port"),
            ("SESSION_IDLE_S", "90000", "longer than the session", "SESSION_ABSOLUTE_S"),
            ("STRIPE_SECRET_KEY", "sk_test_1", "is not set although", "Set both"),
        ],
    )
    def test_says_what_is_wrong_with_one_value(
        self, development: dict[str, str], variable: str, value: str, what: str, remedy: str
    ) -> None:
        found = problems_of({**development, f"TALLYSTICK_{variable}": value})
        assert len(found) == 1, found
        (problem,) = found.values()
        assert what in problem.what
        assert remedy in problem.remedy

    def test_keeps_the_ports_of_metrics_apart(self, development: dict[str, str]) -> None:
        ports = {"TALLYSTICK_METRICS_PORT": "9123", "TALLYSTICK_WORKER_METRICS_PORT": "9123"}
        assert list(problems_of({**development, **ports})) == ["TALLYSTICK_WORKER_METRICS_PORT"]


class TestPorts:
    @pytest.mark.parametrize("name", ["SIMULATOR_PORT", "METRICS_PORT"])
    def test_of_two_addresses_are_two(self, development: dict[str, str], name: str) -> None:
        found = problems_of({**development, f"TALLYSTICK_{name}": "8123"})
        assert found[f"TALLYSTICK_{name}"].what == "is the server's own port"
        other = {f"TALLYSTICK_{name.replace('PORT', 'HOST')}": "192.0.2.1"}
        assert not problems_of({**development, f"TALLYSTICK_{name}": "8123", **other})


class TestEnvironmentKind:
    @pytest.mark.parametrize("value", ["prod", "Production", "live", "staging"])
    def test_is_a_problem_when_misspelt_and_judged_as_production(
        self, development: dict[str, str], value: str
    ) -> None:
        found = problems_of({**development, "TALLYSTICK_ENV": value})
        assert "'development' or 'production'" in found["TALLYSTICK_ENV"].remedy
        assert "TALLYSTICK_SECRET_KEY" in found

    def test_is_judged_as_development_when_it_looks_like_it(
        self, development: dict[str, str]
    ) -> None:
        assert set(problems_of({**development, "TALLYSTICK_ENV": "dev"})) == {"TALLYSTICK_ENV"}


class TestUnknownVariables:
    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("TALLYSTICK_PROT", "TALLYSTICK_PORT"),
            ("TALLYSTICK_DATABSE_URL", "TALLYSTICK_DATABASE_URL"),
            ("tallystick_port", "TALLYSTICK_PORT"),
        ],
    )
    def test_are_a_problem_with_a_guess(
        self, development: dict[str, str], name: str, meant: str
    ) -> None:
        problem = problems_of({**development, name: "8123"})[name]
        assert problem.what == "is no setting of Tallystick"
        assert f"Did you mean {meant}?" in problem.remedy

    def test_point_to_the_list_when_nothing_is_near(self, development: dict[str, str]) -> None:
        problem = problems_of({**development, "TALLYSTICK_XYZZYXY": "1"})["TALLYSTICK_XYZZYXY"]
        assert problem.remedy.endswith("docs/ENVIRONMENT.md lists them all.")


class TestEnvFile:
    def test_is_read_and_the_environment_wins(
        self, tmp_path: Path, development: dict[str, str]
    ) -> None:
        file = tmp_path / ".env"
        file.write_text(
            "# ours\nexport TALLYSTICK_PORT=9001\nTALLYSTICK_BIND_HOST='0.0.0.0'\n"
            'TALLYSTICK_MAIL_FROM="Books <a@example.org>" # sender\nOTHER=1\n',
            encoding="utf-8",
        )
        reading = read_settings({**development, "TALLYSTICK_PORT": "9002"}, env_file=file)
        assert reading.settings is not None
        assert reading.settings.port == 9002
        assert reading.settings.bind_host == "0.0.0.0"  # noqa: S104 - a value, no socket
        assert reading.settings.mail_from == "Books <a@example.org>"
        assert reading.sources["port"] == "environment"
        assert reading.sources["bind_host"] == ".env"
        assert reading.sources["log_level"] == "default"
        assert reading.sources["dev_endpoints"] == "default"
        assert reading.sources["smtp_url"] == "not set"

    def test_is_unset_by_an_empty_variable(
        self, tmp_path: Path, development: dict[str, str]
    ) -> None:
        file = tmp_path / ".env"
        file.write_text("TALLYSTICK_PORT=9001\n", encoding="utf-8")
        reading = read_settings({**development, "TALLYSTICK_PORT": ""}, env_file=file)
        assert reading.settings is not None
        assert reading.settings.port == 8123
        assert reading.sources["port"] == "default"

    def test_replaces_no_variables_in_values(
        self, tmp_path: Path, development: dict[str, str]
    ) -> None:
        file = tmp_path / ".env"
        file.write_text("TALLYSTICK_SECRET_KEY=a${HOME}b$x\n", encoding="utf-8")
        settings = load_settings(development, env_file=file)
        assert settings.secret_key.get_secret_value() == "a${HOME}b$x"

    def test_may_be_absent(self, tmp_path: Path, development: dict[str, str]) -> None:
        assert not problems_of(development, tmp_path / ".env")

    def test_names_the_line_that_cannot_be_understood(
        self, tmp_path: Path, development: dict[str, str]
    ) -> None:
        file = tmp_path / ".env"
        file.write_text("TALLYSTICK_PORT=9001\n=stray canary\n", encoding="utf-8")
        problem = problems_of(development, file)[".env"]
        assert problem.what == "cannot be understood at line 2"
        assert "canary" not in str(problem)

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00broken", None])
    def test_is_a_problem_when_it_cannot_be_read(
        self, tmp_path: Path, development: dict[str, str], content: bytes | None
    ) -> None:
        file = tmp_path / ".env"
        if content is None:
            file.mkdir()
        else:
            file.write_bytes(content)
        assert problems_of(development, file)[".env"].what == "cannot be read"

    def test_names_an_unknown_variable_of_the_file(
        self, tmp_path: Path, development: dict[str, str]
    ) -> None:
        file = tmp_path / ".env"
        file.write_text("TALLYSTICK_PROT=1\n", encoding="utf-8")
        assert "out of the file" in problems_of(development, file)["TALLYSTICK_PROT"].remedy


class TestAdopt:
    def test_takes_what_is_not_set(self, tmp_path, monkeypatch):
        file = tmp_path / "running.env"
        file.write_text("export TALLYSTICK_PORT='9000'\nexport TALLYSTICK_LOG_LEVEL='DEBUG'\n")
        monkeypatch.setenv("TALLYSTICK_PORT", "9001")
        monkeypatch.setenv("TALLYSTICK_LOG_LEVEL", "INFO")
        monkeypatch.delenv("TALLYSTICK_LOG_LEVEL")
        adopt(file)
        settings = load_settings(env_file=None)
        assert (settings.port, settings.log_level) == (9001, "DEBUG")

    def test_passes_over_an_absent_file(self, tmp_path):
        before = dict(os.environ)
        adopt(tmp_path / "running.env")
        assert dict(os.environ) == before

    def test_never_happens_in_production(self, tmp_path, monkeypatch):
        file = tmp_path / "running.env"
        file.write_text("export TALLYSTICK_SMTP_URL='smtp://127.0.0.1:25'\n")
        monkeypatch.setenv("TALLYSTICK_ENV", "production")
        adopt(file)
        assert "TALLYSTICK_SMTP_URL" not in os.environ
