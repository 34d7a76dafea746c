"""What the operator reads from its environment."""

import socket
from pathlib import Path

from pydantic import Field

from services.eventkit.settings import Settings


class OperatorSettings(Settings):
    """Of the common settings it uses Kafka's, HOST, PORT and LOG_LEVEL. Times are seconds."""

    watch_namespaces: str = Field(
        "", description="Namespaces that it serves, with commas between; empty: the whole cluster."
    )
    job_template: Path = Field(
        Path(__file__).parents[1] / "job-template.yaml",
        description="The pod template of every replay, as a file.",
    )
    port: int = Field(8080, ge=0, le=65535, description="Of /healthz and /metrics.")
    lease_name: str = Field(
        "orderflow-replay-operator", description="Of operators with one lease, one works."
    )
    lease_namespace: str = Field("default", description="Where the lease is.")
    lease_seconds: float = Field(10, ge=2, description="Then a silent leader is replaced.")
    identity: str = Field(default_factory=socket.gethostname, description="In the lease.")
    workers: int = Field(4, ge=1, description="Resources reconciled at the same time.")
    resync_seconds: float = Field(30, gt=0, description="Everything is looked at so often.")
    progress_seconds: float = Field(
        2, ge=0, description="Progress is written no more often than this, for each replay."
    )

    @property
    def namespaces(self) -> list[str]:
        """The namespaces served; empty for the whole cluster."""
        return [name.strip() for name in self.watch_namespaces.split(",") if name.strip()]
