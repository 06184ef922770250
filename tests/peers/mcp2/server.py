"""Notes server on the Python SDK 2.x: stateless, scope at the gate, one check in a handler.

Every token needs notes:read to get in. `delete_note` asks for notes:write itself;
`create_note` forgets to. With --jwt FOLDER the tokens are JWTs, written there, and the verifier hook
verifies them with PyJWT; with --forget expiry it turns one of its options off and passes no
`expires_at` on, as the SDK allows.
"""

import argparse
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Annotated

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.types import ToolAnnotations
from pydantic import AnyHttpUrl, Field
from starlette.responses import JSONResponse

READ_ONLY = ToolAnnotations(read_only_hint=True)
ADDING = ToolAnnotations(read_only_hint=False, destructive_hint=False)
DESTRUCTIVE = ToolAnnotations(read_only_hint=False, destructive_hint=True)


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


ISSUER = "https://auth.notes.invalid"


class JwtVerifier(TokenVerifier):
    """Verifies signature, issuer, audience and, unless it forgets to, expiry."""

    def __init__(self, key, resource: str, forget: str | None) -> None:
        self.key = key
        self.resource = resource
        self.expires = forget != "expiry"

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            claims = jwt.decode(
                token,
                self.key,
                algorithms=["ES256"],
                audience=self.resource,
                issuer=ISSUER,
                options={"require": ["exp"], "verify_exp": self.expires},
            )
        except jwt.InvalidTokenError:
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            subject=claims["sub"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"] if self.expires else None,
            resource=claims["aud"],
        )


def write_tokens(key, resource: str, folder: Path) -> None:
    now = int(time.time())
    wide = "notes:read notes:write"
    rows = {
        "reader": {"scope": "notes:read"},
        "admin": {"scope": wide},
        "foreign": {"scope": wide, "aud": "https://elsewhere.invalid/mcp"},
        "expired": {"scope": wide, "iat": now - 7200, "exp": now - 3600},
    }
    for name, changed in rows.items():
        claims = {
            "iss": ISSUER,
            "sub": "alice",
            "client_id": "notes-client",
            "aud": resource,
            "iat": now,
            "exp": now + 3600,
        }
        path = folder / f"{name}.token"
        path.touch(mode=0o600)
        path.write_text(jwt.encode(claims | changed, key, algorithm="ES256"))


def verifier(resource: str, options: argparse.Namespace) -> TokenVerifier:
    if not options.jwt:
        return TokenTable(options.token, resource)
    key = ec.generate_private_key(ec.SECP256R1())
    write_tokens(key, resource, options.jwt)
    return JwtVerifier(key.public_key(), resource, options.forget)


def build(resource: str, verifier: TokenVerifier) -> MCPServer:
    server = MCPServer(
        "notes",
        token_verifier=verifier,
        auth=AuthSettings(
            issuer_url=AnyHttpUrl(ISSUER),
            resource_server_url=AnyHttpUrl(resource),
            required_scopes=["notes:read"],
            validate_token_resource=True,
        ),
    )
    notes = {"1": "Buy bread", "2": "Water the plants"}
    ids = count(len(notes) + 1)
    executed: Counter[str] = Counter()

    @server.tool(annotations=READ_ONLY)
    def read_note(id: Annotated[str, Field(description="Id of the note")]) -> str:
        """Read one note by id"""
        executed["read_note"] += 1
        return notes.get(id, f"There is no note {id}")

    @server.tool(annotations=READ_ONLY)
    def list_notes() -> str:
        """List all notes"""
        executed["list_notes"] += 1
        return "\n".join(f"{id}: {body}" for id, body in notes.items())

    @server.tool(annotations=ADDING)
    def create_note(
        title: Annotated[str, Field(description="Title of the note")],
        body: Annotated[str, Field(description="Text of the note")],
    ) -> str:
        """Create a note"""
        executed["create_note"] += 1
        id = str(next(ids))
        notes[id] = f"{title}: {body}"
        return f"Created note {id}"

    @server.tool(annotations=DESTRUCTIVE)
    def delete_note(id: Annotated[str, Field(description="Id of the note")]) -> str:
        """Delete one note by id"""
        token = get_access_token()
        if token is None or "notes:write" not in token.scopes:
            raise PermissionError("this needs the scope notes:write")
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
    parser.add_argument("--jwt", type=Path, help="folder for tokens that are JWTs")
    parser.add_argument("--forget", choices=["expiry"])
    options = parser.parse_args()
    url = f"http://127.0.0.1:{options.port}/mcp"
    app = build(url, verifier(url, options)).streamable_http_app(stateless_http=True)
    server = Announced(
        uvicorn.Config(
            app, port=options.port, log_level="warning", timeout_graceful_shutdown=1
        )
    )
    server.url = url
    server.run()


if __name__ == "__main__":
    main()
