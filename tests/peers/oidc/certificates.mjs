// An authorization server behind TLS, and clients that show a certificate there (RFC 8705 §2).
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { join } from 'node:path';

export const METHODS = [
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
];

// The server's own key and certificate, and the one certificate that its clients have.
export async function readCertificates(folder) {
  const read = (name) => readFile(join(folder, name), 'utf8');
  const [key, cert, client] = await Promise.all(['server-key.pem', 'server.pem', 'client.pem'].map(read));
  return { key, cert, client };
}

// One that registered its certificate, and one whose certificate is anybody's who has that name.
export function certificateClients(machine, { client }) {
  const shown = new X509Certificate(client);
  const jwk = { ...shown.publicKey.export({ format: 'jwk' }), use: 'sig', x5c: [shown.raw.toString('base64')] };
  return [
    machine('by-certificate', {
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [jwk] },
    }),
    machine('by-subject', {
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_san_dns: 'machine.notes.invalid',
    }),
  ];
}

const shownBy = (ctx) => ctx.socket.getPeerX509Certificate?.();

export const mutualTls = {
  enabled: true,
  selfSignedTlsClientAuth: true,
  tlsClientAuth: true,
  getCertificate: shownBy,
  certificateAuthorized: (ctx) => Boolean(ctx.socket.authorized),
  certificateSubjectMatches: (ctx, property, expected) =>
    property === 'tls_client_auth_san_dns' && shownBy(ctx)?.checkHost(expected) !== undefined,
};

export const listeningWithTls = (callback, port, { key, cert, client }) =>
  new Promise((resolve) => {
    const tls = { key, cert, ca: client, requestCert: true, rejectUnauthorized: false };
    createServer(tls, callback).listen(Number(port), '127.0.0.1', resolve);
  });
