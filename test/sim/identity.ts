import type { Operator } from "../../src/core/people.ts";
import type { CiUserId, OperatorId } from "../../src/core/ids.ts";
import { team, type Identity, type Person } from "./people.ts";
import type { World } from "./world.ts";

function identityOf(w: Pick<World, "identities">, who: Person): Identity {
  return w.identities.get(who.name) ?? { ciUserId: who.ciUserId, account: `T1:U-${who.name}` };
}

/** The person as Slack and the CI database name them at this moment. */
export function asNow(w: Pick<World, "identities">, who: Person): Person {
  const { ciUserId, account } = identityOf(w, who);
  const operator: Operator = { id: `ci:${ciUserId}` as OperatorId, name: who.name, ciUserId, accounts: [account] };
  return { ...who, ciUserId, operator, account };
}

/** Whose id this is: whatever row somebody has now, they are the person they were at first. */
export function humanOf(operatorId: string): string {
  return operatorId.replace(/-again$/, "");
}

/**
 * Somebody's row in the CI database is made again, or they get another Slack account: never both in one life, since who changes both at
 * once is somebody else to everybody.
 */
export function changeIdentity(w: World): string {
  w.directory.isUnsteady = true;
  const who = w.more.pick(team);
  const was = identityOf(w, who);
  const kind = w.changedIdentity.get(who.name) ?? (w.more.hit(0.5) ? "row" : "account");
  w.changedIdentity.set(who.name, kind);
  const isFirst = !w.identities.has(who.name);
  const again = { ciUserId: `${who.ciUserId}-again` as CiUserId, account: was.account };
  if (!isFirst) w.identities.delete(who.name);
  else w.identities.set(who.name, kind === "row" ? again : { ...was, account: `${was.account}-again` });
  return `${who.name} ${isFirst ? `has another ${kind === "row" ? "row in the CI database" : "Slack account"}` : "is known as before"}`;
}

/** The members of the approvers' group that Slack names now. */
export function namedNow(w: World): readonly Operator[] {
  const { approvers, mood } = w.directory;
  w.directory.liedSince = mood === "honest" ? null : (w.directory.liedSince ?? w.clock.at);
  const named = mood === "empty" ? [] : mood === "short" ? approvers.slice(0, 1) : approvers;
  return named.map((p) => asNow(w, p).operator);
}

/** Slack's answer about the group changes: it loses people, or is whole again. */
export function changeGroup(w: World): string {
  w.directory.liedSince = null;
  w.directory.mood = w.directory.mood === "honest" ? w.more.pick(["empty", "short"] as const) : "honest";
  return `the approvers' group reads ${w.directory.mood === "honest" ? "whole" : w.directory.mood}`;
}
