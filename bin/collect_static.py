"""Hatchling's build hook: collect the static files under hashed names, into every wheel.

It needs Django and whitenoise at build time, and neither a database nor settings of ours.
Run as a script it collects for the checkout itself.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path("src") / "tallystick" / "web"


class CustomBuildHook(BuildHookInterface[Any]):
    """Collects before a wheel is built, editable or not."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Collect, and add the folder to what the wheel holds."""
        del version
        if self.target_name != "wheel":
            return
        collect(Path(self.root))
        build_data["artifacts"].append(f"/{(WEB / 'collected').as_posix()}/")

    def clean(self, versions: list[str]) -> None:
        """Remove what was collected."""
        del versions
        shutil.rmtree(Path(self.root) / WEB / "collected", ignore_errors=True)


def collect(root: Path) -> None:
    """Collect into web/collected, with hashed names and compressed twins."""
    import django  # noqa: PLC0415 - hatchling reads this file before it installs the build's needs
    from django.conf import settings  # noqa: PLC0415 - the same
    from django.core.management import call_command  # noqa: PLC0415 - the same

    settings.configure(
        INSTALLED_APPS=["django.contrib.staticfiles"],
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
        STATICFILES_DIRS=[root / WEB / "static"],
        STATIC_ROOT=root / WEB / "collected",
        STATIC_URL="/static/",
        STORAGES={
            "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
        },
        # What was collected is compressed once; the plain names are never asked for.
        WHITENOISE_KEEP_ONLY_HASHED_FILES=True,
    )
    django.setup()
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)


if __name__ == "__main__":
    collect(Path(__file__).resolve().parent.parent)
