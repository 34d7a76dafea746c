"""A real Kubernetes control plane without a container runtime, for tests; see kubelet.py."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
import yaml

from local.children import (
    LocalError,
    end,
    exit_reason,
    free_port,
    fresh_log,
    spawn,
    tail,
    until,
)
from tests.kube.binaries import binary

START_SECONDS = 60.0
STOP_SECONDS = 10.0

# What a cluster does for Jobs and their operator, and nothing that judges nodes: ours has no
# lease, and would be called dead.
CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "cronjob-controller",
    "deployment-controller",
    "disruption-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "ttl-after-finished-controller",
    "resourcequota-controller",
)

_NEW_KEY = ("ecparam", "-name", "prime256v1", "-genkey", "-noout")
_CA = """\
[req]
distinguished_name = subject
x509_extensions = authority
prompt = no
[subject]
CN = authority
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
"""
_LEAF = """\
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1
"""


class ControlPlane:
    """etcd, kube-apiserver (RBAC) and kube-controller-manager on free loopback ports.

    ``root`` is where their data, keys and logs go. Start and stop it from one thread; the rest
    may be used from any.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.url = f"https://127.0.0.1:{free_port()}"
        self._etcd = f"http://127.0.0.1:{free_port()}"
        self._keys = self.root / "keys"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._kubeconfigs: dict[str, Path] = {}
        self._lock = threading.Lock()
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy, and no authority but ours
        self._http.verify = str(self._keys / "ca.crt")
        self._http.cert = (str(self._keys / "admin.crt"), str(self._keys / "admin.key"))

    def start(self, *manifests: Path) -> None:
        """Start all of it and wait until a pod could be created.

        ``manifests`` (files or folders) are applied before the controllers start: the garbage
        collector learns of kinds that are defined later only after half a minute. Raises
        LocalError when a program is missing or does not come up.
        """
        self._keys.mkdir(parents=True, exist_ok=True)
        if not (self._keys / "ca.crt").exists():
            self._make_keys()
        try:
            self._start_etcd()
            self.start_api()
            for manifest in manifests:
                self.kubectl("apply", "-f", manifest)
            self._start_controllers()
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            self._wait("kube-controller-manager", account)  # no pod is admitted without it
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all of it. The data stay."""
        for name in reversed(list(self._processes)):
            process = self._processes.pop(name)
            process.send_signal(signal.SIGCONT)  # it may be paused
            # A server that goes at its ease waits for its watches; no one is left to read them.
            end(process, (signal.SIGTERM, STOP_SECONDS if name == "etcd" else 1), group=True)

    def kubeconfig(self, user: str = "admin", *groups: str) -> Path:
        """A kubeconfig of a user with a client certificate.

        ``admin`` may do everything; anyone else what RBAC grants that user or those groups.
        """
        name = "-".join((user, *groups)).replace("/", "_")
        with self._lock:
            if name not in self._kubeconfigs:
                if not (self._keys / f"{name}.crt").exists():
                    self._issue(name, user, ("system:masters",) if user == "admin" else groups)
                credentials = {
                    "client-certificate": str(self._keys / f"{name}.crt"),
                    "client-key": str(self._keys / f"{name}.key"),
                }
                self._kubeconfigs[name] = self._write_kubeconfig(name, credentials)
            return self._kubeconfigs[name]

    def service_account(self, namespace: str, name: str) -> Path:
        """A kubeconfig that authenticates as an existing ServiceAccount, by a token of an hour."""
        token = self.kubectl("create", "token", name, "-n", namespace, "--duration=1h").stdout
        return self._write_kubeconfig(
            f"{namespace}-{name}", {"token": token.strip()}, namespace=namespace
        )

    def kubectl(
        self,
        *args: str | Path,
        stdin: str | None = None,
        check: bool = True,
        kubeconfig: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl to its end as ``admin``, or with another kubeconfig.

        Raises AssertionError with its output when it fails, unless ``check`` is False.
        """
        done = subprocess.run(
            [
                *(binary("kubectl"), "--cache-dir", self.root / "kubectl"),
                *("--kubeconfig", kubeconfig or self.kubeconfig(), *args),
            ],
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {args}: {done.stdout}{done.stderr}")
        return done

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects, as ``kubectl apply`` does."""
        self.kubectl(
            "apply",
            "-f",
            "-",
            stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}),
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: str = "application/json",
        timeout: float = 10,
    ) -> requests.Response:
        """One call of the API as ``admin``, whatever it answers.

        Raises requests.RequestException when it does not answer within ``timeout`` seconds.
        """
        return self._http.request(
            method, self.url + path, json=body, headers={"Content-Type": content}, timeout=timeout
        )

    # Faults.

    def stop_api(self) -> None:
        """End kube-apiserver: watches break and calls are refused."""
        end(self._processes["kube-apiserver"], (signal.SIGTERM, 1))

    def start_api(self) -> None:
        """Start kube-apiserver, again at the same address and on the same data; wait for it.

        The controllers that ran with the one before start anew.
        """
        port = self.url.rpartition(":")[2]
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers={self._etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--tls-cert-file={self._keys / 'kube-apiserver.crt'}",
            f"--tls-private-key-file={self._keys / 'kube-apiserver.key'}",
            f"--client-ca-file={self._keys / 'ca.crt'}",
            f"--service-account-key-file={self._keys / 'accounts.key'}",
            f"--service-account-signing-key-file={self._keys / 'accounts.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
        )
        self._wait("kube-apiserver", "/readyz")
        if controllers := self._processes.get("kube-controller-manager"):
            # What it could not watch for a few seconds it would look at again after up to a minute.
            end(controllers, (signal.SIGTERM, 1))
            self._start_controllers()

    def pause_api(self) -> None:
        """SIGSTOP kube-apiserver: connections stay open, and nothing comes over them."""
        process = self._processes["kube-apiserver"]
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)  # until then it may answer

    def resume_api(self) -> None:
        """SIGCONT kube-apiserver."""
        self._processes["kube-apiserver"].send_signal(signal.SIGCONT)

    # Parts.

    def _start_etcd(self) -> None:
        peers = f"http://127.0.0.1:{free_port()}"
        self._spawn(
            "etcd",
            f"--data-dir={self.root / 'etcd'}",
            f"--listen-client-urls={self._etcd}",
            f"--advertise-client-urls={self._etcd}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        )

    def _start_controllers(self) -> None:
        self._spawn(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig('system:kube-controller-manager')}",
            f"--controllers={','.join(CONTROLLERS)}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self._keys / 'accounts.key'}",
            f"--root-ca-file={self._keys / 'ca.crt'}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--concurrent-namespace-syncs=10",
        )

    def _spawn(self, name: str, *args: str) -> None:
        log = self.root / f"{name}.log"
        fresh_log(log)
        # etcd refuses to start with both a flag and its variable.
        env = {name: value for name, value in os.environ.items() if not name.startswith("ETCD_")}
        # By SIGKILL, which a paused one hears too.
        self._processes[name] = spawn([binary(name), *args], log, env, end_with_us=signal.SIGKILL)

    def _wait(self, name: str, path: str) -> None:
        process = self._processes[name]
        for _ in until(START_SECONDS):
            if process.poll() is not None:
                raise LocalError(
                    f"{name} ended while starting, {exit_reason(process)}.\n"
                    f"{tail(self.root / f'{name}.log')}"
                )
            with suppress(requests.RequestException):
                if self.call("GET", path).ok:
                    return
        raise LocalError(
            f"{name} did not come up within {START_SECONDS:.0f} s.\n"
            f"{tail(self.root / f'{name}.log')}"
        )

    def _write_kubeconfig(
        self, name: str, credentials: dict[str, str], namespace: str = "default"
    ) -> Path:
        cluster = {"server": self.url, "certificate-authority": str(self._keys / "ca.crt")}
        context = {"cluster": "test", "user": name, "namespace": namespace}
        path = self._keys / f"{name}.kubeconfig"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": credentials}],
            "contexts": [{"name": "test", "context": context}],
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def _make_keys(self) -> None:
        """The certificate authority, and the key of the service accounts' tokens."""
        (self._keys / "leaf.cnf").write_text(_LEAF)
        self._openssl(*_NEW_KEY, "-out", "accounts.key")
        self._openssl(*_NEW_KEY, "-out", "ca.key")
        request = ("req", "-x509", "-new", "-key", "ca.key", "-days", "3650")
        (self._keys / "ca.cnf").write_text(_CA)
        self._openssl(*request, "-config", "ca.cnf", "-out", "ca.crt")
        self._issue("kube-apiserver", "kube-apiserver", ())
        self.kubeconfig()

    def _issue(self, name: str, user: str, groups: Sequence[str]) -> None:
        """A key and a certificate of the authority, for both ends of a connection."""
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        self._openssl(*_NEW_KEY, "-out", f"{name}.key")
        request = ("req", "-new", "-key", f"{name}.key", "-config", "ca.cnf")
        self._openssl(*request, "-subj", subject, "-out", f"{name}.csr")
        sign = ("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key")
        leaf = ("-CAcreateserial", "-days", "3650", "-extfile", "leaf.cnf")
        self._openssl(*sign, *leaf, "-out", f"{name}.crt")

    def _openssl(self, *args: str) -> None:
        try:
            done = subprocess.run(
                ["openssl", *args], cwd=self._keys, capture_output=True, text=True, check=False
            )
        except FileNotFoundError as error:
            raise LocalError("There is no openssl: install it, for the tests' keys.") from error
        if done.returncode:
            raise LocalError(f"openssl {' '.join(args)}: {done.stderr}")
