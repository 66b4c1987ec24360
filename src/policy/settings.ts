import { failure, type Failure } from "../core/failure.ts";
import { DomainId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { TeamPolicy } from "../store/policies.ts";
import { durationText, parseDuration } from "./units.ts";

/** What a change does to how well things are guarded. `beside`: neither more nor less. */
export type Effect = "stricter" | "looser" | "beside";

/** One setting of the policy: how it is called, read, written, and what a change of it means. Pure. */
export interface Setting {
  /** As it is typed. */
  readonly name: string;
  /** As it is shown. */
  readonly title: string;
  /** How to write a value. */
  readonly hint: string;
  /** The policy with this setting as `text` says. Errors: `invalid`, with what may be written. */
  read(policy: TeamPolicy, text: string, now: PresentScope): Result<TeamPolicy, Failure>;
  /** The setting's value in words that `read` takes. */
  write(policy: TeamPolicy): string;
  effect(before: TeamPolicy, after: TeamPolicy): Effect;
}

/** What this process reads, by its environment. */
export type PresentScope = TeamPolicy["scope"];

type NumberKey = { [K in keyof TeamPolicy]: TeamPolicy[K] extends number ? K : never }[keyof TeamPolicy];
const SECOND = 1000;
const DAY = 86_400_000;

/** A number or a time with its bounds; `safer` says which way is the safer one. */
function numeric(
  name: string,
  title: string,
  key: NumberKey,
  o: { readonly min: number; readonly max: number; readonly safer: "more" | "less"; readonly kind?: "count" | "time" | "share" },
): Setting {
  const kind = o.kind ?? "count";
  const words = (n: number): string => (kind === "time" ? durationText(n) : kind === "share" ? `${Math.round(n * 100)} %` : String(n));
  const hint = `${{ count: "a whole number", time: "a time such as 14 days or 30 minutes", share: "a share such as 80 %" }[kind]}, from ${words(o.min)} to ${words(o.max)}`;
  return {
    name,
    title,
    hint,
    read(policy, text) {
      const value = readNumber(text, kind);
      return value === null || value < o.min || value > o.max ? err(notAValue(title, hint)) : ok({ ...policy, [key]: value });
    },
    write: (policy) => words(policy[key]),
    effect: (before, after) => (after[key] > before[key] === (o.safer === "more") ? "stricter" : "looser"),
  };
}

function readNumber(text: string, kind: "count" | "time" | "share"): number | null {
  if (kind === "time") return parseDuration(text);
  const shape = kind === "share" ? /^(\d{1,3})\s*%$/ : /^(\d{1,9})$/;
  const digits = shape.exec(text.trim())?.[1];
  return digits === undefined ? null : kind === "share" ? Number(digits) / 100 : Number(digits);
}

const approvers: Setting = {
  name: "approvers",
  title: "Approvers",
  hint: "one user group (@handle or S…), or at least three people by Slack id, separated by commas",
  read(policy, text) {
    const words = text.split(/[,\s]+/).filter((w) => w !== "");
    const group =
      words.length === 1
        ? /^(?:@([a-z0-9._-]{1,80})|(S[A-Z0-9]{2,20})|<!subteam\^(S[A-Z0-9]{2,20})(?:\|[^>]*)?>)$/.exec(words[0] ?? "")
        : null;
    if (group !== null) return ok({ ...policy, approvers: { group: group[1] ?? group[2] ?? group[3] ?? "", ids: [] } });
    const ids = words.map((w) => /^(?:([UW][A-Z0-9]{2,20})|<@([UW][A-Z0-9]{2,20})(?:\|[^>]*)?>)$/.exec(w)).map((m) => m?.[1] ?? m?.[2]);
    const known = ids.flatMap((id) => (id === undefined ? [] : [id]));
    if (known.length !== words.length || new Set(known).size < 3 || known.length > 100) return err(notAValue(this.title, this.hint));
    return ok({ ...policy, approvers: { group: null, ids: [...new Set(known)].toSorted() } });
  },
  write: ({ approvers: { group, ids } }) =>
    group === null ? ids.join(", ") : /^S[A-Z0-9]{2,}$/.test(group) ? group : `@${group.replace(/^@/, "")}`,
  effect: () => "beside",
};

const protectedDomains: Setting = {
  name: "protected-domains",
  title: "Protected domains",
  hint: "all of them, by UUID or path such as ROOT/ci/aurora, separated by commas; or the word none",
  read(policy, text) {
    const words = text.trim().toLowerCase() === "none" ? [] : text.split(",").map((w) => w.trim());
    const isOne = (w: string): boolean => DomainId.safeParse(w).success || /^ROOT(?:\/[^/\p{Cc}]{1,255})+$/u.test(w);
    if (!words.every(isOne) || words.length > 200) return err(notAValue(this.title, this.hint));
    return ok({ ...policy, protectedDomains: [...new Set(words)].toSorted() });
  },
  write: (policy) => policy.protectedDomains.join(", ") || "none",
  effect: (before, after) => (before.protectedDomains.every((d) => after.protectedDomains.includes(d)) ? "stricter" : "looser"),
};

const scope: Setting = {
  name: "scope",
  title: "Scope",
  hint: "the word present: what this process reads, by its environment",
  read: (policy, text, present) =>
    text.trim().toLowerCase() === "present" ? ok({ ...policy, scope: present }) : err(notAValue("Scope", scope.hint)),
  write: ({ scope: s }) => `${s.root} on ${s.server}; ${s.views.projects}, ${s.views.users}, ${s.views.memberships} in ${s.database}`,
  effect: () => "beside",
};

/** Every setting, in the order in which it is shown. */
export const settings: readonly Setting[] = [
  numeric("quorum", "Approvals needed", "quorum", { min: 2, max: 20, safer: "more" }),
  approvers,
  numeric("approval-time", "Time to approve", "approvalMs", { min: 10 * SECOND, max: 30 * DAY, safer: "less", kind: "time" }),
  numeric("cool-off", "Cool-off", "coolOffMs", { min: SECOND, max: 30 * DAY, safer: "more", kind: "time" }),
  numeric("grace", "Grace period", "graceMs", { min: SECOND, max: 366 * DAY, safer: "more", kind: "time" }),
  numeric("deletions-per-day", "Deletions a day", "deletionsPerDay", { min: 0, max: 50, safer: "less" }),
  numeric("deletions-per-week", "Deletions a week", "deletionsPerWeek", { min: 0, max: 200, safer: "less" }),
  numeric("proposals-per-pass", "Proposals a pass", "proposalsPerPass", { min: 0, max: 1000, safer: "less" }),
  numeric("restrictions-per-pass", "Locks and lowered limits a pass", "restrictionsPerPass", { min: 0, max: 1000, safer: "less" }),
  numeric("changes-per-pass", "Changes a pass", "changesPerPass", { min: 1, max: 100_000, safer: "less" }),
  numeric("shrink-min-share", "Smallest share of the last read", "shrinkMinShare", { min: 0.1, max: 1, safer: "more", kind: "share" }),
  numeric("absence-reads", "Reads in which a project must be absent", "absenceReads", { min: 2, max: 100_000, safer: "more" }),
  numeric("absence-time", "Time for which a project must be absent", "absenceMs", {
    min: SECOND,
    max: 366 * DAY,
    safer: "more",
    kind: "time",
  }),
  protectedDomains,
  scope,
];

/** Finds a setting by its typed name. */
export function findSetting(name: string): Setting | undefined {
  return settings.find((s) => s.name === name.trim().toLowerCase());
}

/** What is wrong with a typed value, before anybody is asked; null: it can be read. */
export function problemOfValue(name: string, text: string): string | null {
  const setting = findSetting(name);
  if (setting === undefined) return "There is no such setting.";
  return setting.read(NOTHING, text, NOTHING.scope).ok ? null : `Write ${setting.hint}.`;
}

const NOTHING: TeamPolicy = {
  quorum: 2,
  approvers: { group: null, ids: [] },
  approvalMs: 1,
  coolOffMs: 0,
  graceMs: 0,
  deletionsPerDay: 0,
  deletionsPerWeek: 0,
  proposalsPerPass: 0,
  restrictionsPerPass: 0,
  changesPerPass: 1,
  shrinkMinShare: 1,
  absenceReads: 2,
  absenceMs: 0,
  protectedDomains: [],
  scope: { root: "", server: "", database: "", views: { projects: "", users: "", memberships: "" } },
};

/** Rules between settings, for the one that is changed. `approvers`: how many valid ones the new policy would have; null: not asked. */
export function assessPolicy(p: TeamPolicy, changed: string, approverCount: number | null): Result<void, Failure> {
  if (/^deletions-per-/.test(changed) && p.deletionsPerDay > p.deletionsPerWeek)
    return err(
      refusal(
        "per_day",
        `${p.deletionsPerDay} deletions a day are more than ${p.deletionsPerWeek} a week`,
        "Change the week's number first.",
      ),
    );
  if (approverCount !== null && approverCount < APPROVERS_MIN)
    return err(
      refusal(
        "approvers",
        `Only ${approverCount} of these may approve, at least ${APPROVERS_MIN} are needed`,
        "Bots, guests, external and deactivated people do not count, nor two accounts of one person.",
      ),
    );
  // One of them may have asked, and who asked does not count.
  if (approverCount !== null && p.quorum > approverCount - 1)
    return err(
      refusal(
        "quorum",
        `${p.quorum} approvals could never be had of ${approverCount} approvers: who asks may not approve`,
        "Take a smaller number, or more approvers.",
      ),
    );
  return ok(undefined);
}

/** Fewer approvers than this, and one absence stops all. */
export const APPROVERS_MIN = 3;

function notAValue(title: string, hint: string): Failure {
  return failure("invalid", "policy.value", `That is no value for: ${title}`, { remedy: `Write ${hint}.` });
}

function refusal(code: string, sentence: string, remedy: string): Failure {
  return failure("refused", `policy.${code}`, sentence, { remedy });
}
