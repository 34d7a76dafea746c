"""The API, as clients of the Node system know it."""

import json
import re
import time
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import yaml
from confluent_kafka import KafkaException
from flask import Blueprint, Response, redirect, request
from flask_swagger_ui import get_swaggerui_blueprint
from sqlalchemy.exc import DBAPIError

from services.eventkit.database import is_transient
from services.eventkit.http import body, check, raw_body, reply
from services.eventkit.http import query as parameters
from services.eventkit.log import brief
from services.eventkit.problems import Problem
from services.eventkit.service import Service
from services.gateway import (
    cancellation,
    deadletters,
    messages,
    order_messages,
    reading,
    topics,
)
from services.gateway.acceptance import Acceptance, Accepted, OrderRequest, fingerprint, recall
from services.gateway.cancellation import CancelRequest
from services.gateway.catalogue import Catalogue
from services.gateway.kafka import Kafka
from services.gateway.neighbours import Neighbours
from services.gateway.replays import Replays
from services.orderreplay import answer

CONTRACTS = Path(__file__).parents[2] / "contracts"
STORE_SECONDS = 3.0  # a restart of the database takes less
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")  # of a resource; an id is one too
_TRACE = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def create(
    service: Service,
    catalogue: Catalogue,
    neighbours: Neighbours,
    replays: Replays,
    kafka: Kafka,
) -> Blueprint:
    """The routes over what the gateway is made of."""
    routes = Blueprint("gateway", __name__)
    letters = deadletters.Letters(service.settings, kafka)

    @routes.post("/api/orders")
    def accept() -> Response:
        """Accept an order: 201 whether Kafka is there or not."""
        order, key = body(OrderRequest), _idempotency_key()
        try:
            acceptance = Acceptance(order, catalogue, correlation_id=_correlation_id(), key=key)
        except Problem:
            # Prices may have changed since the key was first used; the answer has not.
            with service.statements.connect() as db:
                told = recall(db, key, fingerprint(order)) if key else None
            if told is None:
                raise
        else:
            told = _store(acceptance)
            if not told.repeated:
                service.published([acceptance.event])
        headers = {"Location": f"/api/orders/{told.order_id}"}
        if told.repeated:
            headers["Idempotency-Replayed"] = "true"
        return Response(told.response, 201, headers, mimetype="application/json")

    def _store(acceptance: Acceptance) -> Accepted:
        # Whether a try was stored whose answer was lost, the next finds out: it has the same id.
        until = time.monotonic() + STORE_SECONDS
        while True:
            try:
                with service.statements.connect() as db:
                    return acceptance.store(db)
            except DBAPIError as error:
                if not is_transient(error) or time.monotonic() > until:
                    raise
            time.sleep(0.2)

    @routes.get("/api/orders")
    def orders() -> Response:
        """A page of orders."""
        query = parameters(reading.ListQuery)
        with service.engine.connect() as db:
            return reply(reading.page(db, query))

    @routes.get("/api/orders/<order_id>")
    def order(order_id: str) -> Response:
        """One order."""
        number = _uuid(order_id)
        with service.statements.connect() as db:
            found = reading.one(db, number)
        if found is None:
            raise cancellation.unknown(number)
        return reply({"success": True, "order": found})

    @routes.get("/api/orders/<order_id>/events")
    def events(order_id: str) -> Response:
        """What has happened to one order, in causal order."""
        number = _uuid(order_id)
        with service.statements.connect() as db:
            found = reading.events(db, number)
        if not found:
            raise cancellation.unknown(number)
        return reply({"success": True, "orderId": str(number), "events": found})

    @routes.get("/api/orders/<order_id>/messages")
    def messages_of_order(order_id: str) -> Response:
        """Where the messages of one order lie in Kafka."""
        number = _uuid(order_id)
        asked = check(
            order_messages.MessagesQuery,
            request.args.to_dict() | {"topic": request.args.getlist("topic")},
        )
        with service.statements.connect() as db:
            found = order_messages.span(db, number)
        if found is None:
            raise cancellation.unknown(number)
        return reply(order_messages.messages(kafka, number, found, asked.topic))

    @routes.post("/api/orders/<order_id>/cancel")
    def cancel(order_id: str) -> Response:
        """Ask for an order to be cancelled; 202, as shipping decides."""
        number = _uuid(order_id)
        reason = (body(CancelRequest) if raw_body() else CancelRequest()).reason
        with service.engine.begin() as db:
            event = cancellation.request(db, number, reason)
            if event:
                service.publish(db, [event])
            found = reading.one(db, number)
        if event:
            service.published([event])
        return reply(
            {
                "success": True,
                "accepted": True,
                "message": "The request is with shipping, which decides it;"
                " see order.cancellation for what comes of it.",
                "order": found,
            },
            202,
            {"Location": f"/api/orders/{number}"},
        )

    @routes.get("/api/inventory")
    def inventory() -> Response:
        """The shelf, from inventory."""
        return neighbours.ask("inventory", "GET", "/api/inventory")

    @routes.post("/api/inventory/<product_id>/restock")
    def restock(product_id: str) -> Response:
        """Put pieces on the shelf, through inventory."""
        return neighbours.ask(
            "inventory", "POST", f"/api/inventory/{quote(product_id, safe='')}/restock"
        )

    @routes.get("/api/analytics")
    def analytics() -> Response:
        """Statistics, from analytics."""
        return neighbours.ask("analytics", "GET", "/api/analytics")

    @routes.post("/api/orders/replay")
    def replay() -> Response:
        """Ask for a replay; 202, as a process of its own runs it."""
        return replays.start(answer.asked(), _idempotency_key())

    @routes.get("/api/replays")
    def list_replays() -> Response:
        """The newest replays."""
        return replays.page()

    @routes.get("/api/replays/<id>")
    def show_replay(id: str) -> Response:
        """One replay."""
        return replays.show(_replay_id(id))

    @routes.post("/api/replays/<id>/<any(suspend, resume, cancel):action>")
    def act_on_replay(id: str, action: str) -> Response:
        """Suspend, resume or cancel a replay."""
        return replays.act(_replay_id(id), action)

    @routes.post("/api/replays/<id>/verify")
    def verify_replay(id: str) -> Response:
        """Count a replay anew, from the history and from its topic."""
        return replays.verify(_replay_id(id))

    @routes.get("/api/topics")
    def list_topics() -> Response:
        """Every topic."""
        internal = parameters(topics.TopicQuery).internal
        return reply({"success": True, "topics": topics.listing(kafka, internal=internal)})

    @routes.get("/api/topics/<name>")
    def show_topic(name: str) -> Response:
        """One topic, its partitions and who reads it."""
        return reply({"success": True, "topic": topics.one(kafka, name)})

    @routes.get("/api/topics/<name>/messages")
    def browse(name: str) -> Response:
        """A page of a topic's messages."""
        return reply(messages.browse(kafka, name, parameters(messages.MessageQuery)))

    @routes.get("/api/groups")
    def groups() -> Response:
        """Every consumer group."""
        return reply({"success": True, "groups": topics.groups(kafka)})

    @routes.get("/api/dead-letters")
    def dead_letters() -> Response:
        """A page of the dead letters."""
        return reply(letters.page(parameters(deadletters.LetterQuery)))

    @routes.post("/api/dead-letters/redrive")
    def redrive() -> Response:
        """Give dead letters back to the services that could not handle them."""
        return reply(letters.redrive(body(deadletters.RedriveRequest)))

    @routes.errorhandler(KafkaException)
    def kafka_away(error: KafkaException) -> Response:
        """Kafka does not answer, or refuses."""
        return Problem(
            503,
            "kafka-unavailable",
            f"Kafka does not answer, or refuses: {brief(error)}."
            " GET /api/services/status shows how it is; try again shortly.",
            headers={"Retry-After": "2"},
        ).response()

    @routes.get("/api/services/status")
    def status() -> Response:
        """How every service is."""
        return reply({"success": True, "services": neighbours.status()})

    @routes.get("/api/openapi.json")
    def openapi() -> Response:
        """The description of this API."""
        return Response(_openapi(), mimetype="application/json")

    @routes.get("/")
    def root() -> Any:
        """To the description, for whoever opens the address in a browser."""
        return redirect("/api/docs/")

    pages = get_swaggerui_blueprint("/api/docs", "/api/openapi.json", {"app_name": "Orderflow"})
    routes.register_blueprint(pages)
    return routes


@cache
def _openapi() -> str:
    return json.dumps(yaml.safe_load((CONTRACTS / "openapi.yaml").read_text()))


def _uuid(text: str) -> UUID:
    try:
        if len(text) == 36:
            return UUID(text)
    except ValueError:
        pass
    raise Problem(
        400,
        "invalid-order-id",
        f"{text[:100]!r} is no order id; it looks like 01a2044a-4761-7186-96ad-a96f596b82f6.",
    )


def _replay_id(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise answer.unknown(text)
    return text


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise Problem(
            400,
            "invalid-idempotency-key",
            "Idempotency-Key: send 1 to 255 printable ASCII characters, such as a UUID.",
        )
    return key


def _correlation_id() -> str:
    # A caller's trace becomes the correlation, so that both name the same thing.
    trace = _TRACE.fullmatch(request.headers.get("traceparent", ""))
    return str(UUID(trace[1]) if trace and int(trace[1], 16) else uuid4())
