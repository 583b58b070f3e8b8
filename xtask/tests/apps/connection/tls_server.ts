// A server that ends TLS in front of a database without it, so that a test decides about the certificate.

import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

/** A server for one test. */
export interface TlsServer {
  port: number;
  user: string;
  database: string;
  /** Whether the last connection was encrypted. */
  encrypted(): boolean;
}

/** Answers each request for TLS by `S`, and encrypts with the certificate, or by `N`. */
export async function answeringTls(hasTls: boolean, certificate: string, key: string): Promise<TlsServer> {
  const url = new URL(process.env['DATABASE_URL'] ?? '');
  const socket = url.searchParams.get('host');
  const port = Number(url.searchParams.get('port') ?? (url.port || 5432));
  const target = socket?.startsWith('/') ? { path: `${socket}/.s.PGSQL.${port}` } : { host: socket ?? url.hostname, port };
  let isEncrypted = false;
  const server = net.createServer((client) => {
    client.on('error', () => undefined);
    client.once('data', (first) => {
      const isRequest = first.length === 8 && first.readInt32BE(4) === 80877103;
      isEncrypted = isRequest && hasTls;
      if (isEncrypted) {
        client.write('S');
        const secure = new tls.TLSSocket(client, { isServer: true, cert: readFileSync(certificate), key: readFileSync(key) });
        connect(secure);
      } else if (isRequest) {
        client.write('N');
        connect(client);
      } else {
        connect(client).write(first);
      }
    });
  });
  const connect = (client: net.Socket): net.Socket => {
    const upstream = net.connect(target);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.pipe(upstream).pipe(client);
    return upstream;
  };
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  server.unref();
  const user = url.searchParams.get('user') ?? url.username;
  return {
    port: (server.address() as net.AddressInfo).port,
    user: url.password === '' ? user : `${user}:${url.password}`,
    database: url.pathname.slice(1),
    encrypted: () => isEncrypted,
  };
}
