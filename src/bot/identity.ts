import type { WebClient } from "@slack/web-api";
import type { ApproverDirectory, Operator, Asker } from "../core/people.ts";
import type { Clock, Sleep } from "../core/clock.ts";
import { fail, type Failure } from "../core/failure.ts";
import { OperatorId, type CiUserId, type Instant } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { DAY_MS } from "../core/units.ts";
import type { KnownAccount } from "../store/known-accounts.ts";
import { accountOf, idsOf, mapPerson, problemOf, type Person, type SlackUser, type Workspace } from "./accounts.ts";
import { groupMembers, teamMembers } from "./members.ts";
import { createRecords } from "./records.ts";
import { callSlack, isPassing } from "./slack.ts";
import { CACHE_MS, cached, lastGood, newestOf, type LastGood } from "./steady.ts";

/** People by Slack id, or the members of a user group, of whom those named by id count although the CI database does not know them. */
export interface ApproverList {
  readonly group: string | null;
  readonly ids: readonly string[];
}

/** Where people are looked up. */
export interface IdentityOptions {
  /** Refused at once where Slack was asked too often: a click must not wait behind a look-up. */
  readonly client: WebClient;
  /** Waits instead, for accounts that were never read. */
  readonly patient: WebClient;
  readonly channel: string;
  readonly here: Workspace;
  /** Who may approve, by the policy in force. */
  readonly approvers: () => Promise<ApproverList>;
  readonly teamGroup: string | null;
  readonly listPeople: () => Promise<Result<readonly Person[], Failure>>;
  /** Keeps which account was seen to be which person. */
  readonly remember: (known: readonly KnownAccount[]) => Promise<void>;
  /** Says who of a list does not count, when that changes. */
  readonly onLeftOut: (leftOut: readonly string[]) => void;
  readonly now: Clock;
  readonly sleep: Sleep;
}

/** The people of a list of approvers. */
export interface Examined {
  /** Those who count, each person once. */
  readonly approvers: readonly Operator[];
  /** The others, by id and why. */
  readonly leftOut: readonly string[];
}

/** Maps Slack users to persons, and knows who may approve at this moment. */
export interface Identity extends ApproverDirectory {
  /** Errors: `refused` for bots, guests, external and deactivated people; `unavailable`. */
  identify(slackUser: string): Promise<Result<Asker, Failure>>;
  /**
   * For a stop, Cancel and Restore, which lose nothing: nobody is refused for what the CI database or Slack cannot say in `HALT_MS`. By the
   * newest answers there are; a person whom no answer names is their Slack account.
   *
   * Errors: `refused` for bots, guests, external and deactivated people, where Slack says that they are.
   */
  identifyToHalt(slackUser: string): Promise<Result<Asker, Failure>>;
  /** Whether the lists name a Slack account as one of the team now, as far as they can be read. */
  isOfTeam(slackUser: string): Promise<boolean>;
  /** The Slack ids that the lists of the team and of approvers name, as far as they can be read: whose turn comes first, nothing else. */
  named(): Promise<readonly string[]>;
  /** The valid approvers of a list, each person once. Errors: `unavailable`, `rejected`. */
  resolve(list: ApproverList, counted?: readonly OperatorId[]): Promise<Result<readonly Operator[], Failure>>;
  /** Who of a list counts, and who does not. Errors: as for `resolve`. */
  examine(list: ApproverList, counted?: readonly OperatorId[]): Promise<Result<Examined, Failure>>;
  /** The Slack user of a CI user; null when there is none. Errors: Slack or the CI database could not say. */
  slackIdOf(person: CiUserId): Promise<Result<string | null, Failure>>;
  /** The name of a CI user; null when none is known now. */
  nameOf(person: CiUserId): Promise<string | null>;
}

/** How long the Slack user of an address or of a person who asked, or that there is none, is kept. Units: milliseconds. */
const ADDRESS_MS = 3600_000;

/** How long a stop, Cancel or Restore waits for an answer of Slack or the CI database. Units: milliseconds. */
const HALT_MS = 3000;

type Member = { readonly operator: Operator; readonly user: SlackUser };

