// Notes server on punkpeye's FastMCP: sessions, `authenticate` at the door, `canAccess` per tool.
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { FastMCP } from 'fastmcp';
import { z } from 'zod';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string' },
    // TOKEN=SCOPES
    token: { type: 'string', multiple: true, default: [] },
    // A tool that is registered without `canAccess`.
    'leave-open': { type: 'string', multiple: true, default: [] },
  },
});
const tokens = new Map(
  options.token.map((row) => {
    const [token, scopes] = row.split(/=(.*)/s);
    return [token, { scopes: scopes.split(' ') }];
  }),
);
const notes = new Map([
  ['1', 'Buy bread'],
  ['2', 'Water the plants'],
]);
const executed = {};

const server = new FastMCP({
  name: 'notes',
  version: '1.0.0',
  authenticate: async (request) => {
    const [, token] = /^Bearer (.+)$/i.exec(request?.headers.authorization ?? '') ?? [];
    const known = tokens.get(token);
    if (known) return known;
    throw new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } });
  },
});

function tool(name, scope, description, annotations, input, body) {
  server.addTool({
    name,
    description,
    annotations,
    parameters: z.object(input),
    ...(options['leave-open'].includes(name)
      ? {}
      : { canAccess: (session) => session.scopes.includes(scope) }),
    execute: async (args) => {
      executed[name] = (executed[name] ?? 0) + 1;
      return body(args);
    },
  });
}

const id = z.string().describe('Id of the note');
tool('read_note', 'notes:read', 'Read one note by id', { readOnlyHint: true }, { id }, (args) =>
  notes.get(args.id) ?? `There is no note ${args.id}`,
);
tool('list_notes', 'notes:read', 'List all notes', { readOnlyHint: true }, {}, () =>
  [...notes].map(([key, body]) => `${key}: ${body}`).join('\n'),
);
tool(
  'create_note',
  'notes:write',
  'Create a note',
  { readOnlyHint: false, destructiveHint: false },
  { title: z.string().describe('Title of the note'), body: z.string().describe('Text of the note') },
  (args) => {
    const key = randomUUID();
    notes.set(key, `${args.title}: ${args.body}`);
    return `Created note ${key}`;
  },
);
tool(
  'delete_note',
  'notes:write',
  'Delete one note by id',
  { readOnlyHint: false, destructiveHint: true },
  { id },
  (args) => (notes.delete(args.id) ? `Deleted note ${args.id}` : `There is no note ${args.id}`),
);

server.getApp().get('/__executed', (context) => {
  const counts = JSON.stringify(executed);
  return context.body(counts, 200, { 'Content-Length': String(counts.length) });
});
await server.start({
  transportType: 'httpStream',
  httpStream: { host: '127.0.0.1', port: Number(options.port) },
});
console.log(`READY http://127.0.0.1:${options.port}/mcp`);
