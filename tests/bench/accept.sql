\set n random(1, 1000)
BEGIN;
WITH stored AS (
    INSERT INTO gateway.orders (id, customer_id, customer_email, items, total, correlation_id,
        created_at, updated_at)
    VALUES (gen_random_uuid(), 'CUST-' || :n, 'customer' || :n || '@example.com',
        '[{"name": "Wireless Headphones", "price": 79.99, "quantity": 2, "productId": "PROD-001"}, {"name": "USB-C Hub", "price": 34.99, "quantity": 1, "productId": "PROD-003"}]',
        194.97, gen_random_uuid(), now(), now())
    RETURNING id
), recorded AS (
    INSERT INTO gateway.order_events (id, order_id, event_type, payload, service_name, created_at)
    SELECT gen_random_uuid(), id, 'ORDER_CREATED', '{"orderId": "01a20464-05a2-721b-a8a4-baa5968bae57", "customerId": "CUST-001", "customerEmail": "john@example.com", "items": [{"productId": "PROD-001", "name": "Wireless Headphones", "price": "79.99", "quantity": 2}, {"productId": "PROD-003", "name": "USB-C Hub", "price": "34.99", "quantity": 1}], "total": "194.97"}',
        'gateway', now() FROM stored
)
INSERT INTO gateway.outbox (topic, key, headers, value)
SELECT 'orders', id::text, '{"event-type": "ORDER_CREATED", "event-id": "01a20464-05a3-7033-9cd4-05f75e484311", "correlation-id": "0d73f8dd-c30d-4693-9ef9-e091f7d08353", "traceparent": "00-0d73f8ddc30d46939ef9e091f7d08353-9cd405f75e484311-01"}',
    '{"eventId": "01a20464-05a3-7033-9cd4-05f75e484311", "eventType": "ORDER_CREATED", "timestamp": "2026-11-22T17:53:13.635Z", "payload": {"orderId": "01a20464-05a2-721b-a8a4-baa5968bae57", "customerId": "CUST-001", "customerEmail": "john@example.com", "items": [{"productId": "PROD-001", "name": "Wireless Headphones", "price": "79.99", "quantity": 2}, {"productId": "PROD-003", "name": "USB-C Hub", "price": "34.99", "quantity": 1}], "total": "194.97"}, "metadata": {"version": 1, "source": "gateway", "correlationId": "0d73f8dd-c30d-4693-9ef9-e091f7d08353", "causationId": null}}'
FROM stored;
COMMIT;
