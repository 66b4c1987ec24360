import { failure, type Failure } from "../core/failure.ts";
import { DomainId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { numberSettings, type NumberSetting, type TeamPolicy } from "../core/policy.ts";
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

/** A number or a time with its bounds. */
function numeric(s: NumberSetting): Setting {
  const words = (n: number): string => (s.kind === "time" ? durationText(n) : s.kind === "share" ? `${Math.round(n * 100)} %` : String(n));
  const hint = `${{ count: "a whole number", time: "a time such as 14 days or 30 minutes", share: "a share such as 80 %" }[s.kind]}, from ${words(s.min)} to ${words(s.max)}`;
  return {
    name: s.name,
    title: s.title,
    hint,
    read(policy, text) {
      const value = readNumber(text, s.kind);
      return value === null || value < s.min || value > s.max ? err(notAValue(s.title, hint)) : ok({ ...policy, [s.key]: value });
    },
    write: (policy) => words(policy[s.key]),
    effect: (before, after) => (after[s.key] > before[s.key] === (s.safer === "more") ? "stricter" : "looser"),
  };
}

function readNumber(text: string, kind: NumberSetting["kind"]): number | null {
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
export const settings: readonly Setting[] = numberSettings.map(numeric).toSpliced(1, 0, approvers).concat(protectedDomains, scope);

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
  ...(Object.fromEntries(numberSettings.map((s) => [s.key, s.initial])) as Pick<TeamPolicy, NumberSetting["key"]>),
  approvers: { group: null, ids: [] },
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