/** Makes the identity service. Source: facts on Slack §4 "Who clicked". Invariant: INV-2 (distinct persons, approvers now). */
export function createIdentity(o: IdentityOptions): Identity {
  const records = createRecords(o);
  const groups = cached(o.now, CACHE_MS, (group: string) => groupMembers(o.client, group));
  const team = cached(o.now, CACHE_MS, (_all: string) => teamMembers(o.client, o.channel, o.teamGroup));
  const people = newestOf(
    [],
    cached(o.now, CACHE_MS, (_all: string) => o.listPeople()),
  );
  const byAddress = cached(o.now, ADDRESS_MS, (email: string) => userOfAddress(o.client, email));
  const learned = cached(o.now, ADDRESS_MS, (id: string) =>
    learnAccounts(id as OperatorId, { ...{ records, byAddress, remember }, people: () => people("all") }),
  );
  const good = lastGood(o.now);
  const remember = onceADay(o);
  const tellLeftOut = whenChanged(o.onLeftOut);

  const idsIn = async ({ group, ids }: ApproverList): Promise<Result<readonly string[], Failure>> =>
    group === null ? ok(ids) : groups(group);

  const examine: Identity["examine"] = async (list, counted = []) => {
    const [ids, listed] = [await idsIn(list), await people("all")];
    if (!ids.ok) return ids;
    if (!listed.ok) return listed;
    const isCounted = (user: SlackUser): boolean => counted.length > 0 && counted.includes(mapPerson(user, listed.value).id);
    const sorted = sortOut(await records.readListed(ids.value, isCounted), list.ids, listed.value, o.here);
    if (!sorted.ok) return sorted;
    const { members, leftOut } = sorted.value;
    await remember(members);
    tellLeftOut(JSON.stringify(list), leftOut);
    const approvers = onePerPerson(members.map((m) => m.operator));
    const names = approvers.map((a) => a.id);
    const believed = good.assess(JSON.stringify(list), names);
    return believed.ok ? ok({ approvers, leftOut }) : believed;
  };
  const resolve: Identity["resolve"] = async (list, counted) => {
    const examined = await examine(list, counted);
    return examined.ok ? ok(examined.value.approvers) : examined;
  };

  const isOfTeam: IsOfTeam = (ids, patience) =>
    assessTeam(ids, good, { team: patience(team("all")), approvers: patience(o.approvers().then(idsIn)) });

  return {
    resolve,
    examine,
    async nameOf(person) {
      const listed = await people("all");
      return listed.ok ? (listed.value.find((one) => one.id === person)?.name ?? null) : null;
    },
    identifyToHalt: (slackUser) =>
      identifyToHalt(slackUser, patienceOf(o.sleep), o, { readUser: () => records.readNow(slackUser), people, isOfTeam }),
    approversNow: async (counted) => resolve(await o.approvers(), counted),
    async identify(slackUser) {
      const since = o.now();
      const [user, listed] = [await records.readNow(slackUser), await people("all")];
      if (!user.ok) return user;
      if (!listed.ok) return listed;
      const member = memberOf(user.value, listed.value, o.here);
      if (!member.ok) return member;
      await remember([member.value]);
      const { isTeam } = await isOfTeam(idsOf(member.value.user), (read) => read);
      return ok({ operator: member.value.operator, account: accountOf(member.value.user), isTeam, since, ...zoneOf(member.value.user) });
    },
    isOfTeam: async (slackUser) => (await isOfTeam([slackUser], (read) => read)).isTeam,
    named: async () => (await Promise.all([team("all"), o.approvers().then(idsIn)])).flatMap((list) => (list.ok ? list.value : [])),
    listedNow: async () => listedIn(await people("all")),
    learnAccounts: async (asking) => void (await Promise.all(asking.map(learned))),
    slackIdOf: async (person) => slackIdOf(person, await people("all"), byAddress),
  };
}

function zoneOf({ tz }: SlackUser): Pick<Asker, "zone"> {
  return typeof tz === "string" && tz !== "" ? { zone: tz } : {};
}

type IsOfTeam = (ids: readonly string[], patience: Patience) => Promise<Pick<Asker, "isTeam" | "mayBeTeam">>;

