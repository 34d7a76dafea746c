"""Score replayed orders: python docs/examples/fraud/score.py TOPIC [SECONDS to wait for more]"""

import json
import os
import sys
from collections import defaultdict, deque
from datetime import datetime, timedelta
from decimal import Decimal

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

topic, patience = sys.argv[1], float(sys.argv[2] if len(sys.argv) > 2 else 10)
kafka = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
consumer = Consumer(
    {"bootstrap.servers": kafka, "group.id": "fraud", "isolation.level": "read_committed"}
)
there = consumer.list_topics(timeout=10).topics
partitions = there[topic].partitions if topic in there else sys.exit(f"There is no topic {topic}.")
consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
seen = set[str]()
last = defaultdict[str, deque[tuple[datetime, Decimal]]](lambda: deque(maxlen=100))

while message := consumer.poll(patience):
    if error := message.error():
        sys.exit(f"Kafka: {error.str()}")
    event = json.loads(message.value() or b"{}")
    original = event.get("replay", {}).get("originalEventId")
    if event.get("eventType") != "ORDER_CREATED" or not original or original in seen:
        continue
    seen.add(original)
    order, at = event["payload"], datetime.fromisoformat(event["timestamp"])
    total, earlier = Decimal(order["total"]), last[order["customerId"]]
    usual = sum(each for _, each in earlier) / (len(earlier) or 1)
    recent = 1 + sum(at - timedelta(minutes=1) < when <= at for when, _ in earlier)
    if len(earlier) >= 3 and total > 3 * usual:
        print(f"{order['orderId']}  {order['customerId']}  {total}, usual is {usual:.2f}")
    if recent > 5:
        print(f"{order['orderId']}  {order['customerId']}  {recent} orders within a minute")
    earlier.append((at, total))

print(f"{len(seen)} orders of {len(last)} customers", file=sys.stderr)
