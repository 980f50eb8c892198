"""Words, flags, help, completion: what happens before a command does anything."""

import asyncio
import re
import subprocess
import sys
import time

import pytest

from fluvial.cli.completion import script
from fluvial.cli.flags import read_bool
from fluvial.cli.pflag import FlagSet, FlagSpec, normalise
from fluvial.cli.proxies import proxy_for
from fluvial.cli.table import render
from fluvial.cli.up import read_address

KNOWN = FlagSet(
    {"wait": FlagSpec("wait", "true"), "all": FlagSpec("all", "true"), "namespace": FlagSpec("namespace")},
    {"w": FlagSpec("wait", "true"), "A": FlagSpec("all", "true"), "n": FlagSpec("namespace")},
)


def run(cli, *words, **more):
    async def main():
        return await cli.run(*words, **more)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("words", "flags", "arguments"),
    [
        ("--wait name", [("wait", "true")], ["name"]),
        ("--wait=false name", [("wait", "false")], ["name"]),
        ("-Aw -napps name", [("all", "true"), ("wait", "true"), ("namespace", "apps")], ["name"]),
        ("-Awn apps", [("all", "true"), ("wait", "true"), ("namespace", "apps")], []),
        ("-n=apps a -w b", [("namespace", "apps"), ("wait", "true")], ["a", "b"]),
        ("--namespace apps --namespace=web", [("namespace", "apps"), ("namespace", "web")], []),
        ("a -- --wait", [], ["a", "--wait"]),
        ("-", [], ["-"]),
    ],
)
def test_flags_are_read_as_pflag_reads_them(words, flags, arguments):
    scanned = normalise(words.split(), KNOWN)
    assert (scanned.flags, scanned.arguments) == (flags, arguments)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("get --nothing", "unknown flag: --nothing"),
        ("get sources git -x", "unknown shorthand flag: 'x' in -x"),
        ("get sources git -n", "flag needs an argument: 'n' in -n"),
        ("get sources git --namespace", "flag needs an argument: --namespace"),
        ("nothing", 'unknown command "nothing" for "fluvial"'),
        ("get nothing", 'unknown command "nothing" for "fluvial get"'),
        ("check extra", 'unknown command "extra" for "fluvial check"'),
        (
            "get sources git --all-namespaces=maybe",
            'invalid argument "maybe" for "-A, --all-namespaces" flag: '
            'strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        ("get ks --timeout 5", 'invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"'),
        ("get ks -n @#[]", 'namespace must be a valid DNS label: "@#[]"'),
        ("get ks -o xml", 'invalid argument "xml" for "-o, --output" flag: must be one of json, yaml, name, wide'),
        ("bootstrap github --owner=me", "fluvial bootstrap is not supported yet"),
        ("create source oci x --url=oci://x", "fluvial create source oci is not supported yet"),
        ("reconcile helmrelease x", "fluvial reconcile helmrelease is not supported yet"),
        ("get ks --as-user-extra=a=b", "--as-user-extra is not supported yet"),
        ("install --components=helm-controller", "component helm-controller is not supported yet, choose from "),
        ("install --registry-creds=a:b", "--registry-creds requires --image-pull-secret to be set"),
    ],
)
def test_wrong_words_end_with_one_line_and_code_1(offline, words, message):
    ran = run(offline, *words.split())
    assert ran.err.startswith(f"✗ {message}")
    assert ran.err.count("\n") == 1
    assert ran.code == 1


def test_persistent_flags_stand_anywhere(on_cluster):
    async def body(cli):
        await cli.load("get/objects.yaml", fluxns="apps")
        expected = (await cli.run("get sources git -n apps")).out
        for line in ("-n apps get sources git", "get -n=apps sources git", "get sources --namespace apps git"):
            assert (await cli.run(line)).out == expected
        assert (await cli.run("get source git podinfo -A --no-header -n apps")).out.count("\n") == 1

    on_cluster(body)


def test_the_environment_changes_the_default_namespace(offline):
    offline.environ["FLUX_SYSTEM_NAMESPACE"] = "platform"
    ran = run(offline, "create source git repo --url=https://a/b --branch=main --export")
    assert "  namespace: platform\n" in ran.out
    offline.environ["FLUX_SYSTEM_NAMESPACE"] = "Not A Label"
    ran = run(offline, "create source git repo --url=https://a/b --branch=main --export")
    assert "  namespace: flux-system\n" in ran.out
    assert ran.err == '⚠️  ignoring invalid FLUX_SYSTEM_NAMESPACE: "Not A Label"\n'


def test_the_namespace_of_the_context_is_followed_on_demand(offline, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\ncontexts:\n"
        "- name: here\n  context: {namespace: web}\n- name: there\n  context: {namespace: db}\n"
    )
    offline.environ["KUBECONFIG"] = str(config)
    command = "create source git repo --url=https://a/b --branch=main --export"
    assert "  namespace: flux-system\n" in run(offline, command).out
    assert "  namespace: web\n" in run(offline, f"{command} --ns-follows-kube-context").out
    assert "  namespace: db\n" in run(offline, f"{command} --ns-follows-kube-context --context=there").out
    assert "  namespace: mine\n" in run(offline, f"{command} --ns-follows-kube-context -n mine").out
    offline.environ["FLUX_NS_FOLLOWS_KUBE_CONTEXT"] = "1"
    assert "  namespace: web\n" in run(offline, command).out


