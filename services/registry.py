"""Which services there are, by name; each is imported only where it is run."""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from services.eventkit.service import Service

NAMES = ("gateway", "payment", "inventory", "shipping", "analytics", "replay")


def load(name: str) -> Service:
    """Make a service of ours by its name, or another's by ``path/to/file.py`` with a ``create()``.

    Raises LookupError where there is no such service.
    """
    if name in NAMES:
        service: Service = import_module(f"services.{name}.service").create()
        return service
    path = Path(name).resolve()
    if path.suffix == ".py" and path.is_file():
        sys.path.append(str(path.parent))  # for what lies beside it
        spec = spec_from_file_location(f"own_{path.stem}", path)
        assert spec  # noqa: S101 - it ends with .py
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)  # type: ignore[union-attr]
        if hasattr(module, "create"):
            return module.create()  # type: ignore[no-any-return]
        raise LookupError(f"{name} has no function create() that returns a Service.")
    raise LookupError(
        f"There is no service {name!r}: name one of {', '.join(NAMES)},"
        " or a Python file with a function create() that returns a Service."
    )
