"""The worked example of docs/scoring-a-replay.md, run as a fraud engineer would run it."""

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

from tests.system import System, eventually

CHECKOUT = Path(__file__).parents[2]
EXAMPLE = CHECKOUT / "docs/examples/fraud/score.py"
PAGE = CHECKOUT / "docs/scoring-a-replay.md"


def place(system: System, customer: str, pieces: int = 1) -> str:
    """Place an order of a customer. Returns its id."""
    return system.accepted(("PROD-008", pieces), body={"customerId": customer})


def replay(system: System, topic: str, *customers: str) -> None:
    """Replay the orders of customers to one partition of a topic, to the end."""
    spec = {
        "days": 1,
        "filter": {"customerIds": customers},
        "topic": topic,
        "partitions": 1,
    }
    answer = system.post("/api/orders/replay", spec)
    assert answer.status_code == 202, answer.text
    path = f"/api/replays/{answer.json()['replay']['id']}"

    def ended() -> bool:
        found = system.get(path)["replay"]
        assert found["phase"] not in ("Failed", "Cancelled"), found
        return bool(found["phase"] == "Completed")

    eventually(ended, what=f"{path} completes")


def score(system: System, topic: str) -> subprocess.CompletedProcess[str]:
    """Run the example on a topic to its end."""
    return subprocess.run(
        [sys.executable, EXAMPLE, topic, "3"],
        env=system.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_example_flags_what_is_odd_and_the_same_after_a_second_replay(system: System) -> None:
    one, other, topic = (f"{name}-{uuid4()}" for name in ("FRAUD", "HASTY", "fraud"))
    for _ in range(4):
        place(system, one)
    large = place(system, one, pieces=10)
    hasty = [place(system, other) for _ in range(6)]

    for _ in range(2):
        replay(system, topic, one, other)
        done = score(system, topic)
        assert (done.returncode, done.stderr) == (0, "11 orders of 2 customers\n")
        assert done.stdout.splitlines() == [
            f"{large}  {one}  199.90, usual is 19.99",
            f"{hasty[-1]}  {other}  6 orders within a minute",
        ]


def test_the_example_says_that_there_is_no_such_topic(system: System) -> None:
    done = score(system, "fraud-nothing")
    assert (done.returncode, done.stderr) == (1, "There is no topic fraud-nothing.\n")


def test_the_example_takes_about_thirty_lines_of_code() -> None:
    lines = EXAMPLE.read_text().splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    assert len([line for line in lines if line]) - len(imports) <= 30


def test_the_page_shows_the_example_as_it_is() -> None:
    shown = PAGE.read_text().split("```python\n")
    assert any(part.split("```")[0] == EXAMPLE.read_text() for part in shown)
