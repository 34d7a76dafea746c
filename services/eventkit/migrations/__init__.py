"""Alembic over schemas: each service has its own migrations, version table and role."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from services.eventkit.service import Service
from services.eventkit.settings import role_of

_LOCK = 5_461_827  # two migrations at once wait for each other


def migrate(db: Connection, service: Service, role_password: str) -> None:
    """Bring the schema and the role of ``service`` up to date, in the transaction of ``db``.

    ``db`` is connected as a role that may create schemas and roles. Safe to repeat.
    """
    schema, role = service.name, role_of(service.name)
    db.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    db.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    db.exec_driver_sql(f"SET LOCAL search_path = {schema}")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("version_locations", str(service.migrations))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"], config.attributes["schema"] = db, schema
    command.upgrade(config, "head")
    _login(db, role, schema, role_password)
    db.exec_driver_sql(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}"
    )
    db.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}")
    db.exec_driver_sql(f"REVOKE ALL ON {schema}.alembic_version FROM {role}")
    for reader, tables in service.readers.items():
        _login(db, role_of(reader), schema, role_password)
        db.exec_driver_sql(f"GRANT SELECT ON {', '.join(tables)} TO {role_of(reader)}")


def _login(db: Connection, role: str, schema: str, password: str) -> None:
    exists = db.exec_driver_sql(
        "SELECT 1 FROM pg_roles WHERE rolname = %(role)s", {"role": role}
    ).first()
    verb = "ALTER" if exists else "CREATE"
    db.exec_driver_sql(f"{verb} ROLE {role} LOGIN PASSWORD %(p)s", {"p": password})
    db.exec_driver_sql(f"ALTER ROLE {role} SET search_path = {schema}")
    db.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
