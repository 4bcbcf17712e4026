/** The engines of a storm, one after the other in one process: booted, struck, taken for dead, and sometimes back. Each has a gate to the database and a clock
 *  of its own. */
import type { Engine } from '../../engine/engine.ts';
import type { EngineHarness } from '../engine.ts';
import { fakeClock, type FakeClock } from '../fake-clock.ts';
import { gateOf, type Gate } from './gate.ts';
import type { StormOracle } from './storm-oracle.ts';
import type { StormStrike } from './storm-strikes.ts';

export interface Running {
  readonly engine: Engine;
  readonly gate: Gate;
  readonly clock: FakeClock;
  /** Resolves when nobody gets an answer from it any more. */
  readonly down: Promise<void>;
  takeDown(): void;
  isStale: boolean;
  /** As which owner it was taken for dead: under another name it is alive again. */
  buriedAs: string | undefined;
  isDead: boolean;
}

export interface Fleet {
  readonly engines: readonly Running[];
  current(): Running;
  boot(): Running;
  /** @returns when the commit it falls upon may go on */
  strike(strike: StormStrike): void | Promise<void>;
  /** Somebody was taken for dead, and nobody booted since. */
  mustBoot(): boolean;
  /** A death is decided and has not come. */
  isDying(): boolean;
  isFrozen(): boolean;
  /** How many strikes fell. */
  struck(): number;
  /** What was to heal by this turn does. */
  heal(): void;
  silence(): Promise<void>;
  keepSilent(): Promise<void>;
}

/** Turns that a frozen engine stays frozen. */
const FROZEN_TURNS = 40;
/** Between a crash being decided and the death. */
const DYING_MS = 4;
/** Turns after a strike in which what was in flight may still be found lost. */
const HEALING_TURNS = 200;

export function createFleet(h: EngineHarness, oracle: StormOracle, turn: () => number): Fleet {
  const fleet: Running[] = [];
  const frozen: { readonly one: Running; readonly until: number }[] = [];
  const healing: { readonly heal: () => void; readonly until: number }[] = [];
  let struck = 0;
  let mustBoot = false;
  let isDying = false;

  const current = (): Running => {
    const last = fleet.at(-1);
    if (last === undefined) throw new Error('no engine was booted');
    return last;
  };

  function boot(): Running {
    mustBoot = false;
    const gate = gateOf(h.db.open());
    const clock = fakeClock(h.clock.now() + turn() * 100);
    let takeDown = (): void => {};
    const down = new Promise<void>((resolve) => (takeDown = resolve));
    const running: { -readonly [Key in keyof Running]: Running[Key] } = {
      engine: h.engine,
      gate,
      clock,
      down,
      takeDown,
      isStale: false,
      buriedAs: undefined,
      isDead: false,
    };
    // Its start may itself be struck: then it never resolves.
    const booting = h.boot({ isAlone: false, database: gate.database, clock, types: oracle.typesOf(() => isLate(running)) });
    running.engine = h.engine;
    // One that can't start ends, as its process would.
    booting.catch(() => {
      if (running.isDead) return;
      running.engine.crash();
      running.isDead = true;
      if (!running.isStale) bury(running);
    });
    fleet.push(running);
    return running;
  }

  function strikeOnce(strike: StormStrike): void | Promise<void> {
    const one = current();
    struck++;
    healing.push({ heal: oracle.struck(), until: turn() + HEALING_TURNS });
    if (strike.kind === 'cut') {
      // Not awaited: it races with the commit.
      void oracle.sql.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'studio_engine'`);
      return;
    }
    if (strike.kind === 'freeze') {
      one.gate.shut();
      frozen.push({ one, until: turn() + FROZEN_TURNS });
      bury(one);
      return;
    }
    // It dies a moment later: what it answers without waiting for this commit still gets out. Whoever came by goes on to find itself stopped.
    isDying = true;
    return new Promise((resolve) =>
      setTimeout(() => {
        isDying = false;
        one.engine.crash();
        one.isDead = true;
        bury(one);
        resolve();
      }, DYING_MS),
    );
  }

  function bury(one: Running): void {
    one.isStale = true;
    one.buriedAs = one.engine.ownerId;
    one.takeDown();
    mustBoot = true;
  }

  /** By the database's clock whoever was struck has said nothing for longer than three beats; also under a name that it died before it learnt. */
  async function silence(): Promise<void> {
    const living = fleet.filter((one) => !one.isDead && !isLate(one)).map((one) => one.engine.ownerId);
    await oracle.sql.query(`update owners set beat_at = now() - interval '1 minute' where id <> all($1)`, [living.filter((id) => id !== undefined)]);
  }

  /** A beat that was on its way when its engine died may arrive later. */
  async function keepSilent(): Promise<void> {
    const dead = fleet.filter((one) => one.isDead).map((one) => one.engine.ownerId);
    await oracle.sql.query(`update owners set beat_at = now() - interval '1 minute' where id = any($1)`, [dead.filter((id) => id !== undefined)]);
  }

  function heal(): void {
    for (const one of frozen.splice(0)) {
      if (turn() < one.until) frozen.push(one);
      else one.one.gate.open();
    }
    for (const one of healing.splice(0)) {
      if (turn() < one.until) healing.push(one);
      else one.heal();
    }
  }

  return {
    engines: fleet,
    current,
    boot,
    strike: strikeOnce,
    mustBoot: () => mustBoot,
    isDying: () => isDying,
    isFrozen: () => frozen.length > 0,
    struck: () => struck,
    heal,
    silence,
    keepSilent,
  };
}

/** What it still does counts for nothing: it was taken for dead, and has not come back under a new name. */
function isLate({ isStale, isDead, buriedAs, engine }: Running): boolean {
  return isStale && (isDead || engine.ownerId === undefined || engine.ownerId === buriedAs);
}
