"""Making the topics: the live ones, those of replays and the one for dead letters."""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from services.eventkit import deadletter
from services.eventkit.settings import Settings
from services.events import Topic
from services.orderreplay import checkpoint, spec

DAY = 86_400_000  # milliseconds


def create(settings: Settings, *, partitions: int, replication: int) -> list[str]:
    """Make the topics that are missing. Returns their names.

    Raises KafkaException where Kafka does not answer or refuses one.
    """
    wanted = {topic.value: (partitions, {"retention.ms": str(7 * DAY)}) for topic in Topic}
    wanted[spec.TOPIC] = (partitions, {"retention.ms": str(7 * DAY)})
    wanted[spec.CHECKPOINTS] = (checkpoint.PARTITIONS, checkpoint.CONFIG)
    # One partition, so that a letter's offset is its number; room for the largest message with
    # what is added to its headers.
    wanted[deadletter.TOPIC] = (
        1,
        {"retention.ms": str(30 * DAY), "max.message.bytes": "2000000"},
    )
    admin = AdminClient(settings.kafka())
    existing = admin.list_topics(timeout=5).topics
    missing = [
        NewTopic(name, num_partitions=count, replication_factor=replication, config=config)
        for name, (count, config) in wanted.items()
        if name not in existing
    ]
    made = []
    for name, future in (admin.create_topics(missing) if missing else {}).items():
        try:
            future.result(timeout=30)
            made.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    return made
