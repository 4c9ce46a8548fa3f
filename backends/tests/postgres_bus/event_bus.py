"""The event bus on PostgreSQL of the published `dataknobs-common`, unmodified.

    python event_bus.py URL hear TOPIC
    python event_bus.py URL tell TOPIC INSTANCE_ID

`hear` says `listening`, then each event as JSON, one a line, until its input ends. `tell` publishes once what
`CachingRegistryManager.publish_invalidation` of `dataknobs-bots` does.
"""

from __future__ import annotations

import asyncio
import json
import sys

# The checks stand beside this file in the source tree, which is not the place for caches.
sys.dont_write_bytecode = True

from dataknobs_common.events import Event, EventType, create_event_bus  # noqa: E402


async def main() -> None:
    url, what, topic, *rest = sys.argv[1:]
    bus = create_event_bus({"backend": "postgres", "connection_string": url})
    await bus.connect()
    if what == "hear":

        async def handler(event: Event) -> None:
            print(json.dumps(event.to_dict()), flush=True)

        await bus.subscribe(topic, handler)
        print("listening", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    else:
        [instance_id] = rest
        event = Event(
            type=EventType.UPDATED,
            topic=f"{topic}:{instance_id}",
            payload={"instance_id": instance_id},
            source="caching_manager",
        )
        await bus.publish(topic, event)
    await bus.close()


asyncio.run(main())
