/** Whoever builds images on this machine: docker, podman or buildah, asked in the same words. Knows nothing of Studio. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refusal, findProgram } from './prepare.mjs';

/** @param given.name one of them; default: the first that answers
 *  @param given.root where buildah keeps images; default: its own place */
export function findEngine({ name, root } = {}) {
  const names = name === undefined ? ['docker', 'podman', 'buildah'] : [name];
  const found = names.find((one) => findProgram([one]) !== undefined && answers(one));
  if (found === undefined)
    throw new Refusal(`No builder of images answers (${names.join(', ')}): start Docker, or install one that needs no daemon (apt-get install buildah).`);
  const flags = found === 'buildah' ? buildahFlags(root) : [];
  return { name: found, run: (...args) => run(found, [...flags, ...args]), read: (...args) => read(found, [...flags, ...args]) };
}

/** Where it keeps images, and how: in layers where the kernel lets it, else by whole copies, which work everywhere and take ten times the room. */
export function buildahFlags(root) {
  const place = root === undefined ? [] : ['--root', root, '--runroot', join(root, 'run')];
  const drivers = ['overlay', 'vfs'].map((driver) => ['--storage-driver', driver, ...place]);
  return drivers.find((flags) => spawnSync('buildah', [...flags, 'info'], { stdio: 'ignore' }).status === 0) ?? place;
}

/** Builds `file` in `context`. @param request.secrets files that instructions may see and that no layer holds, by id */
export function buildImage(engine, { file, context, tag, args, secrets = {} }) {
  const shared = [
    ...Object.entries(args).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
    ...Object.entries(secrets).flatMap(([id, path]) => ['--secret', `id=${id},src=${path}`]),
    ...['--file', file, '--tag', tag, context],
  ];
  // The format that knows of health checks.
  const own = ['--format', 'docker', '--layers'];
  if (engine.name === 'docker') return engine.run('build', ...shared);
  return engine.name === 'podman' ? engine.run('build', ...own, ...shared) : engine.run('bud', '--isolation', 'chroot', ...own, ...shared);
}

/** What the image says of itself: its layers with what made each, packed as a registry would send them. buildah and podman alone. */
export function weighImage(engine, tag) {
  const folder = mkdtempSync(join(tmpdir(), 'studio-image-'));
  try {
    engine.read('push', '--quiet', '--format', 'v2s2', tag, `dir:${folder}`);
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
    const config = JSON.parse(readFileSync(join(folder, manifest.config.digest.replace('sha256:', '')), 'utf8'));
    const made = config.history.filter((entry) => entry.empty_layer !== true);
    return manifest.layers.map((layer, index) => ({ bytes: layer.size, by: (made[index]?.created_by ?? '').replace(/\s+/g, ' ').slice(0, 100) }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** buildah has no daemon that could be away. */
function answers(name) {
  return name === 'buildah' || spawnSync(name, ['info'], { stdio: 'ignore' }).status === 0;
}

function run(command, args) {
  const { status, signal } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Refusal(`${command} ${args.slice(0, 6).join(' ')} … ended with ${status ?? signal}: see its lines above.`);
}

function read(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (status !== 0) throw new Refusal(`${command} ${args.join(' ')} ended with ${status}: ${(stderr ?? '').trim().split('\n').at(-1)}`);
  return stdout.trim();
}
