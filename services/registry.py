"""Which services there are, by name; each is imported only where it is run."""

from importlib import import_module
from pathlib import Path
from runpy import run_path

from services.eventkit.service import Service

NAMES = ("gateway", "payment", "inventory", "shipping", "analytics")


def load(name: str) -> Service:
    """Make a service of ours by its name, or another's by ``path/to/file.py`` with a ``create()``.

    Raises SystemExit where there is no such service.
    """
    if name in NAMES:
        service: Service = import_module(f"services.{name}.service").create()
        return service
    if name.endswith(".py") and Path(name).is_file():
        create = run_path(name).get("create")
        if create:
            return create()  # type: ignore[no-any-return]
        raise SystemExit(f"{name} has no function create() that returns a Service.")
    raise SystemExit(
        f"There is no service {name!r}: name one of {', '.join(NAMES)},"
        " or a Python file with a function create() that returns a Service."
    )
