/** Ports of the loopback for programs that can't choose one themselves. */
import { createServer } from 'node:net';

/** One that is free now; a program that finds it taken after all ends, and its next start gets another. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('the loopback gave no port'))));
    });
  });
}
