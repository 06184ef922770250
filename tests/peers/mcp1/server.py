"""Notes server on the Python SDK 1.x: sessions, and every scope check in its handler."""

import argparse
from collections import Counter
from itertools import count
from typing import Annotated

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations
from pydantic import AnyHttpUrl, Field
from starlette.responses import JSONResponse

READ_ONLY = ToolAnnotations(readOnlyHint=True)
ADDING = ToolAnnotations(readOnlyHint=False, destructiveHint=False)
DESTRUCTIVE = ToolAnnotations(readOnlyHint=False, destructiveHint=True)


class TokenTable(TokenVerifier):
    """Knows the tokens named on the command line, all of one subject and client."""

    def __init__(self, rows: list[str], resource: str) -> None:
        self.tokens = {}
        for row in rows:
            token, _, scopes = row.partition("=")
            self.tokens[token] = AccessToken(
                token=token,
                client_id="notes-client",
                subject="alice",
                scopes=scopes.split(),
                resource=resource,
            )

    async def verify_token(self, token: str) -> AccessToken | None:
        return self.tokens.get(token)


def need(scope: str) -> None:
    token = get_access_token()
    if token is None or scope not in token.scopes:
        raise PermissionError(f"your token does not carry {scope}")


def build(base: str, rows: list[str]) -> FastMCP:
    resource = f"{base}/mcp"
    server = FastMCP(
        "notes",
        token_verifier=TokenTable(rows, resource),
        auth=AuthSettings(
            issuer_url=AnyHttpUrl(base),
            resource_server_url=AnyHttpUrl(resource),
            validate_token_resource=True,
        ),
        json_response=True,
    )
    notes = {"1": "Buy bread", "2": "Water the plants"}
    ids = count(len(notes) + 1)
    executed: Counter[str] = Counter()

    @server.tool(annotations=READ_ONLY)
    def read_note(id: Annotated[str, Field(description="Id of the note")]) -> str:
        """Read one note by id"""
        need("notes:read")
        executed["read_note"] += 1
        return notes.get(id, f"There is no note {id}")

    @server.tool(annotations=READ_ONLY)
    def list_notes() -> str:
        """List all notes"""
        need("notes:read")
        executed["list_notes"] += 1
        return "\n".join(f"{id}: {body}" for id, body in notes.items())

    @server.tool(annotations=ADDING)
    def create_note(
        title: Annotated[str, Field(description="Title of the note")],
        body: Annotated[str, Field(description="Text of the note")],
    ) -> str:
        """Create a note"""
        need("notes:write")
        executed["create_note"] += 1
        id = str(next(ids))
        notes[id] = f"{title}: {body}"
        return f"Created note {id}"

    @server.tool(annotations=DESTRUCTIVE)
    def delete_note(id: Annotated[str, Field(description="Id of the note")]) -> str:
        """Delete one note by id"""
        need("notes:write")
        executed["delete_note"] += 1
        return f"Deleted note {id}" if notes.pop(id, None) else f"There is no note {id}"

    @server.custom_route("/__executed", methods=["GET"])
    async def counts(_request) -> JSONResponse:
        return JSONResponse(dict(executed))

    return server


class Announced(uvicorn.Server):
    """Says on stdout that the port is open."""

    url = ""

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        print(f"READY {self.url}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", action="append", default=[], metavar="TOKEN=SCOPES")
    options = parser.parse_args()
    base = f"http://127.0.0.1:{options.port}"
    app = build(base, options.token).streamable_http_app()
    server = Announced(
        uvicorn.Config(
            app, port=options.port, log_level="warning", timeout_graceful_shutdown=1
        )
    )
    server.url = f"{base}/mcp"
    server.run()


if __name__ == "__main__":
    main()
