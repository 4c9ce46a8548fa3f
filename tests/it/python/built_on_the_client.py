"""What upstream builds on the client: its poller and its caching manager."""

from __future__ import annotations

import asyncio
from typing import Any

from dataknobs_bots.registry import CachingRegistryManager, HTTPRegistryBackend, RegistryPoller
from dataknobs_common.events import EventType, create_event_bus
from expect import Failed, Run, check, holds, same


@check
async def the_poller_reports_each_change_once_and_nothing_else(run: Run) -> None:
    bus = create_event_bus({"backend": "memory"})
    await bus.connect()
    published: list[tuple[str, EventType]] = []

    async def note(event: Any) -> None:
        published.append((event.payload["instance_id"], event.type))

    await bus.subscribe("registry:changes", note)
    poller = RegistryPoller(run.client, bus, track_content_changes=True)

    async def polled() -> dict[str, EventType]:
        changes = await poller.poll_once()
        return {bot_id: kind for bot_id, kind in changes.items() if bot_id.startswith(run.prefix)}

    one, two = run.id("poll-1"), run.id("poll-2")
    await run.client.register(one, {"v": 1, "nested": {"b": 1, "a": [2]}})
    same((await polled()).get(one), EventType.CREATED, "the first poll")
    same(await polled(), {}, "a poll when nothing happened")
    for _ in range(3):
        await run.client.get(one)
        await run.client.get_config(one)
    same(await polled(), {}, "a poll after reads")
    await run.client.register(one, {"v": 2})
    await run.client.register(two, {"v": 1})
    same(await polled(), {one: EventType.UPDATED, two: EventType.CREATED}, "a poll after an update and a create")
    await run.client.deactivate(two)
    same(await polled(), {two: EventType.UPDATED}, "a poll after deactivate")
    await run.client.unregister(one)
    same(await polled(), {one: EventType.DELETED}, "a poll after unregister")
    same(await polled(), {}, "a poll after all was reported")
    mine = [entry for entry in published if entry[0] in (one, two)]
    wanted = [(one, EventType.CREATED), (one, EventType.UPDATED), (two, EventType.CREATED),
              (two, EventType.UPDATED), (one, EventType.DELETED)]  # fmt: skip
    same(sorted(mine, key=str), sorted(wanted, key=str), "events published by the poller")
    await bus.close()


class Manager(CachingRegistryManager):
    """The smallest manager a user of upstream writes: an instance is a list that holds its config."""

    async def _create_instance(self, instance_id: str, config: dict[str, Any]) -> list[Any]:
        return [instance_id, config]

    async def _destroy_instance(self, instance: list[Any]) -> None:
        instance.clear()


@check
async def the_caching_manager_builds_from_the_server(run: Run) -> None:
    bus = create_event_bus({"backend": "memory"})
    await bus.connect()
    # The manager closes its backend, so it has one of its own.
    manager = Manager(HTTPRegistryBackend(run.base), event_bus=bus)
    await manager.initialize()
    name = run.id("cached")
    await run.client.register(name, {"v": 1})
    first = await manager.get_or_create(name)
    same(first, [name, {"v": 1}], "the instance built first")
    holds(await manager.get_or_create(name) is first, "the second get_or_create built again")
    await run.client.register(name, {"v": 2})
    await manager.publish_invalidation(name)
    for _ in range(200):
        if not manager.is_cached(name):
            break
        await asyncio.sleep(0.01)
    same(await manager.get_or_create(name), [name, {"v": 2}], "the instance after an invalidation event")
    await run.client.unregister(name)
    await manager.invalidate(name)
    try:
        await manager.get_or_create(name)
        raise Failed("get_or_create of a deleted registration gave an instance")
    except KeyError:
        pass
    await manager.close()
    await bus.close()
