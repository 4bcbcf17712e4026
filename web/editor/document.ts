/** The definition being edited, what is selected, and its history. Pure of the DOM and the network.
 *  One thing to know: the text of JSON mode is part of the history, so that canvas and text share one undo. While the text has a fault the
 *  definition stays the last that had none, and `locked` says why the canvas takes no change. */
import { computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { Definition } from '../../src/contract/graph.ts';
import { readDefinition } from './read-definition.ts';
import { allKeys, edgeIdOf, graphAt, validScope, withGraphAt } from './scope.ts';
import type { EdgeId, Graph } from './scope.ts';

export interface Selection {
  readonly nodes: ReadonlySet<string>;
  readonly edges: ReadonlySet<EdgeId>;
  readonly comments: ReadonlySet<string>;
}

/** What a workflow has beside its definition. */
export interface About {
  readonly name: string;
  readonly description: string;
}

export interface ChangeOptions {
  readonly merge?: string;
  /** What is selected afterwards. `added`: nodes and comments of the open scope that were not there before. */
  readonly select?: Partial<Selection> | 'added';
}

export interface EditorDocument {
  /** Whole workflow. */
  readonly definition: ReadonlySignal<Definition>;
  readonly about: ReadonlySignal<About>;
  /** As typed in JSON mode, when that is not just the definition laid out. */
  readonly text: ReadonlySignal<string | undefined>;
  /** Keys of the map and loop nodes whose body is open; [] = the workflow itself. */
  readonly scope: ReadonlySignal<readonly string[]>;
  /** Of the open scope. */
  readonly graph: ReadonlySignal<Graph>;
  /** Every key of the workflow: a new one must be none of these. */
  readonly keys: ReadonlySignal<ReadonlySet<string>>;
  readonly selection: ReadonlySignal<Selection>;
  /** The label of what undo takes back. */
  readonly canUndo: ReadonlySignal<string | undefined>;
  readonly canRedo: ReadonlySignal<string | undefined>;
  /** Why nothing can be changed now (a fault in the JSON, someone else edits), in words. */
  readonly locked: ReadonlySignal<string | undefined>;
  /** The part of `locked` that is not a fault of the text. */
  readonly lockReason: ReadonlySignal<string | undefined>;
  select(selection: Partial<Selection>, options?: { readonly add?: boolean }): void;
  open(scope: readonly string[]): void;
  /** Edits the open scope; one step of history. `merge`: a run of changes with the same text within 800 ms is one step (dragging, typing). */
  change(label: string, edit: (graph: Graph) => Graph, options?: ChangeOptions): void;
  /** Edits the whole. */
  changeDefinition(label: string, edit: (definition: Definition) => Definition, options?: ChangeOptions): void;
  changeAbout(about: Partial<About>): void;
  /** What was typed in JSON mode. Locked by its own fault it can still be typed on. */
  changeText(text: string): void;
  /** All of it, from elsewhere (stored, imported, kept), as one step; a lock does not hold it back. What says the same changes nothing. */
  replace(label: string, next: Partial<About> & { readonly text?: string }): void;
  /** Brings back selection and scope too. */
  undo(): void;
  redo(): void;
  /** Takes no change until undefined is given. */
  lock(reason: string | undefined): void;
}

interface Snapshot {
  readonly definition: Definition;
  readonly about: About;
  readonly text: string | undefined;
  readonly fault: string | undefined;
  readonly scope: readonly string[];
  readonly selection: Selection;
}

interface Step {
  readonly label: string;
  readonly merge: string | undefined;
  readonly before: Snapshot;
  after: Snapshot;
  atMs: number;
}

const MERGE_MS = 800;
// Snapshots share what did not change, so that a step costs about what it changed.
const MAX_STEPS = 500;

const NOTHING: Selection = { nodes: new Set(), edges: new Set(), comments: new Set() };

export interface DocumentOptions {
  readonly now?: () => number;
  readonly about?: About;
  /** A stored draft, as it was typed: what is no definition opens locked by its fault. */
  readonly text?: string;
}

export function createDocument(initial: Definition, options: DocumentOptions = {}): EditorDocument {
  const now = options.now ?? (() => performance.now());
  const present = signal<Snapshot>(firstSnapshot(initial, options));
  const undone = signal<readonly Step[]>([]);
  const done = signal<readonly Step[]>([]);
  const lockReason = signal<string | undefined>(undefined);
  const graph = computed(() => graphAt(present.value.definition, present.value.scope) ?? { nodes: [], edges: [], comments: [] });
  const locked = computed(() => lockReason.value ?? present.value.fault);

  const commit = (label: string, after: Snapshot, merge: string | undefined): void => {
    const before = present.value;
    const last = done.value.at(-1);
    const atMs = now();
    const joins = merge !== undefined && last?.merge === merge && undone.value.length === 0 && atMs - last.atMs < MERGE_MS;
    if (joins) Object.assign(last, { after, atMs });
    else done.value = [...done.value, { label, merge, before, after, atMs }].slice(-MAX_STEPS);
    undone.value = [];
    present.value = after;
  };

  const changeDefinition: EditorDocument['changeDefinition'] = (label, edit, change = {}) => {
    if (locked.value !== undefined) return;
    const before = present.value;
    const definition = edit(before.definition);
    if (definition === before.definition) {
      if (typeof change.select === 'object') present.value = settled({ ...before, selection: { ...NOTHING, ...change.select } });
      return;
    }
    const after = graphAt(definition, before.scope);
    const selected = change.select === 'added' ? added(graph.value, after) : change.select === undefined ? before.selection : { ...NOTHING, ...change.select };
    commit(label, settled({ ...before, definition, text: undefined, selection: selected }), change.merge);
  };

  return {
    definition: computed(() => present.value.definition),
    about: computed(() => present.value.about),
    text: computed(() => present.value.text),
    scope: computed(() => present.value.scope),
    graph,
    keys: computed(() => allKeys(present.value.definition)),
    selection: computed(() => present.value.selection),
    canUndo: computed(() => done.value.at(-1)?.label),
    canRedo: computed(() => undone.value.at(-1)?.label),
    locked,
    lockReason,
    select(part, { add = false } = {}) {
      const { selection } = present.value;
      present.value = settled({ ...present.value, selection: add ? union(selection, part) : { ...NOTHING, ...part } });
    },
    open(scope) {
      present.value = settled({ ...present.value, scope, selection: NOTHING });
    },
    change(label, edit, change) {
      const before = graph.value;
      changeDefinition(
        label,
        (definition) => {
          const after = edit(before);
          return after === before ? definition : withGraphAt(definition, present.value.scope, after);
        },
        change,
      );
    },
    changeDefinition,
    changeAbout(part) {
      const about = { ...present.value.about, ...part };
      if (lockReason.value !== undefined || sameAbout(about, present.value.about)) return;
      const field = part.name === undefined ? 'the description' : 'the name';
      commit(`Change ${field}`, { ...present.value, about }, `about ${field}`);
    },
    changeText(text) {
      const before = present.value;
      if (lockReason.value !== undefined || text === before.text) return;
      commit('Edit the JSON', settled({ ...before, ...readText(text, before.definition) }), 'json');
    },
    replace(label, { text, ...about }) {
      const before = present.value;
      const read = text === undefined ? {} : readText(text, before.definition);
      const after = { ...before, ...read, about: { ...before.about, ...about } };
      // A text that is a definition is shown laid out.
      if (text !== undefined && after.fault === undefined) after.text = undefined;
      if (sameAbout(after.about, before.about) && after.text === before.text && JSON.stringify(after.definition) === JSON.stringify(before.definition)) return;
      commit(label, settled(after), undefined);
    },
    undo() {
      const step = done.value.at(-1);
      if (step === undefined || lockReason.value !== undefined) return;
      done.value = done.value.slice(0, -1);
      undone.value = [...undone.value, step];
      present.value = step.before;
    },
    redo() {
      const step = undone.value.at(-1);
      if (step === undefined || lockReason.value !== undefined) return;
      undone.value = undone.value.slice(0, -1);
      done.value = [...done.value, step];
      present.value = step.after;
    },
    lock(reason) {
      lockReason.value = reason;
    },
  };
}

function firstSnapshot(initial: Definition, { about, text }: DocumentOptions): Snapshot {
  const first = { about: about ?? { name: '', description: '' }, scope: [], selection: NOTHING };
  const read = text === undefined ? undefined : readText(text, initial);
  if (read === undefined) return { ...first, definition: initial, text: undefined, fault: undefined };
  // A text that is a definition is shown laid out.
  return { ...first, ...read, text: read.fault === undefined ? undefined : read.text };
}

/** A text with a fault leaves the definition as it was. */
function readText(text: string, last: Definition): Pick<Snapshot, 'definition' | 'text' | 'fault'> {
  const read = readDefinition(text);
  return 'fault' in read ? { definition: last, text, fault: read.fault } : { definition: read.definition, text, fault: undefined };
}

function added(before: Graph, after: Graph | undefined): Selection {
  const keys = new Set(before.nodes.map((node) => node.key));
  const ids = new Set(before.comments.map((comment) => comment.id));
  return {
    nodes: new Set(after?.nodes.map((node) => node.key)).difference(keys),
    edges: new Set(),
    comments: new Set(after?.comments.map((comment) => comment.id)).difference(ids),
  };
}

/** Scope and selection name only what is there. */
function settled(snapshot: Snapshot): Snapshot {
  const scope = validScope(snapshot.definition, snapshot.scope);
  const graph = graphAt(snapshot.definition, scope) ?? { nodes: [], edges: [], comments: [] };
  const { nodes, edges, comments } = snapshot.selection;
  return {
    ...snapshot,
    scope: scope.length === snapshot.scope.length ? snapshot.scope : scope,
    selection: {
      nodes: keep(nodes, new Set(graph.nodes.map((node) => node.key))),
      edges: keep(edges, new Set(graph.edges.map(edgeIdOf))),
      comments: keep(comments, new Set(graph.comments.map((comment) => comment.id))),
    },
  };
}

/** The same set when all of it is there: who watches it is not woken. */
function keep<Id>(chosen: ReadonlySet<Id>, there: ReadonlySet<Id>): ReadonlySet<Id> {
  return chosen.isSubsetOf(there) ? chosen : chosen.intersection(there);
}

function union(selection: Selection, part: Partial<Selection>): Selection {
  return {
    nodes: selection.nodes.union(part.nodes ?? NOTHING.nodes),
    edges: selection.edges.union(part.edges ?? NOTHING.edges),
    comments: selection.comments.union(part.comments ?? NOTHING.comments),
  };
}

function sameAbout(one: About, other: About): boolean {
  return one.name === other.name && one.description === other.description;
}
