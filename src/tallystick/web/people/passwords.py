"""What makes a password good enough, and the sentence that says why one is not.

Length, guessability and a list of common ones; no rules about kinds of signs. Every refusal
says what would be better. It keeps no password.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from typing import Any, Final

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

__all__ = ["LENGTH_MAX", "LENGTH_MIN", "VALIDATORS", "Common", "Guessable", "Length", "normalise"]

LENGTH_MIN: Final = 15
LENGTH_MAX: Final = 256

#: In the order in which they speak.
VALIDATORS: Final = [
    {"NAME": f"tallystick.web.people.passwords.{name}"}
    for name in ("Length", "Common", "Guessable")
]

_HELP: Final = (
    f"At least {LENGTH_MIN} characters. Four or five unrelated words are strong and easy to keep."
)
_ADVICE: Final = "Try four or five unrelated words."
_SCORE_MIN: Final = 3
#: The estimate takes no longer text, and its time grows fast: the first signs must suffice.
_ESTIMATED: Final = 72
#: The estimate keeps the person's own words in a global of its module.
_one_at_a_time: Final = threading.Lock()


def normalise(password: str) -> str:
    """Return the password as it is counted and hashed: NFKC, so that every keyboard agrees."""
    return unicodedata.normalize("NFKC", password)


class Length:
    """Refuses what is too short or too long, and the NUL sign."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError with a sentence."""
        del user
        count = len(normalise(password))
        if "\x00" in password:
            raise ValidationError("A password cannot hold the NUL sign.", code="password_nul")
        if count < LENGTH_MIN:
            few = f"This has {count} characters; a password needs at least {LENGTH_MIN}. {_ADVICE}"
            raise ValidationError(few, code="password_too_short")
        if count > LENGTH_MAX:
            many = f"This has {count} characters; a password may have {LENGTH_MAX} at most."
            raise ValidationError(many, code="password_too_long")

    def get_help_text(self) -> str:
        """Return the rule, for the form."""
        return _HELP


class Common(CommonPasswordValidator):
    """Refuses what stands on the list of common passwords."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError with a sentence."""
        try:
            super().validate(normalise(password), user)
        except ValidationError:
            known = "This is on the lists of common passwords, which are tried first."
            has_advice = len(normalise(password)) < LENGTH_MIN  # Length has given it
            text = known if has_advice else f"{known} {_ADVICE}"
            raise ValidationError(text, code="password_too_common") from None

    def get_help_text(self) -> str:
        """Return nothing: the first rule's text says enough."""
        return ""


class Guessable:
    """Refuses what a guesser would soon reach, the person's own name and address included."""

    def validate(self, password: str, user: object = None) -> None:
        """Raise ValidationError with the reason and with what would be better."""
        text = normalise(password)
        if not LENGTH_MIN <= len(text) <= LENGTH_MAX or "\x00" in text:
            return  # Length has spoken
        with _one_at_a_time:
            estimate = zxcvbn(text[:_ESTIMATED], user_inputs=_own_words(user))
        if estimate["score"] < _SCORE_MIN:
            raise ValidationError(_reason(estimate["feedback"]), code="password_guessable")

    def get_help_text(self) -> str:
        """Return nothing: the first rule's text says enough."""
        return ""


def _own_words(user: object) -> list[str]:
    """Return the words that a guesser knows: the person's, and ours."""
    words = {"tallystick"}
    for field in ("email", "name", "handle"):
        value = str(getattr(user, field, "") or "").lower()
        words |= {value, *re.split(r"[\W_]+", value)}
    return sorted(word for word in words if len(word) > 1)


def _reason(feedback: dict[str, Any]) -> str:
    warning = str(feedback["warning"]).rstrip(".")
    why = f"This is easy to guess: {warning[:1].lower()}{warning[1:]}." if warning else ""
    better = [str(one).rstrip(".") + "." for one in feedback["suggestions"]] or [_ADVICE]
    return " ".join([why or "This is easy to guess.", *better])
