/** Where a process may be killed: before an act, in its middle, or right after it, when nothing of the answer is kept yet. */
export type Edge = "before" | "half-way" | "after";

/** One place in a deletion's life at which a process may die. */
export interface Point {
  /** The deletion's phase then; `restoring` while it gives back. */
  readonly phase: string;
  /** The last step that was begun: the intent's command and the thing's name. */
  readonly step: string;
  /** What is done: `call deleteVolume`, `write intent`, `commit`, `file append`, `slack chat.update`. */
  readonly act: string;
  /** Which one of these acts it is since the step was begun or the process was started; reads are not told apart unless asked for. */
  readonly nth: number;
  readonly edge: Edge;
  /** How many messages Slack may have taken then without a row of ours; only where a process died. */
  readonly unrecordedPosts?: number;
}

/** A point's name: what `--point` takes. */
export function keyOf(p: Point): string {
  return `${p.phase} | ${p.step} | ${p.act} #${p.nth} | ${p.edge}`;
}

/** Reads a point's name. Errors: throws a `TypeError` that shows what one looks like. */
export function parseKey(key: string): Point {
  const found = /^(.*?) \| (.*) \| (.*) #(\d+) \| (before|half-way|after)$/.exec(key);
  if (found === null) throw new TypeError('a point is named like "removing | delete_volume disk | call deleteVolume #1 | before"');
  const [, phase = "", step = "", act = "", nth = "1", edge = "before"] = found;
  return { phase, step, act, nth: Number(nth), edge: edge as Edge };
}

/** Whether an act only looks: dying at one leaves the same traces as dying at the next. */
export function isRead(act: string): boolean {
  return /^call (?:list|query|download)/.test(act);
}
