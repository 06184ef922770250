// A certified authorization server (oidc-provider) and, on a second port, a notes server that trusts
// its JWTs and refuses a call with 403 insufficient_scope before the SDK sees it.
import { randomBytes, randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { getOAuthProtectedResourceMetadataUrl } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import Provider, { errors } from 'oidc-provider';
import { z } from 'zod';
import {
  certificateClients,
  listeningWithTls,
  METHODS,
  mutualTls,
  readCertificates,
} from './certificates.mjs';
import { bindingGate, grantClients, introspecting, issued, keepSecrets, machineClient } from './grants.mjs';

const TOOL_SCOPES = {
  read_note: 'notes:read',
  list_notes: 'notes:read',
  create_note: 'notes:write',
  delete_note: 'notes:write',
};
const NOTES_SCOPES = ['notes:read', 'notes:write'];
const ALL_SCOPES = [...NOTES_SCOPES, 'feed:read'];
const SIBLING = 'https://elsewhere.invalid/mcp';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string' },
    'as-port': { type: 'string' },
    // machine: anybody, for any grant. open: not for client_credentials. constrained: and only
    // with https or loopback redirects, without wildcards. gated: initial access token. off.
    registration: { type: 'string', default: 'open' },
    'initial-access-token': { type: 'string' },
    // HOST=ADDRESS:PORT takes client ID metadata documents, and a host's from there over plain http.
    documents: { type: 'string' },
    // What the verifier leaves out: audience.
    forget: { type: 'string' },
    // Introspection and revocation, for clients that authenticate.
    'token-services': { type: 'boolean', default: false },
    // jwt or opaque.
    tokens: { type: 'string', default: 'jwt' },
    // A client for every grant; what they prove themselves with goes into this folder.
    grants: { type: 'string' },
    // A folder with certificates: the authorization server is reached over TLS alone, and has clients
    // that prove themselves by theirs.
    certificates: { type: 'string', default: 'none' },
    // NAME=SECRET=SCOPES, a client that may use client_credentials.
    client: { type: 'string', multiple: true, default: [] },
  },
});
const tls =
  options.certificates === 'none' ? undefined : await readCertificates(options.certificates);
const issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${options['as-port']}`;
const resource = new URL(`http://127.0.0.1:${options.port}/mcp`);

function harmless(uri) {
  const { protocol, hostname } = new URL(uri);
  const loopback = protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname);
  return loopback || (protocol === 'https:' && !hostname.includes('*'));
}

// Stands for the forwarder that would end TLS; redirects, limits and deadlines stay the provider's.
function forwarding() {
  if (!options.documents) return {};
  const [host, address] = options.documents.split('=');
  return {
    fetch: (url, { dispatcher, ...rest }) => {
      const target = new URL(url);
      if (target.host !== host) return fetch(url, { dispatcher, ...rest });
      return fetch(`http://${address}${target.pathname}${target.search}`, rest);
    },
  };
}

async function authorizationServer() {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const machines = options.client.map((row) => {
    const [client_id, client_secret, scope] = row.split('=');
    return {
      client_id,
      client_secret,
      scope,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    };
  });
  if (options.grants) machines.push(...grantClients(ALL_SCOPES));
  if (tls) machines.push(...certificateClients(machineClient(ALL_SCOPES), tls));
  const known = new Set(machines.map((client) => client.client_id));
  const registration = {
    enabled: options.registration !== 'off',
    initialAccessToken: options.registration === 'gated' ? options['initial-access-token'] : false,
  };
  return new Provider(issuer, {
    ...forwarding(),
    ...(tls && { clientAuthMethods: METHODS }),
    clients: machines,
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomUUID()] },
    scopes: ALL_SCOPES,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: options['token-services'] || options.tokens === 'opaque' },
      deviceFlow: { enabled: Boolean(options.grants) },
      ...(options.grants && { dPoP: { nonceSecret: randomBytes(32), requireNonce: () => true } }),
      ...(tls && { mTLS: mutualTls }),
      revocation: { enabled: true },
      registration,
      registrationManagement: { enabled: registration.enabled },
      clientIdMetadataDocument: { enabled: Boolean(options.documents), ack: 'draft-02' },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(_ctx, indicator) {
          if (indicator !== resource.href && indicator !== SIBLING) throw new errors.InvalidTarget();
          return {
            audience: indicator,
            scope: ALL_SCOPES.join(' '),
            ...(options.tokens === 'opaque'
              ? { accessTokenFormat: 'opaque' }
              : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
          };
        },
      },
    },
    extraClientMetadata: {
      properties: ['notes_policy'],
      validator(_ctx, _key, _value, metadata) {
        if (known.has(metadata.client_id) || options.registration === 'machine') return;
        if (metadata.grant_types?.includes('client_credentials')) {
          throw new errors.InvalidClientMetadata('client_credentials is not open to registration');
        }
        if (options.registration === 'constrained' && !metadata.redirect_uris?.every(harmless)) {
          throw new errors.InvalidRedirectUri();
        }
      },
    },
  });
}

