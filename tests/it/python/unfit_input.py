"""Ids and bodies that do not fit: refused with a 4xx, and nothing else is touched."""

from __future__ import annotations

from typing import Any

from expect import Run, check, refused, same


@check
async def ids_with_spaces_signs_and_unicode_work(run: Run) -> None:
    names = ["with space", "a+b", "a:b;c,d", "a@b=c&d", "it's", "naïve", "机器人", "☕", "..dots", "~t!(x)*"]
    for name in names:
        reg = await run.client.register(run.id(name), {"name": name})
        same(reg.bot_id, run.id(name), "bot_id in the answer to register")
        same(await run.client.get_config(run.id(name)), {"name": name}, f"config of {name!r}")
    listed = set(run.mine(await run.client.list_all()))
    same(sorted(set(names) - listed), [], "ids missing from the list")
    for name in names:
        same(await run.client.deactivate(run.id(name)), True, f"deactivate of {name!r}")
        same(await run.client.unregister(run.id(name)), True, f"unregister of {name!r}")
        same(await run.client.get(run.id(name)), None, f"get of the deleted {name!r}")


@check
async def hostile_ids_never_touch_another_registration(run: Run) -> None:
    kept = [run.id("bystander-1"), run.id("bystander-2")]
    for name in kept:
        await run.client.register(name, {"name": name})
    before = sorted(reg.bot_id for reg in await run.client.list_all())
    # The client puts an id into the URL as it is: these become `/configs/`, its parent, or a query.
    for hostile in ("", ".", "..", "/", "//", "./", "?x", "#f", "?", "../configs", "%00", "%2e%2e", "%2F", "x" * 10240):
        shown = repr(hostile[:20])
        if hostile != "../configs":  # to read, that is the list
            await refused(run.client.get(hostile), f"get({shown})", harmless=(None,))
        await refused(run.client.unregister(hostile), f"unregister({shown})", harmless=(False,))
        await refused(run.client.deactivate(hostile), f"deactivate({shown})", harmless=(False,))
        after = sorted(reg.bot_id for reg in await run.client.list_all())
        same(after, before, f"ids in the registry after unregister({shown})")
    for hostile in ("", ".", "..", "/", "?x", "\x00", "x" * 10240):
        await refused(run.client.register(hostile, {}), f"register({hostile[:20]!r})")
    after = sorted(reg.bot_id for reg in await run.client.list_all())
    same(after, before, "ids in the registry after hostile ids were registered")


@check
async def a_body_that_is_no_registration_is_refused(run: Run) -> None:
    name = run.id("bad-body")
    deep: Any = {}
    for _ in range(400):
        deep = {"d": deep}
    for config, what in (([1], "a list"), ("text", "a string"), (None, "null"), (deep, "400 levels deep")):
        await refused(run.client.register(name, config), f"register with a config that is {what}")
    same(await run.client.get(name), None, "get after nothing but refused writes")
    good = await run.client.register(name, {"good": 1})
    await refused(run.client.register(name, [1]), "register with a list over a good config")
    kept = await run.client.get(name)
    same((kept.config, kept.updated_at), ({"good": 1}, good.updated_at), "the registration after a refused write")
