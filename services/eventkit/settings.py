"""What a process reads from its environment, all of it, with its default."""

import os
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError


class Settings(BaseSettings):
    """Settings common to every service; a service subclasses it for its own.

    Each field is read from the environment variable of its name in capitals. Times are seconds.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_sasl_username: str = ""
    kafka_sasl_password: str = ""
    kafka_ssl_ca_location: str = Field("", description="Of a PEM file; empty: the system's CAs.")
    kafka_ssl_certificate_location: str = Field("", description="Of the client's own, as PEM.")
    kafka_ssl_key_location: str = ""
    kafka_ssl_key_password: str = ""
    database_url: str = "postgresql+psycopg2://orderflow@127.0.0.1:5432/orderflow"
    database_role_password: str = Field("orderflow", description="Password of the service roles.")
    database_roles: bool = Field(True, description="Migrations make the roles and set passwords.")
    database_pool: int = Field(10, ge=2, description="Connections that HTTP requests may hold.")
    host: str = "0.0.0.0"  # a pod is reached at its address; `make run` narrows it
    port: int = Field(0, ge=0, le=65535, description="0: the service's own port.")
    threads: int = Field(16, ge=1, description="Threads that answer HTTP requests.")
    receive_timeout: int = Field(10, ge=1, description="A request may pause so long half sent.")
    log_level: str = "INFO"
    orderflow_commit: str = Field("", description="Of the code, as the image knows it.")
    batch_size: int = Field(500, ge=1, description="Most messages that one transaction handles.")
    session_timeout: float = Field(6.0, ge=1, description="Then a silent consumer is replaced.")
    starved_after: float = Field(10.0, gt=0, description="Then a stuck consumer is made anew.")
    inbox_days: int = Field(8, ge=1, description="Event ids are remembered this long.")
    dead_letters_a_minute: int = Field(100, ge=1, description="Above this a consumer waits.")
    drain_timeout: float = Field(20.0, gt=0, description="Time to finish work after SIGTERM.")

    def database(self, service: str) -> URL:
        """The URL with which ``service`` reaches its own schema, as its own role.

        ``<SERVICE>_DATABASE_URL`` where it is set; else ``DATABASE_URL`` with the service's role
        in place of the owner.
        """
        own = os.environ.get(f"{service.upper()}_DATABASE_URL")
        if own:
            return postgres_url(own)
        return self.owner().set(username=role_of(service), password=self.role_password(service))

    def role_password(self, service: str) -> str:
        """The password of a service's role: ``<SERVICE>_ROLE_PASSWORD``, or the one of all."""
        return os.environ.get(f"{service.upper()}_ROLE_PASSWORD") or self.database_role_password

    def owner(self) -> URL:
        """The URL of the role that owns every schema: for migrations and the checker."""
        return postgres_url(self.database_url)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            raise ValueError(
                f"KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs"
                " KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
            )
        if bool(self.kafka_ssl_certificate_location) != bool(self.kafka_ssl_key_location):
            raise ValueError(
                "KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION go together"
            )
        return self

    def kafka(self, **more: Any) -> dict[str, Any]:
        """The configuration of a Kafka client: what all share, and ``more`` with ``_`` for dots."""
        protocol = self.kafka_security_protocol
        secured: dict[str, str] = {"security.protocol": protocol}
        if protocol.startswith("SASL"):
            secured |= {
                "sasl.mechanism": self.kafka_sasl_mechanism,
                "sasl.username": self.kafka_sasl_username,
                "sasl.password": self.kafka_sasl_password,
            }
        if protocol.endswith("SSL"):
            files = {
                "ssl.ca.location": self.kafka_ssl_ca_location,
                "ssl.certificate.location": self.kafka_ssl_certificate_location,
                "ssl.key.location": self.kafka_ssl_key_location,
                "ssl.key.password": self.kafka_ssl_key_password,
            }
            secured |= {name: value for name, value in files.items() if value}
        return {
            "bootstrap.servers": self.kafka_bootstrap_servers,
            **secured,
            "socket.nagle.disable": True,
            "log_level": 2,  # a broker that is away is told by /ready and by our own lines
            "reconnect.backoff.max.ms": 1000,
            **{name.replace("_", "."): value for name, value in more.items()},
        }


AnySettings = TypeVar("AnySettings", bound=Settings)


def read_settings(kind: type[AnySettings]) -> AnySettings:
    """Read ``kind`` from the environment, or end the process saying what is wrong and where."""
    try:
        return kind()
    except ValidationError as error:
        lines = [f"  {_fault(e)}" for e in error.errors()]
        raise SystemExit("What the environment sets is wrong:\n" + "\n".join(lines)) from None


def _fault(error: ErrorDetails) -> str:
    name = ".".join(map(str, error["loc"])).upper()
    if error["type"] == "missing":  # its input would be all settings, passwords too
        return f"{name} is not set, and must be"
    said = error["msg"].removeprefix("Value error, ")
    if not name:
        return said
    secret = any(part in name for part in ("PASSWORD", "SECRET", "TOKEN", "KEY", "DATABASE_URL"))
    return f"{name}={'…' if secret else repr(error['input'])}: {said}"


def postgres_url(text: str) -> URL:
    """Parse a PostgreSQL URL of any driver and name the driver that is used here.

    Raises SystemExit where ``text`` is no such URL.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SystemExit(
            "The database URL cannot be read; it looks like"
            " postgresql://user:password@host:5432/name"
        ) from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise SystemExit(f"The database URL names {url.get_backend_name()}; PostgreSQL is needed.")
    return url.set(drivername="postgresql+psycopg2")


def role_of(service: str) -> str:
    """The database role of a service."""
    return f"orderflow_{service}"
