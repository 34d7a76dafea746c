"""A stored history of any size, put into the gateway's tables by PostgreSQL itself."""

from datetime import datetime

from sqlalchemy import Engine

# Ids like those of the gateway: UUIDv7 of the event's time, the rest at random.
_FILL = """
WITH numbered AS (
    SELECT n, %(since)s::timestamptz
        + (%(to)s::timestamptz - %(since)s::timestamptz) * n / %(count)s AS at,
        gen_random_uuid() AS a, gen_random_uuid() AS b, gen_random_uuid() AS correlation
    FROM generate_series(0, %(count)s - 1) n
), timed AS (
    SELECT *, date_trunc('milliseconds', at) AS time,
        lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS prefix
    FROM numbered
), named AS (
    SELECT *, (prefix || '7' || substr(replace(a::text, '-', ''), 14))::uuid AS order_id,
        (prefix || '7' || substr(replace(b::text, '-', ''), 14))::uuid AS event_id,
        jsonb_build_array(
            jsonb_build_object('productId', 'PROD-001', 'name', 'Wireless Headphones',
                'price', '79.99', 'quantity', 1 + n %% 3),
            jsonb_build_object('productId', 'PROD-00' || 2 + n %% 7, 'name', 'USB-C Hub',
                'price', '34.99', 'quantity', 1)) AS items,
        79.99 * (1 + n %% 3) + 34.99 AS total,
        'CUST-' || lpad((n %% 1000)::text, 4, '0') AS customer
    FROM timed
), stored AS (
    INSERT INTO orders (id, customer_id, customer_email, items, total, status, correlation_id,
        created_at, updated_at)
    SELECT order_id, customer, lower(customer) || '@example.com', items, total,
        CASE WHEN n %% 10 = 0 THEN 'failed' ELSE 'completed' END::order_status, correlation,
        time, time
    FROM named
)
INSERT INTO order_events (id, order_id, event_type, payload, service_name, created_at)
SELECT event_id, order_id, 'ORDER_CREATED', jsonb_build_object('orderId', order_id,
    'customerId', customer, 'customerEmail', lower(customer) || '@example.com',
    'items', items, 'total', total::text), 'gateway', time
FROM named ORDER BY time
"""
# The rest of each order's life, one event a second after the other.
_LIVE_ON = """
INSERT INTO order_events (id, order_id, event_type, payload, service_name, causation_id, created_at)
SELECT gen_random_uuid(), e.order_id, step.type, jsonb_build_object('orderId', e.order_id),
    step.service, e.id, e.created_at + step.number * interval '1 second'
FROM order_events e JOIN orders o ON o.id = e.order_id, (VALUES
    (1, 'PAYMENT_PROCESSING', 'payment', true), (2, 'INVENTORY_RESERVED', 'inventory', true),
    (3, 'PAYMENT_PROCESSED', 'payment', true), (4, 'SHIPMENT_CREATED', 'shipping', true),
    (5, 'SHIPMENT_DISPATCHED', 'shipping', true), (6, 'INVENTORY_COMMITTED', 'inventory', true),
    (7, 'SHIPMENT_DELIVERED', 'shipping', true), (1, 'INVENTORY_FAILED', 'inventory', false)
) AS step (number, type, service, well)
WHERE e.event_type = 'ORDER_CREATED' AND step.well = (o.status = 'completed')
"""


def fill(engine: Engine, count: int, since: datetime, to: datetime, *, whole: bool = False) -> None:
    """Put so many orders, evenly between two times, into the schema that ``engine`` is set to.

    With ``whole`` they have all their events, else only ORDER_CREATED.
    """
    with engine.begin() as db:
        db.exec_driver_sql("SET LOCAL statement_timeout = 0; SET LOCAL search_path = gateway")
        db.exec_driver_sql(_FILL, {"count": count, "since": since, "to": to})
        if whole:
            db.exec_driver_sql(_LIVE_ON)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.exec_driver_sql("VACUUM ANALYZE gateway.orders, gateway.order_events")
