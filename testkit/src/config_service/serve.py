"""The reference server of the published Python package, with as many registries as are asked for.

`/r/NAME/api/v1/...` is a registry in memory of its own, made when it is first asked for. Prints the port it listens on,
and ends when its input does.
"""

import asyncio
import os
import socket
import sys
import threading

import uvicorn
from dataknobs_bots.registry import InMemoryBackend, create_registry_router
from fastapi import FastAPI

registries = {}


def registry(name):
    if name not in registries:
        backend = InMemoryBackend()
        app = FastAPI(openapi_url=None)
        app.include_router(create_registry_router(backend), prefix="/api/v1")
        registries[name] = app
    return registries[name]


async def dispatch(scope, receive, send):
    if scope["type"] != "http":
        return
    _, _, name, rest = scope["path"].split("/", 3)
    await registry(name)({**scope, "path": f"/{rest}"}, receive, send)


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


async def main():
    # Only of a socket that says that it is TCP does asyncio send small parts at once.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    threading.Thread(target=end_with_input, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(dispatch, lifespan="off", log_level="warning", access_log=False)
    await uvicorn.Server(config).serve(sockets=[listener])


asyncio.run(main())
