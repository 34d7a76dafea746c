"""Alembic over schemas: each service has its own migrations, version table and role."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from services.eventkit.service import Service
from services.eventkit.settings import Settings, role_of

AUDITOR = "auditor"  # its role reads every schema, for the checker
_LOCK = 5_461_827  # two migrations at once wait for each other


def migrate(db: Connection, service: Service, settings: Settings) -> None:
    """Bring the schema and the roles of ``service`` up to date, in the transaction of ``db``.

    ``db`` is connected as a role that may create schemas and, unless ``settings`` says that they
    are there, roles. Safe to repeat. A schema of a later release is left as it is: that release
    has kept what this one needs.
    """
    schema, role = f'"{service.name}"', role_of(service.name)
    db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    db.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    db.exec_driver_sql(f"SET LOCAL search_path = {schema}")
    config = _config(service)
    config.attributes["connection"], config.attributes["schema"] = db, service.name
    version = _version(db, service)
    if version is None or not _is_later(service, version):
        command.upgrade(config, "head")
    for reader in (service.name, *service.readers, AUDITOR):
        if settings.database_roles:
            _login(db, role_of(reader), settings.role_password(reader))
        db.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {role_of(reader)}")
    if settings.database_roles:
        db.exec_driver_sql(f"ALTER ROLE {role} SET search_path = {schema}")
    db.exec_driver_sql(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
    )
    db.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}")
    db.exec_driver_sql(f"REVOKE INSERT, UPDATE, DELETE ON {schema}.alembic_version FROM {role}")
    db.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role_of(AUDITOR)}")
    for reader, tables in service.readers.items():
        db.exec_driver_sql(f"GRANT SELECT ON {', '.join(tables)} TO {role_of(reader)}")


def lack(db: Connection, service: Service) -> str | None:
    """What the schema of ``service`` lacks for this release, None where it lacks nothing.

    ``db`` is connected as the service's role.
    """
    version = _version(db, service)
    if version is None:
        return f"the schema {service.name} is not there yet"
    head = _scripts(service).get_current_head()
    if version == head or _is_later(service, version):
        return None
    return f"the schema {service.name} is not yet at {head}"


def _config(service: Service) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("version_locations", str(service.migrations))
    config.set_main_option("path_separator", "os")
    return config


def _scripts(service: Service) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(service))


def _version(db: Connection, service: Service) -> str | None:
    table = f'"{service.name}".alembic_version'
    if db.exec_driver_sql("SELECT to_regclass(%(table)s)", {"table": table}).scalar() is None:
        return None
    found = db.exec_driver_sql(f"SELECT version_num FROM {table}").scalar()
    return None if found is None else str(found)


def _is_later(service: Service, version: str) -> bool:
    """Whether a release after this one has written the version: this one does not know it."""
    return version not in {script.revision for script in _scripts(service).walk_revisions()}


def _login(db: Connection, role: str, password: str) -> None:
    exists = db.exec_driver_sql(
        "SELECT 1 FROM pg_roles WHERE rolname = %(role)s", {"role": role}
    ).first()
    verb = "ALTER" if exists else "CREATE"
    db.exec_driver_sql(f"{verb} ROLE {role} LOGIN PASSWORD %(p)s", {"p": password})
