"""Kubeconfig files, pods and credential plugins: what is used, and what is refused by name."""

import asyncio
import base64
import json
import os
import random
import stat
from pathlib import Path
from typing import Any

import pytest
import trustme

from fluvial.kube import ClusterConfig, ConfigError, Kubeconfig, Unreachable, in_cluster
from fluvial.kube.credentials import FixedHeader, TokenFile
from fluvial.kube.execplugin import ExecPlugin
from fluvial.net import ServerRequest, ServerResponse, make_server_tls, serve
from fluvial.runtime import SystemClock
from fluvial.testing import VirtualClock, run
from tests.kube.world import Server, failure, reply

CLOCK = SystemClock()
CA = trustme.CA()
PEM = CA.cert_pem.bytes()


def config(user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None) -> bytes:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://k8s.test:6443", **(cluster or {})}}],
            "users": [{"name": "u", "user": user or {}}],
        }
    ).encode()


def load(tmp_path: Path, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None) -> ClusterConfig:
    path = tmp_path / "config"
    path.write_bytes(config(user, cluster))
    return Kubeconfig.load([str(path)]).cluster(clock=CLOCK, environment={})


def header(found: ClusterConfig) -> str:
    return asyncio.run(found.credentials.header())


def test_server_names_trust_and_namespace_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(PEM)
    found = load(
        tmp_path,
        {"client-certificate-data": base64.b64encode(b"cert").decode(), "client-key-data": "a2V5"},
        {"certificate-authority": "ca.pem", "tls-server-name": "other", "proxy-url": "http://proxy:3128"},
    )
    assert found.server == "https://k8s.test:6443"
    assert found.ca == PEM
    assert (found.certificate, found.key) == (b"cert", b"key")
    assert (found.server_name, found.proxy, found.namespace) == ("other", "http://proxy:3128", "team")
    assert not found.insecure
    assert "a2V5" not in repr(found)
    assert "b'key'" not in repr(found)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({}, ""),
        ({"token": "t0k"}, "Bearer t0k"),
        ({"username": "me", "password": "pw"}, "Basic bWU6cHc="),
        ({"token": "t0k", "username": "me"}, "Bearer t0k"),
        ({"tokenFile": "token"}, "Bearer from-file"),
        ({"tokenFile": "token", "token": "t0k"}, "Bearer from-file"),
    ],
)
def test_credentials_in_the_order_of_client_go(tmp_path: Path, user: dict[str, Any], expected: str) -> None:
    (tmp_path / "token").write_text("from-file\n")
    assert header(load(tmp_path, user)) == expected


def test_several_files_are_merged_the_first_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "one" / "config", tmp_path / "two" / "config"
    for path in (first, second):
        path.parent.mkdir()
    first.write_bytes(b"current-context: there\nusers:\n- name: u\n  user: {tokenFile: token}\n")
    second.write_bytes(config({"token": "from-second"}).replace(b'"here", "context"', b'"there", "context"'))
    (first.parent / "token").write_text("from-first")
    merged = Kubeconfig.load([str(tmp_path / "missing"), str(first), str(second)])
    assert merged.current_context == "there"
    assert merged.contexts == ["there"]
    found = merged.cluster(clock=CLOCK)
    assert header(found) == "Bearer from-first"
    assert found.server == "https://k8s.test:6443"


def test_context_cluster_and_user_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "config"
    value = json.loads(config())
    value["clusters"].append({"name": "c2", "cluster": {"server": "https://second.test"}})
    value["users"].append({"name": "u2", "user": {"token": "two", "as": "boss", "as-groups": ["g"]}})
    value["contexts"].append({"name": "second", "context": {"cluster": "c2", "user": "u2"}})
    path.write_text(json.dumps(value))
    loaded = Kubeconfig.load([str(path)])
    found = loaded.cluster("second", clock=CLOCK)
    assert (found.server, found.namespace) == ("https://second.test", "default")
    assert (found.impersonate.user, found.impersonate.groups) == ("boss", ("g",))
    assert loaded.cluster(cluster="c2", user="u2", clock=CLOCK).server == "https://second.test"


