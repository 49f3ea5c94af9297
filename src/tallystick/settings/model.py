"""Settings: every field with its meaning, an example, where to get it, and who needs it.

The order and the sections here are those of `.env.example` and docs/ENVIRONMENT.md, which
are generated from this file. Make one through `load_settings`, never by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tallystick.settings.kinds import (
    Count,
    CurrencyCode,
    DatabaseUrl,
    Host,
    HttpOrigin,
    HttpUrl,
    LogLevel,
    Mailbox,
    Names,
    Note,
    Port,
    RedisUrl,
    Seconds,
    SmtpUrl,
    TimeZone,
)
from tallystick.settings.meanings import (
    BreakerOpenFor,
    BreakerVolume,
    BreakerWindow,
    CallsMax,
    Caretaker,
    MetricsPort,
    WorkerMetricsPort,
)

__all__ = ["DEVELOPMENT_SECRET_KEY", "PREFIX", "STRIPE_API_URL", "Settings"]

PREFIX: Final = "TALLYSTICK_"
#: Known to everyone who reads this file; the check `default_key` refuses it in production.
DEVELOPMENT_SECRET_KEY: Final = "development-only-" + "this-key-is-public-and-protects-nothing"
STRIPE_API_URL: Final = "https://api.stripe.com"

_PLACE: Final = "Kind of environment"
_KEYS: Final = "Keys"
_STORES: Final = "Database and cache"
_WEB: Final = "Web server"
_WORK: Final = "Workers"
_HERE: Final = "Money and time"
_CARDS: Final = "Cards: Stripe"
_SIMULATOR: Final = "Provider simulator"
_MAIL: Final = "Mail"
_LOGS: Final = "Logs and files"
_METRICS: Final = "Metrics"


def _in_development(data: dict[str, Any]) -> bool:
    return bool(data.get("env") == "development")


class Settings(BaseSettings):
    """All that a process is told from outside: frozen, checked, its secrets masked."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    env: Annotated[
        Literal["development", "production"],
        Note(
            _PLACE,
            "Which kind of place this is. Production refuses every unsafe setting.",
            "production",
            needed="production",
        ),
    ] = "development"
    accept: Annotated[
        Names,
        Note(
            _PLACE,
            "Names of production checks that you waive, separated by commas. Each waived "
            "check is shown in health and readiness.",
            "embedded_engines",
            "The table of checks in docs/ENVIRONMENT.md.",
        ),
    ] = ()
    debug: Annotated[
        bool,
        Note(_PLACE, "Show the details of errors to whoever causes them.", "false"),
    ] = False
    dev_endpoints: Annotated[
        bool,
        Note(
            _PLACE,
            "Serve /dev/mail, where this place's letters can be read, and /dev/lab, where trouble "
            "is to be had. Left out, it is true in development and false in production.",
            "false",
        ),
    ] = Field(default_factory=_in_development)
    embedded_engines: Annotated[
        bool,
        Note(
            _PLACE,
            "The database and the cache are the ones that `tallystick start` brought up. "
            "That command sets it; nobody else should.",
            "false",
            "`tallystick start`.",
        ),
    ] = False

    caretaker: Caretaker = None

    secret_key: Annotated[
        SecretStr,
        Note(
            _KEYS,
            "Signs sessions, links in mails and other tokens. At least 50 random signs. "
            "Whoever knows it can sign in as anyone; changing it signs everyone out.",
            # Too short on purpose: production must refuse whoever copies it.
            "replace-me-with-what-that-command-prints",
            'python -c "import secrets; print(secrets.token_urlsafe(64))"',
            "production",
        ),
    ] = SecretStr(DEVELOPMENT_SECRET_KEY)

    database_url: Annotated[
        DatabaseUrl,
        Note(
            _STORES,
            "PostgreSQL 15 to 18, as the application's role, which cannot change the books.",
            "postgresql://application:secret@db.example.org:5432/tallystick?sslmode=verify-full",
            "Your database's provider, or whoever runs PostgreSQL.",
            "always",
        ),
    ]
    owner_database_url: Annotated[
        DatabaseUrl | None,
        Note(
            _STORES,
            "The same database as its owner. Used by `tallystick migrate` and the tests "
            "alone (these also need CREATEDB and CREATEROLE); give it to no server or worker.",
            "postgresql://owner:secret@db.example.org:5432/tallystick?sslmode=verify-full",
            "Your database's provider, or whoever runs PostgreSQL.",
        ),
    ] = None
    direct_database_url: Annotated[
        DatabaseUrl | None,
        Note(
            _STORES,
            "The same database, past any PgBouncer: for LISTEN, workers, the writer, the "
            "inbox and health. "
            "Left out, TALLYSTICK_DATABASE_URL serves.",
            "postgresql://application:secret@db.example.org:5432/tallystick?sslmode=verify-full",
            "Whoever runs your PgBouncer.",
        ),
    ] = None
    database_pool_max: Annotated[
        Count, Note(_STORES, "Connections of one process's pool at most.", "10")
    ] = 10
    database_timeout_s: Annotated[
        Seconds,
        Note(_STORES, "How long a request waits for a connection before it answers 503.", "2"),
    ] = 2
    writer_deadline_s: Annotated[
        Seconds,
        Note(
            _STORES,
            "How long a transfer may wait for its outcome before it is answered 503.",
            "5",
        ),
    ] = 5
    writer_queue_max: Annotated[
        int,
        Field(ge=1, le=1_000_000),
        Note(
            _STORES,
            "Transfers that wait in one server process at most; more are answered 503.",
            "4096",
        ),
    ] = 4_096
    redis_url: Annotated[
        RedisUrl,
        Note(
            _STORES,
            "Redis or Valkey, 7 or later: a cache alone, nothing is lost with it.",
            "rediss://:secret@cache.example.org:6379/0",
            "Your cache's provider, or whoever runs Redis or Valkey.",
            "always",
        ),
    ]

    public_url: Annotated[
        HttpOrigin,
        Note(
            _WEB,
            "The address that people type: scheme and host. Links in mails, the allowed host "
            "and the origin of forms follow from it.",
            "https://wallets.example.org",
            "Whoever runs your domain.",
            "production",
        ),
    ] = "http://127.0.0.1:8123"
    bind_host: Annotated[Host, Note(_WEB, "The interface to listen on.", "127.0.0.1")] = "127.0.0.1"
    port: Annotated[Port, Note(_WEB, "The port to listen on.", "8123")] = 8123
    server_workers: Annotated[Count, Note(_WEB, "Server processes.", "1")] = 1
    server_threads: Annotated[
        Count, Note(_WEB, "Threads for pages and API in each server process.", "8")
    ] = 8
    trusted_proxies: Annotated[
        int,
        Field(ge=0, le=10),
        Note(
            _WEB,
            "How many proxies of yours stand before the server: so many last entries of "
            "X-Forwarded-For are believed, and no more.",
            "0",
        ),
    ] = 0
    body_bytes_max: Annotated[
        int,
        Field(ge=1_024, le=104_857_600),
        Note(_WEB, "The largest request body, in bytes; a larger one is answered 413.", "1048576"),
    ] = 1_048_576
    body_timeout_s: Annotated[
        Seconds, Note(_WEB, "How long a whole body may take to arrive, else 408.", "10")
    ] = 10
    session_idle_s: Annotated[
        int,
        Field(ge=60, le=2_592_000),
        Note(_WEB, "A session ends after so many seconds without a request.", "3600"),
    ] = 3_600
    session_absolute_s: Annotated[
        int,
        Field(ge=60, le=7_776_000),
        Note(_WEB, "A session ends so many seconds after sign-in, whatever happens.", "86400"),
    ] = 86_400

    money_concurrency: Annotated[
        Count, Note(_WORK, "Money jobs that run at once in one worker process.", "28")
    ] = 28
    webhooks_concurrency: Annotated[
        Count, Note(_WORK, "Webhook and notice jobs that run at once in one process.", "4")
    ] = 4
    upkeep_concurrency: Annotated[
        Count, Note(_WORK, "Mail and upkeep jobs that run at once in one process.", "2")
    ] = 2
    job_stalled_after_s: Annotated[
        Seconds,
        Note(_WORK, "A job whose worker gave no sign of life for so long runs again.", "10"),
    ] = 10
    job_attempts_max: Annotated[
        Count, Note(_WORK, "A job is failed for good after so many runs, crashes included.", "8")
    ] = 8

    default_currency: Annotated[
        CurrencyCode, Note(_HERE, "The currency of a person's first wallet (ISO 4217).", "KES")
    ] = "KES"
    time_zone: Annotated[
        TimeZone, Note(_HERE, "The time zone of pages and mails (IANA name).", "Africa/Nairobi")
    ] = "Africa/Nairobi"

    stripe_secret_key: Annotated[
        SecretStr | None,
        Note(
            _CARDS,
            "Stripe's secret (or restricted) key. Left out, there are no card payments.",
            "sk_live_your-own-key",
            "Stripe's dashboard: Developers, API keys.",
        ),
    ] = None
    stripe_webhook_secret: Annotated[
        SecretStr | None,
        Note(
            _CARDS,
            "Proves that a webhook is Stripe's. Goes together with the key.",
            "whsec_your-own-secret",
            "Stripe's dashboard: Developers, Webhooks, your endpoint "
            "(/api/webhooks/stripe), Signing secret.",
        ),
    ] = None
    stripe_api_url: Annotated[
        HttpOrigin,
        Note(
            _CARDS, "Where Stripe's API is. The simulator's address in development.", STRIPE_API_URL
        ),
    ] = STRIPE_API_URL
    stripe_timeout_s: Annotated[
        Seconds, Note(_CARDS, "How long one call to Stripe may take.", "10")
    ] = 10

    breaker_window_s: BreakerWindow = 30
    breaker_volume_min: BreakerVolume = 5
    breaker_open_for_s: BreakerOpenFor = 10
    provider_calls_max: CallsMax = 8

    simulator_host: Annotated[
        Host, Note(_SIMULATOR, "The interface that the simulator listens on.", "127.0.0.1")
    ] = "127.0.0.1"
    simulator_port: Annotated[
        Port, Note(_SIMULATOR, "The port that the simulator listens on.", "8124")
    ] = 8124
    simulator_data: Annotated[
        Path, Note(_SIMULATOR, "Where the simulator keeps its journal.", ".tallystick/simulator")
    ] = Path(".tallystick/simulator")
    simulator_webhook_url: Annotated[
        HttpUrl | None,
        Note(
            _SIMULATOR,
            "Where the simulator sends its webhooks. Left out, it sends none.",
            "http://127.0.0.1:8123/api/webhooks/stripe",
            "`tallystick start` sets it.",
        ),
    ] = None

    smtp_url: Annotated[
        SmtpUrl | None,
        Note(
            _MAIL,
            "The server that takes our mails. Left out in development, they are read at /dev/mail.",
            "smtp://user:secret@mail.example.org:587?tls=starttls",
            "Your mail provider.",
            "production",
        ),
    ] = None
    mail_from: Annotated[
        Mailbox,
        Note(
            _MAIL,
            "The sender of our mails.",
            "Tallystick <no-reply@example.org>",
            "An address that your mail provider lets you send from.",
            "production",
        ),
    ] = "Tallystick <no-reply@localhost>"

    log_level: Annotated[LogLevel, Note(_LOGS, "The least that is logged.", "INFO")] = "INFO"
    log_format: Annotated[
        Literal["json", "console"],
        Note(_LOGS, "json for machines, console for people.", "json"),
    ] = "json"
    data_folder: Annotated[
        Path,
        Note(
            _LOGS, "Where `tallystick start` keeps its engines' data and its logs.", ".tallystick"
        ),
    ] = Path(".tallystick")

    metrics_host: Annotated[
        Host,
        Note(
            _METRICS,
            "The interface on which `tallystick serve` tells its metrics. Whoever reaches it may "
            "read them: name none that the public reaches.",
            "127.0.0.1",
        ),
    ] = "127.0.0.1"
    metrics_port: MetricsPort = None
    worker_metrics_port: WorkerMetricsPort = None

    @property
    def is_production(self) -> bool:
        """Return whether unsafe settings are refused here."""
        return self.env == "production"

    @property
    def direct_url(self) -> SecretStr:
        """Return the database's URL past any PgBouncer: the direct one, else the usual one."""
        return self.direct_database_url or self.database_url

    @property
    def waived(self) -> tuple[str, ...]:
        """Return the production checks that are waived here, for health and readiness."""
        return self.accept if self.is_production else ()

    @classmethod
    def notes(cls) -> Mapping[str, Note]:
        """Return each field's note by the field's name, in the order of the papers."""
        return {
            name: next(mark for mark in info.metadata if isinstance(mark, Note))
            for name, info in cls.model_fields.items()
        }

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from our own loading alone: it names unknown variables and hides values."""
        return (init_settings,)
