"""What ``GET /api/services/status`` says of lag, outboxes and errors, with something away too."""

from typing import Any

from tests.system import System, eventually

CONSUMERS = ("gateway", "payment", "inventory", "shipping", "analytics")


def services(system: System) -> dict[str, dict[str, Any]]:
    """What is said of each service."""
    return {each["name"]: each for each in system.get("/api/services/status")["services"]}


def test_services_at_rest_have_no_lag_and_an_empty_outbox(system: System) -> None:
    system.ended(system.accepted(("PROD-001", 1)))
    system.settle()

    def at_rest() -> bool:
        shown = services(system)
        for name in CONSUMERS:
            assert shown[name]["lag"], f"{name} has committed nothing yet"
            assert shown[name]["lag"]["messages"] == 0
            assert shown[name]["lag"]["partitions"] > 0
            assert shown[name]["outbox"] == {"rows": 0, "oldestSeconds": 0.0}
        assert shown["shipping"]["lag"]["byTopic"] == {"orders": 0, "payments": 0}
        return True

    eventually(at_rest, what="every offset is committed")
    shown = services(system)
    assert (shown["replay"]["lag"], shown["replay"]["outbox"]) == (None, None)


def test_the_lag_of_a_dead_consumer_is_what_it_has_not_committed(system: System) -> None:
    system.settle()
    system.kill("shipping")
    orders = [system.accepted(("PROD-001", 1)) for _ in range(5)]
    eventually(lambda: all(system.status(order) == "paid" for order in orders))

    def right() -> bool:
        shown = services(system)["shipping"]
        assert shown["status"] == "offline"
        lag = shown["lag"]
        assert lag["messages"] == sum(lag["byTopic"].values()) == system.lag("shipping")
        return bool(lag["byTopic"]["orders"] >= 5 and lag["byTopic"]["payments"] >= 10)

    eventually(right, what="the lag is told and is that of the group")
    system.start("shipping")
    eventually(lambda: services(system)["shipping"]["lag"]["messages"] == 0)


def test_without_kafka_the_outbox_and_the_last_error_tell_of_it(system: System) -> None:
    system.settle()
    system.kafka.kill()
    try:
        assert system.order(("PROD-001", 1)).status_code == 201

        def told() -> bool:
            shown = services(system)["gateway"]
            assert shown["status"] == "unhealthy"
            assert shown["lag"] is None
            # A sentence, and nothing of how the library writes it.
            assert "{" not in shown["checks"]["kafka"]
            assert shown["checks"]["kafka"].startswith("Kafka ")
            error = shown["lastError"]
            return bool(
                shown["outbox"]["rows"] == 1
                and shown["outbox"]["oldestSeconds"] > 0
                and error
                and error["level"] == "WARNING"
                and error["message"].startswith("loop relay failed, trying again: ")
            )

        eventually(told, what="the gateway tells of its outbox and its relay")
    finally:
        system.kafka.start()
    eventually(lambda: services(system)["gateway"]["outbox"]["rows"] == 0)
