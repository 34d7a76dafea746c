"""What a file may say of topics, and what is said of a file that may not."""

import pytest

from services.topics import read_choices, wanted


def test_what_is_chosen_of_one_topic_wins_over_what_all_have() -> None:
    choices = read_choices(
        "orders: {partitions: 12, config: {min.insync.replicas: 2}}\n"
        "replay-checkpoints: {config: {segment.bytes: 1048576}}"
    )
    topics = wanted(partitions=3, retention_days=1.5, choices=choices)
    assert (topics["orders"].partitions, topics["payments"].partitions) == (12, 3)
    assert topics["orders"].config == {"retention.ms": "129600000", "min.insync.replicas": "2"}
    assert topics["orders"].chosen == topics["orders"].config
    assert topics["payments"].chosen == {"retention.ms": "129600000"}
    assert topics["replay-checkpoints"].config["cleanup.policy"] == "compact"
    assert topics["replay-checkpoints"].chosen == {"segment.bytes": "1048576"}


def test_nothing_chosen_leaves_what_is_there_alone() -> None:
    assert read_choices("") == {}
    assert all(topic.chosen == {} for topic in wanted().values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("order: {partitions: 3}", "there is no topic 'order', only orders, "),
        ("orders: {partition: 3}", "orders.partition"),
        ("orders: {partitions: 0}", "orders.partitions"),
        ("orders: {partitions: many}", "orders.partitions"),
        ("orders: [", "it is no YAML"),
        ("- orders", "dictionary"),
        ("dead-letters: {partitions: 2}", "dead-letters has 1 partitions, always"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_choices(text)
