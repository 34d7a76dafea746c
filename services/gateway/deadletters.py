"""Dead letters over HTTP: what lies there and why, and giving it back."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Self

from confluent_kafka import KafkaException
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.eventkit import deadletter
from services.eventkit.deadletter import DeadLetter
from services.eventkit.event import no_nulls
from services.eventkit.log import brief
from services.eventkit.problems import Problem
from services.eventkit.settings import Settings
from services.gateway.kafka import Bounds, Kafka, Scan
from services.gateway.messages import read_cursor, shown, write_cursor
from services.gateway.topics import kind_of

# The topic holds a month and up to a hundred letters a minute from each service, so the newest are
# looked at; older ones are for the command line, which takes its time.
BOUNDS = Bounds(messages=10_000, bytes=32_000_000, seconds=5)
MOST = 1_000  # letters that one request redrives
CAUSES = 20
ORIGINS = 100
_MARK = "dead-letters"

Text = Annotated[str, StringConstraints(min_length=1, max_length=249, pattern=r"^[^\x00]*$")]


class LetterQuery(BaseModel):
    """The parameters of ``GET /api/dead-letters``."""

    model_config = ConfigDict(extra="forbid")

    service: Text | None = None
    topic: Text | None = None
    error: Text | None = None
    text: Text | None = None
    number: int | None = Field(None, ge=0, le=2**63 - 1)
    redriven: bool | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=100)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    _given = model_validator(mode="before")(no_nulls)


class LetterFilter(_Part):
    """Which letters; each condition that is given must hold."""

    service: Text | None = None
    topic: Text | None = None
    error: Text | None = None
    text: Text | None = None


class RedriveRequest(_Part):
    """Which letters to give back: by their numbers, or all that match and were not given back."""

    numbers: list[Annotated[int, Field(ge=0, le=2**63 - 1)]] | None = Field(
        None, min_length=1, max_length=MOST
    )
    filter: LetterFilter | None = None
    all: bool = False
    limit: Annotated[int, Field(ge=1, le=MOST)] | None = None
    again: bool = False
    by: Annotated[Text, StringConstraints(max_length=100)] = "dashboard"

    @model_validator(mode="after")
    def _clear(self) -> Self:
        if (self.numbers is None) == (self.filter is None):
            raise ValueError("Send numbers or filter, one of them")
        if self.filter is not None and self.again:
            raise ValueError("again goes with numbers only; name those to be redriven once more")
        if self.filter is None and self.all:
            raise ValueError("all goes with filter only; leave it out")
        if self.filter is None and self.limit is not None:
            raise ValueError("limit goes with filter only; send fewer numbers")
        if self.filter is not None and not self.filter.model_fields_set and not self.all:
            raise ValueError("The filter is empty; name a condition, or send all: true for all")
        return self


class Letters:
    """The dead letters of the cluster. Methods raise KafkaException where Kafka is away."""

    def __init__(self, settings: Settings, kafka: Kafka, bounds: Bounds = BOUNDS) -> None:
        self._settings, self._kafka, self._bounds = settings, kafka, bounds
        self._redriving = threading.Lock()

    def page(self, query: LetterQuery) -> dict[str, Any]:
        """A page of the letters that match, newest first, with what they died of."""
        before = None
        if query.cursor is not None:
            advice = "take it from the answer before"
            [before] = read_cursor(query.cursor, _MARK, 1, advice)
        letters, complete = self._newest()
        matches = matcher(query)
        found = [
            letter
            for letter in reversed(letters)
            if matches(letter)
            and query.number in (None, letter.number)
            and query.redriven in (None, bool(letter.redriven))
        ]
        left = [letter for letter in found if before is None or letter.number < before]
        on_page = left[: query.limit]
        more = len(left) > query.limit
        return {
            "success": True,
            "deadLetters": [as_json(letter) for letter in on_page],
            "total": len(found),
            "complete": complete,
            "byCause": by_cause(found),
            "byOrigin": by_origin(found),
            "cursor": write_cursor(_MARK, [on_page[-1].number]) if more else None,
        }

    def redrive(self, request: RedriveRequest) -> dict[str, Any]:
        """Give letters back, oldest first. Raises Problem where one of those named may not be.

        One redrive at a time in a process, so that two do not give back the same; what two
        processes both give back takes effect once, as services remember its event.
        """
        if not self._redriving.acquire(blocking=False):
            raise Problem(
                409,
                "redrive-under-way",
                "Letters are being redriven at the moment; look at what is left when that is done.",
            )
        try:
            letters, _ = self._newest()
            skipped: list[DeadLetter] = []
            if request.numbers is not None:
                chosen = _named(letters, request.numbers, request.again)
            else:
                matches = matcher(request.filter or LetterFilter())
                open_ = [le for le in letters if matches(le) and not le.redriven]
                chosen = [letter for letter in open_ if obstacle(letter) is None]
                skipped = [letter for letter in open_ if obstacle(letter)]
            redriven: list[int] = []
            now = chosen[: request.limit or MOST]
            try:
                deadletter.redrive(
                    self._settings,
                    now,
                    by=request.by,
                    progress=lambda letter: redriven.append(letter.number),
                )
            except KafkaException as error:
                raise Problem(
                    503,
                    "redrive-incomplete",
                    f"Kafka took {len(redriven)} of {len(now)} and then no more:"
                    f" {brief(error)}. Look at what is left and redrive that.",
                    headers={"Retry-After": "2"},
                    redriven=redriven,
                ) from None
            return {
                "success": True,
                "redriven": redriven,
                "skipped": [letter.number for letter in skipped[:MOST]],
                "remaining": len(chosen) - len(redriven),
            }
        finally:
            self._redriving.release()

    def _newest(self) -> tuple[list[DeadLetter], bool]:
        """The newest letters within the bounds, oldest first, and whether these are all."""
        place = (deadletter.TOPIC, 0)
        if deadletter.TOPIC not in self._kafka.topics():
            return [], True
        ends = self._kafka.ends([place], committed=True)
        with self._kafka.reader(self._bounds.seconds + 2) as reader:
            scan = Scan(
                reader,
                ends,
                {place: ends[place][1]},
                newest_first=True,
                bounds=self._bounds,
            )
            messages = list(scan)
        # A note of a redrive comes after its letter, so what is known of each is whole.
        return deadletter.read(self._settings, reversed(messages)), scan.done


def _named(letters: list[DeadLetter], numbers: list[int], again: bool) -> list[DeadLetter]:
    known = {letter.number: letter for letter in letters}
    if missing := [n for n in numbers if n not in known]:
        raise Problem(
            404,
            "dead-letter-not-found",
            f"There is no dead letter {_some(missing)} among the newest; none was redriven."
            " GET /api/dead-letters lists them, and `orderflow dlq` knows older ones too.",
            numbers=missing,
        )
    chosen = [known[n] for n in sorted(set(numbers))]
    if stuck := [letter for letter in chosen if obstacle(letter)]:
        raise Problem(
            409,
            "dead-letter-not-redrivable",
            f"{stuck[0].number} {obstacle(stuck[0])}; none was redriven. Leave out"
            f" {_some([letter.number for letter in stuck])}.",
            numbers=[letter.number for letter in stuck],
        )
    if not again and (done := [letter for letter in chosen if letter.redriven]):
        raise Problem(
            409,
            "dead-letter-redriven",
            f"{done[0].number} was redriven at {done[0].redriven[-1]}; none was redriven now."
            f" Leave out {_some([letter.number for letter in done])},"
            " or send again: true to redrive them once more.",
            numbers=[letter.number for letter in done],
        )
    return chosen


def _some(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return shown if len(numbers) <= 10 else f"{shown} and {len(numbers) - 10} more"


def obstacle(letter: DeadLetter) -> str | None:
    """Why a letter cannot be given back, or None."""
    if not {"service", "topic"} <= letter.origin.keys():
        return "was not written by a service of ours"
    if kind_of(letter.origin["topic"]) in ("internal", "dead-letters", "checkpoints"):
        return "names a topic that no service of ours reads"
    if "truncated" in letter.origin:
        return "was too large to keep and is only to be had at its origin"
    return None


def matcher(query: LetterQuery | LetterFilter) -> Callable[[DeadLetter], bool]:
    """Whether a letter has all that is asked for; ``text`` is in its cause, key or value."""
    exact = {
        name: wanted
        for name in ("service", "topic", "error")
        if (wanted := getattr(query, name)) is not None
    }
    text = (query.text or "").casefold()

    def matches(letter: DeadLetter) -> bool:
        if any(letter.origin.get(name) != wanted for name, wanted in exact.items()):
            return False
        if not text:
            return True
        parts = (letter.key, letter.value, letter.origin.get("cause", "").encode())
        return any(text in (part or b"").decode(errors="replace").casefold() for part in parts)

    return matches


def by_cause(letters: list[DeadLetter]) -> list[dict[str, Any]]:
    """What letters died of, the most frequent first, and how many are still to be redriven."""
    counted = _counted(letters, ("error", "cause"), lambda letter: not letter.redriven, "open")
    return counted[:CAUSES]


def by_origin(letters: list[DeadLetter]) -> list[dict[str, Any]]:
    """Who gave letters up and where they were read, and how many a redrive of all gives back."""

    def redrivable(letter: DeadLetter) -> bool:
        return not letter.redriven and obstacle(letter) is None

    return _counted(letters, ("service", "topic"), redrivable, "redrivable")[:ORIGINS]


def _counted(
    letters: list[DeadLetter],
    by: tuple[str, str],
    counts_too: Callable[[DeadLetter], bool],
    name: str,
) -> list[dict[str, Any]]:
    """How many letters have the same of their origin, and under ``name`` of how many that is so."""
    all_, some = Counter[tuple[str | None, ...]](), Counter[tuple[str | None, ...]]()
    for letter in letters:
        of = tuple(letter.origin.get(each) for each in by)
        all_[of] += 1
        some[of] += counts_too(letter)
    return [
        {**dict(zip(by, of, strict=True)), "count": count, name: some[of]}
        for of, count in all_.most_common()
    ]


def as_json(letter: DeadLetter) -> dict[str, Any]:
    """A letter as clients see it: where it comes from, what was wrong, and the message itself."""
    whole, origin = letter.as_dict(), letter.origin
    number = {name: origin.get(name, "") for name in ("partition", "offset")}
    return {
        "number": letter.number,
        **{name: origin.get(name) for name in ("service", "topic", "error", "cause", "at")},
        **{name: int(text) if text.isdecimal() else None for name, text in number.items()},
        "key": whole["key"],
        "headers": whole["headers"],
        **shown(letter.value),
        "obstacle": obstacle(letter),
        "redriven": [
            dict(zip(("at", "by"), note.split(" by ", 1), strict=True)) for note in letter.redriven
        ],
    }
