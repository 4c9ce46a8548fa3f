"""A part of the Python fleet on the same event bus as a hotbed server: what either says, the other hears.

    python on_bus.py BASE_URL BUS invalidated
    python on_bus.py BASE_URL BUS publish HOW BOT_ID

BUS is the configuration of `create_event_bus`, as JSON. `invalidated` checks that the caching managers of
`dataknobs-bots`, listening where they listen by default, forget what is written through the server. `publish` tells, as code of that fleet does, that a bot is not what it was: HOW is
`manager` (`publish_invalidation`), `configs` (the same of the manager of configurations) or `bots` (an event of one's
own with `bot_id`). Nothing of the package is replaced.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

# The checks stand beside this file in the source tree, which is not the place for caches.
sys.dont_write_bytecode = True

import redis.asyncio  # noqa: E402
from dataknobs_bots.registry import (  # noqa: E402
    CachingRegistryManager,
    ConfigCachingManager,
    HTTPRegistryBackend,
)
from dataknobs_common.events import Event, EventType, create_event_bus  # noqa: E402

# Far less than the time after which a cached instance is built anew anyway.
SECONDS = 20


class Manager(CachingRegistryManager):
    """The smallest manager a user of upstream writes: an instance is a list that holds its config."""

    async def _create_instance(self, instance_id: str, config: dict[str, Any]) -> list[Any]:
        return [instance_id, config]

    async def _destroy_instance(self, instance: list[Any]) -> None:
        instance.clear()


async def until(what: str, done: Callable[[], bool]) -> None:
    for _ in range(SECONDS * 100):
        if done():
            return
        await asyncio.sleep(0.01)
    raise SystemExit(f"{what}: not within {SECONDS} s")


async def invalidated(base: str, config: dict[str, Any], bus: Any) -> None:
    client = HTTPRegistryBackend(base)
    await client.initialize()
    # Each closes its backend, so each has one of its own.
    managers = [
        Manager(HTTPRegistryBackend(base), event_bus=bus),
        ConfigCachingManager(HTTPRegistryBackend(base), event_bus=bus),
    ]
    told = {"registry:instances": 0, "registry:configs": 0}
    for manager, topic in zip(managers, told, strict=True):
        await manager.initialize()

        async def note(event: Event, topic: str = topic) -> None:
            told[topic] += 1

        await bus.subscribe(topic, note)
        # PostgreSQL has answered that it listens, Redis was only asked.
        if config["backend"] == "redis":
            await heard_by_both(config["port"], topic)
    writes = 0

    async def write(call: Awaitable[Any]) -> None:
        nonlocal writes
        await call
        writes += 1

    async def all_told() -> None:
        await until(f"{writes} writes are told: {told}", lambda: min(told.values()) == writes)

    for what, change in [
        ("an update", lambda: client.register("shared", {"v": 2})),
        ("a deactivation", lambda: client.deactivate("shared")),
        ("a deletion", lambda: client.unregister("shared")),
    ]:
        await write(client.register("shared", {"v": 1}))
        # What is told of this write must not be taken for what is told of the next.
        await all_told()
        for manager in managers:
            await manager.get_or_create("shared")
        await write(change())
        await all_told()
        for manager in managers:
            name = type(manager).__name__
            await until(f"{name} after {what}", lambda manager=manager: not manager.is_cached("shared"))
            print(f"ok {name} after {what}", flush=True)
    for manager in managers:
        await manager.close()
    await client.close()


async def heard_by_both(port: int, topic: str) -> None:
    """Waits until the server and we listen to a topic."""
    client = redis.asyncio.Redis(port=port)
    listeners = 0
    for _ in range(SECONDS * 100):
        [(_, listeners)] = await client.pubsub_numsub(f"events:{topic}")
        if listeners == 2:
            await client.aclose()
            return
        await asyncio.sleep(0.01)
    raise SystemExit(f"{topic} is listened to by {listeners}, not by two")


async def publish(base: str, _config: dict[str, Any], bus: Any, how: str, bot_id: str) -> None:
    if how == "bots":
        event = Event(type=EventType.UPDATED, topic="registry:bots", payload={"bot_id": bot_id})
        await bus.publish("registry:bots", event)
    else:
        kind = {"manager": Manager, "configs": ConfigCachingManager}[how]
        manager = kind(HTTPRegistryBackend(base), event_bus=bus)
        await manager.initialize()
        await manager.publish_invalidation(bot_id)
        await manager.close()
    print(f"ok published by {how}", flush=True)


async def main() -> None:
    base, config, what, *rest = sys.argv[1:]
    config = json.loads(config)
    bus = create_event_bus(config)
    await bus.connect()
    await {"invalidated": invalidated, "publish": publish}[what](base, config, bus, *rest)
    await bus.close()


asyncio.run(main())
