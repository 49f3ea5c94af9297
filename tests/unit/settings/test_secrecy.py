"""Secrecy: a canary in any variable comes out nowhere."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

import pydantic
import pytest

from tallystick.settings import Settings, SettingsError, load_settings

CANARY = "canary7421"
SECRETS = {
    "TALLYSTICK_SECRET_KEY": CANARY,
    "TALLYSTICK_DATABASE_URL": f"postgresql://app:{CANARY}@127.0.0.1/tallystick",
    "TALLYSTICK_OWNER_DATABASE_URL": f"postgresql://owner:{CANARY}@127.0.0.1/tallystick",
    "TALLYSTICK_DIRECT_DATABASE_URL": f"postgresql://app:{CANARY}@127.0.0.1:5433/tallystick",
    "TALLYSTICK_REDIS_URL": f"redis://:{CANARY}@127.0.0.1",
    "TALLYSTICK_STRIPE_SECRET_KEY": f"sk_test_{CANARY}",
    "TALLYSTICK_STRIPE_WEBHOOK_SECRET": f"whsec_{CANARY}",
    "TALLYSTICK_SMTP_URL": f"smtp://mailer:{CANARY}@127.0.0.1:587",
}
EVERY = [f"TALLYSTICK_{name.upper()}" for name in Settings.model_fields]
#: Broken in ways that make each parser below us complain in its own words.
BREAKS = [
    "{canary}",
    "postgresql://app:{canary}@[h/db",
    "postgresql://app:{canary}%zz@h/db",
    "postgresql://app:{canary}@h:99999/db",
    "postgresql://h/db?{canary}=1",
    "redis://:{canary}@h:port/0",
    "redis://:{canary}@[::1/0",
    "https://user:{canary}@h",
    "smtp://u:{canary}@h:99999",
    "\u0000{canary}",
    "\udcff{canary}",
]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and everything behind it, by both links."""
    while error is not None:
        yield error
        if error.__cause__ is not None:
            yield from chain(error.__cause__)
        error = error.__context__


def everything_of(error: BaseException) -> str:
    """Return all that anybody could print of the error, our frames' variables included."""
    captured = traceback.TracebackException.from_exception(error, capture_locals=True)
    own = [line for line in captured.format() if "/tallystick/settings/" in line]
    assert own or not isinstance(error, SettingsError)
    parts = [str(error), repr(error), repr(error.args), *own]
    parts += [f"{one!s}{one!r}{vars(one)!r}" for one in chain(error)]
    return "\n".join([*parts, "".join(traceback.format_exception(error))])


def failure(environ: Mapping[str, str], env_file: Path | None = None) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, env_file=env_file)
    return caught.value


class TestSettingsObject:
    def test_shows_no_secret_in_any_form(self) -> None:
        settings = load_settings(SECRETS, env_file=None)
        shown = [
            repr(settings),
            str(settings),
            f"{settings}",
            repr(settings.model_dump()),
            repr(settings.model_dump(mode="json")),
            settings.model_dump_json(),
            repr(dict(settings)),
            repr(vars(settings)),
            repr(settings.direct_url),
            repr(list(settings.__repr_args__())),
        ]
        assert all(CANARY not in text for text in shown)
        assert settings.secret_key.get_secret_value() == CANARY

    def test_marks_every_field_with_a_secret_as_one(self) -> None:
        shown = load_settings(SECRETS, env_file=None).model_dump(mode="json")
        given = {name.removeprefix("TALLYSTICK_").lower() for name in SECRETS}
        assert {name for name, value in shown.items() if value == "**********"} == given

    def test_hides_values_when_made_by_hand(self) -> None:
        with pytest.raises(pydantic.ValidationError) as caught:
            Settings(database_url=CANARY, redis_url=CANARY, port=CANARY)
        assert CANARY not in str(caught.value)


class TestFailures:
    @pytest.mark.parametrize("variable", EVERY)
    def test_repeat_no_value_of_any_variable(self, variable: str) -> None:
        for form in BREAKS:
            # The second variable makes sure that there is a failure to look at.
            environ = {
                **SECRETS,
                "TALLYSTICK_NOTHING": CANARY,
                variable: form.format(canary=CANARY),
            }
            assert CANARY not in everything_of(failure(environ)), form

    def test_have_no_exception_behind_them(self) -> None:
        error = failure({**SECRETS, "TALLYSTICK_DATABASE_URL": f"postgresql://:{CANARY}@[h/d"})
        assert error.__context__ is None
        assert error.__cause__ is None

    def test_repeat_no_secret_in_production(self) -> None:
        error = failure({**SECRETS, "TALLYSTICK_ENV": "production"})
        assert len(error.problems) >= 8
        assert CANARY not in everything_of(error)

    def test_repeat_nothing_of_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / ".env"
        lines = [f"{name}={value}" for name, value in SECRETS.items()]
        file.write_text("\n".join([*lines, f"'{CANARY}", f"TALLYSTICK_PORT={CANARY}"]))
        assert CANARY not in everything_of(failure({}, file))

    def test_would_be_seen_by_this_test(self) -> None:
        with pytest.raises(ValueError, match=CANARY) as caught:
            int(CANARY)
        assert CANARY in everything_of(caught.value)
