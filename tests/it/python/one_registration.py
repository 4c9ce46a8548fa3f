"""What one registration holds, and what writes and reads do to it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from expect import Run, check, holds, same


@check
async def a_registration_comes_back_as_it_was_sent(run: Run) -> None:
    config = {
        "llm": {"provider": "echo", "model": "m", "temperature": 0.7, "options": {"stop": ["\n"], "n": None}},
        "z_before_a": 1, "a": [], "unicode": "naïve ☕ 机器人", "quotes": "\"'\\", "empty": {}, "flag": True,
        "numbers": [0, -1, 2**53 + 1, 2**63 - 1, 1e-7, 6.02e23, 0.1], "literal": "${NOT_FOR_THE_SERVER} $resource",
    }  # fmt: skip
    sent = await run.client.register(run.id("whole"), config)
    same(sent.bot_id, run.id("whole"), "bot_id in the answer to register")
    same(sent.config, config, "config in the answer to register")
    same(sent.status, "active", "status in the answer to register")
    got = await run.client.get(run.id("whole"))
    holds(got is not None, "get after register gave None")
    same(got.config, config, "config read back by get")
    same(list(got.config), list(config), "order of keys read back")
    same((got.created_at, got.updated_at), (sent.created_at, sent.updated_at), "times read back by get")
    same(await run.client.get_config(run.id("whole")), config, "config read back by get_config")
    holds(await run.client.exists(run.id("whole")), "exists is False after register")


@check
async def registering_again_replaces_config_and_status(run: Run) -> None:
    first = await run.client.register(run.id("again"), {"old": 1, "both": 1})
    second = await run.client.register(run.id("again"), {"new": 2, "both": 2}, status="error")
    same(second.config, {"new": 2, "both": 2}, "config after the second register")
    same(second.status, "error", "status after the second register")
    same(second.created_at, first.created_at, "created_at after the second register")
    same(await run.client.exists(run.id("again")), False, "exists of a registration that is not active")
    third = await run.client.register(run.id("again"), {"new": 3})
    same(third.status, "active", "status after a register that does not name one")


@check
async def what_is_missing_is_none_or_false(run: Run) -> None:
    same(await run.client.get(run.id("nobody")), None, "get of a missing id")
    same(await run.client.get_config(run.id("nobody")), None, "get_config of a missing id")
    same(await run.client.exists(run.id("nobody")), False, "exists of a missing id")
    same(await run.client.unregister(run.id("nobody")), False, "unregister of a missing id")
    same(await run.client.deactivate(run.id("nobody")), False, "deactivate of a missing id")


@check
async def deactivate_keeps_everything_but_the_status(run: Run) -> None:
    before = await run.client.register(run.id("sleeper"), {"kept": True})
    same(await run.client.deactivate(run.id("sleeper")), True, "deactivate")
    after = await run.client.get(run.id("sleeper"))
    holds(after is not None, "a deactivated registration cannot be read")
    same(after.status, "inactive", "status after deactivate")
    same(after.config, {"kept": True}, "config after deactivate")
    same(after.created_at, before.created_at, "created_at after deactivate")
    holds(after.updated_at > before.updated_at, "deactivate did not move updated_at")
    same(await run.client.deactivate(run.id("sleeper")), True, "deactivate of what is inactive")
    same(await run.client.exists(run.id("sleeper")), False, "exists of what is inactive")


@check
async def unregister_deletes_once(run: Run) -> None:
    first = await run.client.register(run.id("gone"), {"life": 1})
    same(await run.client.unregister(run.id("gone")), True, "unregister")
    same(await run.client.unregister(run.id("gone")), False, "unregister a second time")
    same(await run.client.get(run.id("gone")), None, "get after unregister")
    second = await run.client.register(run.id("gone"), {"life": 2})
    holds(second.created_at > first.created_at, "a recreated registration has the created_at of its former life")
    holds(second.updated_at > first.updated_at, "updated_at went back over delete and recreate")


@check
async def times_are_utc_and_move_with_every_write_and_no_read(run: Run) -> None:
    name = run.id("clock")
    # The client silently takes the present for what it cannot parse, so the text on the wire is looked at first.
    await run.client.register(name, {"n": 0})
    async with run.http.get(f"{run.base}/configs/{name}") as response:
        wire = await response.json()
    for field in ("created_at", "updated_at", "last_accessed_at"):
        holds(isinstance(wire.get(field), str), f"{field} on the wire is {wire.get(field)!r}, not text")
        moment = datetime.fromisoformat(wire[field].replace("Z", "+00:00"))
        same(moment.utcoffset(), timedelta(0), f"UTC offset of {field} {wire[field]!r}")

    last = (await run.client.get(name)).updated_at
    created = (await run.client.get(name)).created_at
    for n in range(1, 31):
        # The same config every second time: a write is a write even if it changes nothing.
        written = await run.client.register(name, {"n": n // 2})
        holds(written.updated_at > last, f"write {n}: updated_at {written.updated_at} is not after {last}")
        same(written.created_at, created, f"created_at after write {n}")
        last = written.updated_at
    for _ in range(10):
        await run.client.get_config(name)
        await run.client.exists(name)
        same((await run.client.get(name)).updated_at, last, "updated_at after reads")
    listed = [reg for reg in await run.client.list_all() if reg.bot_id == name]
    same([reg.updated_at for reg in listed], [last], "updated_at in the list")


@check
async def concurrent_first_registrations_of_one_id_all_succeed(run: Run) -> None:
    name = run.id("rush")
    answers = await asyncio.gather(*(run.client.register(name, {"n": n}) for n in range(30)))
    same(sorted(reg.config["n"] for reg in answers), list(range(30)), "each answer holds what its caller sent")
    same(len({reg.updated_at for reg in answers}), 30, "number of distinct updated_at of 30 writes")
    last = max(answers, key=lambda reg: reg.updated_at)
    same(await run.client.get_config(name), last.config, "the config with the newest updated_at is the one in force")


@check
async def a_config_of_three_megabytes_is_taken(run: Run) -> None:
    config = {"prompt": "x" * (3 * 1024 * 1024)}
    await run.client.register(run.id("large"), config)
    holds(await run.client.get_config(run.id("large")) == config, "a large config came back changed")
    await run.client.unregister(run.id("large"))
