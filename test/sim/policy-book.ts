import type { TeamPolicy } from "../../src/core/policy.ts";

/** The limits that the oracle judges by. */
export interface BookEntry {
  readonly since: number;
  readonly perDay: number;
  readonly perWeek: number;
  readonly protectedDomains: ReadonlySet<string>;
}

/** One version as the bot's tables have it. */
export interface LearntVersion {
  readonly changeId: string;
  readonly setting: string;
  readonly proposer: string;
  readonly since: number;
  readonly body: Pick<TeamPolicy, "deletionsPerDay" | "protectedDomains" | "graceMs">;
}

/** What people made of the policy: kept from what was clicked. The bot's tables only tell which click was the deciding one. */
export class PolicyBook {
  readonly #entries: BookEntry[];
  readonly #wanted = new Map<string, Partial<BookEntry>>();
  readonly #yes = new Map<string, Set<string>>();

  constructor(first: TeamPolicy, since: number) {
    const { deletionsPerDay: perDay, deletionsPerWeek: perWeek, protectedDomains } = first;
    this.#entries = [{ since, perDay, perWeek, protectedDomains: new Set(protectedDomains) }];
  }

  /** What is in force. */
  get now(): BookEntry {
    return this.#entries.at(-1) as BookEntry;
  }

  /** How many versions there are. */
  get versions(): number {
    return this.#entries.length;
  }

  /** What was in force at an instant, the laxest within the tolerance for wrong clocks. Units: ms. */
  at(instant: number): Pick<BookEntry, "perDay" | "perWeek"> {
    const next = (i: number): number => this.#entries[i + 1]?.since ?? Number.POSITIVE_INFINITY;
    const near = this.#entries.filter((e, i) => e.since <= instant + 10_000 && next(i) > instant - 10_000);
    const of = near.length === 0 ? this.#entries : near;
    return { perDay: Math.max(...of.map((e) => e.perDay)), perWeek: Math.max(...of.map((e) => e.perWeek)) };
  }

  /** A backup of the database with so many versions was restored. */
  goBackTo(versions: number): void {
    this.#entries.splice(Math.max(1, versions));
  }

  /** Somebody asks for a change. */
  want(setting: string, proposer: string, value: string, becomes: Partial<BookEntry>): void {
    this.#wanted.set(`${setting} ${proposer} ${value}`, becomes);
  }

  /** An approver says yes. */
  say(changeId: string, who: string): void {
    this.#yes.set(changeId, (this.#yes.get(changeId) ?? new Set()).add(who));
  }

  /** A version came into force. Gives what is wrong with that, or null. */
  learn(v: LearntVersion): string | null {
    const value = {
      "deletions-per-day": String(v.body.deletionsPerDay),
      "protected-domains": v.body.protectedDomains.map((d) => d.replace(/ \([0-9a-f-]{36}\)$/, "")).join(),
      grace: "3 hours",
    }[v.setting];
    const becomes = this.#wanted.get(`${v.setting} ${v.proposer} ${value ?? ""}`);
    const yes = [...(this.#yes.get(v.changeId) ?? [])].filter((who) => who !== v.proposer);
    this.#entries.push({ ...this.now, ...becomes, since: v.since });
    if (becomes === undefined) return `${v.setting} became ${value ?? "?"} although nobody asked for that`;
    return yes.length < 2 ? `${v.setting} changed with ${yes.length} approvals that count` : null;
  }
}
