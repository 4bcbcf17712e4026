/** A chaos campaign: a real Studio under load, random kills and freezes of it, its PostgreSQL and its Redis, then the judgement of what is
 *  left. Everything random comes from the seed; only the machine's own timing differs between two runs of one seed.
 *  It stops at the first violation and keeps what is needed to understand it. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { itemsOf, type ApiClient } from '../api-client.ts';
import { embeddedDatabase } from '../embedded-database.ts';
import { claimStudio, createStudio, type Studio } from '../studio-process.ts';
import { collect } from './collect.ts';
import { pause } from './hands.ts';
import { findNeedless, isClean, judge, type Blow, type Found, type History, type Strike, type Verdict } from './history.ts';
import { findBroken, findMissing, findStrays } from './invariants.ts';
import { startLoad, type Load, type PublishedWorkflow } from './load.ts';
import { startOracle, type Oracle } from './oracle.ts';
import { between, randomOf, shuffle } from './random.ts';
import { servicePid, strike, type Struck } from './strikes.ts';
import { chaosWorkflows } from './workflows.ts';

export interface CampaignOptions {
  readonly seed: number;
  /** How often each is struck. */
  readonly strikes: Readonly<Partial<Record<Strike, number>>>;
  /** How long a freeze lasts. */
  readonly freezeMs: readonly [from: number, to: number];
  /** No blow falls after this much time. */
  readonly seconds: number;
  readonly clients: number;
  /** Submits a second, of each client. */
  readonly rate: number;
  readonly onLine: (line: string) => void;
}

export interface Campaign {
  readonly verdict: Verdict;
  readonly blows: Readonly<Partial<Record<Strike, number>>>;
  readonly acknowledged: number;
  readonly instances: number;
  readonly executions: number;
  /** Executions beyond one a step that was not refused. */
  readonly repeated: number;
  /** Start of the process to ready, after each end of Studio, sorted. */
  readonly readyMs: readonly number[];
  /** SIGTERM to the end, sorted. */
  readonly stopMs: readonly number[];
  /** Kill to all well, of the inner services, sorted. */
  readonly healMs: readonly number[];
  /** Where everything about a violation lies. */
  readonly evidence: string | undefined;
}

/** Longest time that everything acknowledged may take to end once the blows are over. Generous: the machine may be busy with other work. */
const SETTLE_LIMIT_MS = 240_000;
/** Blows between two looks at the rules of the database: they read whole tables. */
const LOOK_EVERY = 10;
const PASSWORD = 'c4a05c4a05c4a05c4a05c4a05c4a05c4a05c4a05c4a05c4a05c4a05c4a05c4a0';

interface Stage {
  readonly options: CampaignOptions;
  readonly studio: Studio;
  readonly client: ApiClient;
  readonly oracle: Oracle;
  readonly load: Load;
  readonly struck: Struck[];
}

/** @throws Error with the end of Studio's log when Studio does not come back */
export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  const studio = await createStudio({ env: { POSTGRES_PASSWORD: PASSWORD } });
  const oracle = await startOracle(Date.now, randomOf(options.seed + 1));
  const struck: Struck[] = [];
  try {
    await studio.start();
    const client = await claimStudio(studio);
    const workflows = await publish(client, oracle);
    const load = startLoad({
      client,
      workflows: workflows.filter((one) => one.isCalled !== true),
      clients: options.clients,
      rate: options.rate,
      random: randomOf(options.seed + 2),
    });
    const stage: Stage = { options, studio, client, oracle, load, struck };
    const early = await strikeAll(stage);
    await load.stop();
    options.onLine(
      `${early === undefined ? 'the blows are over' : `STOPPED: ${early}`}; ${load.acknowledged.length} of ${load.submitted} runs acknowledged; waiting until all have ended`,
    );
    await settle(client);
    const history = await historyOf(stage, workflows);
    const verdict = judge(history);
    const evidence = isClean(verdict) ? undefined : await keepEvidence(stage, history, verdict);
    return summaryOf(stage, history, verdict, evidence);
  } catch (error) {
    const text = JSON.stringify({ ...options, onLine: undefined });
    throw new Error(`the campaign ${text} broke off after ${struck.length} blows; the end of Studio's log:\n${studio.log().slice(-6_000)}`, { cause: error });
  } finally {
    await studio.destroy();
    await oracle.close();
  }
}

async function publish(client: ApiClient, oracle: Oracle): Promise<PublishedWorkflow[]> {
  await client.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: [`127.0.0.1:${oracle.port}`] });
  await client.expect(200, 'PUT', '/api/v1/secrets/CHAOS', { value: 'asked for by every call' });
  const published: PublishedWorkflow[] = [];
  // Serial: a handful of calls, once.
  const idOf = (name: string): string => published.find((workflow) => workflow.name === name)?.id ?? '';
  for (const make of chaosWorkflows(oracle, idOf)) {
    const workflow = make();
    const made = await client.expect(201, 'POST', '/api/v1/workflows', { name: workflow.name, ...workflow.definition });
    published.push({ ...workflow, id: String(made['id']) });
  }
  return published;
}

