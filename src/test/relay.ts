/** The way between a page and Studio, for tests that lose it: cut for a while, or open to everything but live sockets, as behind a proxy that does not know them. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Relay {
  readonly url: string;
  /** `cut`: nothing gets through; `no sockets`: requests alone do. What is under way is broken off. */
  become(way: 'open' | 'cut' | 'no sockets'): void;
  close(): Promise<void>;
}

export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let way: Parameters<Relay['become']>[0] = 'open';
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const server = createServer((near) => {
    keep(near);
    if (way === 'cut') return void near.destroy();
    near.once('data', (head) => {
      // A browser opens a connection of its own for a socket.
      if (way === 'no sockets' && /^upgrade: websocket/im.test(head.toString('latin1'))) return void near.destroy();
      const far = connect(Number(port), hostname);
      keep(far);
      far.write(head);
      near.pipe(far).pipe(near);
      far.once('close', () => near.destroy());
      near.once('close', () => far.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const breakOff = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    become(next) {
      way = next;
      if (next !== 'open') breakOff();
    },
    async close() {
      breakOff();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
