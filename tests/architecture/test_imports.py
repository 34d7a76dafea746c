"""Imports run one way, the mechanism knows no business, and importing starts nothing."""

import ast
import subprocess
import sys
import threading
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from services.events import EventType
from services.registry import NAMES

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "services"
EVENTKIT = SERVICES / "eventkit"
SOURCES = sorted(SERVICES.rglob("*.py"))
# What puts services together, or looks at all of them, may import any of them.
COMPOSITION = {"cli", "cli_replay", "registry", "verify", "demo", "topics"}
CEILING = 1700  # lines of code in eventkit, without blank lines, comments and docstrings


def name_of(source: Path) -> str:
    """``services.gateway.routes`` for its file."""
    return ".".join(source.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(source: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it: ``services.events`` and the like."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: imports are absolute here"
            assert node.module is not None
            # `from services import events` imports services.events.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> str:
    """The part of the project that a module belongs to: its first two names at most."""
    return ".".join(module.split(".")[:2])


def edges(source: Path) -> set[str]:
    """The parts of the project that a file imports, apart from its own."""
    own = {"services", "local", "tests", "operator"}
    found = {layer(module) for module in imports(source) if module.split(".")[0] in own}
    return found - {layer(name_of(source))}


@pytest.mark.parametrize("service", NAMES)
def test_a_service_imports_the_published_language_and_the_mechanism_and_no_other_service(
    service: str,
) -> None:
    for source in (SERVICES / service).rglob("*.py"):
        allowed = {"services.events", "services.orderreplay", "services.eventkit"}
        assert edges(source) <= allowed, source


def test_the_published_language_imports_the_mechanism_only() -> None:
    assert edges(SERVICES / "events.py") == {"services.eventkit"}


def test_the_language_of_replays_imports_the_events_and_the_mechanism_only() -> None:
    for source in (SERVICES / "orderreplay").rglob("*.py"):
        assert edges(source) <= {"services.events", "services.eventkit"}, source


def test_the_operator_imports_the_language_of_replays_and_no_service() -> None:
    for source in (ROOT / "operator").rglob("*.py"):
        used = {layer(m) for m in imports(source) if m.split(".")[0] in {"services", "local"}}
        assert used <= {"services.orderreplay", "services.eventkit"}, source


def test_the_mechanism_imports_nothing_of_the_project() -> None:
    for source in EVENTKIT.rglob("*.py"):
        assert edges(source) == set(), source


def test_only_the_composition_root_stands_beside_the_services() -> None:
    beside = {source.stem for source in SERVICES.glob("*.py")}
    assert beside == COMPOSITION | {"__init__", "events"}
    folders = {path.name for path in SERVICES.iterdir() if (path / "__init__.py").is_file()}
    assert folders == {*NAMES, "eventkit", "orderreplay"}


def test_services_import_neither_the_embedded_backends_nor_the_tests() -> None:
    for source in SOURCES:
        assert {name.split(".")[0] for name in edges(source)} <= {"services"}, source


def test_the_mechanism_names_no_business_event() -> None:
    for source in EVENTKIT.rglob("*.py"):
        text = source.read_text()
        assert [type for type in EventType if type in text] == [], source


def test_the_folder_of_the_operator_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def lines_of_code(source: Path) -> int:
    """The lines that hold code: not blank, not a comment alone, not a docstring."""
    text = source.read_text()
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    code = {
        line
        for token in tokenize.generate_tokens(StringIO(text).readline)
        if token.type not in nothing and token.type != tokenize.ENDMARKER
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
            first = node.body[0]
            if ast.get_docstring(node, clean=False) is not None and first.end_lineno:
                code -= set(range(first.lineno, first.end_lineno + 1))
    return len(code)


def test_the_mechanism_stays_small() -> None:
    sizes = {source.name: lines_of_code(source) for source in EVENTKIT.rglob("*.py")}
    assert sum(sizes.values()) <= CEILING, sizes


def test_importing_every_module_starts_no_thread_and_opens_no_socket() -> None:
    modules = [name_of(source) for source in SOURCES if not name_of(source).endswith(".env")]
    program = f"""
import os, threading
from importlib import import_module
for module in {modules}:
    import_module(module)
threads = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
native = len(os.listdir("/proc/self/task")) - 1 if os.path.isdir("/proc/self/task") else 0
open_files = []
for number in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
    try:
        open_files.append(os.readlink(f"/proc/self/fd/{{number}}"))
    except FileNotFoundError:
        pass
sockets = [name for name in open_files if name.startswith("socket:")]
assert (threads, native, sockets) == ([], 0, []), (threads, native, sockets)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# What Thread of Python 3.13 and 3.14 keeps for itself beside what that of this Python does.
THREAD_LATER = {"_handle", "_context", "_set_os_name", "_after_fork"}


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("services.eventkit.consumer", "Consumer"),
        ("services.eventkit.loop", "Loop"),
        ("services.orderreplay.checkpoint", "Follower"),
        ("services.replay.engine", "_Reader"),
    ],
)
def test_a_thread_of_ours_has_no_name_that_some_python_uses_itself(module: str, name: str) -> None:
    source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
    (own,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    methods = {node.name for node in own.body if isinstance(node, ast.FunctionDef)}
    values = {
        node.attr
        for node in ast.walk(own)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    taken = {n for n in dir(threading.Thread()) if not n.startswith("__")} | THREAD_LATER
    assert (methods | values) & (taken - {"run"}) == set()
