import asyncio
import io
import stat
from pathlib import Path

from fluvial.local import cluster, demo


def test_the_demo_tells_the_main_job_from_commit_to_refusal() -> None:
    out = io.StringIO()
    asyncio.run(demo(keep=False, out=out))
    story = out.getvalue()
    words = (
        "commit ",
        "stored ",
        "built ",
        "applied ",
        "healthy ",
        "pruned ",
        "edited ",
        "corrected ",
        "refused ",
        "unchanged ",
    )
    positions = [story.index(word) for word in words]
    assert positions == sorted(positions)
    assert "(apps/service.yaml:10)" in story  # the refusal names file and line


def test_a_cluster_keeps_its_data_and_its_kubeconfig_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": "default"}}

    async def first() -> None:
        async with cluster(folder=folder) as one:
            await one.client.create(made)
            assert stat.S_IMODE(one.kubeconfig.stat().st_mode) == 0o600

    async def second() -> None:
        async with cluster(folder=folder) as one:
            assert await one.client.get("v1", "ConfigMap", "default", "kept") is not None

    asyncio.run(first())
    asyncio.run(second())
