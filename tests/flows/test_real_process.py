"""`fluvial up DIR` as a process of its own: killed, restarted on the same folder, and ended by a signal."""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fluvial.git import MemoryRepository, git_handler
from fluvial.kube import Kubeconfig
from fluvial.net import serve
from fluvial.objects import Object, Ref
from fluvial.runtime import SystemClock
from tests.flows.flow import config_map
from tests.flows.world import Engine, World

PROGRAM = [sys.executable, "-c", "import sys; from fluvial.cli import main; sys.exit(main())"]
START_LIMIT = 60.0  # seconds, on a shared machine
END_LIMIT = 10.0


class Process(Engine):
    """`fluvial up`, started, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: asyncio.subprocess.Process | None = None

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    async def start(self) -> None:
        self.kubeconfig.unlink(missing_ok=True)  # written when all is ready
        self.running = await asyncio.create_subprocess_exec(
            *PROGRAM, "up", str(self.folder), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(START_LIMIT):
            while not self.kubeconfig.exists():
                assert self.running.returncode is None, await self.running.stderr.read()  # type: ignore[union-attr]
                await asyncio.sleep(0.05)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal, and return how the process ended."""
        assert self.running is not None
        self.running.send_signal(number)
        async with asyncio.timeout(END_LIMIT):
            await self.running.communicate()
        assert self.running.returncode is not None
        return self.running.returncode

    async def stop(self) -> None:
        if self.running is not None and self.running.returncode is None:
            await self.end(signal.SIGKILL)


@asynccontextmanager
async def world_of(process: Process, git: MemoryRepository, git_url: str) -> AsyncIterator[World]:
    """The world as the present process shows it."""
    config = Kubeconfig.load([str(process.kubeconfig)]).cluster(clock=SystemClock())
    client = await config.connect(user_agent="flow", chance=random.Random(1))
    try:
        yield World(client, "default", git, git_url, process)
    finally:
        await client.close()


async def objects_of(world: World) -> dict[str, Object]:
    found = (await world.client.list("v1", "ConfigMap", "default")).items
    return {str(Ref.of(obj)): obj for obj in found}


def test_up_killed_in_the_middle_of_an_apply_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    asyncio.run(_killed(tmp_path / "cluster"))


async def _killed(folder: Path) -> None:
    git, process = MemoryRepository(SystemClock()), Process(folder)
    server = await serve(git_handler({"fleet": git}))
    url = f"{server.url}/fleet"
    try:
        await process.start()
        async with world_of(process, git, url) as world:
            await world.reconciled({f"apps/{n}.yaml": config_map(f"c{n}") for n in range(40)})
            before = await objects_of(world)
            new: dict[str, str | bytes | None] = {f"apps/n{n}.yaml": config_map(f"n{n}") for n in range(40)}
            second = await world.pushed({"apps/0.yaml": None} | new)

            async def some() -> bool:
                return await world.get("ConfigMap", "n3") is not None

            await world.until("the apply is under way", some)
            assert await process.end(signal.SIGKILL) == -signal.SIGKILL
        await process.start()
        async with world_of(process, git, url) as world:
            await world.ready("Kustomization", "apps", second)
            after = await objects_of(world)
            assert len(after) == 79
            assert "ConfigMap/default/c0" not in after
            same = [name for name in before.keys() & after.keys() if before[name] == after[name]]
            assert len(same) == 39  # as they were, uid and resourceVersion too
            await world.edit("ConfigMap", "c1", {"data": {"key": "drifted"}})

            async def corrected() -> bool:
                live = await world.get("ConfigMap", "c1")
                return live is not None and live["data"] == {"key": "value"}

            await world.until("drift is corrected", corrected)
        assert await process.end(signal.SIGTERM) == 0
    finally:
        await process.stop()
        await server.close()
