"""`deploy/image.py`: an OCI layout whose interpreter runs with nothing from outside of it."""

import gzip
import hashlib
import importlib.util
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "image.py"


@pytest.fixture(scope="module")
def image():
    spec = importlib.util.spec_from_file_location("fluvial_image", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["fluvial_image"] = module
    spec.loader.exec_module(module)
    return module


def test_equal_content_makes_equal_bytes(image):
    one = {"b/x": image.Entry(b"x"), "a": image.Entry(link="b/x"), "run": image.Entry(b"#!", mode=0o755)}
    assert image.pack(one) == image.pack(dict(reversed(one.items())))
    with tarfile.open(fileobj=io.BytesIO(image.pack(one))) as archive:
        members = {member.name: member for member in archive}
    assert list(members) == ["a", "b", "b/x", "run"]
    assert members["b"].isdir()
    assert members["a"].linkname == "b/x"
    assert (members["run"].mode, members["run"].mtime, members["run"].uid) == (0o755, 0, 0)


def test_the_layout_holds_what_its_digests_say(image, tmp_path):
    target = tmp_path / "image"
    digest = image.write_layout(target, [{"one": image.Entry(b"1")}, {"two": image.Entry(b"2")}], "0.1.0")
    assert json.loads((target / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((target / "index.json").read_text())
    assert index["manifests"][0]["digest"] == digest
    assert index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] == "v0.1.0"
    manifest = json.loads(blob(target, digest))
    config = json.loads(blob(target, manifest["config"]["digest"]))
    assert config["config"]["User"] == "65534:65534"
    assert config["config"]["Entrypoint"] == ["fluvial"]
    for layer, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True):
        packed = blob(target, layer["digest"])
        assert len(packed) == layer["size"]
        assert diff_id == f"sha256:{hashlib.sha256(gzip.decompress(packed)).hexdigest()}"


def blob(target, digest):
    data = (target / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    return data


def test_the_interpreter_of_the_layout_runs_on_the_layouts_own_libraries(image, tmp_path):
    layer = image.runtime([])
    for name, entry in layer.items():
        path = tmp_path / name
        if entry.data is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(entry.data)
            path.chmod(entry.mode)
    loaders = [tmp_path / name for name in layer if Path(name).name.startswith("ld-linux")]
    libraries = sorted({str((tmp_path / name).parent) for name in layer if ".so" in name and "lib-dynload" not in name})
    interpreter = next(tmp_path / name for name in layer if name.startswith(f"{image.PREFIX}/bin/python3."))
    code = (
        "import asyncio, ssl, sqlite3, zlib, hashlib, multiprocessing; "
        "maps = open('/proc/self/maps').read().split(); "
        "print(sorted({word for word in maps if '.so' in word and word.startswith('/')}))"
    )
    command = [loaders[0], "--inhibit-cache", "--library-path", ":".join(libraries), interpreter, "-I", "-c", code]
    environ = {"PYTHONHOME": str(tmp_path / image.PREFIX), "LD_BIND_NOW": "1"}
    # -I ignores PYTHONHOME; the interpreter finds its library beside itself.
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout
    assert str(tmp_path) in loaded
    outside = [word.strip("'[],\n") for word in loaded.split() if str(tmp_path) not in word]
    assert outside == []


def test_the_command_of_the_image_starts_the_interpreter_by_its_path(image):
    ((name, entry),) = image.launcher().items()
    assert name == "usr/local/bin/fluvial"
    assert entry.data.startswith(b"#!/usr/local/bin/python3 -P\n")
    assert entry.mode == 0o755


def test_the_containerfile_runs_as_nobody_with_pinned_wheels():
    text = SCRIPT.with_name("Containerfile").read_text()
    assert "\nUSER 65534:65534\n" in text
    assert "--require-hashes" in text
