"""What Django and allauth are told about people; Django's settings import all of it.

Constants alone: it imports nothing of Django, and reads nothing from outside.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACCOUNT_ADAPTER",
    "ACCOUNT_CHANGE_EMAIL",
    "ACCOUNT_CONFIRM_EMAIL_ON_GET",
    "ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS",
    "ACCOUNT_EMAIL_NOTIFICATIONS",
    "ACCOUNT_EMAIL_SUBJECT_PREFIX",
    "ACCOUNT_EMAIL_VERIFICATION",
    "ACCOUNT_FORMS",
    "ACCOUNT_LOGIN_METHODS",
    "ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION",
    "ACCOUNT_LOGOUT_ON_GET",
    "ACCOUNT_LOGOUT_REDIRECT_URL",
    "ACCOUNT_PASSWORD_MIN_LENGTH",
    "ACCOUNT_PREVENT_ENUMERATION",
    "ACCOUNT_RATE_LIMITS",
    "ACCOUNT_REAUTHENTICATION_REQUIRED",
    "ACCOUNT_REAUTHENTICATION_TIMEOUT",
    "ACCOUNT_SESSION_REMEMBER",
    "ACCOUNT_SIGNUP_FIELDS",
    "ACCOUNT_UNIQUE_EMAIL",
    "ACCOUNT_USER_DISPLAY",
    "ACCOUNT_USER_MODEL_USERNAME_FIELD",
    "LOGIN_REDIRECT_URL",
    "LOGIN_URL",
    "USERSESSIONS_TRACK_ACTIVITY",
]

LOGIN_URL: Final = "account_login"
LOGIN_REDIRECT_URL: Final = "overview"

ACCOUNT_ADAPTER: Final = "tallystick.web.people.adapter.Adapter"
ACCOUNT_FORMS: Final = {
    "add_email": "tallystick.web.people.forms.ChangeEmail",
    "change_password": "tallystick.web.people.forms.ChangePassword",
    "login": "tallystick.web.people.forms.SignIn",
    "reauthenticate": "tallystick.web.people.forms.Reauthenticate",
    "reset_password": "tallystick.web.people.forms.ForgottenPassword",
    "reset_password_from_key": "tallystick.web.people.forms.NewPassword",
    "signup": "tallystick.web.people.forms.SignUp",
}

# The e-mail address is the login: one a person, verified by a link before the first sign-in.
ACCOUNT_LOGIN_METHODS: Final = {"email"}
ACCOUNT_SIGNUP_FIELDS: Final = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD: Final = None
ACCOUNT_USER_DISPLAY: Final = str
ACCOUNT_UNIQUE_EMAIL: Final = True
ACCOUNT_CHANGE_EMAIL: Final = True
ACCOUNT_EMAIL_VERIFICATION: Final = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS: Final = 1
# A mail scanner that follows links must not confirm: the page has a button.
ACCOUNT_CONFIRM_EMAIL_ON_GET: Final = False
# Only the browser that signed up is signed in by the link; any other has to sign in.
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION: Final = True
ACCOUNT_EMAIL_NOTIFICATIONS: Final = True
ACCOUNT_EMAIL_SUBJECT_PREFIX: Final = ""

# An address that is known and one that is not get the same answer.
ACCOUNT_PREVENT_ENUMERATION: Final = True
# Length is the business of people.passwords, which says why it refuses.
ACCOUNT_PASSWORD_MIN_LENGTH: Final = None
ACCOUNT_LOGOUT_ON_GET: Final = False
ACCOUNT_LOGOUT_REDIRECT_URL: Final = "overview"
# The session's age is a setting, the same for everyone: there is no box to tick.
ACCOUNT_SESSION_REMEMBER: Final = True
ACCOUNT_REAUTHENTICATION_REQUIRED: Final = True
ACCOUNT_REAUTHENTICATION_TIMEOUT: Final = 300
ACCOUNT_RATE_LIMITS: Final = {
    "change_password": "5/m/user",
    "confirm_email": "1/10s/key",
    "find_recipient": "20/m/key,100/h/key",
    "find_recipient_by_key": "300/m/key",
    "login": "30/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "manage_email": "10/m/user",
    "reauthenticate": "10/m/user",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "signup": "20/m/ip",
}

USERSESSIONS_TRACK_ACTIVITY: Final = True
