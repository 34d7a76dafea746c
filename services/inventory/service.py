"""Inventory: owns the stock and the catalogue."""

from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection

from services.eventkit.service import Service
from services.eventkit.settings import Settings, read_settings
from services.events import LANGUAGE
from services.inventory.handlers import HANDLERS
from services.inventory.routes import routes

MIGRATIONS = Path(__file__).parent / "migrations"

PRODUCTS = [
    ("PROD-001", "Wireless Headphones", Decimal("79.99"), 100),
    ("PROD-002", "Laptop Stand", Decimal("45.99"), 50),
    ("PROD-003", "USB-C Hub", Decimal("34.99"), 200),
    ("PROD-004", "Mechanical Keyboard", Decimal("129.99"), 75),
    ("PROD-005", "Monitor Light Bar", Decimal("59.99"), 60),
    ("PROD-006", "Webcam HD", Decimal("89.99"), 40),
    ("PROD-007", "Mouse Pad XL", Decimal("24.99"), 150),
    ("PROD-008", "Cable Management Kit", Decimal("19.99"), 300),
]


def create() -> Service:
    """Put the service together, from the environment."""
    settings = read_settings(Settings)
    return Service(
        "inventory", 4002, LANGUAGE, settings, MIGRATIONS, handlers=HANDLERS, routes=routes
    )


def seed(db: Connection) -> int:
    """Put the sample products on an empty shelf. Returns how many; 0 where there were some."""
    if db.exec_driver_sql("SELECT 1 FROM inventory.inventory LIMIT 1").first():
        return 0
    for product_id, name, price, quantity in PRODUCTS:
        db.exec_driver_sql(
            "INSERT INTO inventory.inventory (product_id, name, price, quantity, initial)"
            " VALUES (%(id)s, %(name)s, %(price)s, %(n)s, %(n)s)",
            {"id": product_id, "name": name, "price": price, "n": quantity},
        )
    return len(PRODUCTS)
