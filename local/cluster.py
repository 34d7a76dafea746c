"""`make up`: all of it on Kubernetes, on this machine, by kind, docker, helm and kubectl.

python -m local.cluster up      make the cluster, build, install, and wait until all is ready
python -m local.cluster down    delete the cluster, with everything in it
python -m local.cluster logs    follow the logs of all pods

It needs nothing but Python's own library: the cluster does the rest.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
NAME = RELEASE = NAMESPACE = "orderflow"
CONTEXT = f"kind-{NAME}"
URL = "http://localhost:8080"
CHART = CHECKOUT / "helm" / "orderflow"
VALUES = CHECKOUT / "helm" / "kind-values.yaml"
IMAGES = {"orderflow/orderflow": CHECKOUT, "orderflow/dashboard": CHECKOUT / "frontend"}
TOOLS = {
    "docker": "https://docs.docker.com/get-docker/",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
    "helm": "https://helm.sh/docs/intro/install/",
}


class ClusterError(Exception):
    """What is wrong and what to do, in words for the user."""


def check_tools() -> None:
    """Raises ClusterError that names every tool that is missing, and where it is found."""
    missing = [f"  {name:<8} {url}" for name, url in TOOLS.items() if not shutil.which(name)]
    if missing:
        raise ClusterError("Install these first:\n" + "\n".join(missing))


def run(*command: str) -> None:
    """Runs a program that talks to the user itself; raises ClusterError where it fails."""
    if subprocess.run(command, check=False, cwd=CHECKOUT).returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed; what it said is above.")


def ask(*command: str) -> str:
    """What a program prints; raises ClusterError with what it complains of where it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=CHECKOUT)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


def build(image: str, folder: Path) -> str:
    """Builds an image and names it by what is in it, so that a tag never moves. Returns the tag."""
    commit = ask("git", "rev-parse", "--short", "HEAD") if (CHECKOUT / ".git").exists() else ""
    # With attestations an image would have another name each time.
    os.environ["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"
    run("docker", "build", "-t", f"{image}:latest", "--build-arg", f"COMMIT={commit}", str(folder))
    tag = ask("docker", "image", "inspect", "-f", "{{.Id}}", f"{image}:latest")
    tag = tag.removeprefix("sha256:")[:12]
    run("docker", "tag", f"{image}:latest", f"{image}:{tag}")
    return tag


def up() -> None:
    """Makes what is missing, and brings what is there up to date."""
    began = time.monotonic()
    check_tools()
    if NAME not in ask("kind", "get", "clusters").split():
        run("kind", "create", "cluster", "--name", NAME, "--config", "kind-config.yaml")
    tags = {image: build(image, folder) for image, folder in IMAGES.items()}
    built = time.monotonic()
    run("kind", "load", "docker-image", "--name", NAME, *(f"{i}:{t}" for i, t in tags.items()))
    namespace()
    clear_lock()
    print("Installing, and waiting until all pods are ready; the first time pulls images.")
    helm(
        *("upgrade", "--install", RELEASE, str(CHART), "-f", str(VALUES)),
        *("--set-string", f"image.tag={tags['orderflow/orderflow']}"),
        *("--set-string", f"dashboard.image.tag={tags['orderflow/dashboard']}"),
        *("--wait", "--timeout", "10m"),
    )
    kubectl("exec", "deploy/orderflow-auditor", "--", "orderflow", "demo", "--count", "20")
    done = time.monotonic()
    check_port()
    print(f"""
Everything runs; {done - began:.0f} s, of which {done - built:.0f} s after the images were built.

  Dashboard  {URL}
  API        {URL}/api/orders
  API docs   {URL}/api/docs
  Live       ws://localhost:8080/ws

  kubectl --context {CONTEXT} -n {NAMESPACE} apply -f examples/orderreplay.yaml
  make load    a stream of orders        make logs    what the pods say
  make down    delete the cluster
""")


def clear_lock() -> None:
    """Forgets an upgrade that was cut off: helm would wait for its end for ever."""
    pending = "pending-install,pending-upgrade,pending-rollback"
    selector = f"owner=helm,name={RELEASE},status in ({pending})"
    there = ("kubectl", "--context", CONTEXT, "-n", NAMESPACE)
    ask(*there, "delete", "secret", "-l", selector)


def check_port() -> None:
    """Raises ClusterError where the node port is not on this machine."""
    try:
        connection = HTTPConnection(URL.removeprefix("http://"), timeout=30)
        connection.request("GET", "/api/openapi.json")
        connection.getresponse()
        connection.close()
    except (OSError, HTTPException) as error:
        raise ClusterError(
            f"All pods are ready, but {URL} does not answer: {error}. A cluster that was made"
            " without kind-config.yaml has no such port: `make down`, then `make up`."
        ) from None


def namespace() -> None:
    """Makes the namespace, which admits only pods of the Pod Security level `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": NAMESPACE, "labels": labels}
    manifest = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    command = ["kubectl", "--context", CONTEXT, "apply", "-f", "-"]
    done = subprocess.run(command, input=manifest, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError("The namespace cannot be made; what kubectl said is above.")


def helm(*arguments: str) -> None:
    """Runs helm on the cluster, in the release's namespace."""
    run("helm", "--kube-context", CONTEXT, "-n", NAMESPACE, *arguments)


def kubectl(*arguments: str) -> None:
    """Runs kubectl on the cluster, in the release's namespace."""
    run("kubectl", "--context", CONTEXT, "-n", NAMESPACE, *arguments)


def logs() -> None:
    """Becomes kubectl, which follows all pods, also where one has not started yet."""
    check_tools()
    selector = f"app.kubernetes.io/instance={RELEASE}"
    command = f"kubectl --context {CONTEXT} -n {NAMESPACE} logs -f -l {selector} --prefix --tail=10"
    os.execvp(
        "kubectl",
        [*command.split(), "--all-containers", "--ignore-errors", "--max-log-requests=50"],
    )


def main() -> int:
    """Does what the command line asks for; returns the exit code."""
    try:
        # No match: this runs on whatever Python is there.
        wanted = sys.argv[1:]
        if wanted == ["up"]:
            up()
        elif wanted == ["down"]:
            check_tools()
            run("kind", "delete", "cluster", "--name", NAME)
        elif wanted == ["logs"]:
            logs()
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
