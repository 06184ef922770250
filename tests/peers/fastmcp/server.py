"""Notes server on FastMCP: a JWT verifier in front, one scope check per tool.

With --any-audience the verifier is built without `audience`, which its documentation allows. With
--leave-open NAME the named tool is registered without its check. With
--middleware the checks sit in AuthMiddleware, keyed by tag, instead of on the tools. With
--own-authority FastMCP's in-memory authorization server stands in front instead of the verifier.
With --list-only no tool has a check, and a middleware leaves out of the list what the scopes do not
open; count_drafts is there then too.
"""

import argparse
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Annotated

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider, require_scopes, restrict_tag
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier, RSAKeyPair
from fastmcp.server.dependencies import get_access_token
from fastmcp.server.middleware import AuthMiddleware, Middleware
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import ClientRegistrationOptions, RevocationOptions
from mcp.types import ToolAnnotations
from pydantic import AnyHttpUrl, Field
from starlette.responses import JSONResponse

ISSUER = "https://issuer.notes.invalid"
SCOPES = {
    "reader": ["notes:read"],
    "admin": ["notes:read", "notes:write"],
    "outsider": ["profile"],
}
READ_ONLY = ToolAnnotations(read_only_hint=True)
ADDING = ToolAnnotations(read_only_hint=False, destructive_hint=False)
DESTRUCTIVE = ToolAnnotations(read_only_hint=False, destructive_hint=True)


class ListByScope(Middleware):
    """Shows the tools whose tag is among the caller's scopes."""

    async def on_list_tools(self, context, call_next):
        token = get_access_token()
        held = set(token.scopes) if token else set()
        return [tool for tool in await call_next(context) if tool.tags <= held]


def write_tokens(keys: RSAKeyPair, resource: str, folder: Path) -> None:
    def mint(scopes: list[str], **changed: object) -> str:
        claims = {
            "subject": "alice",
            "issuer": ISSUER,
            "audience": resource,
            "scopes": scopes,
            "additional_claims": {"client_id": "notes-client"},
        }
        return keys.create_token(**(claims | changed))

    tokens = {name: mint(scopes) for name, scopes in SCOPES.items()}
    tokens["foreign"] = mint(SCOPES["admin"], audience="https://elsewhere.invalid/mcp")
    tokens["expired"] = mint(SCOPES["admin"], expires_in_seconds=-3600)
    for name, token in tokens.items():
        path = folder / f"{name}.token"
        path.touch(mode=0o600)
        path.write_text(token)


def own_authority(base: str, folder: Path) -> InMemoryOAuthProvider:
    auth = InMemoryOAuthProvider(
        base_url=base,
        client_registration_options=ClientRegistrationOptions(
            enabled=True,
            valid_scopes=["notes:read", "notes:write"],
            default_scopes=["notes:read"],
        ),
        revocation_options=RevocationOptions(enabled=True),
    )
    for name, scopes in SCOPES.items():
        token = (folder / f"{name}.token").read_text()
        auth.access_tokens[token] = AccessToken(
            token=token, client_id="notes-client", scopes=scopes
        )
    return auth


def build(base: str, keys: RSAKeyPair, options: argparse.Namespace) -> FastMCP:
    resource = f"{base}/mcp"
    audience = None if options.any_audience else resource
    auth = JWTVerifier(public_key=keys.public_key, issuer=ISSUER, audience=audience)
    if options.metadata:
        auth = RemoteAuthProvider(
            token_verifier=auth,
            authorization_servers=[AnyHttpUrl(base)],
            base_url=base,
            scopes_supported=["notes:read", "notes:write"],
        )
    if options.own_authority:
        auth = own_authority(base, options.tokens)
    by_tag = [AuthMiddleware(auth=restrict_tag(s, scopes=[s])) for s in SCOPES["admin"]]
    middleware = by_tag if options.middleware else []
    if options.list_only:
        middleware = [ListByScope()]
    server = FastMCP("notes", auth=auth, middleware=middleware)
    notes = {"1": "Buy bread", "2": "Water the plants"}
    ids = count(len(notes) + 1)
    executed: Counter[str] = Counter()

    def tool(scope: str, annotations: ToolAnnotations):
        def register(body):
            elsewhere = options.middleware or options.list_only
            checked = body.__name__ not in options.leave_open and not elsewhere
            auth = require_scopes(scope) if checked else None
            return server.tool(body, annotations=annotations, tags={scope}, auth=auth)

        return register

    @tool("notes:read", READ_ONLY)
    def read_note(id: Annotated[str, Field(description="Id of the note")]) -> str:
        """Read one note by id"""
        executed["read_note"] += 1
        return notes.get(id, f"There is no note {id}")

    @tool("notes:read", READ_ONLY)
    def list_notes() -> str:
        """List all notes"""
        executed["list_notes"] += 1
        return "\n".join(f"{id}: {body}" for id, body in notes.items())

    @tool("notes:write", ADDING)
    def create_note(
        title: Annotated[str, Field(description="Title of the note")],
        body: Annotated[str, Field(description="Text of the note")],
    ) -> str:
        """Create a note"""
        executed["create_note"] += 1
        id = str(next(ids))
        notes[id] = f"{title}: {body}"
        return f"Created note {id}"

    @tool("notes:write", DESTRUCTIVE)
    def delete_note(id: Annotated[str, Field(description="Id of the note")]) -> str:
        """Delete one note by id"""
        executed["delete_note"] += 1
        return f"Deleted note {id}" if notes.pop(id, None) else f"There is no note {id}"

    if options.list_only:

        @tool("notes:write", READ_ONLY)
        def count_drafts() -> str:
            """Count the drafts"""
            executed["count_drafts"] += 1
            return "There are 3 drafts"

    @server.custom_route("/__executed", methods=["GET"])
    async def counts(_request) -> JSONResponse:
        return JSONResponse(dict(executed))

    if options.own_authority:

        @server.custom_route("/__clients", methods=["GET"])
        async def clients(_request) -> JSONResponse:
            return JSONResponse(sorted(auth.clients))

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
    parser.add_argument("--tokens", type=Path, required=True, help="folder for the minted tokens")
    parser.add_argument("--metadata", action="store_true", help="publish RFC 9728 metadata")
    parser.add_argument("--any-audience", action="store_true", help="verify no audience")
    parser.add_argument("--middleware", action="store_true", help="check by tag, not by tool")
    parser.add_argument("--own-authority", action="store_true", help="in-memory OAuth server")
    parser.add_argument("--list-only", action="store_true", help="filter the list, check nothing")
    parser.add_argument("--leave-open", action="append", default=[], metavar="TOOL")
    options = parser.parse_args()
    base = f"http://127.0.0.1:{options.port}"
    keys = RSAKeyPair.generate()
    write_tokens(keys, f"{base}/mcp", options.tokens)
    app = build(base, keys, options).http_app(path="/mcp", stateless_http=False)
    config = uvicorn.Config(
        app, port=options.port, log_level="warning", timeout_graceful_shutdown=1
    )
    server = Announced(config)
    server.url = f"{base}/mcp"
    server.run()


if __name__ == "__main__":
    main()
