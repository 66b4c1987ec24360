import { z } from "zod";
import type { Process } from "./crash.ts";
import { listThings, type Thing } from "./inventory.ts";
import { expungeDelayMs, type World } from "./world.ts";

/** So long before CloudStack may expunge its machines a deletion that waits recovers them. Units: ms. */
const REST_MS = 15 * 60_000;
/** What keeps a deletion back for so long has its machines recovered at any time. Units: ms. */
const LASTS_MS = 30 * 60_000;
/** Clocks of processes may be wrong by two seconds, and a call takes time. Units: ms. */
const TOLERANCE_MS = 10_000;

const Live = z.object({
  id: z.string(),
  path: z.string(),
  domain_id: z.string(),
  phase: z.string(),
  asked_back: z.boolean(),
  stands: z.boolean(),
  waiting_since: z.number().nullable(),
  waits: z.record(z.string(), z.number()),
  expunge_after: z.number().nullable(),
});
type Live = z.output<typeof Live>;
const LIVE = `select id::text, path, domain_id::text, phase, restore_by is not null as asked_back, exists (select from present_stops()) as stands,
  waiting_since::float8 as waiting_since, waits, expunge_after::float8 as expunge_after from deletion where phase not in ('deleted', 'closed')`;

interface Destroyed {
  readonly deletion: string;
  readonly at: number;
  /** The database was restored since: its deletion need not know any more that it destroyed this. */
  isForgotten: boolean;
}

/** What may be given back, and when. Knows by the calls themselves which machines each deletion destroyed, and when. */
export class Recoveries {
  readonly #w: World;
  readonly #destroyed = new Map<string, Destroyed>();

  constructor(w: World) {
    this.#w = w;
  }

  /** A deletion sends the destruction of a machine. */
  noteDestroyed(machine: string, deletion: string): void {
    this.#destroyed.set(machine, { deletion, at: this.#w.clock.at, isForgotten: false });
  }

  /** An older state of the bot's database is put in the place of the one that knew. */
  forget(): void {
    for (const one of this.#destroyed.values()) one.isForgotten = true;
  }

  /**
   * Why nothing permits to give a thing back; null: something does. What people asked back may be; so may, without anybody, what a pass
   * enables, and machines that are brought to rest. `things`: by id, also the domains, wherever they are now.
   */
  async objectionTo(
    command: string,
    target: string,
    isStopped: boolean,
    by: Process,
    things: ReadonlyMap<string, Thing>,
  ): Promise<string | null> {
    const thing = things.get(target);
    const rows = await this.#w.db.many(Live, LIVE);
    // By its id: a domain that was renamed or moved by hand is given back where it is.
    const deletion = rows.find((r) => isIn(thing?.path ?? "", things.get(r.domain_id)?.path ?? r.path));
    const where = `${command} in ${thing?.top ?? thing?.path ?? target}`;
    if (command === "recoverVirtualMachine") {
      const why = this.#objectionToRecovery(target, deletion, isStopped, by);
      return why === null ? null : `${isStopped ? "INV-3" : "INV-9"}: ${where}, ${why}`;
    }
    if (deletion?.asked_back === true) return null;
    if (isStopped) return `INV-3: ${command} while everything is stopped, and nobody asked for ${thing?.top ?? target} back`;
    return command === "enableAccount" ? null : `INV-9: ${where}, which nobody asked back`;
  }

  /**
   * A machine is recovered only while CloudStack still keeps it, only by the deletion that destroyed it, and only if people asked it back,
   * it stands (stopped or frozen), or it waits: shortly before CloudStack may expunge, or for something that has lasted long.
   */
  #objectionToRecovery(machine: string, d: Live | undefined, isStopped: boolean, by: Process): string | null {
    if (d === undefined || this.#destroyed.get(machine)?.deletion !== d.id) return "which no deletion under way has destroyed";
    const state = this.#stateOf().get(machine)?.state ?? "gone";
    if (state !== "Destroyed") return `which is ${state}`;
    // A process that died on a click leaves it open how the switch stands: then the switch itself tells.
    if (d.asked_back || isStopped || d.stands || d.phase === "frozen") return null;
    if (d.phase !== "dismantling" && d.phase !== "expunging") return `which nobody asked back in ${d.phase}`;
    const { clock, directory } = this.#w;
    // A process whose clock is wrong goes by it: it may bring to rest at another time, and does nothing more.
    const nows = [clock.at, clock.at + by.skewMs];
    if (nows.some((now) => this.#isNear(d, now))) return null;
    if (d.waiting_since !== null) {
      const since = d.waiting_since;
      // Where clocks have jumped, nobody knows since when it waits.
      if (directory.isUnsteady === true) return null;
      if (Math.max(clock.at - since, ...Object.values(d.waits)) >= LASTS_MS - TOLERANCE_MS) return null;
    }
    return "which nobody asked back, and which CloudStack still keeps for long";
  }

  /** Whether CloudStack may expunge something of a deletion soon: by its own count from the destruction, or as the bot noted it. */
  #isNear(d: Live, now: number): boolean {
    const left = Math.min(this.#deadlineOf(d.id), d.expunge_after ?? Number.POSITIVE_INFINITY) - now;
    return left > -TOLERANCE_MS && left <= REST_MS + TOLERANCE_MS;
  }

  /** From when on CloudStack may expunge a machine that a deletion destroyed, the first of them. */
  #deadlineOf(deletion: string): number {
    const things = this.#stateOf();
    const own = [...this.#destroyed].filter(([id, one]) => one.deletion === deletion && things.get(id)?.state === "Destroyed");
    return Math.min(...own.filter(([, one]) => !one.isForgotten).map(([, one]) => one.at + expungeDelayMs));
  }

  /** Deletions that believe to have more time than CloudStack gives them, or do not know that it runs: they would rest too late. */
  async late(): Promise<readonly string[]> {
    if (this.#destroyed.size === 0) return [];
    const rows = (await this.#w.db.many(Live, LIVE)).filter((d) => !d.asked_back);
    return rows.flatMap((d) => {
      const deadline = this.#deadlineOf(d.id);
      if (deadline === Number.POSITIVE_INFINITY) return [];
      if (d.expunge_after === null) return [`${d.path} does not know that CloudStack may expunge its machines`];
      return d.expunge_after > deadline + TOLERANCE_MS
        ? [`${d.path} shows a time that is ${d.expunge_after - deadline} ms later than that at which CloudStack may expunge its machines`]
        : [];
    });
  }

  #stateOf(): ReadonlyMap<string, Thing> {
    return listThings(this.#w.cloud.tree());
  }
}

function isIn(path: string, domain: string): boolean {
  return path === domain || path.startsWith(`${domain}/`);
}
