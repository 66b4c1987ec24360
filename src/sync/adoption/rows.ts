import type { AdoptionRow, Situation } from "../../core/adoption.ts";
import type { UserId } from "../../core/ids.ts";
import type { DesiredProject } from "../planning/desired.ts";
import type { ObservedAccount, ObservedDomain } from "../planning/observed.ts";

/** A project and its domain, whose accounts are matched next. */
export interface Pair {
  readonly project: DesiredProject;
  readonly domain: ObservedDomain;
  readonly generation: number;
  /** False: it is managed already. */
  readonly isNew: boolean;
}

type Objects = Pick<AdoptionRow, "projects" | "domains" | "members" | "accounts" | "users">;

/** One row; of objects only what it is about. */
export function rowOf(
  what: AdoptionRow["what"],
  place: string,
  situation: Situation,
  reason: string,
  { projects = [], domains = [], members = [], accounts = [], users = [] }: Partial<Objects>,
): AdoptionRow {
  return { what, place, situation, reason, projects, domains, members, accounts, users };
}

/** The ids of an account's users, sorted. */
export function usersOf(a: ObservedAccount): readonly UserId[] {
  return a.users.map((u) => u.id).toSorted();
}
