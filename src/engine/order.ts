/** What comes before what in one level, and which ways through it exclude each other. Pure. Expects a level without cycles.
 *  One thing to know: a node leaves by exactly one port, so what is reached only by one of them never meets what is reached only by another. */
import { carriesToken, ERROR_PORT, splitEnd } from './graph.ts';
import type { Level } from './levels.ts';

/** A set of small numbers, a bit each: 2,000 nodes in a row have two million pairs. */
export class IndexSet {
  private readonly bits: Uint32Array;
  constructor(size: number) {
    this.bits = new Uint32Array(Math.ceil(size / 32));
  }
  add(index: number): void {
    this.bits[index >>> 5] = (this.bits[index >>> 5] ?? 0) | (1 << (index & 31));
  }
  has(index: number): boolean {
    return ((this.bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;
  }
  addAll(other: IndexSet): void {
    for (let i = 0; i < this.bits.length; i++) this.bits[i] = (this.bits[i] ?? 0) | (other.bits[i] ?? 0);
  }
  keepAll(other: IndexSet): void {
    for (let i = 0; i < this.bits.length; i++) this.bits[i] = (this.bits[i] ?? 0) & (other.bits[i] ?? 0);
  }
  /** Every number in it, rising. */
  *values(): Generator<number> {
    for (const [word, bits] of this.bits.entries()) for (let rest = bits; rest !== 0; rest &= rest - 1) yield word * 32 + (31 - Math.clz32(rest & -rest));
  }
  /** The first number that is in both. */
  firstCommon(other: IndexSet): number | undefined {
    for (let i = 0; i < this.bits.length; i++) {
      const common = (this.bits[i] ?? 0) & (other.bits[i] ?? 0);
      if (common !== 0) return i * 32 + (31 - Math.clz32(common & -common));
    }
    return undefined;
  }
  copy(): IndexSet {
    const copy = new IndexSet(this.bits.length * 32);
    copy.addAll(this);
    return copy;
  }
}

/** An edge between two nodes of the level that are there. */
export interface Way {
  /** Of the level's edges. */
  readonly edge: number;
  readonly from: number;
  readonly to: number;
  /** `*`: any port but `error`. */
  readonly port: string;
  /** It can start what it leads to. */
  readonly triggers: boolean;
}

/** That `node` left by `port`. */
export interface Exit {
  readonly node: number;
  readonly port: string;
}

export interface Order {
  readonly ways: readonly Way[];
  /** By node: the ways that lead to it. */
  readonly incoming: readonly (readonly Way[])[];
  /** By node: those that lead to it by any edge. */
  readonly before: readonly IndexSet[];
  /** Two exits of which one must be for `a` to run, the other for `b`; undefined when both can run. */
  excludes(a: number, b: number): readonly [Exit, Exit] | undefined;
  /** How many of the ways that start `node` can at most be taken in one run. */
  mostTaken(node: number): number;
}

/** More ways than this into one node are only counted. */
const MAX_COMPARED_WAYS = 64;

const ANY = '*';

export function orderOf(level: Level): Order {
  const ways = waysOf(level);
  const incoming: Way[][] = level.nodes.map(() => []);
  for (const way of ways) incoming[way.to]?.push(way);
  const exits = exitsOf(ways);
  const sequence = sequenceOf(level.nodes.length, ways);
  const before = level.nodes.map(() => new IndexSet(level.nodes.length));
  /** By node: the exits without which it never runs. */
  const needs = level.nodes.map(() => new IndexSet(exits.list.length));
  const contradicting = new Map<number, IndexSet>();
  const needsOfWay = (way: Way): IndexSet => {
    const set = needs[way.from]?.copy() ?? new IndexSet(exits.list.length);
    set.add(exits.indexOf(way.from, way.port));
    if (way.port !== ERROR_PORT) set.add(exits.indexOf(way.from, ANY));
    return set;
  };
  for (const at of sequence) {
    for (const way of incoming[at] ?? []) {
      const earlier = before[way.from];
      if (earlier !== undefined) before[at]?.addAll(earlier);
      before[at]?.add(way.from);
    }
    const [first, ...others] = (incoming[at] ?? []).filter((way) => way.triggers).map(needsOfWay);
    if (first === undefined) continue;
    for (const other of others) first.keepAll(other);
    needs[at] = first;
  }
  return {
    ways,
    incoming,
    before,
    excludes(a, b) {
      const mine = needs[a];
      const index = mine?.firstCommon(against(b));
      const exit = index === undefined ? undefined : exits.list[index];
      if (exit === undefined) return undefined;
      const other = exits.ofNode(exit.node).find((each) => contradict(exit.port, exits.list[each]?.port ?? '') && needs[b]?.has(each) === true);
      const found = other === undefined ? undefined : exits.list[other];
      return found === undefined ? undefined : [exit, found];
    },
    mostTaken(node) {
      const starting = (incoming[node] ?? []).filter((way) => way.triggers);
      if (starting.length > MAX_COMPARED_WAYS) return starting.length;
      const sets = starting.map(needsOfWay);
      const bounds = exits.nodes.map((branch) => {
        const counts = concreteExits(branch).map((exit) => sets.filter((set) => !contradicted(set, exit)).length);
        return Math.max(...counts);
      });
      return Math.min(starting.length, ...bounds);
    },
  };

  /** Exits that can't be taken in a run of `node`. Made when first asked for: most nodes are read by nobody far away. */
  function against(node: number): IndexSet {
    const known = contradicting.get(node);
    if (known !== undefined) return known;
    const set = new IndexSet(exits.list.length);
    for (const need of needs[node]?.values() ?? []) {
      const { node: branch, port } = exits.list[need] ?? { node: -1, port: '' };
      for (const other of exits.ofNode(branch)) if (contradict(port, exits.list[other]?.port ?? '')) set.add(other);
    }
    contradicting.set(node, set);
    return set;
  }

  /** A run leaves by one port; "any" stands for itself only where edges name no other. */
  function concreteExits(branch: number): readonly number[] {
    const all = exits.ofNode(branch);
    const named = all.filter((exit) => exits.list[exit]?.port !== ANY);
    return named.some((exit) => exits.list[exit]?.port !== ERROR_PORT) ? named : all;
  }

  function contradicted(set: IndexSet, exit: number): boolean {
    const { node, port } = exits.list[exit] ?? { node: -1, port: '' };
    return exits.ofNode(node).some((other) => set.has(other) && contradict(port, exits.list[other]?.port ?? ''));
  }
}

/** Whether no node can leave by both. */
function contradict(a: string, b: string): boolean {
  if (a === b) return false;
  return a === ERROR_PORT || b === ERROR_PORT || (a !== ANY && b !== ANY);
}

function waysOf(level: Level): readonly Way[] {
  const indexOf = new Map(level.nodes.map((node, index) => [node.key, index]));
  return level.edges.flatMap((edge, index) => {
    const { key, port } = splitEnd(edge.from);
    const [from, to] = [indexOf.get(key), indexOf.get(splitEnd(edge.to).key)];
    return from === undefined || to === undefined ? [] : [{ edge: index, from, to, port: port ?? ANY, triggers: carriesToken(edge) }];
  });
}

interface Exits {
  readonly list: readonly Exit[];
  /** Nodes with more than one way to leave that edges speak of. */
  readonly nodes: readonly number[];
  indexOf(node: number, port: string): number;
  ofNode(node: number): readonly number[];
}

function exitsOf(ways: readonly Way[]): Exits {
  const list: Exit[] = [];
  const byNode = new Map<number, Map<string, number>>();
  const add = (node: number, port: string): void => {
    const ports = byNode.get(node) ?? new Map<string, number>();
    byNode.set(node, ports);
    if (ports.has(port)) return;
    ports.set(port, list.length);
    list.push({ node, port });
  };
  for (const way of ways) {
    add(way.from, way.port);
    if (way.port !== ERROR_PORT) add(way.from, ANY);
  }
  const lists = new Map([...byNode].map(([node, ports]) => [node, [...ports.values()]]));
  return {
    list,
    nodes: [...byNode].filter(([, ports]) => ports.size > 2 || ports.has(ERROR_PORT)).map(([node]) => node),
    indexOf: (node, port) => byNode.get(node)?.get(port) ?? 0,
    ofNode: (node) => lists.get(node) ?? [],
  };
}

/** Every node after those that lead to it. */
function sequenceOf(size: number, ways: readonly Way[]): readonly number[] {
  const next: number[][] = Array.from({ length: size }, () => []);
  const left = new Uint32Array(size);
  for (const way of ways) {
    next[way.from]?.push(way.to);
    left[way.to] = (left[way.to] ?? 0) + 1;
  }
  const sequence = Array.from(left.keys()).filter((index) => left[index] === 0);
  for (const at of sequence) {
    for (const to of next[at] ?? []) {
      left[to] = (left[to] ?? 0) - 1;
      if (left[to] === 0) sequence.push(to);
    }
  }
  return sequence;
}
