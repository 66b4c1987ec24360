import {
  actionOf,
  situations,
  type AdoptionBody,
  type AdoptionDomain,
  type AdoptionRow,
  type MappedPair,
  type Situation,
} from "../../core/adoption.ts";
import { canonicalJson } from "../../core/digest.ts";
import { failure, type Failure } from "../../core/failure.ts";
import type { KnownState } from "../../core/managed.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { Queryable } from "../../store/db.ts";
import { readLiveHeads } from "../../store/deletions.ts";
import { readKnownState } from "../../store/managed.ts";
import { observe } from "../execution/observe.ts";
import type { CompleteDesired } from "../planning/desired.ts";
import type { CompleteObserved } from "../planning/observed.ts";
import { recognise, type Recognised } from "../planning/recognise.ts";
import type { SurveyContext } from "./context.ts";
import { readMapping } from "./mapping.ts";
import { match, type Match } from "./match.ts";

/** Both sides, read completely, and how they match. */
export interface Survey extends Match {
  readonly desired: CompleteDesired;
  readonly observed: CompleteObserved;
  readonly known: KnownState;
  readonly recognised: Recognised;
  readonly mapped: readonly MappedPair[];
}

/** What a survey goes by besides the names: the text of a mapping file, or the pairs that one named before. */
export type Mapping = { readonly text: string } | { readonly pairs: readonly MappedPair[] };

/** Nothing is managed: there is no database of Twokey's yet. */
export const nothingKnown: KnownState = {
  ...{ managedDomains: [], managedAccounts: [], generations: {}, domainsUnderDeletion: [] },
  ...{ lastComplete: null, pinnedScope: null },
};

/**
 * Reads both sides and matches them; writes nothing.
 *
 * Errors: `unavailable` when a side was not read completely; `invalid` for a mapping file that cannot be used.
 */
export async function survey(mapping: Mapping, known: KnownState, c: SurveyContext): Promise<Result<Survey, Failure>> {
  const { desired, observed } = await observe(c.fleet, known, c.desired, c.observed);
  if (desired.coverage === "partial") return err(unread("The CI database", desired.reason));
  if (observed.coverage === "partial") return err(unread("CloudStack", observed.reason));
  const { projects, held } = desired;
  const { domains, nonUuid, accounts } = observed;
  const named = { root: c.fleet.root, projects, domains, nonUuid, accounts, known };
  const mapped = "pairs" in mapping ? ok(mapping.pairs) : mapping.text === "" ? ok([]) : readMapping(mapping.text, named);
  if (!mapped.ok) return mapped;
  const recognised = recognise(desired, observed, known);
  const derived = new Set<string>([...recognised.domains.map((d) => d.domainId), ...recognised.accounts.map((a) => a.accountId)]);
  const matched = match({ projects, held, domains, nonUuid, accounts, known, derived, mapped: mapped.value });
  return ok({ ...matched, desired, observed, known, recognised, mapped: mapped.value });
}

/** What this database says is managed. */
export async function readKnown(q: Queryable): Promise<KnownState> {
  const busy = (await readLiveHeads(q)).map((d) => d.domain_id);
  return { ...(await readKnownState(q, busy)), pinnedScope: null };
}

function unread(side: string, reason: string): Failure {
  return failure("unavailable", "adoption.unread", `${side} was not read completely: ${reason}`, {
    remedy: "Nothing was done. Fix that and try again.",
  });
}

/** How many rows are in each situation. */
export function countRows(rows: readonly AdoptionRow[]): Readonly<Record<Situation, number>> {
  return Object.fromEntries(situations.map((s) => [s, rows.filter((r) => r.situation === s).length])) as Record<Situation, number>;
}

/** The whole table as text, the counts first. */
export function tableText({ rows, lines, root }: Pick<AdoptionBody, "rows" | "lines" | "root">): string {
  const counts = countRows(rows);
  const summary = situations.filter((s) => counts[s] > 0).map((s) => `${counts[s]} ${s.replace("_", " ")}: ${actionOf[s]}`);
  const order = (r: AdoptionRow): number => (r.situation === "found" ? 0 : r.situation === "ambiguous" ? 1 : 2);
  const table = rows
    .toSorted((a, b) => order(a) - order(b))
    .map((r) => `${r.situation.replace("_", " ").padEnd(14)} ${r.what.padEnd(7)} ${oneLine(r.place)}: ${oneLine(r.reason)}`);
  return [`Below ${root}`, ...summary, "", ...lines.map(oneLine), ...table, ""].join("\n");
}

/** Names of others may hold line feeds. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u202A-\u202E\u2066-\u2069]/gu, " ");
}

/**
 * What of a table is no longer so, one sentence each: what moved, is gone, or matches otherwise now. Nothing new counts.
 *
 * Invariant: INV-2: people agreed on these domains at these places, with these accounts, and on nothing else.
 */
export function whatMoved(approved: readonly AdoptionDomain[], now: Pick<Survey, "domains" | "observed" | "rows">): readonly string[] {
  const fresh = new Map(now.domains.map((d) => [d.domainId, d]));
  const there = new Map(now.observed.domains.map((d) => [d.id, d]));
  return approved.flatMap((d) => {
    const [found, listed] = [fresh.get(d.domainId), there.get(d.domainId)];
    if (listed === undefined) return [`${d.path} is no longer there`];
    if (listed.path !== d.path) return [`${d.path} is now at ${listed.path}`];
    const why = now.rows.find((r) => r.what === "domain" && r.domains.includes(d.domainId));
    if (found === undefined) {
      const gone = d.isNew || why?.situation !== "confirmed";
      return gone
        ? [`${d.path} is ${why?.situation ?? "unknown"} now: ${why?.reason ?? ""}`]
        : [`the accounts in ${d.path} match otherwise now`];
    }
    const same = (one: AdoptionDomain): string => canonicalJson({ ...one, accounts: [] });
    if (same(found) !== same(d)) return [`${d.path} belongs to ${found.slug} now`];
    const accounts = new Set(found.accounts.map((a) => canonicalJson(a)));
    return d.accounts.filter((a) => !accounts.has(canonicalJson(a))).map((a) => `the account ${d.path}/${a.name} matches otherwise now`);
  });
}
