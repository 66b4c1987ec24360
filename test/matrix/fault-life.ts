import { setTimeout as pause } from "node:timers/promises";
import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { openDoor } from "../sim/door.ts";
import { resetDatabase } from "../sim/reset.ts";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import type { Database } from "../../src/store/db.ts";
import { readNewestDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { team } from "../sim/people.ts";
import { createBot, type Bot } from "./bot.ts";
import { lateness, type Command, type Fault } from "./faults.ts";
import { playLife, type Life } from "./life.ts";
import { judge, lookBetween } from "./oracle.ts";
import { createScene, doomed, domainOf, type Scene } from "./scene.ts";

/** How long a fault lasts: so many calls from the beginning of each phase, or on and on until it is mended. */
export type Lasting = { readonly calls: number } | "on and on";

/** What a deletion came to. */
export interface FaultReport {
  /** Where it froze and what became of that; null: it ended as its life should. */
  readonly froze: string | null;
  /** Whether every command at which a fault stood was sent at all; downloads are not in the server's log. */
  readonly wereSent: boolean;
  /** How long the life took, on its own clock. Units: ms. */
  readonly tookMs: number;
  readonly wrong: readonly string[];
}

/** What is tried: these faults in this life, each at its command. */
export interface FaultCase {
  readonly life: Life;
  readonly at: readonly { readonly fault: Fault; readonly command: Command }[];
  readonly lasting: Lasting;
}

/** A fault that goes on and on is looked at for so many rounds of work before it is mended. */
const ROUNDS_WITH_FAULT = 12;

/** Plays a life with a fault in it, and judges what came of it: while it lasts, and after it was mended. `archive` is an empty folder. */
export async function playFault(one: FaultCase, db: Database, archive: string): Promise<FaultReport> {
  await resetDatabase(db);
  const scene = await createScene({ expungeDelayMs: one.life === "recover" ? 86_400_000 : 90_000 });
  await recordAsMadeBefore(db, scene.cloud);
  const begun = scene.clock.at;
  openDoor((request, response) => scene.cloud.serve(request, response));
  const wrong: string[] = [];
  const isLate = one.at.some((a) => a.fault.switched.kind === "delay");
  const bot = createBot({
    db,
    keys: scene.keys,
    clock: scene.clock,
    slack: async (method, body) => scene.board.answer(method, body),
    archive: createFolderStore(archive),
    timeoutMs: isLate ? lateness.timeoutMs : 60_000,
    // A minute passes between two tries, which is longer than a late request is late.
    arrivals: async () => void (isLate && (await pause(lateness.delayMs))),
    wrong: (sentence) => wrong.push(sentence),
  });
  const say = (sentence: string): void => void wrong.push(sentence);
  const armed = new Armed(one, scene);
  // A request whose answer is lost stands in the log as one that was not accepted, whatever became of it.
  const isAnswerLost = one.at.some((a) => a.fault.switched.kind === "lost_after");
  let phase = await playLife(one.life, bot, say, (row) => armed.round(row));
  // A job that was given up, or a proxy that said 200 for a server that never heard of it; a job that vanished may have done its work.
  const [vain, lost] = [armed.vain(["job_cancelled", "stuck_machines", "html"]), armed.vain(["lost_job"])];
  wrong.push(...lookBetween(scene, vain, lost));
  scene.cloud.setFaults([]);
  if (!["deleted", "closed", "frozen"].includes(phase)) phase = await playLife(one.life, bot, say);
  const ended = await readNewestDeletion(db, doomed.id);
  let outcome: string | null = null;
  if (phase === "frozen" && ended !== null) outcome = await giveBack(one, ended, { bot, scene, say });
  else if (one.lasting === "on and on" && ended?.closed_reason?.startsWith("could not be brought back: ") === true)
    outcome = "closed, and names what is not back";
  wrong.push(...lookBetween(scene, vain, lost));
  if (outcome === null) wrong.push(...(await judge({ life: one.life, scene, db, archive, deaths: [], vain, lost, isAnswerLost })));
  await scene.cloud.close();
  const sent = new Set(["userdata", ...scene.cloud.requests().map((r) => r.command)]);
  const wereSent = one.at.every(({ command }) => sent.has(command));
  return { froze: outcome, wereSent, tookMs: scene.clock.at - begun, wrong: [...new Set(wrong)] };
}

/** Switches the faults on where the life has come to their phases, and ends a fault that goes on and on after a while. */
class Armed {
  readonly #one: FaultCase;
  readonly #scene: Scene;
  #phase = "";
  #rounds = 0;

  constructor(one: FaultCase, scene: Scene) {
    this.#one = one;
    this.#scene = scene;
  }

  /** Asked before each round; false: the fault has lasted long enough. */
  round(row: DeletionRow): boolean {
    const { lasting, at } = this.#one;
    const phase = row.restore_by === null ? row.phase : "restoring";
    const isNew = phase !== this.#phase;
    this.#phase = phase;
    if (lasting !== "on and on") {
      if (isNew) this.#scene.cloud.setFaults(at.map(({ fault, command }) => ({ ...fault.switched, command, times: lasting.calls })));
      return true;
    }
    // A fault that never ends begins when two have approved, but for what is sent before that only.
    if (["archiving", "proposed"].includes(phase) && !at.some(({ command }) => EARLY.has(command))) return true;
    if (this.#rounds === 0) this.#scene.cloud.setFaults(at.map(({ fault, command }) => ({ ...fault.switched, command })));
    this.#rounds += 1;
    return this.#rounds < ROUNDS_WITH_FAULT;
  }

  /** How often a call may have been accepted in vain by faults of these kinds. */
  vain(kinds: readonly string[]): number {
    const { lasting, at } = this.#one;
    if (!at.some(({ fault }) => kinds.includes(fault.switched.kind))) return 0;
    // What begins in one round may go on into the next phase, where the fault begins again.
    return lasting === "on and on" ? ROUNDS_WITH_FAULT : 2 * lasting.calls;
  }
}

const EARLY = new Set<Command>(["extractTemplate", "userdata"]);

/** A person presses Restore on a frozen card; where that is refused, in removing, it stays as it stands. */
async function giveBack(
  one: FaultCase,
  row: DeletionRow,
  o: { readonly bot: Bot; readonly scene: Scene; readonly say: (sentence: string) => void },
): Promise<string> {
  const { bot, scene, say } = o;
  if (row.frozen_from === "removing") return "froze in removing";
  const [, , by] = team;
  if (by === undefined) throw new Error("nobody is there");
  const asked = await bot.services.deletions.restore({ deletionId: row.id, version: row.version, digest: row.digest, by });
  if (!asked.ok) say(`Restore was refused: ${asked.error.message}`);
  const after = await playLife(one.life, bot, say);
  if (after !== "closed") say(`Restore led to ${after}`);
  if (JSON.stringify(domainOf(scene.cloud, doomed.domainId)) !== scene.before.doomed) say("Restore did not give back all of it");
  return `froze in ${row.frozen_from ?? ""}, given back`;
}
