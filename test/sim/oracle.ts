import { createHash } from "node:crypto";
import { z } from "zod";
import { bytesOf } from "../../emulators/cloudstack/bytes.ts";
import { earliestSecond, type Approval } from "./approvals.ts";
import type { Process } from "./crash.ts";
import { humanOf } from "./identity.ts";
import { listThings, type Thing } from "./inventory.ts";
import { Recoveries } from "./recoveries.ts";
import { passed, tell, times, type World } from "./world.ts";

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));
/** Commands that give or add. */
const ADDING = words(`createDomain createAccount createUser updateUser updateAccount updateResourceLimit enableAccount
  recoverVirtualMachine attachVolume startVirtualMachine extractTemplate extractIso extractVolume extractSnapshot`);
/** What Restore sends: a stop does not keep it away. */
const GIVING_BACK = words("enableAccount recoverVirtualMachine startVirtualMachine attachVolume");
/** What says at the managed root whose it is: a comment, which a stop does not keep away, and which is its own record. */
const MARKING = words("addAnnotation removeAnnotation");
/** Those of a pass, beside the locks. */
const OF_A_PASS = words("createDomain createAccount createUser updateUser updateAccount updateResourceLimit enableAccount");
/** Commands after which all can still be had back. */
const QUARANTINE = words("disableAccount stopVirtualMachine");
/** Rules of a network. */
const RULES = words("deleteRemoteAccessVpn deleteFirewallRule deleteEgressFirewallRule deleteLoadBalancerRule deletePortForwardingRule");
/** Commands after which it cannot, or only for a while. */
const TAKING = words(`destroyVirtualMachine deleteVolume deleteSnapshot deleteVMSnapshot disassociateIpAddress deleteNetwork
  deleteTemplate deleteIso deleteAccount deleteDomain ${[...RULES].join(" ")}`);
/** Whether a command takes something away, and everything is checked again before the next one: a network's rules go in one step. */
export function takesWithNewChecks(command: string): boolean {
  return TAKING.has(command) && !RULES.has(command);
}

/** Clocks of processes may be wrong by two seconds, and a call takes time. Units: ms. */
const TOLERANCE_MS = 10_000;

const Live = z.object({
  id: z.string(),
  domain_id: z.string(),
  project_id: z.string(),
  path: z.string(),
  requesters: z.array(z.string()),
  evidence: z.object({ kind: z.string(), closedBy: z.string().nullish() }),
});

const Version = z.object({
  changeId: z.string(),
  setting: z.string(),
  proposer: z.string(),
  since: z.number(),
  body: z.object({ deletionsPerDay: z.number(), graceMs: z.number(), protectedDomains: z.array(z.string()) }),
});

const Approved = z.object({ body: z.object({ items: z.array(z.object({ id: z.string(), kind: z.string(), name: z.string() })) }) });
const GoOn = Approved.extend({ id: z.string(), reason: z.string() });

/** The versions of the policy after `$1`, with the changes that made them. */
const VERSIONS = `coalesce((select json_agg(json_build_object('changeId', c.id, 'setting', c.setting, 'proposer', c.proposed_by, 'since', v.at,
    'body', v.body) order by v.version)
  from policy_version v join policy_change c on c.id = v.change_id where v.version > $1), '[]')`;
const ENTERED = `coalesce((select json_agg(json_build_object('at', at, 'deletion_id', deletion_id) order by at)
  from deletion_event where kind = 'entered dismantling'), '[]')`;
/** Deletions that ended, or are given back, because too few approvals counted. */
const UNCOUNTED = `coalesce((select json_agg(distinct deletion_id::text) from deletion_event where data::text like '% approvals count%'
  and (kind in ('entered closed', 'entered frozen') or kind = 'restore asked')), '[]')`;
const Entered = z.object({ at: z.number(), deletion_id: z.string() });

