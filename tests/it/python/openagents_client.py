"""The published OpenAgents client, unmodified, against a server that is no OpenAgents: agents join, load mods, hear of them,
use them and unload them, and the health document is in step.

    python openagents_client.py HOST PORT
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import aiohttp
from openagents.core.client import AgentClient
from openagents.models.event import Event

# No step takes so long; what does is stuck.
DEADLINE = 30.0
CACHE = "openagents.mods.core.shared_cache"
# One mod of ours for each of the paths that agents of these versions know it by.
PATHS = [
    "openagents.mods.core.shared_artifact",
    "openagents.mods.workspace.project",
    "openagents.mods.core.wiki",
]


def expect(is_so: bool, what: Any) -> None:
    if not is_so:
        raise AssertionError(what)


class Agent:
    """A connected client that keeps what it hears."""

    def __init__(self, client: AgentClient) -> None:
        self.client = client
        self.heard: list[Event] = []
        self.news = asyncio.Condition()

    @classmethod
    async def join(cls, name: str, host: str, port: int) -> Agent:
        client = AgentClient(agent_id=name)
        agent = cls(client)
        client.register_event_handler(agent._hear)
        connected = await client.connect_to_server(network_host=host, network_port=port)
        expect(connected, f"{name} is not connected")
        return agent

    async def _hear(self, event: Event) -> None:
        async with self.news:
            self.heard.append(event)
            self.news.notify_all()

    async def hears(self, wanted: Callable[[Event], bool], what: str) -> Event:
        def found() -> Event | None:
            return next((event for event in self.heard if wanted(event)), None)

        async with self.news:
            try:
                await asyncio.wait_for(self.news.wait_for(lambda: found() is not None), DEADLINE)
            except asyncio.TimeoutError:
                names = [event.event_name for event in self.heard]
                raise AssertionError(f"{self.client.agent_id} does not hear {what}, but {names}") from None
            event = found()
        assert event is not None
        return event

    async def hears_of_mod(self, kind: str, mod_id: str) -> Event:
        name = f"mod.{kind}"
        return await self.hears(
            lambda event: event.event_name == name and event.payload.get("mod_id") == mod_id, f"{name} {mod_id}"
        )

    async def send(self, name: str, payload: dict[str, Any], to: str | None = None) -> Any:
        event = Event(event_name=name, source_id=self.client.agent_id, destination_id=to, payload=payload)
        answer = await asyncio.wait_for(self.client.send_event(event), DEADLINE)
        expect(answer is not None, f"{name} is not answered")
        return answer

    async def done(self, name: str, payload: dict[str, Any], to: str | None = None) -> Any:
        answer = await self.send(name, payload, to)
        expect(answer.success, f"{name}: {answer.message}")
        return answer


async def health(host: str, port: int) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/api/health") as answer:
        expect(answer.status == 200, answer.status)
        return await answer.json()


def scanned(host: str, port: int) -> None:
    """What the program's own search for networks finds, in the versions that have one."""
    try:
        from openagents.client.cli_network import discover_running_networks
    except ImportError:
        expect(version("openagents") == "0.7.0", "the search for networks cannot be imported")
        return
    found = discover_running_networks(ports=[port], hosts=[host])
    expect(len(found) == 1, found)
    network = found[0]
    expect(network["network_id"] == "hotbed" and network["is_running"] and network["agent_count"] == 2, network)


async def story(host: str, port: int) -> None:
    alice = await Agent.join("alice", host, port)
    bob = await Agent.join("bob", host, port)
    await asyncio.to_thread(scanned, host, port)
    print("agents are in, and the network is found")

    # B8 and its like are told by the server's own tests; here is what works.
    answer = await alice.done("system.mod.load", {"mod_path": CACHE})
    expect(answer.message == "Successfully loaded mod: shared_cache", answer.message)
    expect(answer.data == {"mod_id": "shared_cache", "mod_path": CACHE}, answer.data)
    again = await alice.send("system.mod.load", {"mod_path": CACHE})
    expect((again.success, again.message) == (False, "Mod 'shared_cache' is already loaded"), again.message)
    told = await bob.hears_of_mod("loaded", "shared_cache")
    expect(told.payload["mod_path"] == CACHE and told.payload["state"] == "running", told.payload)
    seen = await health(host, port)
    expect(seen["mods"]["loaded"] == ["shared_cache"], seen["mods"])
    expect(seen["data"]["dynamic_mods"]["loaded"] == ["shared_cache"], seen["data"]["dynamic_mods"])
    expect(set(seen["data"]["agents"]) == {"alice", "bob"}, seen["data"]["agents"])
    print("a mod is loaded, told of and shown")

    created = await alice.done("shared_cache.create", {"value": "42", "mime_type": "text/plain"})
    cache_id = created.data["cache_id"]
    got = await bob.done("shared_cache.get", {"cache_id": cache_id})
    expect(got.data["value"] == "42", got.data)
    print("it is used by both")

    for path in PATHS:
        await alice.done("system.mod.load", {"mod_path": path})
    names = {entry["name"] for entry in await bob.client.list_mods()}
    expect(names == {CACHE, *PATHS}, names)
    manifest = await bob.client.get_mod_manifest(CACHE)
    expect(manifest is not None and manifest["mod_name"] == "Shared cache", manifest)
    agents = {entry["agent_id"] for entry in await bob.client.list_agents()}
    expect(agents == {"alice", "bob"}, agents)
    print("mods and agents are listed")

    await alice.done("chat.said", {"text": "hello"}, to="agent:bob")
    said = await bob.hears(lambda event: event.event_name == "chat.said", "chat.said")
    expect(said.payload == {"text": "hello"} and said.source_id == "alice", said)
    expect(not said.secret, "a secret came with an event")
    print("agents talk")

    await alice.done("system.mod.disable", {"mod_path": "wiki"})
    await bob.hears_of_mod("unloaded", "wiki")
    await alice.done("system.mod.enable", {"mod_path": "wiki"})
    await alice.done("system.mod.reload", {"mod_path": "wiki"})
    await bob.hears_of_mod("reloaded", "wiki")

    gone = await alice.done("system.mod.unload", {"mod_path": CACHE})
    expect(gone.message == "Successfully unloaded mod: shared_cache", gone.message)
    await bob.hears_of_mod("unloaded", "shared_cache")
    twice = await alice.send("system.mod.unload", {"mod_path": CACHE})
    expect((twice.success, twice.message) == (False, "Mod 'shared_cache' is not loaded"), twice.message)
    lost = await bob.send("shared_cache.get", {"cache_id": cache_id}, to="mod:" + CACHE)
    expect(not lost.success, lost)
    seen = await health(host, port)
    expect("shared_cache" not in seen["mods"]["loaded"] and seen["mods"]["count"] == 3, seen["mods"])
    print("a mod is unloaded, told of and shown no more")

    for agent in (alice, bob):
        expect(await agent.client.disconnect(), "is not disconnected")
    seen = await health(host, port)
    expect(seen["data"]["agents"] == {}, seen["data"]["agents"])
    print(f"openagents {version('openagents')}: all is well")


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(story(sys.argv[1], int(sys.argv[2])), 240))
