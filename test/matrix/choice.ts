import { createHash } from "node:crypto";
import { isRead, keyOf, type Point } from "./point.ts";

/** At which points a process dies. */
export interface Choice {
  /** Points at which one has died already. */
  readonly covered: readonly string[];
  /** The only points at which it dies; null: at any. */
  readonly only: readonly string[] | null;
  /** Points of which kind: all, or only at calls that change something, at their intents and their outcomes. */
  readonly kinds: "all" | "effects";
  /** Only at these acts, such as `call deleteVolume after`; null: at any of these kinds. */
  readonly acts: readonly string[] | null;
  /** Several chains of lives at once share the points among them. */
  readonly share: { readonly index: number; readonly of: number };
  /** Whether the second and third read of the same list in one step is a point of its own. */
  readonly isEveryRead: boolean;
}

/** What says of each point whether to die there. */
export function chosenOf(choice: Choice): (point: Point) => boolean {
  const covered = new Set(choice.covered);
  const only = choice.only === null ? null : new Set(choice.only);
  const { index, of } = choice.share;
  return (point) => {
    const key = keyOf(point);
    if (covered.has(key)) return false;
    if (only !== null) return only.has(key);
    if (choice.acts !== null && !choice.acts.includes(`${point.act} ${point.edge}`)) return false;
    if (choice.kinds === "effects" && !isChange(point.act) && !NOTES.has(point.act)) return false;
    return of === 1 || shareOf(key) % of === index;
  };
}

/** The rows that say what was begun and what became of it. */
const NOTES = new Set(["write intent", "write outcome"]);

function isChange(act: string): boolean {
  return act.startsWith("call ") && !isRead(act);
}

function shareOf(key: string): number {
  return createHash("sha256").update(key).digest().readUInt32BE(0);
}
