/** A base and a builder from Debian's packages alone, for machines that reach no registry of images: debootstrap, then buildah from scratch.
 *  The builder is the base with the Node and npm that run this. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Refusal, findProgram, say } from './prepare.mjs';

export const BASE = 'localhost/studio-base';
export const BUILDER = 'localhost/studio-builder';
const SUITE = 'bookworm';

/** Makes both images. @param engine buildah */
export function makeBases(engine) {
  if (engine.name !== 'buildah')
    throw new Refusal('A base is made with buildah (apt-get install buildah); with docker or podman name one instead: --base IMAGE.');
  const debootstrap = findProgram(['debootstrap']);
  if (debootstrap === undefined || process.getuid?.() !== 0) throw new Refusal('A base is made as root with debootstrap (apt-get install debootstrap).');
  const { mirror, security } = mirrors();
  const folder = mkdtempSync(join(tmpdir(), 'studio-base-'));
  try {
    say(`base: debootstrap ${SUITE} …`);
    const ended = spawnSync(debootstrap, ['--variant=minbase', '--include=ca-certificates', SUITE, folder, ...(mirror === undefined ? [] : [mirror])], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (ended.status !== 0) throw new Refusal(`debootstrap ended with ${ended.status}; see ${folder}/debootstrap/debootstrap.log.`);
    const more = [
      ...(mirror === undefined ? [] : [`${mirror} ${SUITE}-updates main`]),
      ...(security === undefined ? [] : [`${security} ${SUITE}-security main`]),
    ];
    appendFileSync(join(folder, 'etc/apt/sources.list'), more.map((line) => `deb ${line}\n`).join(''));
    for (const path of ['var/cache/apt/archives', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/man', 'usr/share/locale'])
      rmSync(join(folder, path), { recursive: true, force: true });
    mkdirSync(join(folder, 'var/cache/apt/archives/partial'), { recursive: true });
    commit(engine, folder, BASE);
    addNode(folder);
    commit(engine, folder, BUILDER);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where this machine's own packages come from; where that is not known debootstrap has a place of its own. */
function mirrors() {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(SITE) $(RELEASE)', 'Created-By: Packages'], { encoding: 'utf8' });
  const sites = (stdout ?? '').split('\n').map((line) => line.split(' '));
  const security = sites.find(([, release]) => release === `${SUITE}-security`)?.[0];
  const mirror = sites.find(([, release]) => release === SUITE)?.[0];
  return { mirror, security };
}

function addNode(folder) {
  const npm = ['lib/node_modules/npm', 'share/nodejs/npm'].map((path) => join(dirname(process.execPath), '..', path)).find((path) => existsSync(path));
  if (npm === undefined) throw new Refusal(`npm was not found beside ${process.execPath}.`);
  cpSync(process.execPath, join(folder, 'usr/local/bin/node'));
  cpSync(npm, join(folder, 'usr/local/lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true });
  const linked = spawnSync('ln', ['-sf', '../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'usr/local/bin/npm')]);
  if (linked.status !== 0) throw new Refusal('npm could not be linked into the builder.');
}

function commit(engine, folder, tag) {
  const container = engine.read('from', 'scratch');
  engine.run('add', '--quiet', container, folder, '/');
  engine.run('config', '--env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', '--cmd', '/bin/sh', container);
  engine.run('commit', '--quiet', '--format', 'docker', '--rm', container, tag);
  say(`base: ${tag}`);
}
