"""What a process reads from its environment, and what it says of what it cannot read."""

import os

import pytest

from services.analytics.service import create as create_analytics
from services.eventkit.settings import Settings, postgres_url, read_settings
from services.payment.service import PaymentSettings
from services.registry import NAMES, load


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*Settings.model_fields, *PaymentSettings.model_fields]:
        monkeypatch.delenv(name.upper(), raising=False)
    for name in [name for name in os.environ if name.endswith("_DATABASE_URL")]:
        monkeypatch.delenv(name)


def test_every_setting_has_a_default() -> None:
    assert read_settings(Settings).kafka_bootstrap_servers == "127.0.0.1:9092"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert read_settings(Settings).port == 0


def test_every_bad_value_is_named_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {"PORT": "99999", "BATCH_SIZE": "many", "PAYMENT_DECLINE_RATE": "1.5", "THREADS": "0"}
    for name, value in bad.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        read_settings(PaymentSettings)
    for name, value in bad.items():
        assert f"{name}='{value}'" in str(ended.value)
    assert "PAYMENT_SEED" not in str(ended.value)


def test_what_is_missing_is_named_and_no_password_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    class MailSettings(Settings):
        mail_from: str
        mail_key: int = 0

    monkeypatch.setenv("MAIL_KEY", "hidden")
    monkeypatch.setenv("DATABASE_ROLE_PASSWORD", "hidden")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hidden")
    monkeypatch.setenv("PORT", "nine")
    with pytest.raises(SystemExit) as ended:
        read_settings(MailSettings)
    assert "MAIL_FROM is not set" in str(ended.value)
    assert "MAIL_KEY=…" in str(ended.value)
    assert "PORT='nine'" in str(ended.value)
    assert "hidden" not in str(ended.value)


def test_a_service_reaches_its_schema_as_its_own_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://owner:secret@db.example:6000/shop?sslmode=require"
    )
    monkeypatch.setenv("DATABASE_ROLE_PASSWORD", "pass word")
    url = read_settings(Settings).database("payment")
    assert (url.username, url.password) == ("orderflow_payment", "pass word")
    assert (url.host, url.port, url.database) == ("db.example", 6000, "shop")
    assert url.query == {"sslmode": "require"}
    assert read_settings(Settings).owner().username == "owner"


def test_the_url_of_a_service_wins_over_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner@db/shop")
    monkeypatch.setenv("PAYMENT_DATABASE_URL", "postgresql://teller:own@other/money")
    settings = read_settings(Settings)
    own = settings.database("payment").render_as_string(hide_password=False)
    assert own == "postgresql+psycopg2://teller:own@other/money"
    assert settings.database("shipping").host == "db"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_a_postgresql_url_of_any_driver_is_read_with_ours(scheme: str) -> None:
    url = postgres_url(f"{scheme}://ada:secret@db:5432/shop")
    assert url.render_as_string(hide_password=False) == (
        "postgresql+psycopg2://ada:secret@db:5432/shop"
    )


def test_a_mysql_url_is_refused() -> None:
    with pytest.raises(SystemExit, match="names mysql; PostgreSQL is needed"):
        postgres_url("mysql://ada@db/shop")


def test_what_is_no_url_is_refused_with_an_example() -> None:
    with pytest.raises(SystemExit, match="it looks like postgresql://user:password@host:5432/name"):
        postgres_url("db.example")


def test_a_port_that_is_no_number_is_refused() -> None:
    with pytest.raises(SystemExit, match="it looks like postgresql://"):
        postgres_url("postgresql://ada@db:port/shop")


def test_the_password_of_a_url_that_is_refused_is_not_shown() -> None:
    with pytest.raises(SystemExit) as ended:
        postgres_url("ada:s3cret@db:5432/shop")
    assert "s3cret" not in str(ended.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_value_ends_every_service_before_anything_is_started(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAIN_TIMEOUT", "soon")
    with pytest.raises(SystemExit, match="DRAIN_TIMEOUT='soon'"):
        load(name)


def test_more_feed_clients_than_threads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSOCKET_CLIENTS", "60")
    with pytest.raises(SystemExit, match="set THREADS to at least 68"):
        create_analytics()


def test_a_service_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(LookupError, match=r"no service 'billing'.*gateway, payment"):
        load("billing")


def test_the_options_of_a_kafka_client_are_written_with_dots() -> None:
    assert Settings(kafka_bootstrap_servers="k:1").kafka(group_id="g")["group.id"] == "g"


def test_a_secured_kafka_is_reached_with_what_its_protocol_needs_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_USERNAME": "shop",
        "KAFKA_SASL_PASSWORD": "secret",
        "KAFKA_SSL_CA_LOCATION": "/ca.crt",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    client = read_settings(Settings).kafka(group_id="payment")
    assert {name: value for name, value in client.items() if name[:3] in ("sec", "sas", "ssl")} == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "shop",
        "sasl.password": "secret",
        "ssl.ca.location": "/ca.crt",
    }
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SSL")
    assert "sasl.username" not in read_settings(Settings).kafka()
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
    assert "ssl.ca.location" not in read_settings(Settings).kafka()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "needs KAFKA_SASL_USERNAME and"),
        ({"KAFKA_SSL_KEY_LOCATION": "/tls.key"}, "go together"),
    ],
)
def test_half_a_secured_kafka_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=said):
        read_settings(Settings)


def test_each_role_may_have_a_password_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_ROLE_PASSWORD", "common")
    monkeypatch.setenv("PAYMENT_ROLE_PASSWORD", "own")
    settings = read_settings(Settings)
    assert [settings.role_password(name) for name in ("payment", "auditor")] == ["own", "common"]
    assert settings.database("payment").password == "own"
