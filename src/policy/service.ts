import { type Result, ok } from "../core/result.ts";
import type { PolicyChangeView } from "./ports.ts";
import { Instant } from "../core/ids.ts";
import { DAY_MS } from "../core/units.ts";
import type { Asker } from "../core/people.ts";
import type { Failure } from "../core/failure.ts";
import { recordRefusal } from "../approvals/act.ts";
import { readPolicyChange, readPolicyChanges, type PolicyVersion } from "../store/policies.ts";
import type { PolicyContext } from "./context.ts";
import { approveChange, expireChanges, rejectChange, type PolicyClick } from "./decide.ts";
import { expectPolicy, proposeChange, proposePresentScope, type Wish } from "./propose.ts";
import { findSetting, settings, type Setting } from "./settings.ts";
import { buildChangeView } from "./view.ts";

/** What `/ci-policy` shows. */
export interface PolicyReport {
  readonly version: number;
  readonly since: Instant;
  readonly rows: readonly { readonly name: string; readonly title: string; readonly value: string }[];
  /** Who may approve now; null when Slack did not answer. */
  readonly approvers: readonly string[] | null;
  readonly open: readonly PolicyChangeView[];
  /** The changes that came into force, the newest first. */
  readonly past: readonly PolicyChangeView[];
  /** Where the environment has other values. */
  readonly elsewhere: readonly string[];
  readonly mayPropose: boolean;
}

/** The team's limits for commands and clicks; every refusal is recorded. */
export interface PolicyService {
  report(asker: Asker): Promise<Result<PolicyReport, Failure>>;
  /** One setting with its present value, for a modal; null when there is none of that name. */
  settingOf(name: string): Promise<(Pick<Setting, "name" | "title" | "hint"> & { readonly value: string }) | null>;
  /** Records a proposal and shows its card. */
  propose(by: Asker, wish: Wish): Promise<Result<{ readonly title: string }, Failure>>;
  /** The deciding approval brings the change into force. */
  approve(click: PolicyClick): Promise<Result<{ readonly applied: boolean }, Failure>>;
  reject(click: PolicyClick & { readonly reason: string }): Promise<Result<void, Failure>>;
  /** Records a click that never reached a change. */
  recordRefusal(by: Asker, what: string, f: Failure): Promise<void>;
}

/** Cards are updated for this long after their end. Units: milliseconds. */
const SHOWN_FOR_MS = DAY_MS;
/** How far back `/ci-policy` lists changes. Units: milliseconds. */
const LISTED_MS = 366 * DAY_MS;

/** Builds the service through which the team sees and changes its limits. */
export function createPolicyService(c: PolicyContext): PolicyService {
  const show = (id: string): Promise<void> => showChange(id, c);
  const refuse: PolicyService["recordRefusal"] = (by, what, f) =>
    recordRefusal({ kind: `policy.${what}`, subject: "policy", by: by.operator.id }, f, c);
  return {
    report: async (asker) => ok(await buildReport(asker, c)),
    settingOf: async (name) => {
      const setting = findSetting(name);
      if (setting === undefined) return null;
      const { name: key, title, hint } = setting;
      return { name: key, title, hint, value: key === "scope" ? "present" : setting.write((await expectPolicy(c)).body) };
    },
    async propose(by, wish) {
      const made = await proposeChange(by, wish, c);
      if (!made.ok) {
        await refuse(by, "propose", made.error);
        return made;
      }
      await show(made.value);
      return ok({ title: findSetting(wish.setting)?.title ?? wish.setting });
    },
    async approve(click) {
      const done = await approveChange(click, c);
      if (done.ok) await showAll(c);
      return done;
    },
    async reject(click) {
      const done = await rejectChange(click, c);
      if (done.ok) await show(click.changeId);
      return done;
    },
    recordRefusal: refuse,
  };
}

/** Ends expired changes and updates every card, also after a crash between a decision and the update. */
export async function sweepPolicy(c: PolicyContext): Promise<void> {
  await expireChanges(c);
  // Not only after a pass: while all is stopped there is none, and nobody resumes in a scope that is not confirmed.
  await askAboutScope(c);
  await showAll(c);
}

/** Proposes the scope of this process to the team when it is not the confirmed one. */
export async function askAboutScope(c: PolicyContext): Promise<void> {
  const id = await proposePresentScope(c);
  if (id !== null) await showChange(id, c);
}

async function showAll(c: PolicyContext): Promise<void> {
  for (const { id } of await readPolicyChanges(c.db, c.now() - SHOWN_FOR_MS)) await showChange(id, c);
}

async function showChange(id: string, c: PolicyContext): Promise<void> {
  const row = await readPolicyChange(c.db, id);
  if (row !== null) await c.announcer.showChange(await buildChangeView(row, c.db, c.approvers));
}

async function buildReport(asker: Asker, c: PolicyContext): Promise<PolicyReport> {
  const inForce = await expectPolicy(c);
  const changes = await readPolicyChanges(c.db, c.now() - LISTED_MS);
  const views = await Promise.all(changes.map((row) => buildChangeView(row, c.db, c.approvers)));
  const valid = await c.approvers.resolve(inForce.body.approvers);
  return {
    version: inForce.version,
    since: inForce.at,
    rows: settings.map((s) => ({ name: s.name, title: s.title, value: s.write(inForce.body) })),
    approvers: valid.ok ? valid.value.map((a) => a.name) : null,
    open: views.filter((v) => v.state === "proposed"),
    past: views.filter((v) => v.state === "applied").toReversed(),
    elsewhere: differencesOf(inForce, c),
    mayPropose: asker.isTeam,
  };
}

/** Where the environment has other values: it is used only at the first start. */
function differencesOf(inForce: PolicyVersion, c: PolicyContext): readonly string[] {
  return settings
    .filter((s) => s.name !== "scope" && s.write(c.environment) !== s.write(inForce.body))
    .map((s) => `${s.title}: the environment says ${s.write(c.environment)}, in force is ${s.write(inForce.body)}`);
}

/** Lists where the environment and the policy in force differ, for the log at start. */
export async function namePolicyDifferences(c: PolicyContext): Promise<readonly string[]> {
  return differencesOf(await expectPolicy(c), c);
}
