/** The scripts that a page names. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { pageFor, readPage } from './page-preloads.ts';

const preloads = [
  { path: '/', scripts: ['home.js'], wide: [] },
  { path: '/instances', scripts: ['list.js'], wide: [] },
  { path: '/instances/:id', scripts: ['one.js'], wide: ['graph.js'] },
  { path: '/settings/:section?', scripts: ['settings.js'], wide: [] },
];
const page = readPage(`<head><!-- preloads ${JSON.stringify(preloads)} --></head>`);
const named = (path: string): string =>
  [...pageFor(page, path).matchAll(/assets\/(\w+\.js)"( media)?/g)].map(([, name, media]) => `${name}${media ?? ''}`).join(' ');

test('a page names its own scripts, those of a wide screen apart', () => {
  equal(named('/'), 'home.js');
  equal(named('/instances'), 'list.js');
  equal(named('/instances/inst_1'), 'one.js graph.js media');
  equal(named('/settings'), 'settings.js');
  equal(named('/settings/people'), 'settings.js');
});

test('a path that is no page names none, and so does a page of an older build', () => {
  equal(named('/instances/inst_1/compare/inst_2'), '');
  equal(named('/nowhere'), '');
  equal(pageFor(page, '/nowhere'), '<head></head>');
  equal(pageFor(readPage('<head></head>'), '/'), '<head></head>');
});
