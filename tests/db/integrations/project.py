"""A team's Django project, made of the blocks of the how-to page and of what any project has."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "library" / "django.md"
SOURCE = Path(__file__).parents[3] / "src"
#: What `startproject` gives, before the page's block is added.
_SETTINGS = """
import os
SECRET_KEY = "a team's own"
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "project.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": os.environ["NAME"], "USER": os.environ["APPLICATION_USER"],
    "PASSWORD": os.environ["APPLICATION_PASSWORD"],
    "HOST": os.environ["HOST"], "PORT": os.environ["PORT"],
}}
"""
_URLS = """
from django.contrib import admin
from django.urls import path
urlpatterns = [path("admin/", admin.site.urls)]
"""


@dataclass(frozen=True)
class Project:
    """The project's folder, and what its processes find in their environment."""

    folder: Path
    environment: dict[str, str]

    def django(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` with these words."""
        return self._run("-m", "django", *words)

    def python(self, code: str) -> str:
        """Run Python in the project, Django set up, and return what it printed."""
        done = self._run("-c", f"import django\ndjango.setup()\n{code}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


def write_project(folder: Path, database) -> Project:
    """Write the project and return it, on this database."""
    files = {"project/settings.py": _SETTINGS, "project/urls.py": _URLS}
    for text in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        name = text.partition("\n")[0].removeprefix("# ")
        files[name] = files.get(name, "") + text
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    return Project(folder, _environment(folder, database))


def _environment(folder: Path, database) -> dict[str, str]:
    owner = conninfo_to_dict(database.owner_url)
    application = conninfo_to_dict(database.application_url)
    plain = {name: text for name, text in os.environ.items() if not name.startswith("TALLYSTICK_")}
    return {
        **plain,
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "PYTHONPATH": os.pathsep.join([str(folder), str(SOURCE)]),
        "NAME": database.name,
        "HOST": str(owner.get("host", "127.0.0.1")),
        "PORT": str(owner.get("port", 5432)),
        "OWNER_USER": str(owner["user"]),
        "OWNER_PASSWORD": str(owner.get("password") or ""),
        "APPLICATION_USER": str(application["user"]),
        "APPLICATION_PASSWORD": str(application.get("password") or ""),
    }
