"""Every metric of the operator. No label takes an unbounded value: there is no replay's name."""

from prometheus_client import Counter, Gauge, Histogram

replays = Gauge(
    "orderflow_operator_replays",
    "OrderReplays by phase, at the last look at all of them.",
    ["phase"],
)
reconcile_seconds = Histogram(
    "orderflow_operator_reconcile_duration_seconds",
    "Time of one reconcile.",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
reconcile_errors = Counter(
    "orderflow_operator_reconcile_errors_total",
    "Reconciles that ended in an error and are tried again.",
    ["kind"],
)
jobs_created = Counter("orderflow_operator_jobs_created_total", "Jobs made for OrderReplays.")
queued = Gauge("orderflow_operator_queued", "Resources that wait to be looked at.")
leader = Gauge("orderflow_operator_leader", "1 where this process works, 0 where it stands by.")
watch_silent = Gauge(
    "orderflow_operator_watch_silent",
    "1 where a watch has not told of a change that a list shows; /healthz fails then.",
)
checkpoints_read = Gauge(
    "orderflow_operator_checkpoints_read",
    "1 where the replays' checkpoints are read from Kafka to the newest, 0 where they are not.",
)
