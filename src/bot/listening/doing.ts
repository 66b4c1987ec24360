import { shortReply, type Reply } from "../../commands/reply.ts";
import type { Failure } from "../../core/failure.ts";
import { mayHalt, type Asker } from "../../core/people.ts";
import type { Result } from "../../core/result.ts";
import { addToTrace, runTraced } from "../../core/trace.ts";
import { recordSeenEvent } from "../../store/seen-events.ts";
import type { Answer } from "../click.ts";
import type { Turns } from "../turns.ts";
import type { Listening } from "./context.ts";
import { say, type Place } from "./say.ts";

/** One thing that one person did. */
export interface Doing {
  readonly what: string;
  /** The command, the button or the window. */
  readonly about: string;
  readonly place: Place;
  /** What makes it one thing of Slack's repetitions; null: it cannot be told. */
  readonly once: string | null;
  readonly halts?: "stop" | "one deletion" | null;
  /** Left out: what people only ask for. */
  readonly lane?: "keeps" | "decisions" | "approvals";
  /** Does it; has ended once it is stored. */
  readonly run: (who: () => Promise<Result<Asker, Failure>>) => Promise<Answer>;
  /** Answers it, where that is not done by `say`. */
  readonly answer?: (reply: Reply) => Promise<void>;
}

/** The rest of what somebody did once it is stored: the answer. */
export type Rest = () => Promise<unknown>;

/** Asks who it is. */
export type Who = Parameters<Doing["run"]>[0];

/** What makes it one thing of Slack's repetitions; null: it cannot be told. */
export function onceOf(kind: string, id: string | undefined): string | null {
  return id === undefined || id === "" ? null : `${kind}:${id}`;
}

/** Does what a person did, in its turn, and answers it after that. */
export function take(d: Doing, c: Listening): Promise<void> {
  const work = () => runTraced(d.once === null ? {} : { request: d.once }, () => takeTraced(d, c));
  return c.slowness.during(d.place.user, d.answer ?? ((reply) => say(reply, d.place, c)), work);
}

function takeTraced(d: Doing, c: Listening): Promise<void> {
  const { user } = d.place;
  return inTurn(d.what, c, d.place, async (turn) => {
    const inLane = (lane: Turns, person: string, who: Who) => lane.take(person, () => turn(() => runOnce(d, who, c)), c.isFirst(user));
    const lane = c.lanes[d.lane ?? "others"];
    if (d.halts == null) return inLane(lane, user, () => c.identity.identify(user));
    // A stop waits for nothing else that the same person does.
    const person = `${d.halts} ${user}`;
    let isDone = false;
    await c.lanes.callers.take(person, async () => {
      const asker = await c.identity.identifyToHalt(user);
      const lane = asker.ok && mayHalt(asker.value) ? c.lanes.halts : c.lanes.strangers;
      isDone = await inLane(lane, person, async () => asker);
    });
    return isDone;
  });
}

/** Does it if it is new: Slack and proxies repeat it. What cannot be told counts as new; without the database nothing is done. */
async function runOnce(d: Doing, who: Who, c: Listening): Promise<Rest> {
  const tell = d.answer ?? ((reply: Reply) => say(reply, d.place, c));
  try {
    if (d.once !== null && !(await recordSeenEvent(c.db, d.once, c.now()))) return async () => undefined;
  } catch (thrown) {
    c.events.bug(`slack.${d.what}`, thrown);
    const nothing = shortReply("Nothing was done: Twokey cannot reach its own database now", "Try again in a minute.");
    return () => tell(nothing);
  }
  const [began, { channel, user }] = [c.now(), d.place];
  const done = await d.run(async () => {
    const asker = await who();
    if (asker.ok) addToTrace({ operator: asker.value.operator.id });
    return asker;
  });
  c.events.info("slack.request", { what: d.what, about: d.about, user, channel, ms: c.now() - began });
  return async () => {
    const reply = done !== null && "opens" in done ? await done.opens() : done;
    return reply !== null && tell(reply);
  };
}

/**
 * Has `wait` run what a person did in its turn. Its rest comes when the turn has ended: no turn waits for an answer, which Slack may take
 * as long over as it likes. With too much before it, it is refused with a sentence, one at a time; `place` null: in silence.
 */
export async function inTurn(
  what: string,
  c: Listening,
  place: Place | null,
  wait: (turn: (run: () => Promise<Rest>) => Promise<void>) => Promise<boolean>,
): Promise<void> {
  let rest: Rest = async () => undefined;
  try {
    const wasDone = await wait(async (run) => void (rest = await run()));
    if (wasDone) return void (await rest());
    if (place === null) return;
    await c.lanes.refusals.take(place.user, () =>
      say(shortReply("This was not done: too much is waiting", "Wait for the answers to what you did before, then try again."), place, c),
    );
  } catch (thrown) {
    c.events.bug(`slack.${what}`, thrown);
    if (place !== null) await say(mistake, place, c).catch((unsaid: unknown) => c.events.bug(`slack.${what}`, unsaid));
  }
}

const mistake = shortReply(
  "This did not work: Twokey itself has a fault",
  "Look whether it was done before you try again. The CI team's log says what went wrong.",
);