def test_help_is_laid_out_as_cobra_lays_it_out(offline):
    root = run(offline, "--help")
    assert root.code == 0
    assert "\nUsage:\n  fluvial [command]\n" in root.out
    assert "\n  get         Get the resources and their status\n" in root.out
    assert "bootstrap" not in root.out
    leaf = run(offline, "get ks --help")
    assert (
        "\nUsage:\n  fluvial get kustomizations [name] [flags]\n\nAliases:\n  kustomizations, ks, kustomization\n"
        in leaf.out
    )
    assert re.search(r"^ +--show-source +show the source reference", leaf.out, re.MULTILINE)
    assert re.search(r"^  -n, --namespace string .*\(default \"flux-system\"\)$", leaf.out, re.MULTILINE)
    assert run(offline, "get").out == run(offline, "get --help").out
    assert run(offline, "--version").out == "fluvial version 0.1.0\n"


def test_help_imports_neither_asyncio_nor_an_http_client():
    code = (
        "import sys; sys.argv = ['fluvial']; from fluvial.cli import main; main(['--help']); "
        "heavy = ('asyncio', 'aiohttp', 'ssl', 'yaml', 'msgspec'); "
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_help_is_quick():
    command = [sys.executable, "-c", "from fluvial.cli import main; main(['--help'])"]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.5  # the figure is for docs/benchmarks.md; this only catches an import gone wrong


def test_every_command_can_be_imported_and_helped(offline):
    from fluvial.cli.command import Group
    from fluvial.cli.root import make_root

    def walk(group, words):
        for child in group.children:
            if child.hidden:
                continue
            path = [*words, child.name]
            assert run(offline, *path, "--help").out.partition("\n\nUsage:\n")[0].strip(), path
            command = group.child(child.name)
            if isinstance(command, Group):
                walk(command, path)

    walk(make_root({}), [])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_scripts_ask_the_program(offline, shell):
    ran = run(offline, "completion", shell)
    assert "__complete" in ran.out
    assert script(shell, "flux").count("flux") >= 1
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=ran.out, text=True, check=True)


def test_completions_are_commands_flags_and_names(on_cluster):
    async def body(cli):
        await cli.load("get/objects.yaml", fluxns="flux-system")
        assert "sources\tGet source statuses\n" in (await cli.run("__complete get s")).out
        assert (await cli.run("__complete get sources git podinfo-")).out == "podinfo-shard1\npodinfo-shard2\n"
        assert (await cli.run("__complete", "get", "sources", "git", "-n", "apps", "")).out == ""
        assert "--namespace\t" in (await cli.run("__complete get sources git --name")).out
        assert "flux-system\n" in (await cli.run("__complete", "get", "sources", "git", "-n", "fl")).out
        assert (await cli.run("__complete get ks -o y")).out == "yaml\n"

    on_cluster(body)


def test_tables_end_rows_of_data_in_a_tab():
    assert render(["Name", "Last seen"], [["a", "now"], ["long", "x\ny"]]) == (
        "NAME\tLAST SEEN \na   \tnow      \t\nlong\tx        \t\n    \ty        \t\n"
    )
    assert render([], [["a", "ü"]]) == "a\tü\t\n"


@pytest.mark.parametrize(("text", "value"), [("t", True), ("TRUE", True), ("0", False), ("False", False)])
def test_booleans_are_gos(text, value):
    assert read_bool(text) is value


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://git.example.com/x", "http://proxy:3128"),
        ("http://git.example.com/x", ""),
        ("https://internal.corp/x", ""),
        ("https://a.internal.corp/x", ""),
        ("https://notinternal.corp/x", "http://proxy:3128"),
        ("https://10.1.2.3/x", ""),
        ("https://only.example.com:8443/x", ""),
        ("https://only.example.com/x", "http://proxy:3128"),
        ("https://127.0.0.1/x", ""),
        ("https://localhost/x", ""),
    ],
)
def test_proxies_come_from_the_environment_as_in_go(url, proxy):
    rule = proxy_for({"HTTPS_PROXY": "proxy:3128", "NO_PROXY": "internal.corp,10.0.0.0/8,only.example.com:8443"})
    assert rule(url) == proxy


def test_no_proxy_may_be_everything():
    assert proxy_for({"https_proxy": "http://p:1", "no_proxy": "*"})("https://a.example.com") == ""


@pytest.mark.parametrize(("text", "address"), [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:6443", ("::1", 6443))])
def test_addresses_are_host_and_port(text, address):
    assert read_address(text) == address


def test_a_plugin_takes_the_place_of_an_unknown_command(tmp_path):
    plugin = tmp_path / "flux-hello"
    plugin.write_text('#!/bin/sh\necho "hello $*"\nexit 7\n')
    plugin.chmod(0o755)
    code = "import sys; sys.argv = ['fluvial']; from fluvial.cli import main; sys.exit(main(['hello', '--to', 'you']))"
    environ = {"FLUXCD_PLUGINS": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False)
    assert (done.stdout, done.returncode) == ("hello --to you\n", 7)
