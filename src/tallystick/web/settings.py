"""Django's settings: derived from ours, word for word, and from nothing else.

It reads no environment itself, and it has no switch that is not a setting of Tallystick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from tallystick import settings as _settings
from tallystick.web.database import django_database

# What allauth and the person model need is the people's own business; their __all__ names it.
from tallystick.web.people.configuration import *  # noqa: F403 - its __all__ is the list
from tallystick.web.people.passwords import VALIDATORS

TALLYSTICK: Final = _settings.load_settings()

_HERE: Final = Path(__file__).parent
_PUBLIC: Final = urlsplit(TALLYSTICK.public_url)
_HOSTS: Final = [f"[{_PUBLIC.hostname}]" if ":" in str(_PUBLIC.hostname) else str(_PUBLIC.hostname)]
_LOOPBACK: Final = [] if TALLYSTICK.is_production else ["127.0.0.1", "localhost", "[::1]"]
#: Cookies of a plain-http place cannot be Secure, and no other can carry the __Host- prefix.
_SECURE: Final = TALLYSTICK.is_production and _PUBLIC.scheme == "https"
_PREFIX: Final = "__Host-" if _SECURE else ""
_YEAR_S: Final = 31_536_000

DEBUG = TALLYSTICK.debug
SECRET_KEY = TALLYSTICK.secret_key.get_secret_value()
ALLOWED_HOSTS = [*_HOSTS, *_LOOPBACK]
CSRF_TRUSTED_ORIGINS = [TALLYSTICK.public_url]
ROOT_URLCONF = "tallystick.web.urls"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Django's own logging would print beside ours; observability routes the standard library.
LOGGING_CONFIG = None

INSTALLED_APPS = [
    "tallystick.web.people",
    "tallystick.web.pages",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
]

MIDDLEWARE = [
    "tallystick.web.middleware.ErrorBodies",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tallystick.web.middleware.DatabaseGate",
    "tallystick.web.middleware.NoStore",
    "tallystick.web.middleware.KeyUse",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tallystick.web.middleware.SessionLifetime",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": django_database(TALLYSTICK)}
# The cache shares the database: what it forgets costs time, and it guards nothing.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
    }
}

AUTH_USER_MODEL = "people.Person"
AUTH_PASSWORD_VALIDATORS = VALIDATORS
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["tallystick.web.people.hashers.Argon2"]
PASSWORD_RESET_TIMEOUT = 3_600
EMAIL_BACKEND = "tallystick.web.people.mail.OutboxBackend"
DEFAULT_FROM_EMAIL = TALLYSTICK.mail_from

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_NAME = f"{_PREFIX}sessionid"
# The age is the idle limit: SessionLifetime renews it, and keeps the absolute one.
SESSION_COOKIE_AGE = TALLYSTICK.session_idle_s
SESSION_SAVE_EVERY_REQUEST = False
SESSION_ABSOLUTE_S = TALLYSTICK.session_absolute_s
SESSION_COOKIE_SECURE = _SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{_PREFIX}csrftoken"
CSRF_COOKIE_SECURE = _SECURE
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "tallystick.web.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_HSTS_SECONDS = _YEAR_S if _SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_CONTENT_TYPE_NOSNIFF = True
# CSRF over https looks at the Referer, so that it must stay within the site.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = TALLYSTICK.body_bytes_max
FILE_UPLOAD_MAX_MEMORY_SIZE = TALLYSTICK.body_bytes_max
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 1

STATIC_URL = "/static/"
STATIC_ROOT = _HERE / "collected"
STATICFILES_DIRS = [_HERE / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_AUTOREFRESH = False
WHITENOISE_USE_FINDERS = False

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = TALLYSTICK.time_zone