/** Whether an account is named by the lists, or may be by one that cannot be read just now, or was by one that cannot be read any more. */
async function assessTeam(
  ids: readonly string[],
  good: LastGood,
  reads: Readonly<Record<"team" | "approvers", Promise<Result<readonly string[], Failure>>>>,
): ReturnType<IsOfTeam> {
  const lists = await Promise.all((["team", "approvers"] as const).map(async (key) => ({ key, list: good.keep(key, await reads[key]) })));
  const isIn = (list: readonly string[]): boolean => ids.some((id) => list.includes(id));
  const isTeam = lists.some(({ list }) => list.ok && isIn(list.value));
  const mayBe = lists.some(
    ({ key, list }) => !list.ok && (isForNow(list.error) || (list.error.kind !== "refused" && isIn(good.last(key)))),
  );
  return { isTeam, mayBeTeam: !isTeam && mayBe };
}

/** Whether a list may be read again soon. What lasts, such as a public channel or a missing scope, is an answer: nobody is in it. */
function isForNow(f: Failure): boolean {
  return f.kind === "unavailable" || isPassing(f.code.replace(/^slack\./, ""));
}

function listedIn(people: Result<readonly Person[], Failure>): Awaited<ReturnType<ApproverDirectory["listedNow"]>> {
  return people.ok ? ok((person) => people.value.some((p) => p.id !== null && `ci:${p.id}` === person)) : people;
}

/** What identifying somebody who stops, cancels or restores reads. */
interface HaltReads {
  readUser(): Promise<Result<SlackUser | null, Failure>>;
  readonly people: ReturnType<typeof newestOf<readonly Person[]>>;
  readonly isOfTeam: IsOfTeam;
}

async function identifyToHalt(
  slackUser: string,
  patience: Patience,
  o: Pick<IdentityOptions, "here" | "now">,
  reads: HaltReads,
): Promise<Result<Asker, Failure>> {
  const [user] = await Promise.all([patience(reads.readUser()), patience(reads.people("all"))]);
  const member = user.ok ? memberOf(user.value, reads.people.newest(), o.here) : ok(null);
  if (!member.ok) return member;
  const ids = member.value === null ? [slackUser] : idsOf(member.value.user);
  const operator = member.value?.operator ?? { id: OperatorId.parse(`slack:${slackUser}`), name: slackUser, ciUserId: null };
  return ok({ operator, since: o.now(), ...(await reads.isOfTeam(ids, patience)) });
}

/** Waits for an answer, but not forever. */
type Patience = <T>(read: Promise<Result<T, Failure>>) => Promise<Result<T, Failure>>;

/** Takes what is not there in `HALT_MS`, and what throws, for a failure. */
function patienceOf(sleep: Sleep): Patience {
  return async (read) => {
    const over = new AbortController();
    const late = sleep(HALT_MS, over.signal).then(() => fail("unavailable", "identity.late", "There was no answer in time"));
    const failed = read.catch(() => fail("unavailable", "identity.failed", "There was no answer"));
    late.catch(() => undefined);
    const first = await Promise.race([failed, late]);
    over.abort();
    return first;
  };
}

async function learnAccounts(
  id: OperatorId,
  o: {
    readonly people: () => Promise<Result<readonly Person[], Failure>>;
    readonly records: ReturnType<typeof createRecords>;
    readonly byAddress: (email: string) => Promise<Result<SlackUser | null, Failure>>;
    readonly remember: ReturnType<typeof onceADay>;
  },
): Promise<Result<null, Failure>> {
  const listed = await o.people();
  if (!listed.ok) return listed;
  const { slackId = null, email = null } = listed.value.find((p) => p.id !== null && `ci:${p.id}` === id) ?? {};
  const found = [slackId === null ? ok(null) : await o.records.readNow(slackId), email === null ? ok(null) : await o.byAddress(email)];
  await o.remember(found.flatMap((user) => (user.ok && user.value !== null ? [{ user: user.value, operator: { id } }] : [])));
  return found.find((user) => !user.ok) ?? ok(null);
}

async function slackIdOf(
  person: CiUserId,
  listed: Result<readonly Person[], Failure>,
  byAddress: (email: string) => Promise<Result<SlackUser | null, Failure>>,
): Promise<Result<string | null, Failure>> {
  if (!listed.ok) return listed;
  const { slackId = null, email = null } = listed.value.find((p) => p.id === person) ?? {};
  if (slackId !== null || email === null) return ok(slackId);
  const found = await byAddress(email);
  return found.ok ? ok(found.value?.id ?? null) : found;
}