function verifier(door) {
  if (options.tokens === 'opaque') return introspecting(issuer, resource.href, door);
  const keys = createRemoteJWKSet(new URL(`${door}/jwks`));
  return {
    async verifyAccessToken(token) {
      try {
        const audience = options.forget === 'audience' ? undefined : resource.href;
        const { payload } = await jwtVerify(token, keys, { issuer, audience });
        const scopes = (payload.scope ?? '').split(' ').filter(Boolean);
        const { client_id: clientId, exp: expiresAt, cnf } = payload;
        return { token, clientId, scopes, expiresAt, extra: { cnf } };
      } catch (error) {
        throw new InvalidTokenError(error.code ?? 'The token was not accepted');
      }
    },
  };
}

function perToolScope(metadataUrl) {
  return (req, res, next) => {
    const calls = [req.body].flat().filter((message) => message?.method === 'tools/call');
    const missing = calls
      .map((call) => TOOL_SCOPES[call.params?.name])
      .find((scope) => scope && !req.auth.scopes.includes(scope));
    if (!missing) return next();
    return res
      .status(403)
      .set(
        'WWW-Authenticate',
        `Bearer error="insufficient_scope", scope="${missing}", resource_metadata="${metadataUrl}"`,
      )
      .json({ error: 'insufficient_scope', error_description: `This call needs ${missing}` });
  };
}

function notesServer(notes, executed) {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  const counted = (name, body) => async (args) => {
    executed[name] = (executed[name] ?? 0) + 1;
    return { content: [{ type: 'text', text: body(args) }] };
  };
  const id = z.string().describe('Id of the note');
  server.registerTool(
    'read_note',
    { description: 'Read one note by id', inputSchema: { id }, annotations: { readOnlyHint: true } },
    counted('read_note', (args) => notes.get(args.id) ?? `There is no note ${args.id}`),
  );
  server.registerTool(
    'list_notes',
    { description: 'List all notes', annotations: { readOnlyHint: true } },
    counted('list_notes', () => [...notes].map(([key, body]) => `${key}: ${body}`).join('\n')),
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
    counted('create_note', (args) => {
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
    counted('delete_note', (args) =>
      notes.delete(args.id) ? `Deleted note ${args.id}` : `There is no note ${args.id}`,
    ),
  );
  return server;
}

// Clients that registered themselves and can still be found.
async function registered(provider, created) {
  const found = await Promise.all([...created].map((id) => provider.Client.find(id)));
  return found.filter(Boolean).map((client) => client.clientId);
}

function resourceServer(provider, door) {
  const created = new Set();
  provider.on('registration_create.success', (_ctx, client) => created.add(client.clientId));
  const notes = new Map([
    ['1', 'Buy bread'],
    ['2', 'Water the plants'],
  ]);
  const executed = {};
  const sessions = new Map();
  const metadataUrl = getOAuthProtectedResourceMetadataUrl(resource);
  const app = express();
  app.get(new URL(metadataUrl).pathname, (_req, res) =>
    res.json({
      resource: resource.href,
      authorization_servers: [issuer],
      scopes_supported: NOTES_SCOPES,
      bearer_methods_supported: ['header'],
    }),
  );
  app.get('/__executed', (_req, res) => res.json(executed));
  const tokens = issued(provider);
  app.get('/__tokens', async (_req, res) => res.json(await tokens()));
  app.get('/__clients', async (_req, res) => res.json(await registered(provider, created)));
  app.all(
    '/mcp',
    ...(options.grants ? [bindingGate.unwrap] : []),
    requireBearerAuth({ verifier: verifier(door), resourceMetadataUrl: metadataUrl }),
    ...(options.grants ? [bindingGate.check(resource.href)] : []),
    express.json(),
    perToolScope(metadataUrl),
    async (req, res) => {
      let transport = sessions.get(req.get('mcp-session-id'));
      if (!transport && isInitializeRequest(req.body)) {
        transport = new StreamableHTTPServerTransport({
          sessionIdGenerator: () => randomUUID(),
          onsessioninitialized: (id) => sessions.set(id, transport),
          enableJsonResponse: true,
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
  return app;
}

const listening = (app, port) =>
  new Promise((resolve) => {
    const server = app.listen(Number(port), '127.0.0.1', () => resolve(server));
  });
const provider = await authorizationServer();
// The notes server asks the provider behind its TLS.
const inner = tls && (await listening(provider, 0));
const notes = resourceServer(provider, inner ? `http://127.0.0.1:${inner.address().port}` : issuer);
if (options.grants) await keepSecrets(provider, resource.href, options.grants);
if (tls) await listeningWithTls(provider.callback(), options['as-port'], tls);
else await listening(provider, options['as-port']);
await listening(notes, options.port);
console.log(`READY ${resource.href}`);
