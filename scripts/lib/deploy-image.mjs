/** `scripts/deploy/image`: builds the container image, weighs it, and tries it on this machine. Runs on any Node from 20 on. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BASE, BUILDER, makeBases } from './image-base.mjs';
import { buildahFlags, buildImage, findEngine, weighImage } from './image-engine.mjs';
import { Refusal, findProgram, installDependencies, pinnedNode, root, runToEnd, runVerb, say, withPinnedNode } from './prepare.mjs';

const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

const USE = `scripts/deploy/image base | build | size | try  [--tag NAME] [--base IMAGE] [--builder IMAGE] [--engine docker|podman|buildah] [--root FOLDER] [--ledger]
  base    makes ${BASE} and ${BUILDER} from Debian's packages, where no registry of images is reached (root, buildah, debootstrap)
  build   builds Dockerfile.runpod; uses what base made where it stands
  size    what the image weighs, layer by layer, as a registry sends it (buildah, podman)
  try     runs the image here in namespaces of its own and judges it, also on a volume like RunPod's (root, buildah; bindfs)`;

await runVerb(async () => {
  const { values, positionals } = parseArgs({
    options: {
      tag: { type: 'string', default: 'localhost/studio' },
      base: { type: 'string' },
      builder: { type: 'string' },
      engine: { type: 'string' },
      root: { type: 'string' },
      ledger: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const verbs = {
    base: () => makeBases(findEngine({ ...values, name: 'buildah' })),
    build: () => build(values),
    size: () => size(values),
    try: () => tryOut(values),
  };
  const verb = verbs[positionals[0] ?? ''];
  if (verb === undefined) throw new Refusal(USE);
  return verb();
});

function build(values) {
  const engine = findEngine({ name: values.engine, root: values.root });
  const hasBases = engine.name === 'buildah' && engine.read('images', '--format', '{{.Name}}').split('\n').includes(BASE);
  const base = values.base ?? (hasBases ? BASE : undefined);
  const builder = values.builder ?? (hasBases ? BUILDER : undefined);
  const folder = mkdtempSync(join(tmpdir(), 'studio-npmrc-'));
  try {
    const npmrc = join(folder, 'npmrc');
    // The authorities that this machine trusts: a registry may be known to them alone.
    const hasAuthorities = existsSync(AUTHORITIES);
    writeFileSync(npmrc, npmSettings(hasAuthorities), { mode: 0o600 });
    const secrets = hasAuthorities ? { npmrc, authorities: AUTHORITIES } : { npmrc };
    const args = { ...(base === undefined ? {} : { BASE: base }), ...(builder === undefined ? {} : { BUILDER: builder }) };
    const startedAt = Date.now();
    buildImage(engine, { file: join(root, 'Dockerfile.runpod'), context: root, tag: values.tag, args, secrets });
    say(`image: ${values.tag} in ${Math.round((Date.now() - startedAt) / 1_000)} s`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where npm of this machine fetches from: seen while packages are installed, held by no layer. */
function npmSettings(hasAuthorities) {
  const npm = findProgram(['npm']) ?? 'npm';
  const registry = spawnSync(npm, ['config', 'get', 'registry'], { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? '';
  const lines = [...(registry === '' ? [] : [`registry=${registry}`]), ...(hasAuthorities ? ['cafile=/run/secrets/authorities'] : [])];
  return lines.map((line) => `${line}\n`).join('');
}

function size(values) {
  const engine = findEngine({ name: values.engine ?? 'buildah', root: values.root });
  const layers = weighImage(engine, values.tag);
  const inMegabytes = (bytes) => `${(bytes / 1e6).toFixed(1).padStart(8)} MB`;
  for (const { bytes, by } of layers) say(`${inMegabytes(bytes)}  ${by}`);
  say(`${inMegabytes(layers.reduce((sum, layer) => sum + layer.bytes, 0))}  in all, as a registry sends it`);
}

function tryOut(values) {
  installDependencies();
  const args = [join(root, 'scripts/lib/image-try.ts'), '--tag', values.tag, ...(values.ledger ? ['--ledger'] : []), '--', ...buildahFlags(values.root)];
  // A network of its own: port 8000 is free there, and nothing else of this machine is reached.
  return runToEnd('unshare', ['--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"', pinnedNode(), ...args], withPinnedNode());
}
