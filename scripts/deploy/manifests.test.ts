import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { ConfigMap, Namespace, PersistentVolumeClaim, Secret, Service } from 'kubernetes-models/v1';
import { parse, parseAllDocuments } from 'yaml';
import { keys } from '../../src/config/schema.ts';

const read = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

/** Every environment name that Studio reads. */
const known = new Set(Object.values(keys).flatMap((spec) => [...spec.env]));

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [part: string]: unknown;
}

const manifests = parseAllDocuments(read('kubernetes.yaml')).map((document) => document.toJS() as Manifest);

const MODELS = { Namespace, Secret, ConfigMap, PersistentVolumeClaim, Service, StatefulSet, Deployment } as const;

function isModelled(kind: string): kind is keyof typeof MODELS {
  return kind in MODELS;
}

for (const manifest of manifests) {
  test(`${manifest.kind} ${manifest.metadata.name} is what the schema of Kubernetes asks for`, () => {
    const { kind } = manifest;
    ok(isModelled(kind), `${kind} has no model here: add it`);
    // Each class takes its own shape; what was read is checked by it.
    new MODELS[kind](manifest as never).validate();
  });
}

test('the schema would tell: a field that Kubernetes does not know is refused', () => {
  const stateful = manifests.find(({ kind }) => kind === 'StatefulSet');
  let said = '';
  try {
    new StatefulSet({ ...stateful, spec: { ...(stateful?.['spec'] as object), replicas: 'one' } } as never).validate();
  } catch (error) {
    said = String(error);
  }
  ok(said.includes('replicas'), said);
});

interface PodTemplate {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
          readonly env?: readonly { readonly name: string }[];
          readonly envFrom: readonly { readonly secretRef?: { readonly name: string }; readonly configMapRef?: { readonly name: string } }[];
          readonly livenessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
          readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: string } };
        }[];
        readonly volumes: readonly { readonly persistentVolumeClaim: { readonly claimName: string } }[];
      };
    };
  };
}

test('each name that a manifest mentions is there, and Studio knows every variable', () => {
  const names = (kind: string): string[] => manifests.filter((manifest) => manifest.kind === kind).map(({ metadata }) => metadata.name);
  for (const manifest of manifests.filter(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment')) {
    const pod = (manifest as unknown as PodTemplate).spec.template.spec;
    for (const volume of pod.volumes) ok(names('PersistentVolumeClaim').includes(volume.persistentVolumeClaim.claimName));
    for (const container of pod.containers) {
      for (const { secretRef, configMapRef } of container.envFrom)
        ok(names(secretRef === undefined ? 'ConfigMap' : 'Secret').includes(secretRef?.name ?? configMapRef?.name ?? ''));
      for (const { name } of container.env ?? []) ok(known.has(name), name);
      deepEqual(container.ports, [{ name: 'http', containerPort: 8000 }]);
      deepEqual(
        [container.livenessProbe.httpGet, container.readinessProbe.httpGet],
        [
          { path: '/health/live', port: 'http' },
          { path: '/health', port: 'http' },
        ],
      );
    }
  }
  const variables = manifests.flatMap((manifest) => Object.keys({ ...(manifest['stringData'] as object), ...(manifest['data'] as object) }));
  for (const name of variables) ok(known.has(name), name);
  for (const name of ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET_KEY', 'WORKER_SHARED_SECRET', 'CREDENTIAL_ENCRYPTION_KEY']) ok(variables.includes(name), name);
});

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly environment?: Readonly<Record<string, string>>; readonly depends_on?: object; readonly volumes?: readonly string[] }>
  >;
  readonly volumes: Readonly<Record<string, unknown>>;
}

test('the compose file names only services, volumes and variables that are there', () => {
  const compose = parse(read('compose.yaml'), { merge: true }) as Compose;
  deepEqual(Object.keys(compose.services).toSorted(), ['postgres', 'redis', 'studio', 'worker']);
  for (const [name, service] of Object.entries(compose.services)) {
    for (const other of Object.keys(service.depends_on ?? {})) ok(other in compose.services, `${name} depends on ${other}`);
    for (const volume of service.volumes ?? []) ok((volume.split(':')[0] ?? '') in compose.volumes, volume);
    if (name === 'studio' || name === 'worker') for (const variable of Object.keys(service.environment ?? {})) ok(known.has(variable), variable);
  }
  equal(compose.services['worker']?.environment?.['STUDIO_ROLE'], 'worker');
  equal(compose.services['worker']?.environment?.['DATABASE_URL'], compose.services['studio']?.environment?.['DATABASE_URL']);
});

const noCompose = spawnSync('docker-compose', ['version']).status === 0 ? false : 'docker-compose is not installed (apt-get install docker-compose)';

test('docker-compose takes the compose file, and refuses it without its secrets', { skip: noCompose }, () => {
  const check = (env: Readonly<Record<string, string>>) =>
    spawnSync('docker-compose', ['--file', join(import.meta.dirname, 'compose.yaml'), '--project-directory', '/nonexistent', 'config', '--quiet'], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      encoding: 'utf8',
    });
  const secrets = Object.fromEntries(['POSTGRES_PASSWORD', 'JWT_SECRET_KEY', 'WORKER_SHARED_SECRET', 'CREDENTIAL_ENCRYPTION_KEY'].map((name) => [name, 'x']));
  const whole = check(secrets);
  equal(whole.status, 0, whole.stderr);
  const bare = check({});
  ok(bare.status !== 0 && bare.stderr.includes('set it in .env'), bare.stderr);
});

test('the RunPod template needs no variable and keeps all in its volume', () => {
  const template = JSON.parse(read('runpod-template.json')) as { readonly env: object; readonly volumeMountPath: string; readonly ports: readonly string[] };
  deepEqual(template.env, {});
  equal(template.volumeMountPath, '/workspace');
  deepEqual(template.ports, ['8000/http']);
});

interface Traefik {
  readonly http: {
    readonly routers: Readonly<Record<string, { readonly service: string; readonly middlewares: readonly string[] }>>;
    readonly middlewares: object;
    readonly services: object;
  };
}

test('each name in the file for Traefik is there', () => {
  const { http } = parse(read('proxy/traefik.yaml')) as Traefik;
  for (const { service, middlewares } of Object.values(http.routers)) {
    ok(service in http.services);
    for (const one of middlewares) ok(one in http.middlewares);
  }
});
