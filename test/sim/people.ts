import type { Asker, Operator } from "../../src/core/people.ts";
import type { CiUserId, OperatorId } from "../../src/core/ids.ts";

/** One person of the simulation. */
export interface Person extends Asker {
  readonly name: string;
  readonly ciUserId: CiUserId;
}

/** As whom a person is known now: the row of the CI database, and the Slack account. */
export interface Identity {
  readonly ciUserId: CiUserId;
  readonly account: string;
}

/** What Slack answers when it is asked who may approve: all of them, or a list that lost people; `away`: nothing. */
export type GroupMood = "honest" | "empty" | "short";

function person(n: number, name: string, isTeam: boolean): Person {
  const ciUserId = `u${n}` as CiUserId;
  const operator: Operator = { id: `ci:${ciUserId}` as OperatorId, name, ciUserId };
  return { name, ciUserId, operator, isTeam };
}

/** The team; the first four are approvers at the start, Dora never is. */
export const team: readonly Person[] = [
  person(1, "Ada", true),
  person(2, "Ben", true),
  person(3, "Cleo", true),
  person(4, "Dan", true),
  person(5, "Dora", true),
];

/** People who only use the CI service. */
export const users: readonly Person[] = [person(11, "Uma", false), person(12, "Vic", false), person(13, "Wim", false)];

/** Everybody who may click. */
export const everybody: readonly Person[] = [...team, ...users];
