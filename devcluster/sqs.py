"""Stand-ins for SQS on a free loopback port: moto (Python, the default) and ElasticMQ (Java, for comparison).

Both speak SQS's own protocol to any client; neither checks credentials.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config

from devcluster import cache, golang, progress
from devcluster.errors import CommandFailedError, UnavailableError
from devcluster.processes import Program, free_port, wait_until

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

REGION = "eu-west-1"
READY_TIMEOUT_SECONDS = 60
# What a process needs to use the stand-in with any AWS library; also for `env` of pods.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
ELASTICMQ = "org.elasticmq:elasticmq-server_2.13:1.6.12"
ELASTICMQ_SETTINGS = """\
include classpath("application.conf")
generate-node-address = false
node-address {{ protocol = http, host = "127.0.0.1", port = {port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-port = {port}, bind-hostname = "127.0.0.1", sqs-limits = strict }}
rest-stats {{ enabled = false }}
"""
POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.queueworker</groupId><artifactId>elasticmq</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>{0}</groupId><artifactId>{1}</artifactId><version>{2}</version>
  </dependency></dependencies>
</project>
"""
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


class SqsServer:
    """A server that speaks SQS; a context manager. Subclasses say how to run it."""

    def __init__(self, log: Path | None = None) -> None:
        self._port = free_port()
        self._clients: list[SQSClient] = []
        self._scratch = Path(tempfile.mkdtemp(prefix="sqs-"))
        self._program = Program(self._argv(), log or self._scratch / "sqs.log", env={**os.environ, **CREDENTIALS})

    def _argv(self) -> list[str]:
        raise NotImplementedError

    @property
    def endpoint(self) -> str:
        """The address, for AWS_ENDPOINT_URL_SQS."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment that points a process's AWS library here."""
        return {"AWS_ENDPOINT_URL_SQS": self.endpoint, **CREDENTIALS}

    def client(self, **settings: Any) -> "SQSClient":
        """Return a boto3 client of this server; SETTINGS are botocore's Config. Closed with the server."""
        client = boto3.client(
            "sqs",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(**settings),
        )
        self._clients.append(client)
        return client

    def start(self) -> None:
        """Start on the port it always had; return when it answers. Raises StartFailedError."""
        self._program.start()
        wait_until(
            self._answers, READY_TIMEOUT_SECONDS, f"the SQS stand-in did not start; its log is {self._program.log}"
        )

    def stop(self) -> None:
        """End it; the messages are lost."""
        self._program.stop()

    def kill(self) -> None:
        """End it at once; the messages are lost."""
        self._program.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        self.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _answers(self) -> bool:
        self._program.check()
        return self._listens()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


class MotoSqs(SqsServer):
    """moto's server; it can be cut off and come back with its messages."""

    def _argv(self) -> list[str]:
        return [sys.executable, "-m", "devcluster.motoserver", str(self._port), str(self._hold)]

    @property
    def _hold(self) -> Path:
        return self._scratch / "hold"

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let no count of messages be answered while the body runs: what it sends is there all at once, or not yet.

        SQS takes ten messages in a request. Whoever counted between two of them would see a part.
        """
        self._hold.touch()
        try:
            yield
        finally:
            self._hold.unlink()

    def cut_off(self) -> None:
        """Refuse connections from now on, as in an outage; the messages stay."""
        os.kill(self._program.pid, signal.SIGUSR1)
        wait_until(lambda: not self._listens(), READY_TIMEOUT_SECONDS, "moto's server did not close its port")

    def bring_back(self) -> None:
        """End the outage that `cut_off` began."""
        os.kill(self._program.pid, signal.SIGUSR2)
        wait_until(self._answers, READY_TIMEOUT_SECONDS, "moto's server did not open its port again")


class ElasticMq(SqsServer):
    """ElasticMQ in a Java process. Raises UnavailableError where Java or its jars cannot be had."""

    def _argv(self) -> list[str]:
        java = _needed("java", "Java 11 or newer (Debian: default-jre-headless)")
        settings = self._scratch / "elasticmq.conf"
        settings.write_text(ELASTICMQ_SETTINGS.format(port=self._port))
        # It serves tests on a small machine: little memory, and no compiler threads that pay off only after minutes.
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dconfig.file={settings}"]
        return [java, *options, "-cp", f"{elasticmq_jars()}/*", "org.elasticmq.server.Main"]


def elasticmq_jars() -> Path:
    """Return the folder of ElasticMQ's jars, fetched once with Maven; raises UnavailableError."""
    target = cache.folder() / f"elasticmq-{golang.cache_key(ELASTICMQ, COPY_DEPENDENCIES)}"
    return cache.once(target, _fetch_jars)


def _fetch_jars(target: Path) -> None:
    maven = _needed("mvn", "Maven (Debian: maven)")
    pom = target.with_name("pom.xml")
    pom.write_text(POM.format(*ELASTICMQ.split(":")))
    argv = [maven, "--batch-mode", "--quiet", "-f", str(pom), COPY_DEPENDENCIES, f"-DoutputDirectory={target}"]
    try:
        progress.running("fetching ElasticMQ", argv)
    except CommandFailedError as error:
        raise UnavailableError(
            f"ElasticMQ could not be fetched: check the network and Maven's settings. {error}"
        ) from error


def _needed(program: str, wanted: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise UnavailableError(f"{program} is missing: install {wanted}.")
    return found
