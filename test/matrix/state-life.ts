import { z } from "zod";
import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { openDoor } from "../sim/door.ts";
import { listThings } from "../sim/inventory.ts";
import { resetDatabase } from "../sim/reset.ts";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import type { Database } from "../../src/store/db.ts";
import { readNewestDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { createBot, type Bot } from "./bot.ts";
import { approvers, playLife } from "./life.ts";
import { createScene, domainOf, doomed, besideOf, type Scene } from "./scene.ts";
import { beginsAfter, type State, type StatePhase } from "./states.ts";

/** What a life came to in which the server was like that from a phase on. */
export interface StateReport {
  /** How the deletion ended, in a few words. */
  readonly ended: string;
  readonly wrong: readonly string[];
}

/** For so many rounds of work a state lasts that can be mended. */
const ROUNDS = 8;
const ENDED = ["deleted", "closed", "frozen"];

/** Plays a deletion, lets a state begin in a phase, mends what can be mended, and judges how it ended. `archive` is an empty folder. */
export async function playState(state: State, phase: StatePhase, db: Database, archive: string): Promise<StateReport> {
  await resetDatabase(db);
  const scene = await createScene({ expungeDelayMs: 90_000 });
  await recordAsMadeBefore(db, scene.cloud);
  const course = new Course(state, phase, scene);
  openDoor((request, response) => scene.cloud.serve(request, response), {
    before: async () => undefined,
    after: async (params) => course.hear(params.get("command")),
  });
  const wrong: string[] = [];
  // A vote that is refused because of the state is what is wanted.
  const say = (sentence: string): void => void (/^approve|^warned of/.test(sentence) || wrong.push(sentence));
  const bot = createBot({
    ...{ db, keys: scene.keys, clock: scene.clock, archive: createFolderStore(archive), timeoutMs: 60_000, wrong: say },
    slack: async (method, body) => scene.board.answer(method, body),
  });
  const ended = await playLife("delete", bot, say, (row) => course.round(row));
  if (state.mend !== null && course.hasBegun) state.mend(scene);
  if (!ENDED.includes(ended)) await playLife("delete", bot, say, (row) => course.waitForVotes(row));
  const asked = await goOn(bot);
  if (asked) await playLife("delete", bot, say);
  const row = await readNewestDeletion(db, doomed.id);
  if (!course.hasBegun) wrong.push(`it never came to ${phase}`);
  wrong.push(...(await judgeState(course, row, db)));
  await scene.cloud.close();
  return { ended: `${asked ? "asked, " : ""}${endOf(row)}`, wrong: [...new Set(wrong)] };
}

function endOf(row: DeletionRow | null): string {
  if (row?.phase === "frozen") return `frozen in ${row.frozen_from ?? ""}`;
  return row?.phase === "closed" ? `closed: ${row.closed_because ?? ""}` : (row?.phase ?? "");
}

/** Two people say Go on, where a deletion that froze asks that; false: nothing is asked. */
async function goOn(bot: Bot): Promise<boolean> {
  const service = bot.services.deletions;
  const row = await readNewestDeletion(bot.deletions.db, doomed.id);
  if (row?.phase !== "frozen") return false;
  for (const by of approvers) {
    const view = await service.view(row.id);
    if (!view.ok || view.value.goOn === null || view.value.goOn.objections.length > 0) return false;
    const { id, version, goOn: question } = view.value;
    const said = await service.goOn({ deletionId: id, version, digest: question.digest, questionId: question.id, by });
    if (!said.ok) return false;
  }
  return true;
}

/** Lets the state begin in its phase, and end after a while. */
class Course {
  readonly scene: Scene;
  readonly #state: State;
  readonly #phase: StatePhase;
  #rounds = 0;
  #asked = 0;
  hasBegun = false;
  /** All that the domain held when the state had begun. */
  there: ReadonlySet<string> = new Set();

  constructor(state: State, phase: StatePhase, scene: Scene) {
    this.#state = state;
    this.#phase = phase;
    this.scene = scene;
  }

  #begin(): void {
    if (this.hasBegun) return;
    this.#state.begin(this.scene);
    this.hasBegun = true;
    this.there = new Set(idsOf(this.scene));
  }

  /** Told of each call that was answered. */
  hear(command: string | null): void {
    if (command === beginsAfter[this.#phase]) this.#begin();
  }

  /** Asked before each round; false: the state has lasted long enough. */
  round(row: DeletionRow): boolean {
    if (row.phase === this.#phase) this.#begin();
    if (this.hasBegun && this.#state.mend !== null) this.#rounds += 1;
    return this.waitForVotes(row) && this.#rounds <= ROUNDS;
  }

  /** Nobody may vote on it: the time to decide runs out. */
  waitForVotes(row: DeletionRow): boolean {
    this.#asked = row.phase === "proposed" ? this.#asked + 1 : 0;
    if (this.#asked > 2 * ROUNDS && row.expires_at !== null) this.scene.clock.at = Math.max(this.scene.clock.at, row.expires_at);
    return true;
  }
}

function idsOf(scene: Scene): readonly string[] {
  const path = `ROOT/ci/${doomed.slug}`;
  return [...listThings(scene.cloud.tree()).values()].filter((t) => t.top === path).map((t) => t.id);
}

const Approved = z.object({ body: z.object({ items: z.array(z.object({ id: z.string() })) }) });

/** Nothing that nobody approved was touched, and it ended, or asks people. */
async function judgeState(course: Course, row: DeletionRow | null, db: Database): Promise<readonly string[]> {
  const { scene } = course;
  const found: string[] = [];
  if (row === null || !ENDED.includes(row.phase))
    return [`it is still in ${row?.phase ?? "nothing"}: ${row?.activity ?? "nothing says why"}`];
  if (besideOf(scene.cloud) !== scene.before.beside) found.push("something beside the domain changed");
  const approved = (await db.many(Approved, "select body from approved_inventory")).flatMap((a) => a.body.items.map((i) => i.id));
  const wentOn = (await db.many(Approved.extend({ id: z.string() }), "select id::text, body from go_on")).map((g) => ({
    ...g,
    ids: g.body.items.map((i) => i.id),
  }));
  const Votes = z.object({ question: z.string(), n: z.coerce.number() });
  const votes = await db.many(
    Votes,
    "select question, count(distinct voter) as n from ballot where verdict = 'approve' and kind in ('deletion', 'go_on') group by question",
  );
  const isAgreed = (id: string): boolean => votes.some((v) => v.question === id && v.n >= 2);
  const may = new Set([...(isAgreed(row.id) ? approved : []), ...wentOn.filter((g) => isAgreed(g.id)).flatMap((g) => g.ids)]);
  for (const r of scene.cloud.requests().filter((one) => !/^(?:list|query|extract|enable|recover|start|attach)/.test(one.command))) {
    const id = r.params["id"] ?? r.params["publicipid"] ?? "";
    if (r.params["cleanup"] === "true" || r.params["expunge"] === "true") found.push(`${r.command} with the all-at-once switch`);
    if (!may.has(scene.ruleOf.get(id) ?? id) && r.command !== "deleteDomain") found.push(`${r.command} on something that nobody approved`);
  }
  const left = new Set(idsOf(scene));
  const isNamed = row.closed_reason?.startsWith("could not be brought back: ") === true;
  const isMeant = row.phase === "deleted" || row.frozen_from === "removing" || isNamed;
  for (const id of course.there) {
    const mayBeGone = isMeant ? may.has(id) || scene.approved.has(id) : false;
    if (!left.has(id) && !mayBeGone) found.push(`${id} is gone`);
  }
  if (row.phase === "frozen" && row.frozen_reason === null) found.push("it is frozen, and nothing says why");
  if (row.phase === "closed" && (domainOf(scene.cloud, doomed.domainId)?.accounts ?? []).some((a) => a.state !== "enabled"))
    found.push("it is closed, and an account is still disabled");
  return found;
}
