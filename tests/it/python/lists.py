"""Lists, counts, metadata, filters, sort and pages."""

from __future__ import annotations

from typing import Any

from expect import Run, check, check_with_metadata, holds, same


@check
async def lists_and_counts_tell_active_from_inactive(run: Run) -> None:
    active_before = await run.client.count()
    for name in ("list-a", "list-b", "list-c"):
        await run.client.register(run.id(name), {"name": name})
    await run.client.deactivate(run.id("list-b"))
    mine = lambda registrations: [n for n in run.mine(registrations) if n.startswith("list-")]  # noqa: E731
    same(sorted(mine(await run.client.list_all())), ["list-a", "list-b", "list-c"], "list_all")
    same(sorted(mine(await run.client.list_active())), ["list-a", "list-c"], "list_active")
    ids = [bot_id for bot_id in await run.client.list_ids() if bot_id.startswith(run.id("list-"))]
    same(sorted(ids), [run.id("list-a"), run.id("list-c")], "list_ids")
    same(await run.client.count(), active_before + 2, "count")
    by_id = {reg.bot_id: reg for reg in await run.client.list_all()}
    one = await run.client.get(run.id("list-b"))
    same(by_id[one.bot_id].to_dict()["config"], one.config, "config in the list")
    same(by_id[one.bot_id].created_at, one.created_at, "created_at in the list")


