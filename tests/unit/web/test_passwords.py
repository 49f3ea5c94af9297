"""Passwords: what is refused, why, and how the others are kept."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError

from tallystick.web.people.hashers import Argon2
from tallystick.web.people.passwords import Common, Guessable, Length, normalise

GOOD = "lantern puddle orbit seventeen"


def refusal(validator, password: str, user: object = None) -> ValidationError | None:
    try:
        validator.validate(password, user)
    except ValidationError as error:
        return error
    return None


class TestLength:
    @pytest.mark.parametrize("password", ["q" * 15, "q" * 256, "🐘" * 15, "пароль из пяти слов"])
    def test_takes_15_to_256_characters_of_any_script(self, password):
        assert refusal(Length(), password) is None

    @pytest.mark.parametrize(
        ("password", "code", "said"),
        [
            ("q" * 14, "password_too_short", "This has 14 characters"),
            ("", "password_too_short", "This has 0 characters"),
            ("q" * 257, "password_too_long", "This has 257 characters"),
            ("q" * 20 + "\x00", "password_nul", "NUL"),
        ],
    )
    def test_refuses_with_the_reason(self, password, code, said):
        error = refusal(Length(), password)
        assert error is not None
        assert error.code == code
        assert said in error.message

    def test_counts_what_every_keyboard_types_alike(self):
        decomposed = "é" * 8
        assert len(normalise(decomposed)) == 8
        assert refusal(Length(), decomposed) is not None


class TestCommon:
    def test_refuses_what_everybody_tries_first(self):
        error = refusal(Common(), "password")
        assert error is not None
        assert error.code == "password_too_common"
        assert "common passwords" in error.message

    def test_leaves_the_advice_to_the_rule_of_length_where_that_has_spoken(self):
        said = [str(refusal(one, "password")) for one in (Length(), Common(), Guessable())]
        assert "".join(said).count("unrelated words") == 1

    def test_advises_where_the_rule_of_length_is_silent(self):
        error = refusal(Common(), "1q2w3e4r5t6y7u8i9o0p")
        assert error is not None
        assert "unrelated words" in error.message

    def test_takes_what_is_on_no_list(self):
        assert refusal(Common(), GOOD) is None


class TestGuessable:
    @pytest.mark.parametrize("password", [GOOD, "Zq8#vL2!mX9$wR4", "сорок тысяч обезьян в банан"])
    def test_takes_words_signs_and_other_scripts(self, password):
        assert refusal(Guessable(), password) is None

    @pytest.mark.parametrize(
        "password",
        ["aaaaaaaaaaaaaaaaaa", "abcabcabcabcabcabc", "qwertyuiopasdfghjkl", "passwordpassword1"],
    )
    def test_refuses_with_the_reason_and_what_would_be_better(self, password):
        error = refusal(Guessable(), password)
        assert error is not None
        assert error.code == "password_guessable"
        assert error.message.startswith("This is easy to guess")
        assert len(error.message.split(". ")) > 1

    @pytest.mark.parametrize(
        "password",
        ["wanjikuwanjiku2026", "amina.wanjiku@example.org", "tallysticktallystick"],
    )
    def test_knows_the_persons_own_words_and_ours(self, password):
        person = SimpleNamespace(email="amina.wanjiku@example.org", name="Amina Wanjiku", handle="")
        assert refusal(Guessable(), password, person) is not None

    def test_tells_people_apart_when_many_ask_at_once(self):
        password = "zanzibarqoth zanzibarqoth"
        owner = SimpleNamespace(email="zanzibarqoth@example.org", name="", handle="")
        other = SimpleNamespace(email="amina@example.org", name="", handle="")
        expected = {id(one): refusal(Guessable(), password, one) is None for one in (owner, other)}
        answers: list[bool] = []

        def ask(person):
            for _ in range(5):
                is_taken = refusal(Guessable(), password, person) is None
                answers.append(is_taken is expected[id(person)])

        threads = [threading.Thread(target=ask, args=(one,)) for one in (owner, other) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 30
        assert all(answers)

    def test_takes_the_longest_without_choking(self):
        started = time.perf_counter()
        refusal(Guessable(), ("qwerty12345" * 30)[:256])
        assert time.perf_counter() - started < 5


class TestArgon2:
    def test_makes_argon2id_at_46_mib_once_and_alone(self):
        encoded = Argon2().encode(GOOD, "saltsaltsaltsalt")
        assert encoded.startswith("argon2$argon2id$v=19$m=47104,t=1,p=1$")

    def test_knows_the_password_again_from_another_keyboard(self):
        encoded = Argon2().encode("caf\u00e9 caf\u00e9 caf\u00e9 caf\u00e9", "saltsaltsaltsalt")
        assert Argon2().verify("cafe\u0301 cafe\u0301 cafe\u0301 cafe\u0301", encoded)
        assert not Argon2().verify("cafe cafe cafe cafe", encoded)
