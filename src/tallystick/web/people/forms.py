"""The people's forms: allauth's, in our words. They decide nothing that allauth decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from allauth.account import forms as theirs
from allauth.account.internal.flows.signup import prevent_enumeration
from django import forms
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase

from tallystick.web.people.models import Person
from tallystick.web.people.passwords import LENGTH_MIN

__all__ = [
    "ChangeEmail",
    "ChangePassword",
    "ForgottenPassword",
    "NewPassword",
    "Profile",
    "Reauthenticate",
    "SignIn",
    "SignUp",
]

if TYPE_CHECKING:
    _PersonForm = forms.ModelForm[Person]
else:
    _PersonForm = forms.ModelForm

_RULE: Final = f"At least {LENGTH_MIN} characters. Four or five unrelated words are strong."
_TAKEN: Final = "Somebody else has this handle."
_NAME_MAX: Final = 100
#: No longer address can be written to (RFC 5321), and none is kept.
_ADDRESS_MAX: Final = 254


def _is_short_enough(address: str) -> None:
    """Raise ValidationError for an address that would be cut; small letters can be more signs."""
    count = len(address.lower())
    if count > _ADDRESS_MAX:
        raise ValidationError(
            f"This has {count} characters; an e-mail address may have {_ADDRESS_MAX} at most.",
            code="email_too_long",
        )


class _Words:
    """Gives a form's fields our labels and hints, and takes the placeholders away."""

    labels: ClassVar[dict[str, str]] = {}
    hints: ClassVar[dict[str, str]] = {}
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Let allauth build the fields, then word them."""
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = self.labels.get(name, field.label)
            field.help_text = self.hints.get(name, "")
            field.widget.attrs.pop("placeholder", None)
            field.error_messages["required"] = f"Fill in: {str(field.label).lower()}."
            if isinstance(field, forms.EmailField):
                # One limit that speaks, and none in the browser, which would cut in silence.
                field.validators = [
                    *(one for one in field.validators if not isinstance(one, MaxLengthValidator)),
                    _is_short_enough,
                ]
                field.widget.attrs.pop("maxlength", None)


class SignUp(_Words, theirs.SignupForm):  # type: ignore[misc] # allauth ships no types
    """A new person: how we call them, where we write to, their password."""

    name = forms.CharField(
        max_length=_NAME_MAX,
        required=False,
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    field_order = ("name", "email", "password1")
    labels: ClassVar = {"name": "Your name", "email": "E-mail address", "password1": "Password"}
    hints: ClassVar = {"password1": _RULE}

    def clean(self) -> dict[str, Any]:
        """Check the password against the person's name too."""
        cleaned: dict[str, Any] = super().clean()
        password = cleaned.get("password1")
        if password and "password1" not in self.errors:
            person = Person(email=cleaned.get("email", ""), name=cleaned.get("name", ""))
            try:
                validate_password(password, person)
            except ValidationError as refusal:
                self.add_error("password1", refusal)
        return cleaned

    def try_save(self, request: HttpRequest) -> tuple[Person | None, HttpResponseBase | None]:
        """Save the person; a known address gets the same answer, after the same work."""
        email = self.cleaned_data["email"]
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        try:
            with transaction.atomic():
                person, answer = super().try_save(request)
        except IntegrityError:
            # Somebody else took the address since the form was checked.
            return None, prevent_enumeration(request, email=email)
        return person, answer


class SignIn(_Words, theirs.LoginForm):  # type: ignore[misc] # allauth ships no types
    """A known person."""

    labels: ClassVar = {"login": "E-mail address", "password": "Password"}


class Reauthenticate(_Words, theirs.ReauthenticateForm):  # type: ignore[misc] # allauth ships no types
    """The password again, before something that matters."""

    labels: ClassVar = {"password": "Your password"}


class ForgottenPassword(_Words, theirs.ResetPasswordForm):  # type: ignore[misc] # allauth ships no types
    """Where to send the link."""

    labels: ClassVar = {"email": "E-mail address"}


class _OneField(_Words):
    """Asks for a new password once: the page can show it, so that nobody types it twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Drop the second field."""
        super().__init__(*args, **kwargs)
        del self.fields["password2"]


class NewPassword(_OneField, theirs.ResetPasswordKeyForm):  # type: ignore[misc] # allauth ships no types
    """A new password, by a link."""

    labels: ClassVar = {"password1": "New password"}
    hints: ClassVar = {"password1": _RULE}


class ChangePassword(_OneField, theirs.ChangePasswordForm):  # type: ignore[misc] # allauth ships no types
    """A new password, by the old one."""

    labels: ClassVar = {"oldpassword": "Current password", "password1": "New password"}
    hints: ClassVar = {"password1": _RULE}


class ChangeEmail(_Words, theirs.AddEmailForm):  # type: ignore[misc] # allauth ships no types
    """Another address, which has to be verified before it counts."""

    labels: ClassVar = {"email": "New e-mail address"}
    hints: ClassVar = {"email": "We send a link there. Until you follow it, the old address stays."}


class Profile(_PersonForm):
    """How a person is called, and the handle by which others pay them."""

    handle = forms.CharField(
        label="Handle",
        max_length=31,
        required=False,
        help_text="Others can send you money by it: 3 to 30 small letters, digits and underscores.",
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    class Meta:
        """Name and handle alone: address and password have pages of their own."""

        model = Person
        fields = ("name", "handle")
        labels: ClassVar = {"name": "Your name"}
        help_texts: ClassVar = {
            "name": "What we call you in letters and on pages. You may leave it empty."
        }
        widgets: ClassVar = {"name": forms.TextInput({"autocomplete": "name"})}

    def clean_handle(self) -> str | None:
        """Return the handle in its one form, or None; nobody may be called like a wallet."""
        handle: str = self.cleaned_data["handle"].strip().removeprefix("@").lower()
        if handle.startswith("wal_"):
            raise ValidationError("A handle does not begin like the number of a wallet.")
        if handle and Person.objects.filter(handle=handle).exclude(pk=self.instance.pk).exists():
            raise ValidationError(_TAKEN)
        return handle or None

    def try_save(self) -> bool:
        """Save and return whether that went well; somebody may take the handle meanwhile."""
        try:
            with transaction.atomic():
                self.save()
        except IntegrityError:
            self.add_error("handle", _TAKEN)
            return False
        return True
