import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');
const pairs = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g)].map((match) => [
    match[1] ?? '',
    { light: match[2] ?? '', dark: match[3] ?? '' },
  ]),
);
const themes = ['dark', 'light'] as const;
const hues = ['queued', 'waiting', 'running', 'ok', 'failed', 'retry', 'cancelled', 'cached', 'paused', 'timed-out', 'dead'];

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** WCAG 2 contrast of two tokens in a theme. */
function contrast(front: string, back: string, theme: 'dark' | 'light'): number {
  const [first, second] = [front, back].map((name) => {
    const pair = pairs.get(name);
    assert.ok(pair, `no token ${name}`);
    return luminance(pair[theme]);
  });
  const [low = 0, high = 0] = [first ?? 0, second ?? 0].toSorted((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function reads(front: string, back: string, least: number): void {
  for (const theme of themes)
    assert.ok(contrast(front, back, theme) >= least, `${front} on ${back}, ${theme}: ${contrast(front, back, theme).toFixed(2)}, wanted ${least}`);
}

test('text reads on every ground it stands on', () => {
  for (const ground of ['bg', 'surface', 'raised']) {
    reads('text', ground, 13.7);
    reads('text-2', ground, 7.6);
    reads('text-3', ground, 4.5);
    reads('accent-text', ground, 4.5);
  }
  reads('accent-text', 'accent-soft', 4.5);
  reads('text', 'accent-soft', 7);
});

test('a status reads on its tint and on the surface, and its solid stands out from it', () => {
  for (const hue of hues) {
    reads(`${hue}-text`, `${hue}-tint`, 5.5);
    reads(`${hue}-text`, 'surface', 4.5);
    reads(`${hue}-solid`, 'surface', 3);
  }
});

test('controls and the focus ring are seen', () => {
  reads('line-control', 'surface', 2.9);
  reads('focus', 'bg', 3);
  reads('focus', 'surface', 3);
});

test('no stylesheet but this one names a colour', () => {
  const main = readFileSync(new URL('./main.css', import.meta.url), 'utf8');
  const sheets = [...main.matchAll(/@import '\.\/([^']+)'/g)].map(([, path = '']) => path).filter((path) => path !== 'tokens.css');
  assert.ok(sheets.length > 20);
  for (const sheet of sheets) {
    const text = readFileSync(new URL(`./${sheet}`, import.meta.url), 'utf8');
    assert.doesNotMatch(text, /#[0-9a-f]{3,8}\b|\b(rgb|hsl|oklch)a?\(/i, sheet);
  }
});

test('whatever is named somewhere is defined: a colour that is not there leaves nothing behind, not even a fault', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(css|tsx?)$/.test(path) && !path.includes('.test.'))
    .map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
  const defined = new Set(sources.flatMap(({ text }) => [...text.matchAll(/(?<!var\()(--[\w-]+)['"]?\]?\s*:/g)].map(([, name]) => name)));
  // A name that goes on behind `${` is made of parts.
  const named = sources.flatMap(({ path, text }) => [...text.matchAll(/var\((--[\w-]+)(?!\$|[\w-])/g)].map(([, name]) => ({ path, name })));
  assert.ok(named.length > 500, `${named.length} uses were found`);
  assert.deepEqual(
    named.filter(({ name }) => !defined.has(name)),
    [],
  );
});
