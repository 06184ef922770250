// What `server.mjs` needs where a token of every grant is asked for: the clients, the list of tokens
// that are still good, introspection of opaque ones, and proofs of possession.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const INTROSPECTOR = { id: 'notes-resource-server', secret: 'resource-server-pass-1' };
const CLI_SCOPES = ['notes:read', 'notes:write'];
const NATIVE = {
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  redirect_uris: ['http://127.0.0.1/callback'],
};

export const machineClient = (scopes) => (client_id, more) => ({
  client_id,
  scope: scopes.join(' '),
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  ...more,
});

// One client for each way to prove oneself, and public ones for people.
export function grantClients(scopes) {
  const machine = machineClient(scopes);
  const secret = (method) => ({ client_secret: 'machine-pass-1', token_endpoint_auth_method: method });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'notes-key', use: 'sig', alg: 'ES256' };
  return [
    machine('by-basic', secret('client_secret_basic')),
    machine('by-post', secret('client_secret_post')),
    machine('by-key', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } }),
    machine('by-proof', { ...secret('client_secret_basic'), dpop_bound_access_tokens: true }),
    machine(INTROSPECTOR.id, {
      client_secret: INTROSPECTOR.secret,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: [],
    }),
    {
      ...NATIVE,
      client_id: 'by-browser',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    {
      ...NATIVE,
      client_id: 'by-device',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      redirect_uris: [],
      response_types: [],
    },
    {
      ...secret('client_secret_basic'),
      client_id: 'by-login',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://notes.invalid/callback'],
      response_types: ['code'],
    },
    {
      ...NATIVE,
      client_id: 'by-refresh',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
  ];
}

// The key of `by-key`, and what somebody left with two clients at an earlier login: a refresh token
// that is good for one use, and one of a client with a secret, which stays good.
export async function keepSecrets(provider, resource, folder) {
  const keep = (name, text) => writeFile(join(folder, name), text, { mode: 0o600 });
  await keep('client-key.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }));
  for (const name of ['by-refresh', 'by-login']) {
    await keep(`${name}.token`, await refreshToken(provider, resource, name));
  }
}

async function refreshToken(provider, resource, name) {
  const client = await provider.Client.find(name);
  const grant = new provider.Grant({ accountId: 'somebody', clientId: client.clientId });
  grant.addResourceScope(resource, CLI_SCOPES.join(' '));
  const token = new provider.RefreshToken({
    accountId: 'somebody',
    client,
    grantId: await grant.save(),
    gty: 'authorization_code',
    resource,
    scope: CLI_SCOPES.join(' '),
  });
  return token.save();
}

// Every token that was given out, and whether the provider would still take it. A JWT ends with its
// `exp` and not before.
export function issued(provider) {
  const seen = [];
  const row = (kind) => (token) => seen.push({ kind, token });
  for (const [event, kind] of [
    ['access_token', 'AccessToken'],
    ['client_credentials', 'ClientCredentials'],
    ['refresh_token', 'RefreshToken'],
  ]) {
    provider.on(`${event}.saved`, row(kind));
    provider.on(`${event}.issued`, row(kind));
  }
  const alive = async ({ kind, token }) => {
    if (token.format === 'jwt') return true;
    const found = await provider[kind].find(token.jti);
    if (!found || found.consumed) return false;
    return !found.grantId || Boolean(await provider.Grant.find(found.grantId));
  };
  return async () =>
    Promise.all(
      seen.map(async (row) => ({
        kind: row.kind,
        client: row.token.clientId,
        audience: [row.token.aud ?? row.token.resource].flat().join(' '),
        bound: Boolean(row.token.jkt),
        alive: await alive(row),
      })),
    );
}

// Asks the provider about each token (RFC 7662), at its door.
export function introspecting(issuer, resource, door) {
  const pair = Buffer.from(`${INTROSPECTOR.id}:${INTROSPECTOR.secret}`).toString('base64');
  return {
    async verifyAccessToken(token) {
      const answer = await fetch(`${door}/token/introspection`, {
        method: 'POST',
        headers: { authorization: `Basic ${pair}` },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
      });
      const facts = answer.ok ? await answer.json() : {};
      if (!facts.active || facts.aud !== resource || facts.iss !== issuer) {
        throw new InvalidTokenError('The token was not accepted');
      }
      const scopes = (facts.scope ?? '').split(' ').filter(Boolean);
      const { client_id: clientId, exp: expiresAt, cnf } = facts;
      return { token, clientId, scopes, expiresAt, extra: { cnf } };
    },
  };
}

// The SDK's middleware knows `Bearer` alone: a token under `DPoP` is shown to it as that, and its
// proof is verified behind it (RFC 9449 §4.3, §7.1).
export const bindingGate = {
  unwrap(req, _res, next) {
    const [scheme, token] = (req.headers.authorization ?? '').split(' ');
    req.bound = scheme.toLowerCase() === 'dpop';
    if (req.bound) req.headers.authorization = `Bearer ${token}`;
    next();
  },
  check: (resource) => async (req, res, next) => {
    const jkt = req.auth.extra?.cnf?.jkt;
    try {
      if (Boolean(jkt) !== req.bound) throw new Error('the scheme is not that of the token');
      if (req.bound) await proven(req, resource, jkt);
      next();
    } catch (error) {
      res
        .status(401)
        .set('WWW-Authenticate', 'DPoP error="invalid_token", algs="ES256"')
        .json({ error: 'invalid_token', error_description: error.message });
    }
  },
};

async function proven(req, resource, jkt) {
  const { payload, protectedHeader } = await jwtVerify(req.get('dpop') ?? '', EmbeddedJWK, {
    typ: 'dpop+jwt',
    maxTokenAge: '5m',
    clockTolerance: 5,
    requiredClaims: ['jti', 'ath', 'htm', 'htu'],
  });
  const hash = createHash('sha256').update(req.auth.token).digest('base64url');
  const right =
    payload.htm === req.method &&
    payload.htu === resource &&
    payload.ath === hash &&
    (await calculateJwkThumbprint(protectedHeader.jwk)) === jkt;
  if (!right) throw new Error('the proof is not for this request');
}
