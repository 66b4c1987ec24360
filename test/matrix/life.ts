import { digestOf } from "../../src/core/digest.ts";
import type { Asker } from "../../src/core/people.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { CiUserId, Instant } from "../../src/core/ids.ts";
import type { Result } from "../../src/core/result.ts";
import { buildView } from "../../src/deletion/build-view.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import type { Phase } from "../../src/core/phases.ts";
import { renderCard } from "../../src/bot/render/card.ts";
import { readNewestDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordManagedDomains } from "../../src/store/managed.ts";
import { seedPolicy } from "../../src/store/policies.ts";
import { readPostedMessage } from "../../src/store/posted-messages.ts";
import type { DeletionProposal } from "../../src/sync/planning/plan.ts";
import { team } from "../sim/people.ts";
import { root, type Bot } from "./bot.ts";
import { doomed, times } from "./scene.ts";

/** The lives that are played: to the end; Restore in the grace period; Restore while CloudStack keeps the machines; Cancel. */
export const lives = ["delete", "restore", "recover", "cancel"] as const;
/** One of the lives. */
export type Life = (typeof lives)[number];

const [ada, ben, cleo, dan, dora] = team as unknown as [Asker, Asker, Asker, Asker, Asker];
/** Who approves, in this order. */
export const approvers = [ada, ben] as const;

/** More rounds than any life needs. */
const ROUNDS_MAX = 300;

/**
 * Plays a life from wherever the tables say it stands, until it ends: people click, the work goes on, time passes when nothing is due.
 *
 * A process that was started again hears every click again: who saw no answer clicks once more. `wrong` hears of what must not be;
 * `goesOn` is asked before each round, and may change the world then.
 */
export async function playLife(
  life: Life,
  bot: Bot,
  wrong: (sentence: string) => void,
  goesOn: (row: DeletionRow) => boolean = () => true,
): Promise<Phase> {
  const { deletions: c, queue } = bot;
  const clicked = new Set<string>();
  await takeOver(bot);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const row = await readNewestDeletion(c.db, doomed.id);
    if (row === null) {
      await open(bot);
      continue;
    }
    if ((await hasEnded(row, bot, wrong)) || !goesOn(row)) return row.phase;
    if (await click(life, await buildView(row, c), bot, clicked, wrong)) continue;
    queue.delete(row.id);
    await bot.work.deletion(row.id, new AbortController().signal);
    await passTime(row.id, bot, wrong);
  }
  wrong("it comes to no end");
  return (await readNewestDeletion(c.db, doomed.id))?.phase ?? "archiving";
}

/** What the engine does at a process's birth: the work that a dead one had begun is begun again, and what is due is woken. */
async function takeOver(bot: Bot): Promise<void> {
  await bot.schedules.find((s) => s.name === "sweep-deletions")?.run();
  const row = await readNewestDeletion(bot.deletions.db, doomed.id);
  if (row !== null) await bot.work.deletion(row.id, new AbortController().signal);
}

async function open(bot: Bot): Promise<void> {
  const { db } = bot.deletions;
  await db.tx((q) => seedPolicy(q, bot.policy.environment, bot.clock.at));
  await recordManagedDomains(db, [{ domainId: doomed.domainId, projectId: doomed.id, generation: 1, origin: "created" }], bot.clock.at);
  const proposal = {
    domainId: doomed.domainId,
    projectId: doomed.id,
    path: `${root}/${doomed.slug}`,
    name: doomed.slug,
    createdAt: null,
    evidence: {
      kind: "closed",
      projectId: doomed.id,
      slug: doomed.slug,
      closedAt: 0 as Instant,
      closedBy: dan.operator.ciUserId as CiUserId,
    },
  } as unknown as DeletionProposal;
  await bot.passes.deletions.openDeletion(proposal, [dan.operator.id]);
}

async function hasEnded(row: DeletionRow, bot: Bot, wrong: (sentence: string) => void): Promise<boolean> {
  if (!["deleted", "closed", "frozen"].includes(row.phase)) return false;
  await readCard(row.id, bot, wrong);
  return true;
}

/** Nothing is due: what people see must be how it stands. Then time passes until something is. */
async function passTime(id: string, bot: Bot, wrong: (sentence: string) => void): Promise<void> {
  const { queue, clock } = bot;
  const row = await readNewestDeletion(bot.deletions.db, doomed.id);
  const due = queue.get(id) ?? row?.until_at ?? clock.at + times.pollMs;
  if (due <= clock.at) return;
  await readCard(id, bot, wrong);
  await bot.arrivals();
  clock.at = due;
}

async function readCard(id: string, bot: Bot, wrong: (sentence: string) => void): Promise<void> {
  const { deletions: c } = bot;
  await bot.posting.settle();
  const row = await readNewestDeletion(c.db, doomed.id);
  const card = await readPostedMessage(c.db, `deletion:${id}`);
  if (row === null) return;
  const shown = renderCard(await buildView(row, c), "matrix");
  const digest = digestOf({ text: shown.text, blocks: JSON.parse(JSON.stringify(shown.blocks)) });
  if (card?.digest !== digest) wrong(`the card does not show how it stands in ${row.phase}`);
}

/** One click of a person whose time it is, if there is one. */
async function click(life: Life, view: DeletionView, bot: Bot, clicked: Set<string>, wrong: (sentence: string) => void): Promise<boolean> {
  const service = bot.services.deletions;
  const next = clickOf(life, view).find(([what]) => !clicked.has(what));
  if (next === undefined) return false;
  const [what, by] = next;
  clicked.add(what);
  const one = { deletionId: view.id, version: view.version, digest: view.digest, by };
  const answered: Result<unknown, Failure> = what.startsWith("approve")
    ? await service.approve({ ...one, typedName: doomed.slug })
    : what === "cancel"
      ? await service.cancel(one)
      : await service.restore(one);
  if (answered.ok) return true;
  // Who clicks again after a crash may hear that it was done already.
  if (["deletion.voted", "deletion.phase"].includes(answered.error.code)) return true;
  if (!answered.error.code.startsWith("cloudstack.")) wrong(`${what} was refused: ${answered.error.message}`);
  // CloudStack could not be looked at: they try again later.
  clicked.delete(what);
  return false;
}

function clickOf(life: Life, view: DeletionView): readonly (readonly [string, Asker])[] {
  if (view.phase === "proposed" && view.vetoes.length === 0) return approvers.map((a) => [`approve ${a.operator.name}`, a] as const);
  if (life === "cancel" && view.phase === "cooling_off") return [["cancel", dora]];
  if (life === "restore" && view.phase === "grace") return [["restore", cleo]];
  if (life === "recover" && view.phase === "expunging") return [["restore", cleo]];
  return [];
}
