"""A real Kubernetes API server for tests and benchmarks: etcd, kube-apiserver and kube-controller-manager on loopback.

The binaries come from `make peers`; `FLUVIAL_PEERS` names their folder. There is no kubelet: pods stay Pending unless
`benchmarks`' or the flows' stand-in sets their status.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TOKEN = "admintoken"
START_LIMIT = 90.0  # seconds; the server is ready after about three on a quiet machine


@dataclass(frozen=True, slots=True)
class RealServer:
    """A running API server: where it listens, how to get in, and the processes to measure."""

    url: str
    token: str
    folder: Path
    pids: dict[str, int]

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig file with the administrator's token."""
        return self.folder / "kubeconfig"


def peers_folder() -> Path | None:
    """Return the folder of the peers' binaries, or None where they were not built."""
    named = os.environ.get("FLUVIAL_PEERS")
    folder = Path(named) if named else Path(__file__).parents[2] / "tools/peers/bin/current"
    return folder if (folder / "kube-apiserver").exists() else None


@contextmanager
def real_server(peers: Path, *, audit_log: Path | None = None, controllers: bool = True) -> Iterator[RealServer]:
    """Start the processes, wait until they are ready, stop them by their own handles.

    Args:
        controllers: off leaves kube-controller-manager out, so that nobody but the caller touches an object.
    """
    folder = Path(tempfile.mkdtemp(prefix="fluvial-real-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    started: list[subprocess.Popen[bytes]] = []
    try:
        yield _start(peers, folder, started, audit_log, controllers)
    finally:
        for process in reversed(started):
            process.terminate()
        for process in reversed(started):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(
    peers: Path, folder: Path, started: list[subprocess.Popen[bytes]], audit_log: Path | None, controllers: bool
) -> RealServer:
    etcd_port, peer_port, api_port, manager_port = free_ports(4)
    etcd_url, url = f"http://127.0.0.1:{etcd_port}", f"https://127.0.0.1:{api_port}"
    _write_credentials(folder, url)

    def run(name: str, *flags: str) -> subprocess.Popen[bytes]:
        log = (folder / f"{name}.log").open("wb")
        with log:
            process = subprocess.Popen([peers / name, *flags], stdout=log, stderr=log, cwd=folder)
        started.append(process)
        return process

    etcd = run(
        "etcd", f"--data-dir={folder / 'etcd'}", f"--listen-client-urls={etcd_url}",
        f"--advertise-client-urls={etcd_url}", f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
        f"--initial-cluster=default=http://127.0.0.1:{peer_port}", "--unsafe-no-fsync",
    )  # fmt: skip
    api = run(
        "kube-apiserver", f"--etcd-servers={etcd_url}", "--bind-address=127.0.0.1", f"--secure-port={api_port}",
        f"--cert-dir={folder / 'certs'}", "--authorization-mode=RBAC", f"--token-auth-file={folder / 'tokens.csv'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={folder / 'sa.key'}", f"--service-account-key-file={folder / 'sa.pub'}",
        "--service-cluster-ip-range=10.0.0.0/24", "--allow-privileged=true",
        "--disable-admission-plugins=ServiceAccount", *_audit_flags(folder, audit_log),
    )  # fmt: skip
    _wait_ready(url, api, folder / "kube-apiserver.log")
    pids = {"etcd": etcd.pid, "kube-apiserver": api.pid}
    if not controllers:
        return RealServer(url, TOKEN, folder, pids)
    manager = run(
        "kube-controller-manager", f"--kubeconfig={folder / 'kubeconfig'}", "--bind-address=127.0.0.1",
        f"--secure-port={manager_port}", f"--service-account-private-key-file={folder / 'sa.key'}",
        "--use-service-account-credentials=false",
        "--controllers=*,-nodeipam,-nodelifecycle,-cloud-node-lifecycle", "--leader-elect=false",
    )  # fmt: skip
    pids["kube-controller-manager"] = manager.pid
    return RealServer(url, TOKEN, folder, pids)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _write_credentials(folder: Path, url: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "sa.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    (folder / "sa.pub").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (folder / "tokens.csv").write_text(f"{TOKEN},admin,admin,system:masters\n")
    cluster = {"server": url, "insecure-skip-tls-verify": True}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "real", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "contexts": [{"name": "real", "context": {"cluster": "real", "user": "admin"}}],
        "current-context": "real",
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    (folder / "kubeconfig").chmod(0o600)


def _audit_flags(folder: Path, audit_log: Path | None) -> list[str]:
    if audit_log is None:
        return []
    policy = folder / "audit-policy.yaml"
    policy.write_text(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"
    )
    return [f"--audit-log-path={audit_log}", f"--audit-policy-file={policy}"]


def _wait_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    request = urllib.request.Request(f"{url}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
    give_up = time.monotonic() + START_LIMIT
    while time.monotonic() < give_up:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(request, context=context, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)  # the process tells its readiness over HTTP only
    raise RuntimeError(f"kube-apiserver did not become ready; the end of its log:\n{log.read_text()[-2000:]}")
