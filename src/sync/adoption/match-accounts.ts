import type { AdoptedAccount, AdoptionRow } from "../../core/adoption.ts";
import { userIdFor } from "../../core/derived-ids.ts";
import type { DesiredMember } from "../planning/desired.ts";
import type { ObservedAccount, ObservedUser } from "../planning/observed.ts";
import { componentsOf } from "./components.ts";
import type { MatchQuestion } from "./question.ts";
import { rowOf, usersOf, type Pair } from "./rows.ts";

/** The rows of one domain's accounts, users and members, and the accounts that would be adopted. */
export interface AccountMatch {
  readonly rows: readonly AdoptionRow[];
  readonly adopted: readonly AdoptedAccount[];
}

/** Matches the accounts and users of a pair's domain to its members, by username and e-mail. */
export function matchAccounts(pair: Pair, accounts: readonly ObservedAccount[], q: Pick<MatchQuestion, "known" | "derived">): AccountMatch {
  const ours = matchRecorded(pair, accounts, q);
  const taken = new Set(ours.flatMap((r) => [...r.accounts, ...r.members]));
  const members = pair.project.members.filter((m) => !taken.has(nameOf(pair, m)));
  const free = accounts.filter((a) => !taken.has(a.id));
  const rows: AdoptionRow[] = [...ours];
  const adopted: AdoptedAccount[] = [];
  const [byId, atId] = [
    new Map<string, DesiredMember>(members.map((m) => [m.userId, m])),
    new Map<string, ObservedAccount>(free.map((a) => [a.id, a])),
  ];
  for (const { left, right } of componentsOf([...byId.keys()], [...atId.keys()], pairsOf(members, free))) {
    const [ms, as] = [left.flatMap((id) => byId.get(id) ?? []), right.flatMap((id) => atId.get(id) ?? [])];
    const found = rowsOf(pair, ms, as);
    rows.push(...found.rows);
    adopted.push(...found.adopted);
  }
  return { rows, adopted: adopted.toSorted((a, b) => (a.accountId < b.accountId ? -1 : 1)) };
}

function nameOf({ project }: Pair, { userId }: Pick<DesiredMember, "userId">): string {
  return `${project.id} ${userId}`;
}

/** The accounts that are managed already, and those that the next pass records by their ids. */
function matchRecorded(
  pair: Pair,
  accounts: readonly ObservedAccount[],
  { known, derived }: Pick<MatchQuestion, "known" | "derived">,
): readonly AdoptionRow[] {
  const records = new Map(known.managedAccounts.map((m) => [m.accountId, m]));
  const members = new Map(pair.project.members.map((m) => [m.userId, m]));
  const there = new Set<string>(accounts.map((a) => a.id));
  const rows: AdoptionRow[] = [];
  for (const a of accounts) {
    const [place, record] = [`${pair.domain.path}/${a.name}`, records.get(a.id)];
    const about = { accounts: [a.id], users: usersOf(a) };
    if (record === undefined) {
      if (derived.has(a.id))
        rows.push(rowOf("account", place, "unqualified", "only Twokey derives such an id; the next pass says whose it is", about));
      continue;
    }
    const member = record.projectId === pair.project.id ? members.get(record.ciUserId) : undefined;
    if (record.projectId !== pair.project.id) rows.push(rowOf("account", place, "unassigned", "it is recorded for another project", about));
    else if (member === undefined) rows.push(rowOf("account", place, "source_missing", `${record.ciUserId} is no longer a member`, about));
    else
      rows.push(
        rowOf("account", place, "confirmed", `it is the account of ${member.username}`, { ...about, members: [nameOf(pair, member)] }),
      );
  }
  for (const r of known.managedAccounts) {
    const member = r.domainId === pair.domain.id && r.projectId === pair.project.id ? members.get(r.ciUserId) : undefined;
    if (member === undefined || there.has(r.accountId) || rows.some((row) => row.members.includes(nameOf(pair, member)))) continue;
    const place = `${pair.domain.path}/${member.username}`;
    rows.push(rowOf("account", place, "absent", "its managed account is no longer listed", { members: [nameOf(pair, member)] }));
  }
  return rows;
}

/** How an account and a member agree: by a username, by an e-mail, or by both. */
function agreementOf(m: DesiredMember, a: ObservedAccount): { readonly name: boolean; readonly mail: boolean } {
  const same = (x: string, y: string): boolean => x.trim() !== "" && x.trim().toLowerCase() === y.trim().toLowerCase();
  return {
    name: same(a.name, m.username) || a.users.some((u) => same(u.username, m.username)),
    mail: a.users.some((u) => same(u.email, m.email)),
  };
}

