"""The repositories that the benchmarks push to: folders of ConfigMaps, small and large."""

import subprocess
from collections.abc import Mapping
from pathlib import Path


def config_maps(prefix: str, count: int, *, namespace: str = "default", keys: int = 3) -> str:
    """Return `count` ConfigMaps as one multi-document text."""
    return "".join(
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {prefix}-{i:05d}\n  namespace: {namespace}\ndata:\n"
        + "".join(f"  key{k}: value of {prefix}-{i:05d} number {k}\n" for k in range(keys))
        + "---\n"
        for i in range(count)
    )


def kustomization(resources: list[str]) -> str:
    """Return a kustomization.yaml that lists `resources`."""
    return "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n" + "".join(
        f"- {name}\n" for name in resources
    )


def small_fleet() -> dict[str, str]:
    """100 application folders of two ConfigMaps each, and one folder of ten: 202 files."""
    files: dict[str, str] = {}
    for i in range(100):
        files[f"apps/a{i:04d}/cm.yaml"] = config_maps(f"a{i:04d}", 2)
        files[f"apps/a{i:04d}/kustomization.yaml"] = kustomization(["cm.yaml"])
    files["big/b10/cm.yaml"] = config_maps("b10", 10)
    files["big/b10/kustomization.yaml"] = kustomization(["cm.yaml"])
    return files


def large_fleet() -> dict[str, str]:
    """1,000 application folders, and folders of 10 and 1,000 ConfigMaps: 2,024 files and some."""
    files = small_fleet()
    for i in range(100, 1000):
        files[f"apps/a{i:04d}/cm.yaml"] = config_maps(f"a{i:04d}", 2)
        files[f"apps/a{i:04d}/kustomization.yaml"] = kustomization(["cm.yaml"])
    files |= thousand()
    for i in range(101):
        files[f"docs/page{i:03d}.md"] = f"# Page {i}\n" * 40
    return files


def thousand(prefix: str = "b1000") -> dict[str, str]:
    """One folder of 1,000 ConfigMaps in files of fifty."""
    names = [f"cm-{j:05d}.yaml" for j in range(0, 1000, 50)]
    whole = config_maps(prefix, 1000).split("---\n")
    files = {f"big/{prefix}/{name}": "---\n".join(whole[i * 50 : i * 50 + 50]) for i, name in enumerate(names)}
    files[f"big/{prefix}/kustomization.yaml"] = kustomization(names)
    return files


class Repository:
    """A work tree and the bare copy that is served."""

    def __init__(self, folder: Path, name: str, files: Mapping[str, str]) -> None:
        self.work = folder / f"{name}-work"
        self.bare = folder / "git" / f"{name}.git"
        self.work.mkdir(parents=True)
        self._git("init", "-q", "-b", "main", ".")
        self._write(files)
        self._commit("first")
        subprocess.run(["git", "clone", "-q", "--bare", self.work, self.bare], check=True, capture_output=True)

    def push(self, files: Mapping[str, str]) -> str:
        """Commit `files` and push; return the commit's hash."""
        self._write(files)
        self._commit("change")
        self._git("push", "-q", str(self.bare), "main")
        return self._git("rev-parse", "HEAD")

    def _write(self, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            target = self.work / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def _commit(self, message: str) -> None:
        self._git("add", "-A")
        self._git("-c", "user.name=bench", "-c", "user.email=bench@example.test", "commit", "-qm", message)

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.work, check=True, capture_output=True, text=True)
        return done.stdout.strip()