/** Judges every effect of the bot by what is true, and never by what the bot says of itself; knows nothing of its code. */
export class Oracle {
  readonly #w: World;
  #things: ReadonlyMap<string, Thing>;
  readonly #recoveries: Recoveries;
  readonly #taken = new Set<string>();
  readonly #open = new Set<string>();
  /** The accounts in them, wherever somebody moved their domain afterwards. */
  readonly #openAccounts = new Set<string>();
  /** How many calls each process sent right after a stop. */
  readonly #late = new Map<string, number>();
  readonly #uncounted = new Set<string>();
  effects = 0;
  deleted = 0;
  /** The last answer each process got about each project, and whether an effect followed it already. */
  readonly evidence = new Map<string, { state: string; used: boolean; network?: string }>();

  constructor(w: World) {
    this.#w = w;
    this.#things = listThings(w.cloud.tree());
    this.#recoveries = new Recoveries(w);
  }

  #violate(invariant: string, sentence: string): void {
    this.#report(`${invariant}: ${sentence}`);
  }

  #report(violation: string): void {
    this.#w.violations.push(violation);
    tell(this.#w, `VIOLATION ${violation}`);
  }

  /** Which changes of policy came into force since the last look: the bot's tables say which, people's clicks whether rightly. */
  async #learnPolicy(): Promise<void> {
    const { versions } = await this.#w.db.one(z.object({ versions: z.array(Version) }), `select ${VERSIONS} as versions`, [
      this.#w.book.versions,
    ]);
    this.#assessPolicy(versions);
  }

  #assessPolicy(versions: readonly z.output<typeof Version>[]): void {
    for (const row of versions) {
      const wrong = this.#w.book.learn({ ...row, proposer: humanOf(row.proposer) });
      tell(this.#w, `the policy's ${row.setting} is changed`);
      if (wrong !== null) this.#violate("INV-2", wrong);
    }
  }

  /** Path of the project's domain in which a call does something; null: in none. */
  topOf(params: URLSearchParams): string | null {
    return this.#things.get(params.get("id") ?? params.get("publicipid") ?? "")?.top ?? null;
  }

  /** Looks at an effect before it is sent. */
  async judge(params: URLSearchParams, by: Process): Promise<void> {
    const command = params.get("command") ?? "";
    if (/^(?:list|query|get)/.test(command) || command === "") return;
    this.effects += 1;
    const isLock = command === "disableAccount" && params.get("lock") === "true";
    const isStopped = this.#w.stop.isOn && !this.#wasOnItsWay(isLock || OF_A_PASS.has(command), by);
    await this.#learnPolicy();
    const named = params.get("id") ?? params.get("publicipid") ?? "";
    const target = this.#things.get(named)?.id ?? named;
    tell(this.#w, `${by.name} sends ${command} ${this.#things.get(target)?.path ?? ""} ${this.#things.get(target)?.name ?? ""}`);
    if (MARKING.has(command)) return;
    if (GIVING_BACK.has(command)) {
      const objection = await this.#recoveries.objectionTo(command, target, isStopped, by, this.#things);
      if (objection !== null) this.#report(objection);
    } else if (isStopped) this.#violate("INV-3", `${command} while everything is stopped`);
    if (params.get("cleanup") === "true") this.#violate("INV-9", `${command} with cleanup=true`);
    if (params.get("expunge") === "true") this.#violate("INV-9", `${command} with expunge=true`);
    await this.#judgeIntent(command);
    if (ADDING.has(command)) return;
    if (isLock) return this.#judgeLock(target);
    if (!QUARANTINE.has(command) && !TAKING.has(command)) return this.#violate("INV-9", `${command} is not known to the oracle`);
    await this.#judgeTaking(command, target, by);
  }

  /** A pass works on four projects at a time: three of its calls may have asked just before a stop. Of a deletion, none. */
  #wasOnItsWay(isOfPass: boolean, by: Process): boolean {
    const { stop } = this.#w;
    if (!isOfPass || passed(this.#w) - stop.since >= 1000) return false;
    const key = `${by.name} ${stop.since}`;
    const late = (this.#late.get(key) ?? 0) + 1;
    this.#late.set(key, late);
    return late <= 3;
  }

  async #judgeIntent(command: string): Promise<void> {
    if (/^extract/.test(command)) return;
    const open = await this.#w.db.one(
      z.object({ n: z.coerce.number() }),
      "select count(*) as n from intent i where not exists (select 1 from outcome o where o.intent_id = i.id and o.result <> 'indeterminate')",
    );
    if (open.n === 0) this.#violate("INV-5", `${command} without an intent before it`);
  }

  /** Only who is not a member may be locked out. */
  #judgeLock(target: string): void {
    const account = this.#things.get(target);
    const project = this.#w.ci.projects.find((p) => `ROOT/ci/${p.slug}` === account?.top);
    const isMember = project?.state === "active" && project.members.some((m) => account?.name === nameOf(m));
    if (isMember && this.#w.ci.mood === "honest")
      this.#violate("INV-6", `the member ${account?.name ?? target} of ${account?.path ?? "?"} is locked out`);
  }

  async #judgeTaking(command: string, target: string, by: Process): Promise<void> {
    const w = this.#w;
    const thing = this.#things.get(target);
    const rows = await w.db.many(
      Live,
      "select id::text, domain_id::text, project_id, path, requesters, evidence from deletion where phase not in ('deleted', 'closed')",
    );
    const path = thing?.top ?? null;
    const deletion = rows.find((r) => r.path === path || r.domain_id === target);
    if (thing !== undefined && path === null)
      return this.#violate("INV-1", `${command} on ${thing.path}, outside of every project's domain`);
    if (deletion === undefined) return this.#violate("INV-2", `${command} on ${thing?.path ?? target} without a live deletion`);
    const slug = deletion.path.split("/").at(-1);
    if (w.book.now.protectedDomains.has(deletion.path) || slug === "old-lab") this.#violate("INV-4", `${command} in ${deletion.path}`);
    // People click before or after a call, or before the bot's last look at what they decided: never while a call is on the wire.
    if (w.askedBack.has(deletion.id)) this.#violate("INV-3", `${command} in ${deletion.path} after it was asked back`);
    const goOns = await this.#goOnsOf(deletion);
    const granted = this.#judgeVotes(deletion, command, goOns);
    const first = command === "disableAccount" || command === "stopVirtualMachine";
    // People only ever make waits longer here.
    const wait = times.coolOffMs + (first ? 0 : times.graceMs);
    // By the time that has really passed: what has waited long enough has done so, though the clock is set back afterwards.
    if (granted !== null && passed(w) < granted + wait - TOLERANCE_MS)
      this.#violate("INV-3", `${command} in ${deletion.path} ${wait - (passed(w) - granted)} ms too early`);
    this.#judgeEvidence(deletion, command, target, by, goOns);
    await this.#judgeContents(deletion.id, command, target, path ?? deletion.path, goOns);
    if (!first && !RULES.has(command)) this.#taken.add(target);
    if (!first) this.#open.add(deletion.path);
    if (command === "destroyVirtualMachine") this.#recoveries.noteDestroyed(target, deletion.id);
  }

  /** What was found when the deletion froze, where two people who may approve now, and did not ask, said Go on to it. */
  async #goOnsOf(d: z.output<typeof Live>): Promise<readonly z.output<typeof GoOn>[]> {
    const now = new Set<string>(this.#w.directory.approvers.map((p) => p.operator.id));
    const asked = await this.#w.db.many(GoOn, "select id::text, reason, body from go_on where deletion_id = $1", [d.id]);
    return asked.filter(({ id }) => {
      const said = [...(this.#w.approvals.get(`go_on ${id}`) ?? new Map<string, Approval>()).keys()];
      return said.filter((who) => now.has(who) && !askersOf(d).includes(who)).length >= 2;
    });
  }

  /** The earliest moment at which the second distinct approval may have been taken; null, with a violation, when two do not count. */
  #judgeVotes(d: z.output<typeof Live>, command: string, goOns: readonly unknown[]): number | null {
    const w = this.#w;
    const now = new Set<string>(w.directory.approvers.map((p) => p.operator.id));
    const votes = [...(w.approvals.get(d.id) ?? new Map<string, Approval>())];
    const counting = votes.filter(([who]) => now.has(who) && !askersOf(d).includes(who)).map(([, approval]) => approval);
    if (counting.length < 2 && goOns.length === 0)
      this.#violate("INV-2", `${command} in ${d.path} with ${counting.length} approvals that count`);
    return earliestSecond(counting);
  }

  #judgeEvidence(d: z.output<typeof Live>, command: string, target: string, by: Process, goOns: readonly z.output<typeof GoOn>[]): void {
    const key = `${by.name} ${d.project_id}`;
    const last = this.evidence.get(key);
    // A network's rules go in one step.
    const isSameStep = last?.network === target && RULES.has(command);
    if (last === undefined || (last.used && !isSameStep))
      return this.#violate("INV-2", `${command} in ${d.path} without asking the CI database before`);
    if (last.state !== d.evidence.kind && !goOns.some((g) => g.reason === "came_back"))
      this.#violate("INV-2", `${command} in ${d.path} although its project is ${last.state}`);
    last.used = true;
    if (RULES.has(command)) last.network = target;
  }

  async #judgeContents(id: string, command: string, target: string, path: string, goOns: readonly z.output<typeof GoOn>[]): Promise<void> {
    const w = this.#w;
    const approved = await w.db.maybe(Approved, "select body from approved_inventory where deletion_id = $1", [id]);
    const items = [approved, ...goOns].flatMap((one) => one?.body.items ?? []);
    const listed = new Set(items.map((i) => i.id));
    if (command !== "deleteDomain" && !listed.has(target)) this.#violate("INV-9", `${command} on something that nobody approved`);
    const strange = [...this.#things.values()].filter(
      (t) => t.top === path && t.kind !== "domain" && t.kind !== "user" && !listed.has(t.id),
    );
    const strangers = strange.filter((t) => !(t.kind === "volume" || t.kind === "network") || !this.#open.has(path));
    if (strangers.length > 0) this.#violate("INV-9", `${command} in ${path} although ${strangers[0]?.kind} ${strangers[0]?.name} appeared`);
    if (QUARANTINE.has(command)) return;
    this.#judgeQuarantine(command, path);
    const Entry = z.object({ item_id: z.string(), store_key: z.string() });
    const entries = await w.db.many(Entry, "select item_id, store_key from archive_entry where owner_id = $1 and state = 'verified'", [id]);
    for (const t of items.filter((i) => i.kind === "template")) {
      const key = entries.find((e) => e.item_id === t.id)?.store_key;
      const kept = key === undefined ? undefined : w.archive.bytesOf(key);
      const real = bytesOf({ id: t.id, size: 600, format: "QCOW2" }, 0, 600);
      if (kept === undefined || sha(kept) !== sha(real))
        this.#violate("INV-8", `${command} in ${path} although ${t.name} is not in the archive`);
    }
  }

  /** From then on nobody may use the domain: by how it stands at this moment. */
  #judgeQuarantine(command: string, path: string): void {
    const inUse = [...listThings(this.#w.cloud.tree()).values()].find(
      (t) => t.top === path && ((t.kind === "account" && t.state !== "disabled") || (t.kind === "machine" && t.state === "Running")),
    );
    if (inUse !== undefined) this.#violate("INV-9", `${command} in ${path} although ${inUse.kind} ${inUse.name} is ${inUse.state}`);
  }

  /** Compares what there is with what there was: nothing may be gone that no approved call took. */
  async look(): Promise<void> {
    const w = this.#w;
    const now = listThings(w.cloud.tree());
    for (const { top, accountId } of this.#things.values())
      if (top !== null && accountId !== null && this.#open.has(top)) this.#openAccounts.add(accountId);
    for (const [id, was] of this.#things) {
      if (now.has(id) || this.#taken.has(id)) continue;
      const inOpened = (was.top !== null && this.#open.has(was.top)) || this.#openAccounts.has(was.accountId ?? "");
      const follows = was.kind === "volume" || was.kind === "network" || was.kind === "user";
      if (!(inOpened && follows)) this.#violate("INV-9", `${was.kind} ${was.path}/${was.name} is gone, and no call took it`);
    }
    for (const [id, was] of this.#things) if (was.kind === "domain" && !now.has(id)) this.deleted += 1;
    this.#things = now;
    const { versions, entered, uncounted } = await w.db.one(
      z.object({ versions: z.array(Version), entered: z.array(Entered), uncounted: z.array(z.string()) }),
      `select ${VERSIONS} as versions, ${ENTERED} as entered, ${UNCOUNTED} as uncounted`,
      [w.book.versions],
    );
    this.#assessPolicy(versions);
    this.#weighBudget(entered);
    for (const id of uncounted) this.#judgeUncounted(id);
    for (const late of await this.#recoveries.late()) this.#violate("INV-9", late);
  }

  /** The bot's database is an older one now. */
  forget(): void {
    this.#recoveries.forget();
  }

  /** Somebody deletes a domain by hand: nothing that vanishes from there is the bot's doing. */
  leaveToPeople(path: string): void {
    for (const t of this.#things.values()) if (t.top === path) this.#taken.add(t.id);
  }

  /** A list that lost people for a moment takes nobody's approval away: people who approved, and still may, are asked for half an hour. */
  #judgeUncounted(id: string): void {
    const { directory, clock, approvals } = this.#w;
    if (this.#uncounted.has(id)) return;
    this.#uncounted.add(id);
    const now = new Set<string>(directory.approvers.map((p) => p.operator.id));
    const have = [...(approvals.get(id) ?? [])].filter(([who, { isSure }]) => isSure && now.has(who)).length;
    const liedFor = clock.at - (directory.liedSince ?? clock.at);
    if (directory.isUnsteady !== true && have >= 2 && liedFor < 30 * 60_000 - TOLERANCE_MS)
      this.#violate("INV-2", `a deletion ended for want of approvals, of which it has ${have}: Slack had lost people for ${liedFor} ms`);
  }

  /** Live deletions that go on by themselves, or should. */
  async unfinished(): Promise<readonly string[]> {
    const Row = z.object({ said: z.string() });
    const waiting = `select path || ' is still in ' || phase || ': ' || coalesce(activity, 'nothing says why') as said from deletion
      where phase not in ('deleted', 'closed', 'frozen', 'proposed') or (phase = 'proposed' and expires_at < $1)`;
    return (await this.#w.db.many(Row, waiting, [this.#w.clock.at])).map((r) => r.said);
  }

  /** Nothing waits for ever, and what stands still is shown to people with its reason. */
  async judgeEnds(): Promise<void> {
    for (const said of await this.unfinished()) this.#violate("INV-5", `after days in which all was well, ${said}`);
    const frozen = await this.#w.db.many(z.object({ id: z.string() }), "select id::text from deletion where phase = 'frozen'");
    for (const { id } of frozen) {
      const card = this.#w.cards.findLast((c) => c.id === id);
      if (card?.phase !== "frozen" || card.frozenReason === null)
        this.#violate("INV-5", `${card?.path ?? id} is frozen, and its card does not say why`);
    }
  }

  /** Something of the cloud's own people came or went: that is no act of the bot. */
  refresh(): void {
    this.#things = listThings(this.#w.cloud.tree());
  }

  #weighBudget(rows: readonly z.output<typeof Entered>[]): void {
    const firsts = rows.filter((r, i) => rows.findIndex((x) => x.deletion_id === r.deletion_id) === i);
    for (const r of firsts) {
      const within = (ms: number): number => firsts.filter((x) => x.at <= r.at && x.at > r.at - ms + 2 * TOLERANCE_MS).length;
      const limits = this.#w.book.at(r.at);
      if (within(86_400_000) > limits.perDay || within(7 * 86_400_000) > limits.perWeek)
        this.#violate("INV-11", "more domains than the budget entered the irreversible part");
    }
  }
}

/** Who closed the project asked for its deletion, whether the bot wrote that down or not. */
function askersOf(d: z.output<typeof Live>): readonly string[] {
  return [...d.requesters, `ci:${d.evidence.closedBy ?? ""}`].map(humanOf);
}

function sha(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The account name of a member. */
export function nameOf(member: string): string {
  return { u11: "uma", u12: "vic", u13: "wim" }[member] ?? member;
}
