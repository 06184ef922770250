// The published reference server on one of its HTTP transports, bound to loopback.
import net from 'node:net';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { port: { type: 'string' }, transport: { type: 'string' } },
});
process.env.PORT = options.port;
const path = options.transport === 'sse' ? '/sse' : '/mcp';

// The package listens on every interface and reports on stderr only.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, done) {
  return listen.call(this, Number(port), '127.0.0.1', () => {
    done?.();
    console.log(`READY http://127.0.0.1:${port}${path}`);
  });
};
await import(`@modelcontextprotocol/server-everything/dist/transports/${options.transport}.js`);
