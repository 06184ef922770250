// Notes server on the TypeScript SDK 1.x: its OAuth router, its bearer gate, scopes as --scopes says.
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { InvalidGrantError, InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthRouter,
} from '@modelcontextprotocol/sdk/server/auth/router.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  isInitializeRequest,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { z } from 'zod';

const HOUR = 3600;

class Provider {
  clients = new Map();
  pending = new Map();
  codes = new Map();
  tokens = new Map();

  constructor(rows, elsewhere) {
    const add = (row, audience) => {
      const [token, scopes] = row.split(/=(.*)/s);
      this.tokens.set(token, { clientId: 'notes-client', scopes: scopes.split(' '), audience });
    };
    for (const row of rows) add(row, resource);
    for (const row of elsewhere) add(row, new URL('/other', resource));
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
    this.tokens.set(token, { clientId: client.client_id, scopes, audience: resource });
    return { access_token: token, token_type: 'bearer', expires_in: HOUR, scope: scopes.join(' ') };
  }

  async exchangeRefreshToken() {
    throw new InvalidGrantError('No refresh tokens are issued');
  }

  async verifyAccessToken(token) {
    const known = this.tokens.get(token);
    if (!known) throw new InvalidTokenError('Unknown token');
    const { audience, ...holder } = known;
    // The gate of the SDK leaves it to this hook whom a token is for.
    if (!options['any-audience'] && audience.href !== resource.href) {
      throw new InvalidTokenError('A token for another server');
    }
    return { token, ...holder, resource: audience, expiresAt: Math.floor(Date.now() / 1000) + HOUR };
  }
}

const { values: options } = parseArgs({
  options: {
    port: { type: 'string' },
    // TOKEN=SCOPES
    token: { type: 'string', multiple: true, default: [] },
    // TOKEN=SCOPES of the same authorization server for another server.
    elsewhere: { type: 'string', multiple: true, default: [] },
    // Whether the verifier takes those as well.
    'any-audience': { type: 'boolean', default: false },
    // Where scopes are checked. result: in the handler, as a tool result. http: before the SDK, as a
    // 403. rpc: in a handler written on the low-level server, as a JSON-RPC error, before the
    // arguments. list: on the low-level server, in tools/list and nowhere else.
    scopes: { type: 'string', default: 'result' },
    // A tool whose check was forgotten.
    'leave-open': { type: 'string', multiple: true, default: [] },
  },
});

const id = z.string().describe('Id of the note');
const TOOLS = [
  {
    name: 'read_note',
    scope: 'notes:read',
    config: { description: 'Read one note by id', annotations: { readOnlyHint: true } },
    input: { id },
    body: (notes, args) => notes.get(args.id) ?? `There is no note ${args.id}`,
  },
  {
    name: 'list_notes',
    scope: 'notes:read',
    config: { description: 'List all notes', annotations: { readOnlyHint: true } },
    body: (notes) => [...notes].map(([key, body]) => `${key}: ${body}`).join('\n'),
  },
  {
    name: 'create_note',
    scope: 'notes:write',
    config: {
      description: 'Create a note',
      annotations: { readOnlyHint: false, destructiveHint: false },
    },
    input: {
      title: z.string().describe('Title of the note'),
      body: z.string().describe('Text of the note'),
    },
    body: (notes, args) => {
      const key = randomUUID();
      notes.set(key, `${args.title}: ${args.body}`);
      return `Created note ${key}`;
    },
  },
  {
    name: 'delete_note',
    scope: 'notes:write',
    config: {
      description: 'Delete one note by id',
      annotations: { readOnlyHint: false, destructiveHint: true },
    },
    input: { id },
    body: (notes, args) =>
      notes.delete(args.id) ? `Deleted note ${args.id}` : `There is no note ${args.id}`,
  },
];
if (options.scopes === 'list') {
  TOOLS.push({
    name: 'count_drafts',
    scope: 'notes:write',
    config: { description: 'Count the drafts', annotations: { readOnlyHint: true } },
    body: () => 'There are 3 drafts',
  });
}

const text = (value) => ({ content: [{ type: 'text', text: value }] });
const opens = (tool, authInfo) =>
  options['leave-open'].includes(tool.name) || authInfo?.scopes.includes(tool.scope);

function run(tool, notes, args, executed) {
  executed[tool.name] = (executed[tool.name] ?? 0) + 1;
  return text(tool.body(notes, args));
}

function notesServer(notes, executed) {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  for (const tool of TOOLS) {
    const handler = (args, extra) => {
      if (options.scopes === 'result' && !opens(tool, extra.authInfo)) {
        return { ...text(`This needs the scope ${tool.scope}`), isError: true };
      }
      return run(tool, notes, args, executed);
    };
    const config = tool.input ? { ...tool.config, inputSchema: tool.input } : tool.config;
    server.registerTool(tool.name, config, tool.input ? handler : (extra) => handler({}, extra));
  }
  return server;
}

function lowLevelServer(notes, executed) {
  const server = new Server(
    { name: 'notes', version: '1.0.0' },
    { capabilities: { tools: {} } },
  );
  server.setRequestHandler(ListToolsRequestSchema, (_request, { authInfo }) => ({
    tools: TOOLS.filter((tool) => options.scopes !== 'list' || opens(tool, authInfo)).map(
      (tool) => ({
        name: tool.name,
        ...tool.config,
        inputSchema: z.toJSONSchema(z.object(tool.input ?? {})),
      }),
    ),
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, { authInfo }) => {
    const tool = TOOLS.find((one) => one.name === params.name);
    if (!tool) throw new McpError(ErrorCode.InvalidParams, `Tool ${params.name} not found`);
    if (options.scopes === 'rpc' && !opens(tool, authInfo)) {
      throw new McpError(-32003, `${tool.scope} is missing`);
    }
    const parsed = z.object(tool.input ?? {}).safeParse(params.arguments ?? {});
    if (!parsed.success) {
      const problem = z.prettifyError(parsed.error);
      throw new McpError(ErrorCode.InvalidParams, `Input validation error: ${problem}`);
    }
    return run(tool, notes, parsed.data, executed);
  });
  return server;
}

function scopesBeforeTheSdk(metadataUrl) {
  return (req, res, next) => {
    const names = [req.body].flat().map((message) => message?.params?.name);
    const missing = TOOLS.find((tool) => names.includes(tool.name) && !opens(tool, req.auth));
    if (options.scopes !== 'http' || !missing) return next();
    return res
      .status(403)
      .set(
        'WWW-Authenticate',
        `Bearer error="insufficient_scope", scope="${missing.scope}", resource_metadata="${metadataUrl}"`,
      )
      .json({ error: 'insufficient_scope', error_description: `This needs ${missing.scope}` });
  };
}

const issuerUrl = new URL(`http://127.0.0.1:${options.port}`);
const resource = new URL('/mcp', issuerUrl);
const metadataUrl = getOAuthProtectedResourceMetadataUrl(resource);
const createServer = ['rpc', 'list'].includes(options.scopes) ? lowLevelServer : notesServer;
const provider = new Provider(options.token, options.elsewhere);
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
  requireBearerAuth({ verifier: provider, resourceMetadataUrl: metadataUrl }),
  express.json(),
  scopesBeforeTheSdk(metadataUrl),
  async (req, res) => {
    let transport = sessions.get(req.get('mcp-session-id'));
    if (!transport && isInitializeRequest(req.body)) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      transport.onclose = () => sessions.delete(transport.sessionId);
      await createServer(notes, executed).connect(transport);
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