/** @returns what broke, when something did: then no further blow falls */
async function strikeAll(stage: Stage): Promise<string | undefined> {
  const { options, studio, client, load, struck } = stage;
  const random = randomOf(options.seed);
  const deadline = performance.now() + options.seconds * 1000;
  const plan = shuffle(
    Object.entries(options.strikes).flatMap(([target, times]) => Array.from({ length: times }, () => target as Strike)),
    random,
  );
  let seen = 0;
  for (const [index, target] of plan.entries()) {
    if (performance.now() > deadline) break;
    await pause(between(random, 50, 2_000));
    struck.push(await strike(target, { studio, client, random, freezeMs: options.freezeMs }));
    const fresh = load.acknowledged.slice(seen);
    seen += fresh.length;
    const broken = await look(
      stage,
      fresh.map((one) => one.instanceId),
      (index + 1) % LOOK_EVERY === 0,
    );
    if (broken !== undefined) return broken;
    if ((index + 1) % 20 === 0) options.onLine(`${index + 1} of ${plan.length} blows`);
  }
  return undefined;
}

/** What can be known while the load goes on. @returns the first violation */
async function look(stage: Stage, ids: readonly string[], isDeep: boolean): Promise<string | undefined> {
  const database = await reach(stage.client);
  const lost = (await findMissing(database, ids)).map((id) => `${id} was acknowledged and is gone`);
  const needless = findNeedless({ executions: stage.oracle.executions(), blows: blowsOf(stage) });
  const broken = isDeep ? await findBroken(database, { isAtRest: false, owners: 1 }) : [];
  return [...stage.load.faults, ...lost, ...needless, ...broken][0];
}

async function reach(client: ApiClient): Promise<pg.ClientConfig> {
  return embeddedDatabase(`/proc/${await servicePid(client, 'postgres')}/cwd`, PASSWORD);
}

/** Until no instance is live. What is left then is found stuck by the judgement. */
async function settle(client: ApiClient): Promise<void> {
  const deadline = performance.now() + SETTLE_LIMIT_MS;
  while (performance.now() < deadline) {
    const page = await client.expect(200, 'GET', '/api/v1/instances?status=pending,running,waiting,paused&limit=1');
    if (itemsOf(page).length === 0) return;
    await pause(200);
  }
}

async function historyOf(stage: Stage, workflows: readonly PublishedWorkflow[]): Promise<History> {
  const { studio, client, load } = stage;
  const models = new Map(workflows.map((workflow) => [workflow.name, workflow]));
  const found = await collect(client);
  const strays = async (): Promise<string[]> => findStrays(studio.workspace, studio.pid());
  // A cancelled job's process is given its time to end.
  for (let turn = 0; turn < 100 && (await strays()).length > 0; turn++) await pause(200);
  const broken = [...(await findBroken(await reach(client), { isAtRest: true, owners: 1 })), ...(await strays())];
  return {
    acknowledged: load.acknowledged,
    executions: stage.oracle.executions(),
    blows: blowsOf(stage),
    found,
    acts: load.acts,
    faults: load.faults,
    broken,
    expect: (one) => models.get(one.workflow)?.expect(one) ?? { statuses: [], output: undefined },
  };
}

function blowsOf(stage: Stage): Blow[] {
  return stage.struck.map(({ blow }) => blow);
}

/** Everything about a violation in one folder: options, verdict, blows, the runs concerned, Studio's log and its workspace. */
async function keepEvidence(stage: Stage, history: History, verdict: Verdict): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), `studio-chaos-${stage.options.seed}-`));
  const text = JSON.stringify(verdict);
  const concerned = (found: Found): boolean => text.includes(found.id);
  const facts = {
    options: { ...stage.options, onLine: undefined },
    verdict,
    blows: history.blows,
    found: history.found.filter(concerned),
    executions: history.executions.filter((execution) => history.found.some((found) => concerned(found) && execution.key.startsWith(found.id))),
    acts: history.acts.filter((act) => text.includes(act.instanceId)),
  };
  writeFileSync(join(folder, 'facts.json'), JSON.stringify(facts, undefined, 2));
  writeFileSync(join(folder, 'studio.log'), stage.studio.log());
  await stage.studio.stop();
  mkdirSync(join(folder, 'workspace'));
  cpSync(stage.studio.workspace, join(folder, 'workspace'), { recursive: true, filter: (path) => !/\.sock$|\.s\.PGSQL/.test(path) });
  rmSync(join(folder, 'workspace', 'run'), { recursive: true, force: true });
  return folder;
}

function summaryOf(stage: Stage, history: History, verdict: Verdict, evidence: string | undefined): Campaign {
  const counts = Object.fromEntries([...Map.groupBy(history.blows, (blow) => blow.target)].map(([target, list]) => [target, list.length]));
  const accepted = history.executions.filter((execution) => !execution.isRefused);
  const sorted = (read: (struck: Struck) => number | undefined): number[] => stage.struck.flatMap((one) => read(one) ?? []).toSorted((a, b) => a - b);
  return {
    verdict,
    blows: counts,
    acknowledged: history.acknowledged.length,
    instances: history.found.length,
    executions: history.executions.length,
    repeated: accepted.length - new Set(accepted.map((execution) => execution.key)).size,
    readyMs: sorted((one) => one.readyMs),
    stopMs: sorted((one) => one.stopMs),
    healMs: sorted((one) => (one.readyMs === undefined ? one.healMs : undefined)),
    evidence,
  };
}
