"""The API of replays on this machine; in a cluster the gateway speaks to Kubernetes instead."""

import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from confluent_kafka import KafkaException
from flask import Blueprint, Response, request
from sqlalchemy import Connection, Row
from uuid_utils import uuid7

from services.eventkit.http import query, reply
from services.eventkit.log import brief
from services.eventkit.problems import Problem
from services.eventkit.service import Service
from services.eventkit.settings import Settings
from services.orderreplay import answer
from services.orderreplay.checkpoint import read
from services.orderreplay.status import ENDED
from services.replay.verify import Verdict
from services.replay.verify import verify as count

STILL = ("Suspended", *ENDED)
MOST_EVENTS = 200_000  # that are verified in a request
MOST_SECONDS = 20.0  # that it may take
ACTIONS = {
    "suspend": "suspend = true",
    "resume": "suspend = false",
    "cancel": "cancel = true",
}

_INSERT = """
INSERT INTO replays (id, spec, created_at, idempotency_key)
VALUES (%(id)s, %(spec)s, %(now)s, %(key)s) ON CONFLICT (idempotency_key) DO NOTHING RETURNING *
"""
_NEWEST = """
SELECT * FROM replays WHERE %(dry_run)s::bool IS NULL OR (spec->>'dryRun')::bool = %(dry_run)s
ORDER BY created_at DESC, id DESC LIMIT %(limit)s
"""
_BY_KEY = "SELECT * FROM replays WHERE idempotency_key = %(key)s"


def create(service: Service) -> Blueprint:
    """The routes over the table of replays."""
    routes = Blueprint("replays", __name__)
    verifying = threading.Lock()

    @routes.post("/api/orders/replay")
    def start() -> Response:
        """Ask for a replay; 202, as the worker runs it."""
        spec, now = answer.asked(), datetime.now(UTC)
        key = request.headers.get("Idempotency-Key")  # which the gateway has checked
        values = {
            "id": str(uuid7()),
            "spec": orjson.dumps(spec.as_json()).decode(),
            "now": now,
            "key": key,
        }
        with service.statements.connect() as db:
            row = db.exec_driver_sql(_INSERT, values).first()
            repeated = row is None
            row = row or db.exec_driver_sql(_BY_KEY, values).one()
        if repeated and row.spec != spec.as_json():
            raise answer.key_reused(key or "", str(row.id))
        service.wake("worker")
        told = answer.accepted(_replay(row), spec, row.created_at)
        headers = {"Location": f"/api/replays/{row.id}"}
        return reply(told, 202, headers | (answer.REPEATED if repeated else {}))

    @routes.get("/api/replays")
    def replays() -> Response:
        """The newest replays."""
        asked = query(answer.ListQuery)
        with service.statements.connect() as db:
            rows = db.exec_driver_sql(_NEWEST, asked.model_dump()).all()
        return reply({"success": True, "replays": [_replay(row) for row in rows]})

    @routes.get("/api/replays/<id>")
    def replay(id: str) -> Response:
        """One replay."""
        with service.statements.connect() as db:
            row = _find(db, id)
        if row is None:
            raise answer.unknown(id)
        return reply({"success": True, "replay": _replay(row)})

    @routes.post("/api/replays/<id>/<any(suspend, resume, cancel):action>")
    def act(id: str, action: str) -> Response:
        """Suspend, resume or cancel a replay; 202, as the worker does it."""
        with service.statements.connect() as db:
            row = db.exec_driver_sql(
                f"UPDATE replays SET {ACTIONS[action]} WHERE id = %(id)s"
                " AND phase NOT IN ('Completed', 'Failed', 'Cancelled')"
                " AND (NOT cancel OR %(action)s = 'cancel') RETURNING *",
                {"id": _uuid(id), "action": action},
            ).first()
            found = row or _find(db, id)
        if found is None:
            raise answer.unknown(id)
        if row is None:
            raise answer.ended(found.phase)
        service.wake("worker")
        return reply({"success": True, "replay": _replay(row)}, 202)

    @routes.post("/api/replays/<id>/verify")
    def verify(id: str) -> Response:
        """Count a replay that stands still anew, from the history and from its topic."""
        with service.statements.connect() as db:
            row = _find(db, id)
        if row is None:
            raise answer.unknown(id)
        if not verifying.acquire(blocking=False):
            raise Problem(
                503,
                "verify-busy",
                "Another replay is being verified; send the same request again.",
                headers={"Retry-After": "2"},
            )
        try:
            verdict = _verdict(service.settings, row)
        finally:
            verifying.release()
        return reply({"success": True, "verdict": verdict.as_json()})

    return routes


def _verdict(settings: Settings, row: Row[Any]) -> Verdict:
    """What verifying finds. Raises Problem where it can't be done in a request."""
    id = str(row.id)
    if row.phase not in STILL:
        raise answer.not_verifiable(
            id, f"The replay is {row.phase}; suspend it first or wait for its end."
        )
    try:
        checkpoints = read(settings, id)
        written = sum(c.replayed for c in checkpoints)
        if not checkpoints or row.spec.get("dryRun"):
            raise answer.not_verifiable(id, "The replay wrote nothing; there is nothing to verify.")
        if written <= MOST_EVENTS:
            return count(settings, checkpoints, within=MOST_SECONDS)
    except TimeoutError:
        pass
    except KafkaException as error:
        raise Problem(
            503,
            "kafka-unavailable",
            f"Kafka does not answer ({brief(error)}); try again shortly.",
            headers={"Retry-After": "2"},
        ) from None
    raise answer.not_verifiable(
        id, f"This takes longer than a request may; run `orderflow replay verify {id}`."
    )


def _find(db: Connection, id: str) -> Row[Any] | None:
    return db.exec_driver_sql("SELECT * FROM replays WHERE id = %(id)s", {"id": _uuid(id)}).first()


def _replay(row: Row[Any]) -> dict[str, Any]:
    return answer.replay(
        str(row.id),
        uid=str(row.id),
        spec=row.spec,
        created_at=row.created_at,
        phase=row.phase,
        status=row.status,
        suspend=row.suspend,
        cancel=row.cancel,
    )


def _uuid(text: str) -> str:
    try:
        if len(text) == 36:
            return str(UUID(text))
    except ValueError:
        pass
    raise answer.unknown(text)