/** A full member of this workspace, as a person. Errors: `refused` for everybody else. */
function memberOf(user: SlackUser | null, people: readonly Person[], here: Workspace): Result<Member, Failure> {
  const problem = user === null ? "is not known to Slack, or not shown to the bot," : problemOf(user, here);
  if (user === null || problem !== null) {
    const remedy = "Use the account of a full member of this workspace.";
    return fail("refused", "identity.not_a_member", `This Slack account ${problem ?? ""} and may not be used here`, { remedy });
  }
  return ok({ operator: mapPerson(user, people), user });
}

/**
 * Sorts out who of a list counts. An account that Slack does not know, or that belongs to nobody of the CI database and is not `named`, is
 * left out, and stops nobody else; so is one of whom Slack does not say which account of the organisation it is.
 *
 * Errors: Slack could not say of one of them. Invariant: INV-2.
 */
function sortOut(
  read: Awaited<ReturnType<ReturnType<typeof createRecords>["readListed"]>>,
  named: readonly string[],
  people: readonly Person[],
  here: Workspace,
): Result<{ readonly members: readonly Member[]; readonly leftOut: readonly string[] }, Failure> {
  const members: Member[] = [];
  const leftOut: string[] = [];
  for (const [id, user] of read) {
    if (!user.ok && user.error.code === "slack.half_an_answer") {
      leftOut.push(`${id}: ${user.error.message}`);
      continue;
    }
    if (!user.ok) return err({ ...user.error, message: `${user.error.message} (asked about ${id})` });
    const member = memberOf(user.value, people, here);
    if (!member.ok) leftOut.push(`${id}: ${member.error.message}`);
    else if (member.value.operator.ciUserId !== null || idsOf(member.value.user).some((one) => named.includes(one)))
      members.push(member.value);
    else leftOut.push(`${id}: ${member.value.operator.name}, and the policy does not name this id`);
  }
  return ok({ members, leftOut });
}

/** Keeps pairs of account and person, once a day; what was kept today costs nothing. */
function onceADay({ remember: keep, now }: Pick<IdentityOptions, "remember" | "now">) {
  const kept = new Map<string, Instant>();
  return async (members: readonly { readonly operator: Pick<Operator, "id">; readonly user: SlackUser }[]): Promise<void> => {
    const known = members.map(({ operator, user }) => ({ account: accountOf(user), operator: operator.id }));
    const at = now();
    const news = known.filter((k) => at - (kept.get(`${k.account} ${k.operator}`) ?? Number.NEGATIVE_INFINITY) >= DAY_MS);
    if (news.length === 0) return;
    // What could not be kept is tried again the next time; a vote keeps its own account in any case.
    const isKept = await keep(news).then(
      () => true,
      () => false,
    );
    if (isKept) for (const k of news) kept.set(`${k.account} ${k.operator}`, at);
  };
}

function whenChanged(tell: IdentityOptions["onLeftOut"]) {
  const told = new Map<string, string>();
  return (key: string, leftOut: readonly string[]): void => {
    const now = leftOut.join("\n");
    if (now !== (told.get(key) ?? "")) tell(leftOut);
    told.set(key, now);
  };
}

/** The Slack user with this address; null for nobody. */
async function userOfAddress(client: WebClient, email: string): Promise<Result<SlackUser | null, Failure>> {
  const found = await callSlack("users.lookupByEmail", () => client.users.lookupByEmail({ email }));
  if (found.ok) return ok((found.value.user as SlackUser | undefined) ?? null);
  return found.error.code === "slack.users_not_found" ? ok(null) : found;
}

/** Two accounts of one person are one approver with both. */
function onePerPerson(operators: readonly Operator[]): readonly Operator[] {
  const byId = new Map<OperatorId, Operator>();
  for (const one of operators) byId.set(one.id, { ...one, accounts: [...(byId.get(one.id)?.accounts ?? []), ...(one.accounts ?? [])] });
  return [...byId.values()];
}
