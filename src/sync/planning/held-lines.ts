/** The holds of a plan as lines; alike ones, which nobody reads one by one, as one line with their number. */
import { groupBy } from "../../core/group-by.ts";
import { wordsToLift } from "./lift.ts";
import type { Hold, Plan } from "./plan.ts";

type Held = Pick<Plan, "additive" | "restrictive" | "proposals" | "holds" | "digest">;

/** How many of alike holds are named. */
const NAMED = 3;

/** Each hold with who lifts it; of one kind that is lifted in one way, more than `above` are one line with the first few. */
export function heldLines(plan: Held, holds: readonly Hold[], above: number): readonly string[] {
  const kinds = groupBy(holds, (h) => JSON.stringify([h.kind, h.blocks, h.liftedBy]));
  return [...kinds.values()].flatMap((alike) => {
    const [first] = alike;
    if (first === undefined || alike.length <= above) return alike.map((h) => `${h.sentence}. Lifted by: ${wordsToLift(h, plan)}`);
    const named = alike.slice(0, NAMED).map((h) => h.sentence);
    return [
      `${alike.length.toLocaleString("en")} alike. Lifted by: ${wordsToLift(first, plan)}. The first ${named.length}: ${named.join("; ")}`,
    ];
  });
}
