/** Who lifts a hold, with the very command that does: what is typed as it is told works. Stored sentences stay as they are. */
import { numberSettings } from "../../core/policy.ts";
import { withoutWaiting } from "./build-plan.ts";
import type { Hold, Plan } from "./plan.ts";

/** The bounds of what people may choose. Source: `numberSettings` in `src/core/policy.ts`. */
const SHARE_MIN = 10;

/** Who lifts this hold of a plan; where a limit may be changed, with the command and a value that lets this plan through. */
export function wordsToLift(hold: Hold, plan: Pick<Plan, "additive" | "restrictive" | "proposals" | "holds" | "digest">): string {
  const value = valueFor(hold, plan);
  const [, setting] = /\/ci-policy set ([a-z-]+)/.exec(hold.liftedBy) ?? [];
  const max = numberSettings.find((s) => s.name === setting)?.max ?? Number.POSITIVE_INFINITY;
  // No limit may be set so high: nothing that is typed would help.
  if (value === null || (!value.endsWith("%") && Number(value) > max)) return hold.liftedBy;
  const because = `because plan ${plan.digest.slice(0, 8)} was read and is right`;
  return hold.liftedBy.replace(/\/ci-policy set [a-z-]+/, (command) => `${command} ${value} ${because}`);
}

function valueFor(hold: Hold, plan: Pick<Plan, "additive" | "restrictive" | "proposals" | "holds">): string | null {
  const { additive } = plan;
  const { restrictive, proposals } = withoutWaiting(plan);
  switch (hold.kind) {
    case "too_many_changes":
      return String(roundedUp(additive.length + restrictive.length));
    case "too_many_restrictions":
      return String(roundedUp(restrictive.length));
    case "too_many_proposals":
      return String(roundedUp(proposals.length));
    case "restrictions_used_up": {
      // Those made before are at most the limit itself.
      const limit = Number(/above the limit of (\d+) a /.exec(hold.sentence)?.[1] ?? Number.NaN);
      return Number.isFinite(limit) ? String(roundedUp(limit + restrictive.length)) : null;
    }
    case "members_gone":
      return String(roundedUp(plan.holds.filter((h) => h.kind === "members_gone").length));
    case "shrunken_source": {
      const [now, before] = (/lists only (\d+) of (\d+) /.exec(hold.sentence) ?? []).slice(1).map(Number);
      if (now === undefined || before === undefined || before === 0) return null;
      const share = Math.floor((100 * now) / before);
      return share < SHARE_MIN ? null : `${share} %`;
    }
    default:
      return null;
  }
}

/** A few more than there are now: while people decide, some may come. */
function roundedUp(n: number): number {
  const unit = 10 ** Math.max(0, String(n).length - 2);
  return Math.ceil(n / unit) * unit;
}
