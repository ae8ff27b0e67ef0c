"""The floor of HTTP: Litestar reads a body into its struct and says 200; the server is a service's.

``python -m bench.floors.http PORT`` serves until it is told to stop.
"""

from __future__ import annotations

import sys

from litestar import Litestar, post

from services.ops_issues.domain.commands import Comment
from shared.hosting.http_server import HttpServer
from shared.hosting.lifetime import Lifetime
from shared.hosting.serving import run, run_parts


@post("/issues/{key:str}/comment", status_code=200)
async def nothing(key: str, data: Comment) -> None:
    """Does nothing."""


async def main(lifetime: Lifetime) -> int:
    app = Litestar([nothing], openapi_config=None, logging_config=None)
    server = HttpServer(app, "127.0.0.1", int(sys.argv[1]), lifetime)
    return await run_parts([server], lifetime)


if __name__ == "__main__":
    sys.exit(run(main))
