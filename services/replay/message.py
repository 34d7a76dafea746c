"""A stored event as it goes to the target: the original envelope, marked as a replay."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from services.events import LANGUAGE
from services.replay.source import Stored

# A message: its value and its headers.
Message = tuple[str, list[tuple[str, str | bytes | None]]]


def event_id(replay_id: UUID, requested_at: datetime, original: str) -> str:
    """The id of a replayed event: a function of the replay and of the original event.

    It is a UUIDv7 of the time at which the replay was made, as consumers forget ids by their age;
    what is random in others is here a hash of both ids.
    """
    return _event_ids(replay_id, requested_at)(original)


def _event_ids(replay_id: UUID, requested_at: datetime) -> Callable[[str], str]:
    milliseconds = f"{int(requested_at.timestamp() * 1000):012x}"
    prefix = f"{milliseconds[:8]}-{milliseconds[8:]}-7"
    seed = sha256(replay_id.bytes)

    def make(original: str) -> str:
        digest = seed.copy()
        digest.update(original.encode())
        h = digest.hexdigest()
        return f"{prefix}{h[:3]}-{'89ab'[int(h[3], 16) & 3]}{h[4:7]}-{h[7:19]}"

    return make


def encoder(replay_id: UUID, requested_at: datetime, shard: int) -> Callable[[Stored], Message]:
    """A function that writes stored events as messages of this replay and shard.

    It runs for every event, so it puts text together where orjson would read and write all of it.
    """
    new_id = _event_ids(replay_id, requested_at)
    replay = f'"replay":{{"id":"{replay_id}","shard":{shard},"originalEventId":"'
    topics = {type: str(topic) for type, topic in LANGUAGE.topics.items()}
    constant = [("is-replay", "true"), ("replay-id", str(replay_id))]

    def encode(row: Any) -> Message:
        time, original, _, type, payload, source, cause, correlation = row
        id, exact = new_id(original), time.isoformat(timespec="microseconds")[:26]
        at = exact[:23]  # the envelope's times have milliseconds
        causation = f'"{cause}"' if cause else "null"
        value = (
            f'{{"eventId":"{id}","eventType":"{type}","timestamp":"{at}Z","payload":{payload},'
            f'"metadata":{{"version":1,"source":{_text(source)},"correlationId":"{correlation}",'
            f'"causationId":{causation}}},"isReplay":true,{replay}{original}",'
            f'"originalTimestamp":"{exact}Z","originalTopic":"{topics[type]}"}}}}'
        )
        trace = correlation.replace("-", "")
        headers: list[tuple[str, str | bytes | None]] = [
            ("event-type", type),
            ("event-id", id),
            ("correlation-id", correlation),
            ("traceparent", f"00-{trace}-{id[19:23]}{id[24:]}-01"),
            *constant,
        ]
        return value, headers

    return encode


def _text(text: str) -> str:
    return f'"{text}"' if text.isalnum() else orjson.dumps(text).decode()
