"""The whole collection at once: run last, for it leaves nothing behind."""

from __future__ import annotations

from expect import Run, check, check_if_server_is_ours, holds, same


@check
async def unregistering_what_was_listed_leaves_nothing_of_this_run(run: Run) -> None:
    for reg in await run.client.list_all():
        if reg.bot_id.startswith(run.prefix):
            same(await run.client.unregister(reg.bot_id), True, f"unregister of the listed {reg.bot_id!r}")
    same(run.mine(await run.client.list_all()), [], "ids of this run after all were unregistered")


@check_if_server_is_ours
async def no_request_deletes_a_whole_collection(run: Run) -> None:
    await run.client.register(run.id("bystander"), {})
    before = sorted(reg.bot_id for reg in await run.client.list_all())
    for path in ("/configs/", "/configs//", "/configs/?x", "/configs/.", "/configs/%2e", "/configs?x", "/configs"):
        async with run.http.delete(f"{run.base}{path}") as response:
            same(response.status // 100, 4, f"status class of DELETE {path}")
        same(sorted(reg.bot_id for reg in await run.client.list_all()), before, f"ids after DELETE {path}")


@check_if_server_is_ours
async def clear_is_told_to_delete_one_by_one_and_does(run: Run) -> None:
    async with run.http.delete(f"{run.base}/configs") as response:
        same(response.status, 405, "status of DELETE /configs, on which the client falls back to single deletes")
    for name in ("clear-1", "clear 2", "clear-☕"):
        await run.client.register(run.id(name), {})
    await run.client.deactivate(run.id("clear-1"))
    await run.client.clear()
    same(await run.client.list_all(), [], "list_all after clear")
