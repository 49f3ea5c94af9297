"""The one screen that `tallystick start` prints: where everything is, and how to get in.

It shows no secret but the demo's, which opens the demo people of this place alone.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from tallystick.cli.demo import Demo
from tallystick.cli.surroundings import Surroundings
from tallystick.settings import Settings

__all__ = ["print_screen"]


def print_screen(
    console: Console,
    surroundings: Surroundings,
    settings: Settings,
    shell: Path,
    *,
    demo: Demo | None,
    took_s: float,
) -> None:
    """Print where the house is; `settings` are whole, its keys included."""
    if surroundings.has_own_stripe:
        cards = "not used: your own Stripe settings are"
    else:
        cards = f"http://{settings.simulator_host}:{settings.simulator_port} (in place of Stripe)"
    address = settings.public_url
    mail = f"{address}/dev/mail" if settings.dev_endpoints else "sent by your SMTP server"
    rows = {
        "Address": address,
        **_sign_in(demo, address),
        "Mail": mail,
        **_lab(surroundings, settings),
        "Simulator": cards,
        "Metrics": _metrics_address(settings),
        "Commands": f"{_naming(surroundings)}.venv/bin/tallystick selftest, health, people …",
        "Logs": _short(shell.parent / "logs"),
        "Stop": "Ctrl-C",
    }
    lack = _lack(settings)
    if lack:
        rows = {"Currency": lack, **rows}
    console.print(f"\nTallystick is ready ({took_s:.1f} s).\n", style="bold")
    for name, text in rows.items():
        console.print(f"  {name:<10} {text}")
    console.print()


def _lab(surroundings: Surroundings, settings: Settings) -> dict[str, str]:
    """Return the row of the lab, where there is one: it needs our own simulator."""
    if surroundings.has_own_stripe or not settings.dev_endpoints:
        return {}
    return {"Lab": f"{settings.public_url}/dev/lab: trouble to order, and the books beside it"}


def _metrics_address(settings: Settings) -> str:
    host = settings.metrics_host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.metrics_port}/metrics"


def _sign_in(demo: Demo | None, address: str) -> dict[str, str]:
    """Return the rows that say how one gets in."""
    if demo is None:
        return {"Sign up": f"{address}/sign-up, then follow the link in the mail"}
    return {
        "Sign in": f"{demo.person.email}, password: {demo.password}",
        "Operator": f"{demo.operator.email}, the same password",
        "API key": demo.curl(address),
    }


def _lack(settings: Settings) -> str | None:
    """Return the sentence of a first wallet that nobody could top up, or None where one can."""
    from tallystick.bootstrap import House  # noqa: PLC0415 - heavy; the first steps need it not

    code = settings.default_currency
    providers = House.from_settings(settings).providers.values()
    if any(code in provider.capabilities.collect for provider in providers):
        return None
    return (
        f"No payment provider here takes {code}: wallets cannot be topped up. Set"
        " TALLYSTICK_DEFAULT_CURRENCY to another before people sign up."
    )


def _naming(surroundings: Surroundings) -> str:
    """Return what another terminal must put before a command to mean this house."""
    if surroundings.reading.sources["data_folder"] != "environment":
        return ""
    return "TALLYSTICK_DATA_FOLDER=… "


def _short(path: Path) -> str:
    """Return the path as one types it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
