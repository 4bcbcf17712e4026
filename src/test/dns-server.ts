/** A DNS server on the loopback, for tests: answers from a table, and that a name does not exist for all others. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Resolver } from 'node:dns/promises';

export interface DnsRecords {
  readonly a?: readonly string[];
  readonly cname?: string;
}

export interface TestDns {
  /** Asks this server alone. */
  readonly resolver: Resolver;
  close(): Promise<void>;
}

const TYPES = { a: 1, cname: 5 } as const;

/** @param table by name; changes to it count at once */
export async function startDns(table: Map<string, DnsRecords>): Promise<TestDns> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => socket.send(answer(query, table), port, address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ timeout: 2_000, tries: 3 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    resolver,
    async close() {
      resolver.cancel();
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** @see RFC 1035, 4.1 */
function answer(query: Buffer, table: ReadonlyMap<string, DnsRecords>): Buffer {
  const { name, end } = readName(query);
  const type = query.readUInt16BE(end);
  const known = table.get(name);
  const data =
    type === TYPES.a
      ? (known?.a ?? []).map((address) => Buffer.from(address.split('.').map(Number)))
      : type === TYPES.cname && known?.cname !== undefined
        ? [nameBytes(known.cname)]
        : [];
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  // An answer that recursion was done for; 3: there is no such name.
  head.writeUInt16BE(known === undefined ? 0x8183 : 0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 6);
  const records = data.map((bytes) => {
    const record = Buffer.alloc(12);
    // The name: as in the question.
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(60, 6);
    record.writeUInt16BE(bytes.length, 10);
    return Buffer.concat([record, bytes]);
  });
  return Buffer.concat([head, query.subarray(12, end + 4), ...records]);
}

function readName(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

function nameBytes(name: string): Buffer {
  return Buffer.concat([...name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])), Buffer.from([0])]);
}
