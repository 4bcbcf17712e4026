/** Every action of the page: what the palette lists, what keys do, what the `?` sheet says. One list, so that no action lacks either. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useKeys } from '../ui/keys.ts';

export interface Command {
  readonly id: string;
  readonly title: string;
  /** The heading it stands under: `Go to`, `This page`, `Appearance`. */
  readonly group: string;
  readonly keys?: string | undefined;
  /** More words that find it. */
  readonly words?: string | undefined;
  /** Beside the title: what it was found by. */
  readonly note?: string | undefined;
  /** Of a thing that has one. */
  readonly status?: string | undefined;
  readonly disabled?: boolean | undefined;
  /** Whether its key means it where the focus is now; else the key is left to others. The palette runs it anyway. */
  readonly when?: (() => boolean) | undefined;
  readonly run: () => void;
}

const layers = signal<readonly (() => readonly Command[])[]>([]);

/** All commands now, those of the newest view first. */
export function allCommands(): readonly Command[] {
  return layers.value
    .toReversed()
    .flatMap((layer) => layer())
    .filter((command) => command.disabled !== true);
}

/** Offers commands while the component is mounted: in the palette, by their keys, and on the `?` sheet. */
export function useCommands(commands: readonly Command[]): void {
  const latest = useRef(commands);
  latest.current = commands;
  useEffect(() => {
    const layer = (): readonly Command[] => latest.current;
    layers.value = [...layers.value, layer];
    return () => {
      layers.value = layers.value.filter((one) => one !== layer);
    };
  }, []);
  useKeys(() =>
    Object.fromEntries(
      latest.current.flatMap((command) =>
        command.keys === undefined || command.disabled === true || command.when?.() === false ? [] : [[command.keys, command.run]],
      ),
    ),
  );
}

/** How well `text` answers `query`: 0 not at all, higher is better. All words of the query must occur, in any order; starts count more. */
export function matchScore(text: string, query: string): number {
  const low = text.toLowerCase();
  let score = 1;
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = low.indexOf(word);
    if (at < 0) return 0;
    score += at === 0 ? 4 : /[\s:/·_-]/.test(low[at - 1] ?? '') ? 3 : 1;
  }
  return score;
}

/** The commands that answer a query, best first; equal ones keep their order. */
export function findCommands(commands: readonly Command[], query: string): readonly Command[] {
  return commands
    .map((command) => ({ command, score: matchScore(`${command.title} ${command.words ?? ''} ${command.group}`, query) }))
    .filter((found) => found.score > 0)
    .toSorted((a, b) => (query.trim() === '' ? 0 : b.score - a.score))
    .map((found) => found.command);
}
