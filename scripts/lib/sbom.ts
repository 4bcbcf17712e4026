/** The bill of materials of the single executable, CycloneDX 1.6: every package that runs or is bundled, with licence and hash as the lock file has
 *  them, and the programs beside them. */
import { nameOf, type Lock } from './lock-packages.ts';

export interface SbomParts {
  readonly lock: Lock;
  /** Paths of packages that are bundled, though the lock calls them development's. */
  readonly bundled: ReadonlySet<string>;
  readonly studio: { readonly version: string; readonly builtAt: string };
  readonly programs: readonly { readonly name: string; readonly version: string; readonly license: string; readonly purl?: string }[];
}

/** @returns JSON text */
export function sbomOf({ lock, bundled, studio, programs }: SbomParts): string {
  const packages = [...lock]
    .filter(([path, entry]) => entry.dev !== true || bundled.has(path))
    .map(([path, { version, license, resolved, integrity }]) => ({
      type: 'library',
      name: nameOf(path),
      version,
      'bom-ref': `${path}@${version}`,
      purl: `pkg:npm/${nameOf(path).replace('@', '%40')}@${version}`,
      licenses: licensesOf(license),
      ...(integrity === undefined ? {} : { hashes: hashesOf(integrity) }),
      ...(resolved === undefined ? {} : { externalReferences: [{ type: 'distribution', url: resolved }] }),
    }));
  const beside = programs.map(({ name, version, license, purl }) => ({
    type: 'application',
    name,
    version,
    'bom-ref': `${name}@${version}`,
    ...(purl === undefined ? {} : { purl }),
    licenses: licensesOf(license),
  }));
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { timestamp: studio.builtAt, component: { type: 'application', name: 'studio', version: studio.version, 'bom-ref': 'studio' } },
    components: [...beside, ...packages].toSorted((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1)),
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}

function licensesOf(license: string | undefined): readonly object[] {
  if (license === undefined) return [];
  // One name is an id of SPDX; several are an expression.
  return /^[\w.+-]+$/.test(license) ? [{ license: { id: license } }] : [{ expression: license.replace(/^\((.*)\)$/, '$1') }];
}

function hashesOf(integrity: string): readonly object[] {
  return integrity.split(' ').flatMap((one) => {
    const [, bits, base64] = /^sha(256|384|512)-(.+)$/.exec(one) ?? [];
    return base64 === undefined ? [] : [{ alg: `SHA-${bits}`, content: Buffer.from(base64, 'base64').toString('hex') }];
  });
}
