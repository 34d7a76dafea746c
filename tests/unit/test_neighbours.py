"""A neighbour that ends while it is asked."""

import socket
import threading
from collections.abc import Iterator

import pytest
from flask import Flask

from services.eventkit.problems import Problem
from services.gateway.neighbours import Neighbours

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Ending:
    """Takes a request on each connection, and closes the first ones without an answer."""

    def __init__(self, unanswered: int) -> None:
        self.asked = 0
        self._unanswered = unanswered
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client:
                if not client.recv(65536):
                    return
                self.asked += 1
                if self.asked > self._unanswered:
                    client.sendall(ANSWER)

    def close(self) -> None:
        with socket.create_connection(self._server.getsockname()):
            pass
        self._thread.join()
        self._server.close()


@pytest.fixture
def ending(request: pytest.FixtureRequest) -> Iterator[Ending]:
    server = Ending(request.param)
    yield server
    server.close()


def ask(server: Ending, method: str) -> int:
    neighbours = Neighbours(None, {"inventory": server.url}, None)  # type: ignore[arg-type]
    with Flask(__name__).test_request_context("/", method=method):
        return neighbours.ask("inventory", method, "/api/inventory").status_code


@pytest.mark.parametrize("ending", [1], indirect=True)
def test_a_read_is_asked_again_where_the_one_who_was_asked_has_ended(ending: Ending) -> None:
    assert ask(ending, "GET") == 200
    assert ending.asked == 2


@pytest.mark.parametrize("ending", [2], indirect=True)
def test_it_is_asked_again_once_and_no_more(ending: Ending) -> None:
    with pytest.raises(Problem, match="inventory service does not answer"):
        ask(ending, "GET")
    assert ending.asked == 2


@pytest.mark.parametrize("ending", [1], indirect=True)
def test_a_write_is_never_asked_again_as_it_may_have_been_done(ending: Ending) -> None:
    with pytest.raises(Problem, match="inventory service does not answer"):
        ask(ending, "POST")
    assert ending.asked == 1
