import { fail, type Failure } from "../core/failure.ts";
import { protectsAll, readProtected } from "../core/protected.ts";
import { ok, type Result } from "../core/result.ts";
import { numberSettings, type DatabaseSource, type NumberSetting, type TeamPolicy } from "../core/policy.ts";
import { APPROVERS_MIN } from "../core/votes.ts";
import { durationText, parseDuration } from "./units.ts";

/** Whether a change makes deletions harder (`stricter`), easier (`looser`) or neither. */
export type Effect = "stricter" | "looser" | "neutral";

/** One setting of the policy: its name, how it is read and written, and the effect of a change. Pure. */
export interface Setting {
  /** As it is typed. */
  readonly name: string;
  /** As it is shown. */
  readonly title: string;
  /** How to write a value. */
  readonly hint: string;
  /** Gives the policy with this setting read from `text`. Errors: `invalid`, with the hint. */
  read(policy: TeamPolicy, text: string, now: PresentScope): Result<TeamPolicy, Failure>;
  /** Writes the value so that `read` reads it again. */
  write(policy: TeamPolicy): string;
  effect(before: TeamPolicy, after: TeamPolicy): Effect;
}

/** The scope of this process, by its environment. */
export type PresentScope = TeamPolicy["scope"];

/** A number or a time with its bounds. */
function numeric(s: NumberSetting): Setting {
  const words = (n: number): string => (s.kind === "time" ? durationText(n) : s.kind === "share" ? `${Math.round(n * 100)} %` : String(n));
  const shape = { count: "a whole number", time: "a time such as 14 days or 30 minutes", share: "a share such as 80 %" }[s.kind];
  const hint = `${shape}, from ${words(s.min)} to ${words(s.max)}`;
  return {
    name: s.name,
    title: s.title,
    hint,
    read(policy, text) {
      const value = readNumber(text, s.kind);
      return value === null || value < s.min || value > s.max ? notAValue(s.title, hint) : ok({ ...policy, [s.key]: value });
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
  hint: `one user group (@handle or S…), then perhaps the Slack ids of its members whom the CI database does not know; or at least ${APPROVERS_MIN} people by Slack id; all separated by commas`,
  read(policy, text) {
    const words = text.split(/[,\s]+/).filter((w) => w !== "");
    const first = /^(?:(@[a-z0-9._-]{1,80})|(S[A-Z0-9]{2,20})|<!subteam\^(S[A-Z0-9]{2,20})(?:\|[^>]*)?>)$/.exec(words[0] ?? "");
    const group = first === null ? null : (first[1] ?? first[2] ?? first[3] ?? "");
    const named = first === null ? words : words.slice(1);
    const ids = named.map((w) => /^(?:([UW][A-Z0-9]{2,20})|<@([UW][A-Z0-9]{2,20})(?:\|[^>]*)?>)$/.exec(w)).map((m) => m?.[1] ?? m?.[2]);
    const known = new Set(ids.flatMap((id) => (id === undefined ? [] : [id])));
    if (ids.includes(undefined) || (group === null && known.size < APPROVERS_MIN) || known.size > 100)
      return notAValue(this.title, this.hint);
    return ok({ ...policy, approvers: { group, ids: [...known].toSorted() } });
  },
  write: ({ approvers: { group, ids } }) =>
    [...(group === null ? [] : [/^S[A-Z0-9]{2,}$/.test(group) ? group : `@${group.replace(/^@/, "")}`]), ...ids].join(", "),
  effect: () => "neutral",
};

const protectedDomains: Setting = {
  name: "protected-domains",
  title: "Protected domains",
  hint: "all of them, by UUID or path such as ROOT/ci/aurora, separated by commas, what lies below is protected too; or the word none",
  read(policy, text) {
    const words = text.trim().toLowerCase() === "none" ? [] : text.split(",").map((w) => w.trim());
    if (words.some((w) => readProtected(w) === null) || words.length > 200) return notAValue(this.title, this.hint);
    return ok({ ...policy, protectedDomains: [...new Set(words)].toSorted() });
  },
  write: (policy) => policy.protectedDomains.join(", ") || "none",
  effect: (before, after) => (protectsAll(after.protectedDomains, before.protectedDomains) ? "stricter" : "looser"),
};

const KINDS = ["volume", "snapshot"] as const;

const exportKinds: Setting = {
  name: "export-kinds",
  title: "Exported besides templates",
  hint: "volumes, or snapshots, or both separated by a comma, which members can then download; or the word none",
  read({ exportKinds: _, ...others }, text) {
    const words = text
      .toLowerCase()
      .split(/[,\s]+/)
      .filter((w) => w !== "");
    if (words.join() === "none") return ok(others);
    const kinds = KINDS.filter((kind) => words.includes(`${kind}s`));
    const known = words.every((w) => KINDS.some((kind) => `${kind}s` === w));
    return known && kinds.length > 0 ? ok({ ...others, exportKinds: [...kinds] }) : notAValue(this.title, this.hint);
  },
  write: ({ exportKinds: kinds = [] }) => kinds.map((kind) => `${kind}s`).join(", ") || "none",
  effect: (before, after) => ((after.exportKinds ?? []).every((kind) => before.exportKinds?.includes(kind)) ? "stricter" : "looser"),
};

const scope: Setting = {
  name: "scope",
  title: "Scope",
  hint: "the word present: what this process reads, and which roles it gives, by its environment",
  read: (policy, text, present) =>
    text.trim().toLowerCase() === "present" ? ok({ ...policy, scope: present }) : notAValue("Scope", scope.hint),
  write: ({ scope: s }) => {
    const roles = Object.entries(s.roles ?? {}).map(([ci, cloud]) => `${ci}=${cloud}`);
    const read = `${s.root} on ${s.server}; ${s.views.projects}, ${s.views.users}, ${s.views.memberships} in ${s.database}`;
    return `${read}; ${sourceText(s.source)}; ${roles.length === 0 ? "no map of roles" : `roles ${roles.toSorted().join(",")}`}`;
  },
  effect: () => "neutral",
};

function sourceText(source: DatabaseSource | undefined): string {
  if (source === undefined) return "which database answers there is not confirmed";
  const views = Object.values(source.views).map((v) => `${v.name} ${v.definition}`);
  return `there answers ${source.database} on ${source.server}, with ${views.join(", ")}`;
}

/** Every setting, in the order in which it is shown. */
export const settings: readonly Setting[] = numberSettings
  .map(numeric)
  .toSpliced(1, 0, approvers)
  .concat(protectedDomains, exportKinds, scope);

/** Finds a setting by its typed name. */
export function findSetting(name: string): Setting | undefined {
  return settings.find((s) => s.name === name.trim().toLowerCase());
}

/** What is wrong with a typed value; null: it can be read. */
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

/** Assesses rules between settings for the changed one. `approverCount`: how many the new policy would have; null: not known. */
export function assessPolicy(p: TeamPolicy, changed: string, approverCount: number | null): Result<void, Failure> {
  if (/^deletions-per-/.test(changed) && p.deletionsPerDay > p.deletionsPerWeek)
    return refused(
      "per_day",
      `${p.deletionsPerDay} deletions a day are more than ${p.deletionsPerWeek} a week`,
      "Change the week's number first.",
    );
  if (approverCount !== null && approverCount < APPROVERS_MIN)
    return refused(
      "approvers",
      `Only ${approverCount} of these may approve, at least ${APPROVERS_MIN} are needed`,
      "Bots, guests, external and deactivated people do not count, nor two accounts of one person.",
    );
  // One of them may be the requester, who has no vote.
  if (approverCount !== null && p.quorum > approverCount - 1)
    return refused(
      "quorum",
      `${approverCount} approvers can never give ${p.quorum} approvals: who asks may not approve`,
      "Choose a smaller number, or more approvers.",
    );
  return ok(undefined);
}

function notAValue(title: string, hint: string): Result<never, Failure> {
  return fail("invalid", "policy.value", `This is not a valid value for ${title}`, { remedy: `Write ${hint}.` });
}

function refused(rule: string, sentence: string, remedy: string): Result<never, Failure> {
  return fail("refused", `policy.${rule}`, sentence, { remedy });
}
