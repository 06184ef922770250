// Notes server on the TypeScript SDK 1.x: its OAuth router, its bearer gate, scopes in the handlers.
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { InvalidGrantError, InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { z } from 'zod';

const HOUR = 3600;

class Provider {
  clients = new Map();
  pending = new Map();
  codes = new Map();
  tokens = new Map();

  constructor(rows) {
    for (const row of rows) {
      const [token, scopes] = row.split(/=(.*)/s);
      this.tokens.set(token, { clientId: 'notes-client', scopes: scopes.split(' ') });
    }
  }

  clientsStore = {
    getClient: (id) => this.clients.get(id),
    registerClient: (client) => {
      this.clients.set(client.client_id, client);
      return client;
    },
  };

  async authorize(client, params, res) {
    const ticket = randomUUID();
    this.pending.set(ticket, { client, params });
    res.type('html').send(
      `<title>Notes</title><form method="post" action="/consent"><input type="hidden" name="ticket"` +
        ` value="${ticket}"><button>Let the client read and write notes</button></form>`,
    );
  }

  approve(ticket) {
    const request = this.pending.get(ticket);
    if (!request) return undefined;
    this.pending.delete(ticket);
    const code = randomUUID();
    this.codes.set(code, request);
    const target = new URL(request.params.redirectUri);
    target.searchParams.set('code', code);
    if (request.params.state !== undefined) target.searchParams.set('state', request.params.state);
    return target.href;
  }

  async challengeForAuthorizationCode(client, code) {
    const request = this.codes.get(code);
    if (request?.client.client_id !== client.client_id) throw new InvalidGrantError('Unknown code');
    return request.params.codeChallenge;
  }

  async exchangeAuthorizationCode(client, code) {
    const request = this.codes.get(code);
    if (request?.client.client_id !== client.client_id) throw new InvalidGrantError('Unknown code');
    this.codes.delete(code);
    const token = randomUUID();
    const scopes = request.params.scopes ?? [];
    this.tokens.set(token, { clientId: client.client_id, scopes });
    return { access_token: token, token_type: 'bearer', expires_in: HOUR, scope: scopes.join(' ') };
  }

  async exchangeRefreshToken() {
    throw new InvalidGrantError('No refresh tokens are issued');
  }

  async verifyAccessToken(token) {
    const known = this.tokens.get(token);
    if (!known) throw new InvalidTokenError('Unknown token');
    return { token, ...known, expiresAt: Math.floor(Date.now() / 1000) + HOUR };
  }
}

function notesServer(notes, executed) {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  const text = (value) => ({ content: [{ type: 'text', text: value }] });
  const guarded = (name, scope, body) => async (args, extra) => {
    if (!extra.authInfo?.scopes.includes(scope)) {
      return { ...text(`This needs the scope ${scope}`), isError: true };
    }
    executed[name] = (executed[name] ?? 0) + 1;
    return text(body(args));
  };
  const id = z.string().describe('Id of the note');

  server.registerTool(
    'read_note',
    { description: 'Read one note by id', inputSchema: { id }, annotations: { readOnlyHint: true } },
    guarded('read_note', 'notes:read', (args) => notes.get(args.id) ?? `There is no note ${args.id}`),
  );
  const list = guarded('list_notes', 'notes:read', () =>
    [...notes].map(([key, body]) => `${key}: ${body}`).join('\n'),
  );
  server.registerTool(
    'list_notes',
    { description: 'List all notes', annotations: { readOnlyHint: true } },
    (extra) => list({}, extra),
  );
  server.registerTool(
    'create_note',
    {
      description: 'Create a note',
      inputSchema: {
        title: z.string().describe('Title of the note'),
        body: z.string().describe('Text of the note'),
      },
      annotations: { readOnlyHint: false, destructiveHint: false },
    },
    guarded('create_note', 'notes:write', (args) => {
      const key = randomUUID();
      notes.set(key, `${args.title}: ${args.body}`);
      return `Created note ${key}`;
    }),
  );
  server.registerTool(
    'delete_note',
    {
      description: 'Delete one note by id',
      inputSchema: { id },
      annotations: { readOnlyHint: false, destructiveHint: true },
    },
    guarded('delete_note', 'notes:write', (args) =>
      notes.delete(args.id) ? `Deleted note ${args.id}` : `There is no note ${args.id}`,
    ),
  );
  return server;
}

const { values: options } = parseArgs({
  options: { port: { type: 'string' }, token: { type: 'string', multiple: true, default: [] } },
});
const issuerUrl = new URL(`http://127.0.0.1:${options.port}`);
const resource = new URL('/mcp', issuerUrl);
const provider = new Provider(options.token);
const notes = new Map([
  ['1', 'Buy bread'],
  ['2', 'Water the plants'],
]);
const executed = {};
const sessions = new Map();

const app = express();
app.use(
  mcpAuthRouter({
    provider,
    issuerUrl,
    resourceServerUrl: resource,
    scopesSupported: ['notes:read', 'notes:write'],
  }),
);
app.post('/consent', express.urlencoded({ extended: false }), (req, res) => {
  const target = provider.approve(req.body.ticket);
  if (target) res.redirect(target);
  else res.status(400).send('Unknown ticket');
});
app.get('/__executed', (_req, res) => res.json(executed));
app.get('/__clients', (_req, res) => res.json([...provider.clients.keys()]));
app.all(
  '/mcp',
  requireBearerAuth({
    verifier: provider,
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource),
  }),
  express.json(),
  async (req, res) => {
    let transport = sessions.get(req.get('mcp-session-id'));
    if (!transport && isInitializeRequest(req.body)) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      transport.onclose = () => sessions.delete(transport.sessionId);
      await notesServer(notes, executed).connect(transport);
    }
    if (transport) {
      await transport.handleRequest(req, res, req.body);
    } else {
      res.status(req.get('mcp-session-id') ? 404 : 400).json({
        jsonrpc: '2.0',
        error: { code: -32000, message: 'Bad Request: No valid session ID provided' },
        id: null,
      });
    }
  },
);
app.listen(Number(options.port), '127.0.0.1', () => console.log(`READY ${resource.href}`));