/** Where a member and an account agree in both, an e-mail alone says nothing of either any more. */
function pairsOf(members: readonly DesiredMember[], accounts: readonly ObservedAccount[]): readonly (readonly [string, string])[] {
  const all = members.flatMap((m) => accounts.map((a) => ({ m, a, ...agreementOf(m, a) }))).filter((p) => p.name || p.mail);
  const full = all.filter((p) => p.name && p.mail);
  const sure = new Set<string>(full.flatMap((p) => [`m ${p.m.userId}`, `a ${p.a.id}`]));
  return all.filter((p) => p.name || !(sure.has(`m ${p.m.userId}`) || sure.has(`a ${p.a.id}`))).map((p) => [p.m.userId, p.a.id] as const);
}

function rowsOf(pair: Pair, ms: readonly DesiredMember[], as: readonly ObservedAccount[]): AccountMatch {
  const [member, account] = [ms[0], as[0]];
  const members = ms.map((m) => nameOf(pair, m));
  const about = { members, accounts: as.map((a) => a.id), users: as.flatMap(usersOf).toSorted() };
  const place = `${pair.domain.path}/${account?.name ?? member?.username ?? ""}`;
  const only = (situation: AdoptionRow["situation"], reason: string): AccountMatch => ({
    rows: [rowOf("account", place, situation, reason, about)],
    adopted: [],
  });
  if (account === undefined) return only("absent", "no account or user of the domain has this member's username or e-mail");
  if (member === undefined) return only("unassigned", strangerReason(pair, account));
  if (ms.length > 1 || as.length > 1) {
    const names = `${ms.map((m) => m.username).join(", ")} and the accounts ${as.map((a) => a.name).join(", ")}`;
    return only("ambiguous", `${names} could belong together, by username or e-mail`);
  }
  const user = userFor(member, account);
  if (user === null) return only("ambiguous", `it has ${account.users.length} users, and none of them is ${member.username} for certain`);
  const others = account.users.filter((u) => u.id !== user?.id);
  const userId = user?.id ?? userIdFor(pair.project.id, pair.generation, member.userId);
  return {
    adopted: [{ accountId: account.id, userId, ciUserId: member.userId, name: account.name }],
    rows: [
      rowOf("account", place, "found", reasonOf(member, account, user), {
        members,
        accounts: [account.id],
        users: user === undefined ? [] : [user.id],
      }),
      ...others.map((u) =>
        rowOf("user", `${place}/${u.username}`, "unassigned", "it is a further user of that account", { users: [u.id] }),
      ),
    ],
  };
}

/** Why an account is nobody's: a member whose account is another one may still have the same e-mail or username. */
function strangerReason({ project }: Pair, account: ObservedAccount): string {
  for (const m of project.members) {
    const { name, mail } = agreementOf(m, account);
    if (name || mail) return `it has the ${name ? "username" : "e-mail"} of ${m.username}, whose account is another one`;
  }
  return "no member of the project has its username or e-mail";
}

/** The user of an account that is the member; undefined: it has no user; null: it cannot be told. */
function userFor(m: DesiredMember, { users }: ObservedAccount): ObservedUser | undefined | null {
  const by = (test: (u: ObservedUser) => boolean): readonly ObservedUser[] => users.filter(test);
  const named = by((u) => u.username.toLowerCase() === m.username.toLowerCase());
  const mailed = by((u) => u.email.trim().toLowerCase() === m.email.trim().toLowerCase());
  if (named.length === 1) return named[0];
  if (mailed.length === 1) return mailed[0];
  return users.length > 1 ? null : users[0];
}

/** Why they belong together, and what differs, so that approvers can see a stranger. */
function reasonOf(m: DesiredMember, a: ObservedAccount, user: ObservedUser | undefined): string {
  const { name, mail } = agreementOf(m, a);
  if (name && mail) return `username and e-mail are those of ${m.username}`;
  if (mail) return `the e-mail is that of ${m.username}; the username differs`;
  const theirs = user === undefined || user.email.trim() === "" ? "no e-mail" : `the e-mail ${user.email}`;
  return `the username is that of ${m.username}; it has ${theirs}, the CI database has ${m.email}`;
}