@pytest.mark.parametrize(
    ("user", "cluster", "problem"),
    [
        ({"auth-provider": {"name": "gcp"}}, {}, 'auth-provider "gcp" is not supported'),
        ({"client-key": "nowhere.pem"}, {}, "client-key .*nowhere.pem cannot be read"),
        ({"client-key-data": "###"}, {}, "client-key-data is not valid base64"),
        ({"as-groups": ["x"]}, {}, "as-groups without as"),
        ({"as": "x", "as-uid": "1"}, {}, "as-uid"),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}, {}, "has no command"),
        ({"exec": {"command": "x", "apiVersion": "client.authentication.k8s.io/v1alpha1"}}, {}, "v1alpha1"),
        (
            {"exec": {"command": "x", "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Always"}},
            {},
            "needs a terminal",
        ),
        ({}, {"server": ""}, "the cluster has no server"),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, user, cluster)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not valid YAML"),
        ("- a", "is not a kubeconfig"),
        ("clusters: [7]", r"clusters\[0\]"),
        ("current-context: x", 'no context named "x"'),
        ("{}", "no current-context"),
    ],
)
def test_what_is_no_kubeconfig_is_said(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        Kubeconfig.load([str(path)]).cluster(clock=CLOCK)


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no kubeconfig found"):
        Kubeconfig.load([str(tmp_path / "missing")])


def test_a_kubeconfig_from_a_secret_reads_no_files_and_starts_nothing() -> None:
    with pytest.raises(ConfigError, match="may not name files"):
        Kubeconfig.parse(config({"client-key": "/etc/shadow"}), "secret").cluster(clock=CLOCK)
    found = Kubeconfig.parse(config({"tokenFile": "/etc/hostname"}), "secret").cluster(clock=CLOCK)
    with pytest.raises(ConfigError, match="cannot be read"):
        header(found)
    plugin = {"exec": {"command": "true", "apiVersion": "client.authentication.k8s.io/v1"}}
    with pytest.raises(ConfigError, match="not allowed"):
        Kubeconfig.parse(config(plugin), "secret").cluster(clock=CLOCK)
    with pytest.raises(ConfigError, match="not allowed"):
        Kubeconfig.parse(config(plugin), "secret").cluster(clock=CLOCK, environment={}, allow_exec=False)


def test_a_pod_finds_its_server_and_its_namespace(tmp_path: Path) -> None:
    for name, value in (("ca.crt", PEM), ("namespace", b"flux-system"), ("token", b"t")):
        (tmp_path / name).write_bytes(value)
    found = in_cluster("10.0.0.1", "443", folder=str(tmp_path))
    assert (found.server, found.namespace, found.ca) == ("https://10.0.0.1:443", "flux-system", PEM)
    assert in_cluster("fd00::1", "443", folder=str(tmp_path)).server == "https://[fd00::1]:443"
    with pytest.raises(ConfigError, match="no pod"):
        in_cluster("", "")
    with pytest.raises(ConfigError, match="ServiceAccount"):
        in_cluster("10.0.0.1", "443", folder=str(tmp_path / "missing"))


def test_a_rotated_ca_is_read_again_when_the_server_is_not_trusted_any_more(tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()

    async def handler(request: ServerRequest) -> ServerResponse:
        return reply(200, {"gitVersion": "v1"})

    async def main() -> None:
        issued = new.issue_cert("127.0.0.1")
        tls = make_server_tls(certificate=issued.cert_chain_pems[0].bytes(), key=issued.private_key_pem.bytes())
        server = await serve(handler, tls=tls)
        for name, value in (("ca.crt", old.cert_pem.bytes()), ("namespace", b"n"), ("token", b"t")):
            (tmp_path / name).write_bytes(value)
        found = in_cluster("127.0.0.1", str(server.port), folder=str(tmp_path))
        client = await found.connect(user_agent="test", chance=random.Random(1))
        for damage in (old.cert_pem.bytes(), b"nonsense"):
            (tmp_path / "ca.crt").write_bytes(damage)
            with pytest.raises(Unreachable, match="certificate not accepted"):
                await client.version()
        (tmp_path / "ca.crt").write_bytes(new.cert_pem.bytes())
        assert (await client.version())["gitVersion"] == "v1"
        await client.close()
        await server.close()

    asyncio.run(main())


def test_a_rotated_token_is_read_again_every_minute_and_after_a_refusal() -> None:
    files = {"token": b"one"}
    server = Server()
    accepted = "Bearer one"

    def version(request: ServerRequest) -> ServerResponse:
        if request.headers["authorization"] != accepted:
            return failure(401, "Unauthorized")
        return reply(200, {"gitVersion": "v1"})

    server.answer("GET", "/version", version)

    async def main() -> None:
        nonlocal accepted
        client = server.client(credentials=TokenFile("token", files.__getitem__))
        await client.version()
        files["token"] = b"two"
        await client.version()
        accepted = "Bearer two"
        await client.version()  # refused, reread, repeated
        assert len(server.requests) == 4
        files["token"] = accepted.encode()
        accepted = "Bearer three"
        files["token"] = b"three"
        await asyncio.sleep(61)
        await client.version()
        assert len(server.requests) == 5
        await client.close()

    run(main())


def test_a_refused_token_that_did_not_change_is_not_tried_twice() -> None:
    server = Server()
    server.answer("GET", "/version", failure(401, "Unauthorized"))

    async def main(credentials: Any) -> int:
        client = server.client(credentials=credentials)
        with pytest.raises(Exception, match="no"):
            await client.version()
        await client.close()
        return len(server.requests)

    assert run(main(TokenFile("token", lambda path: b"same"))) == 1
    assert run(main(FixedHeader.bearer("x"))) == 2


def test_a_token_file_that_vanishes_leaves_the_last_token_in_use() -> None:
    files = {"token": b"one"}

    def read(path: str) -> bytes:
        try:
            return files[path]
        except KeyError:
            raise FileNotFoundError(path) from None

    async def main() -> None:
        source = TokenFile("token", read)
        assert await source.header() == "Bearer one"
        files.clear()
        await asyncio.sleep(120)
        assert await source.header() == "Bearer one"
        with pytest.raises(ConfigError):
            await TokenFile("token", read).header()

    run(main())


def plugin(tmp_path: Path, script: str, **spec: Any) -> ExecPlugin:
    path = tmp_path / "plugin"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    spec = {"command": "./plugin", "apiVersion": "client.authentication.k8s.io/v1", **spec}
    return ExecPlugin(
        spec,
        cluster={"server": "https://k8s.test", "certificate-authority-data": "Q0E="},
        folder=str(tmp_path),
        source="config",
        clock=CLOCK,
        environment={"PATH": os.environ["PATH"]},
        interactive=False,
    )


def credential(**status: str) -> str:
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def test_a_plugin_gives_a_token_and_is_asked_again_when_it_is_refused_or_old(tmp_path: Path) -> None:
    async def main() -> None:
        script = f"echo x >> runs; echo '{credential(token='t1')}'\n"
        source = plugin(tmp_path, f"cd {tmp_path}\n" + script)
        assert [await source.header() for _ in range(3)] == ["Bearer t1"] * 3
        assert (tmp_path / "runs").read_text() == "x\n"
        assert source.reject()
        await asyncio.gather(*[source.header() for _ in range(5)])
        assert (tmp_path / "runs").read_text() == "x\nx\n"
        old = plugin(tmp_path, f"echo '{credential(token='t', expirationTimestamp='2020-01-01T00:00:00Z')}'\n")
        assert await old.header() == "Bearer t"
        assert await old.header() == "Bearer t"

    asyncio.run(main())


def test_a_plugin_gets_its_arguments_as_they_are_and_knows_the_cluster(tmp_path: Path) -> None:
    async def main() -> None:
        script = f'cd {tmp_path}; printf \'%s\\n\' "$@" > args; echo "$KUBERNETES_EXEC_INFO $EXTRA" > info\n'
        script += f"echo '{credential(token='t')}'\n"
        source = plugin(
            tmp_path,
            script,
            args=["a b", "$(touch pwned)", ";x"],
            env=[{"name": "EXTRA", "value": "more"}],
            provideClusterInfo=True,
        )
        await source.header()
        assert (tmp_path / "args").read_text() == "a b\n$(touch pwned)\n;x\n"
        info, _, extra = (tmp_path / "info").read_text().rpartition(" ")
        assert extra == "more\n"
        spec = json.loads(info)["spec"]
        assert spec["cluster"] == {"server": "https://k8s.test", "certificate-authority-data": "Q0E="}
        assert spec["interactive"] is False

    asyncio.run(main())


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("exit 3\n", "failed with code 3"),
        ("echo nonsense\n", "printed no ExecCredential"),
        ("echo '{}'\n", "printed no ExecCredential"),
        (f"echo '{credential()}'\n", "neither a token nor a certificate"),
        (f"echo '{credential(token='t').replace('k8s.io/v1', 'k8s.io/v1beta1')}'\n", "answered in .*v1beta1"),
    ],
)
def test_a_plugin_that_fails_is_named(tmp_path: Path, script: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        asyncio.run(plugin(tmp_path, script).header())


def test_a_missing_plugin_brings_its_hint(tmp_path: Path) -> None:
    source = plugin(tmp_path, "", command="no-such-plugin", installHint="Install it from the shop.")
    with pytest.raises(ConfigError, match=r"cannot be started.*Install it from the shop\."):
        asyncio.run(source.header())


def test_a_client_connects_with_all_of_it(tmp_path: Path) -> None:
    issued = CA.issue_cert("k8s.internal")
    seen: list[ServerRequest] = []

    async def handler(request: ServerRequest) -> ServerResponse:
        seen.append(request)
        return reply(200, {"gitVersion": "v1.36.0"})

    async def main() -> None:
        tls = make_server_tls(
            certificate=issued.cert_chain_pems[0].bytes(), key=issued.private_key_pem.bytes(), client_ca=PEM
        )
        server = await serve(handler, tls=tls)
        mine = CA.issue_cert("me")
        (tmp_path / "cert.pem").write_bytes(mine.cert_chain_pems[0].bytes())
        (tmp_path / "key.pem").write_bytes(mine.private_key_pem.bytes())
        found = load(
            tmp_path,
            {"client-certificate": "cert.pem", "client-key": "key.pem", "token": "t", "as": "somebody"},
            {
                "server": server.url,
                "certificate-authority-data": base64.b64encode(PEM).decode(),
                "tls-server-name": "k8s.internal",
            },
        )
        client = await found.connect(user_agent="test/1", chance=random.Random(1))
        assert (await client.version())["gitVersion"] == "v1.36.0"
        await client.close()
        await server.close()

    asyncio.run(main())
    assert seen[0].certificate
    assert seen[0].headers["authorization"] == "Bearer t"
    assert seen[0].headers["impersonate-user"] == "somebody"
    assert seen[0].headers["user-agent"] == "test/1"


def test_unusable_trust_is_said_when_connecting(tmp_path: Path) -> None:
    found = load(tmp_path, {}, {"certificate-authority-data": base64.b64encode(b"nonsense").decode()})
    with pytest.raises(ConfigError, match="CA certificate"):
        asyncio.run(found.connect(user_agent="x", chance=random.Random(1)))
    found = load(tmp_path, {}, {"proxy-url": "socks5://localhost:1"})
    with pytest.raises(ConfigError, match="socks5"):
        asyncio.run(found.connect(user_agent="x", chance=random.Random(1)))


def test_virtual_time_has_no_plugins(tmp_path: Path) -> None:
    async def main() -> None:
        assert VirtualClock().now()
        with pytest.raises(RuntimeError, match="on virtual time"):
            await plugin(tmp_path, "").header()

    run(main())
