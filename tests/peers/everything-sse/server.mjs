// The published reference server on its legacy HTTP+SSE transport, bound to loopback.
import net from 'node:net';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({ options: { port: { type: 'string' } } });
process.env.PORT = options.port;

// The package listens on every interface and reports on stderr only.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, done) {
  return listen.call(this, Number(port), '127.0.0.1', () => {
    done?.();
    console.log(`READY http://127.0.0.1:${port}/sse`);
  });
};
await import('@modelcontextprotocol/server-everything/dist/transports/sse.js');
