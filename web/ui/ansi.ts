/** Terminal colours in logs: splits a line into runs with the classes of ui/code.css. Pure; drops every other escape. */

export interface Run {
  readonly text: string;
  /** Class names, or '' for plain text. */
  readonly look: string;
}

// CSI … final byte, a choice of character set, OSC … BEL or ST, and lone two-byte escapes.
const ESCAPE = /\u001b(?:\[([0-?]*)[ -/]*([@-~])|[()][0-9A-Za-z]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;

interface Look {
  colour: string;
  bold: boolean;
  dim: boolean;
  underline: boolean;
}

/** The runs of one line. A carriage return shows what a terminal would show at the end: the last rewrite. */
export function ansiRuns(line: string): readonly Run[] {
  const shown = lastRewrite(line);
  const look: Look = { colour: '', bold: false, dim: false, underline: false };
  const runs: Run[] = [];
  let at = 0;
  const push = (text: string): void => {
    const clean = text.replace(CONTROL, '');
    if (clean !== '') runs.push({ text: clean, look: classes(look) });
  };
  for (const match of shown.matchAll(ESCAPE)) {
    push(shown.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === 'm') applyCodes(look, match[1] ?? '');
  }
  push(shown.slice(at));
  return runs;
}

/** The line as plain text: for search and copying. */
export function stripAnsi(line: string): string {
  return lastRewrite(line).replace(ESCAPE, '').replace(CONTROL, '');
}

function lastRewrite(line: string): string {
  const trimmed = line.replace(/\r+$/, '');
  return trimmed.slice(trimmed.lastIndexOf('\r') + 1);
}

function applyCodes(look: Look, text: string): void {
  const codes = text === '' ? [0] : text.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 38 || code === 48) {
      // 256 and true colours are told by their nearest of the eight, so that they stay readable in both themes.
      const palette = codes[at + 1] === 5;
      if (code === 38) look.colour = palette ? paletteColour(codes[at + 2] ?? 7) : '';
      at += palette ? 2 : 4;
    } else applyCode(look, code);
  }
}

function applyCode(look: Look, code: number): void {
  if (code === 0) Object.assign(look, { colour: '', bold: false, dim: false, underline: false });
  else if (code === 1) look.bold = true;
  else if (code === 2) look.dim = true;
  else if (code === 4) look.underline = true;
  else if (code === 22) Object.assign(look, { bold: false, dim: false });
  else if (code === 24) look.underline = false;
  else if (code === 39) look.colour = '';
  else if (code >= 30 && code <= 37) look.colour = COLOURS[code - 30] ?? '';
  else if (code >= 90 && code <= 97) look.colour = COLOURS[code - 90] ?? '';
}

function paletteColour(index: number): string {
  return index < 16 ? (COLOURS[index % 8] ?? '') : '';
}

function classes(look: Look): string {
  return [look.colour === '' ? '' : `ansi-${look.colour}`, look.bold ? 'ansi-bold' : '', look.dim ? 'ansi-dim' : '', look.underline ? 'ansi-underline' : '']
    .filter(Boolean)
    .join(' ');
}
