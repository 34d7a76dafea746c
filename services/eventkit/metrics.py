"""Every metric of the mechanism, named and explained in this one place.

Durations are seconds. No label takes an unbounded value: there is no order id here.
"""

from prometheus_client import Counter, Gauge, Histogram

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

http_requests = Counter(
    "orderflow_http_requests_total",
    "HTTP requests answered, by route pattern and status.",
    ["method", "route", "status"],
)
http_seconds = Histogram(
    "orderflow_http_request_duration_seconds",
    "Time from a request's arrival to its answer.",
    ["method", "route"],
    buckets=FAST,
)
consumed = Counter(
    "orderflow_consumer_messages_total",
    "Messages taken from Kafka: handled, duplicate, or ignored (no handler, a replay, invalid).",
    ["outcome"],
)
batch_seconds = Histogram(
    "orderflow_consumer_batch_duration_seconds",
    "Time of one batch, from the first handler to the commit.",
    buckets=FAST,
)
batch_messages = Histogram(
    "orderflow_consumer_batch_messages",
    "Messages that one transaction handled.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
)
consumer_retries = Counter(
    "orderflow_consumer_retries_total",
    "Batches tried again in place after a passing fault.",
    ["error"],
)
consumers_renewed = Counter(
    "orderflow_consumer_renewed_total",
    "Consumers made anew, as they were given nothing for good.",
)
dead_letters = Counter(
    "orderflow_dead_letters_total",
    "Messages moved to the dead-letter topic.",
    ["topic", "error"],
)
assigned_partitions = Gauge(
    "orderflow_consumer_assigned_partitions",
    "Partitions that this process consumes.",
)
events_emitted = Counter(
    "orderflow_events_emitted_total",
    "Events committed to the outbox.",
    ["event_type"],
)
events_relayed = Counter(
    "orderflow_outbox_relayed_total",
    "Outbox rows acknowledged by Kafka and removed.",
)
outbox_rows = Gauge(
    "orderflow_outbox_rows",
    "Outbox rows not yet relayed, at the last look.",
)
outbox_age = Gauge(
    "orderflow_outbox_oldest_age_seconds",
    "Age of the oldest outbox row, at the last look.",
)
loop_failures = Counter(
    "orderflow_loop_failures_total",
    "Rounds of a background loop that ended in an error and are tried again.",
    ["loop"],
)
loop_leader = Gauge(
    "orderflow_loop_leader",
    "1 where this process runs the loop, 0 where it stands by.",
    ["loop"],
)