@check
async def a_writer_that_knows_no_metadata_keeps_it(run: Run) -> None:
    """0.6.9 deactivates by GET and PUT without `metadata`; a newer program's metadata must outlive that."""
    url = f"{run.base}/configs/{run.id('tagged')}"
    body = {"config": {"v": 1}, "metadata": {"tenant_id": "acme", "nested": {"deep": [1, None]}}}
    async with run.http.put(url, json=body) as response:
        same(response.status // 100, 2, "status class of a bare PUT")
    same(await run.client.deactivate(run.id("tagged")), True, "deactivate")
    async with run.http.put(url, json={"config": {"v": 2}}) as response:
        same(response.status // 100, 2, "status class of a bare PUT without metadata")
    async with run.http.get(url) as response:
        same((await response.json())["metadata"], body["metadata"], "metadata after writers that know none")


@check_with_metadata
async def metadata_is_kept_and_replaced_as_a_whole(run: Run) -> None:
    metadata = {"tenant_id": "acme", "n": 7, "flag": False, "none": None, "nested": {"tags": ["a", "b"]}}
    sent = await run.client.register(run.id("meta"), {"v": 1}, metadata=metadata)
    same(sent.metadata, metadata, "metadata in the answer to register")
    same((await run.client.get(run.id("meta"))).metadata, metadata, "metadata read back")
    await run.client.deactivate(run.id("meta"))
    same((await run.client.get(run.id("meta"))).metadata, metadata, "metadata after deactivate")
    await run.client.register(run.id("meta"), {"v": 2}, metadata={"tenant_id": "other"})
    same((await run.client.get(run.id("meta"))).metadata, {"tenant_id": "other"}, "metadata after another register")
    # This client always sends `metadata`, so leaving it out means an empty one.
    await run.client.register(run.id("meta"), {"v": 3})
    same((await run.client.get(run.id("meta"))).metadata, {}, "metadata after a register without any")
    same(await run.client.peek_config(run.id("meta")), {"v": 3}, "peek_config")
    same(await run.client.peek_config(run.id("nobody")), None, "peek_config of a missing id")


@check_with_metadata
async def filters_sort_and_pages_are_answered_by_the_server(run: Run) -> None:
    """The client filters and sorts again what it gets, but never pages: a wrong page shows a server that ignored them."""
    from dataknobs_data import SortOrder, SortSpec

    up = lambda field: SortSpec(field, SortOrder.ASC)  # noqa: E731
    down = lambda field: SortSpec(field, SortOrder.DESC)  # noqa: E731
    mark = {"run": run.prefix}
    # (name, env, rank, status), registered in this order
    rows = [("q3", "prod", 3, "active"), ("q1", "prod", 1, "active"), ("q5", "test", 2, "active"),
            ("q2", "prod", 1, "inactive"), ("q4", "prod", None, "active")]  # fmt: skip
    for name, env, rank, status in rows:
        metadata = {**mark, "env": env, "on": True} | ({} if rank is None else {"rank": rank})
        await run.client.register(run.id(name), {"name": name}, status=status, metadata=metadata)

    async def listed(**query: Any) -> list[str]:
        filters = {**mark, **query.pop("filter_metadata", {})}
        return run.mine(await run.client.list_all(filter_metadata=filters, **query))

    prod = {"env": "prod"}
    by_id = [up("bot_id")]
    same(await listed(sort=by_id), ["q1", "q2", "q3", "q4", "q5"], "sort=bot_id")
    same(await listed(sort=[down("bot_id")], limit=2), ["q5", "q4"], "sort=bot_id:desc, limit 2")
    same(await listed(sort=[up("created_at")], limit=2), ["q3", "q1"], "sort=created_at, limit 2")
    same(await listed(sort=[down("created_at")], limit=2, offset=1), ["q2", "q5"], "sort=created_at:desc, 2 from 1")
    same(await listed(sort=[up("metadata.rank"), up("bot_id")]), ["q1", "q2", "q5", "q3", "q4"], "sort by rank, id")
    same(await listed(sort=[up("metadata.rank"), down("bot_id")], limit=3), ["q2", "q1", "q5"], "sort by rank, id:desc")
    same(await listed(sort=[down("metadata.rank"), up("bot_id")], limit=2), ["q4", "q3"], "absent sorts first in desc")
    same(await listed(sort=[up("status"), down("bot_id")], limit=2), ["q5", "q4"], "sort by status, id:desc")
    same(await listed(filter_metadata=prod, sort=by_id, limit=2, offset=1), ["q2", "q3"], "prod, 2 from 1")
    same(await listed(status="active", sort=by_id, limit=2), ["q1", "q3"], "active, limit 2")
    same(await listed(status="active", filter_metadata=prod, sort=by_id, offset=1), ["q3", "q4"], "active prod, from 1")
    same(await listed(filter_metadata={"rank": 1, "on": True}, sort=by_id), ["q1", "q2"], "rank 1 as a number")
    same(await listed(filter_metadata={"rank": "1"}), [], "rank 1 as text matches no number")
    same(await listed(sort=by_id, limit=0), [], "limit 0")
    same(await listed(sort=by_id, offset=50), [], "offset past the end")

    all_mine = {**mark}
    inactive = await run.client.list_inactive(filter_metadata=all_mine, sort=by_id)
    same(run.mine(inactive), ["q2"], "list_inactive")
    active = await run.client.list_active(filter_metadata=all_mine, sort=by_id, limit=1)
    same(run.mine(active), ["q1"], "list_active, limit 1")
    same(await run.client.count(filter_metadata=all_mine), 4, "count")
    same(await run.client.count_all(filter_metadata=all_mine), 5, "count_all")
    same(await run.client.count_all(status="inactive", filter_metadata=all_mine), 1, "count_all of inactive")
    same(await run.client.count_inactive(filter_metadata=all_mine), 1, "count_inactive")
    streamed = [reg async for reg in run.client.stream(status="active", filter_metadata={**mark, **prod})]
    same(sorted(run.mine(streamed)), ["q1", "q3", "q4"], "stream")


@check_with_metadata
async def a_query_that_cannot_be_read_is_refused(run: Run) -> None:
    queries = ("filter_metadata=%5B1%5D", "filter_metadata=%7B", "sort=:asc", "sort=bot_id:up", "limit=-1", "offset=-1")
    for query in (*queries, "status=nonsense"):
        async with run.http.get(f"{run.base}/configs?{query}") as response:
            same(response.status // 100, 4, f"status class of GET /configs?{query}")
            body = await response.json(content_type=None)
            holds(bool(body.get("detail")), f"GET /configs?{query}: the answer has no `detail`: {body!r}")
