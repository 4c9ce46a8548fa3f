"""Shows that the registry client of the PyPI package `dataknobs-bots` works against a running hotbed server.

    python dataknobs_client.py BASE_URL [--may-clear] [--keep-going]

BASE_URL ends in `/api/v1`; the client adds `/configs`. Every id starts with a prefix of this run, so a server that
holds other registrations is not disturbed. `--may-clear` says that the server is ours alone: only then what deletes
everything is checked. Prints `ok NAME` for each check and stops with exit code 1 at the first that fails
(`--keep-going`: runs all).

Nothing of the client is replaced: what is asserted is what a program that uses the published package would see.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import traceback

# The checks stand beside this file in the source tree, which is not the place for caches.
sys.dont_write_bytecode = True

from aiohttp import ClientSession  # noqa: E402
from dataknobs_bots.registry import HTTPRegistryBackend  # noqa: E402
from expect import CHECKS, CLIENT, NEEDS_OWN_SERVER, Check, Failed, Run  # noqa: E402

# Importing a file of checks enters them in CHECKS; this is the order they run in.
import one_registration  # noqa: E402, F401, I001
import unfit_input  # noqa: E402, F401
import lists  # noqa: E402, F401
import built_on_the_client  # noqa: E402, F401
import whole_collection  # noqa: E402, F401

CHECK_SECONDS = 60


async def passes(function: Check, run: Run) -> bool:
    """Runs one check and says how it went."""
    try:
        await asyncio.wait_for(function(run), timeout=CHECK_SECONDS)
    except Failed as failure:
        print(f"FAILED {function.__name__}: {failure}", flush=True)
    except TimeoutError:
        print(f"FAILED {function.__name__}: not done after {CHECK_SECONDS} s", flush=True)
    except Exception:
        print(f"FAILED {function.__name__}:\n{traceback.format_exc()}", flush=True)
    else:
        print(f"ok {function.__name__}", flush=True)
        return True
    return False


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base_url")
    parser.add_argument("--may-clear", action="store_true", help="the server is ours: check what deletes everything")
    parser.add_argument("--keep-going", action="store_true", help="run every check, whatever fails")
    args = parser.parse_args()
    # The client logs every refused request; here these are expected.
    logging.disable(logging.CRITICAL)

    client = HTTPRegistryBackend(args.base_url)
    await client.initialize()
    passed = failed = 0
    async with ClientSession() as http:
        run = Run(client.base_url, client, http)
        for function in CHECKS:
            if function in NEEDS_OWN_SERVER and not args.may_clear:
                print(f"not checked without --may-clear: {function.__name__}", flush=True)
            elif await passes(function, run):
                passed += 1
            else:
                failed += 1
                if not args.keep_going:
                    break
    await client.close()
    print(f"dataknobs-bots {CLIENT}: {passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
