import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";
import { Slug } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";

/** One command, as a person typed it. */
export type Command =
  | { readonly kind: "help" | "deletions" | "resume" | "backup_cost" }
  | { readonly kind: "status" | "plan" | "sync" | "backups"; readonly slug: Slug | null }
  | { readonly kind: "export_template"; readonly slug: Slug | null; readonly template: string | null }
  | { readonly kind: "policy"; readonly wish: { readonly setting: string; readonly text: string; readonly reason: string } | null }
  | { readonly kind: "stop"; readonly reason: string };

const kinds = {
  status: "status",
  "export-template": "export_template",
  plan: "plan",
  sync: "sync",
  deletions: "deletions",
  backups: "backups",
  "backup-cost": "backup_cost",
  policy: "policy",
  stop: "stop",
  resume: "resume",
  help: "help",
  "": "help",
} as const;
const Words = z.string().max(1000);

/** Parses a slash command (`/ci-status` with its text) or the words after a mention. Errors: `invalid` with how to write it. */
export function parseCommand(name: string, text: string): Result<Command, Failure> {
  const words = Words.safeParse(text.trim());
  if (!words.success) return err(failure("invalid", "command.long", "A command has at most 1,000 characters"));
  const kind = kinds[name.replace(/^\/?(?:ci-)?/, "").toLowerCase() as keyof typeof kinds] as
    (typeof kinds)[keyof typeof kinds] | undefined;
  if (kind === undefined)
    return err(failure("invalid", "command.unknown", "There is no such command", { remedy: "/ci-help lists all commands." }));
  const [first = "", ...others] = words.data.split(/\s+/);
  if (kind === "help" || kind === "deletions" || kind === "resume" || kind === "backup_cost") return ok({ kind });
  if (kind === "stop") return ok({ kind, reason: words.data === "" ? "no reason given" : words.data });
  if (kind === "policy") return parsePolicy(words.data);
  const slug = first === "" ? null : Slug.safeParse(first.toLowerCase());
  if (slug !== null && !slug.success) {
    return err(
      failure("invalid", "command.slug", "That is not a project's short name", {
        remedy: "Use its slug: lower-case letters, digits and hyphens, such as aurora.",
      }),
    );
  }
  if (kind === "export_template") return ok({ kind, slug: slug?.data ?? null, template: others.join(" ") || null });
  return ok({ kind, slug: slug?.data ?? null });
}

/** `set <setting> <value> because <reason>`, or nothing. */
function parsePolicy(words: string): Result<Command, Failure> {
  if (words === "") return ok({ kind: "policy", wish: null });
  const [, setting = "", text = "", reason = ""] = /^set\s+(\S+)\s+(.+?)\s+because\s+(.+)$/is.exec(words) ?? [];
  if (setting !== "") return ok({ kind: "policy", wish: { setting, text, reason } });
  return err(
    failure("invalid", "command.policy", "This is not how a change of policy is written", {
      remedy: "Write for example: /ci-policy set grace 30 days because the summer is long. /ci-policy alone lists the settings.",
    }),
  );
}

/** Parses what was typed after a mention or in a direct message: `status aurora`. */
export function parseWords(text: string): Result<Command, Failure> {
  const [name = "", ...rest] = text
    .replace(/<@[^>]+>/g, " ")
    .trim()
    .split(/\s+/);
  return parseCommand(name, rest.join(" "));
}
