"""The two roles: the owner migrates, the application's role reads and writes rows.

Grants go to the group role tallystick_application, so that migrations name no login.
"""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import conninfo, sql

from tallystick.database.errors import RoleMissing

__all__ = ["APPLICATION", "admit_login", "ensure_application_role"]

#: The group role that migrations grant to. Roles are the cluster's, not the database's.
APPLICATION: Final = "tallystick_application"


def ensure_application_role(conn: psycopg.Connection) -> None:
    """Make the group role where it is missing; raise RoleMissing where we may not."""
    if _exists(conn, APPLICATION):
        return
    _make(conn, sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(APPLICATION)), APPLICATION)


def admit_login(conn: psycopg.Connection, *, application_url: str) -> str:
    """Let the login of the application's URL act as the application; return its name.

    Makes the login with the URL's password where it is missing; the password reaches the
    server only as a SCRAM verifier. Raises RoleMissing where we may not make it.
    """
    parts = conninfo.conninfo_to_dict(application_url)
    login = str(parts.get("user") or "")
    if not login:
        raise RoleMissing("TALLYSTICK_DATABASE_URL names no user: postgresql://USER:…@…")
    if login == conn.info.user:
        return login
    if not _exists(conn, login):
        password = str(parts.get("password") or "")
        verifier = conn.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
        statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
            sql.Identifier(login), sql.Literal(verifier.decode())
        )
        _make(conn, statement, login)
    if not _is_member(conn, login):
        grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(APPLICATION), sql.Identifier(login))
        _make(conn, grant, login)
    return login


def _exists(conn: psycopg.Connection, role: str) -> bool:
    return conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None


def _is_member(conn: psycopg.Connection, login: str) -> bool:
    statement = (
        "SELECT 1 FROM pg_auth_members JOIN pg_roles AS groups ON groups.oid = roleid"
        " JOIN pg_roles AS logins ON logins.oid = member"
        " WHERE groups.rolname = %s AND logins.rolname = %s"
    )
    return conn.execute(statement, (APPLICATION, login)).fetchone() is not None


def _make(conn: psycopg.Connection, statement: sql.Composed, role: str) -> None:
    try:
        with conn.transaction():
            conn.execute(statement)
    except psycopg.errors.DuplicateObject:
        return
    except psycopg.errors.InsufficientPrivilege as error:
        raise RoleMissing(
            f"The role {role} must be made or admitted by a role with CREATEROLE. Let a superuser"
            f" run: {statement.as_string(conn).split(' PASSWORD ')[0]}"
        ) from error
