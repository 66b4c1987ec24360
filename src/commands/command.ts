import { z } from "zod";
import type { ExportKind } from "../core/archive-kinds.ts";
import { failure, type Failure } from "../core/failure.ts";
import { Slug } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { AdoptWish } from "./adopt.ts";
import { parseLinkWish, type LinkWish } from "./export-links.ts";
import { greetingIn, type Greeting } from "./greeting.ts";
import { nearestCommand } from "./nearest.ts";

/** One command, as a person typed it. */
export type Command =
  | { readonly kind: "help" | "deletions" | "resume" | "backup_cost" }
  | { readonly kind: "greeting"; readonly greeting: Greeting }
  | { readonly kind: "status" | "plan" | "sync" | "backups"; readonly slug: Slug | null }
  | { readonly kind: "export_template"; readonly thing: ExportKind; readonly slug: Slug | null; readonly template: string | null }
  | { readonly kind: "policy"; readonly wish: { readonly setting: string; readonly text: string; readonly reason: string } | null }
  | { readonly kind: "adopt"; readonly wish: AdoptWish }
  | { readonly kind: "export_links"; readonly wish: LinkWish }
  | { readonly kind: "stop"; readonly reason: string };

const kinds = new Map([
  ["status", "status"],
  ["export-template", "export_template"],
  ["export-volume", "export_template"],
  ["export-snapshot", "export_template"],
  ["export-links", "export_links"],
  ["plan", "plan"],
  ["sync", "sync"],
  ["deletions", "deletions"],
  ["backups", "backups"],
  ["backup-cost", "backup_cost"],
  ["policy", "policy"],
  ["adopt", "adopt"],
  ["stop", "stop"],
  ["resume", "resume"],
  ["help", "help"],
  ["", "help"],
] as const);
const COMMANDS = [...kinds.keys()].filter((name) => name !== "");
/** What is said with the suggestion of a command that does much. */
const EFFECTS: ReadonlyMap<string, string> = new Map([
  ["stop", "stops every pass and deletion of the whole bot"],
  ["resume", "ends the stop of every pass and deletion"],
]);
const HOW_TO_STOP = "To stop every pass and deletion, write only stop, or /ci-stop and the reason.";
const WORDS_MAX = 1000;
const Words = z.string().max(WORDS_MAX);
/** The command's characters, before what stands around it is taken off. */
const SAID_MAX = 1200;

/**
 * Parses a slash command (`/ci-status` with its text) or the words after a mention, as they were typed, not as Slack encodes them.
 * Errors: `invalid` with how to write it.
 */
export function parseCommand(name: string, text: string): Result<Command, Failure> {
  const typed = wordOf(name);
  // However long a reason is: it stops.
  const words = Words.safeParse(typed === "stop" ? cutReason(text.trim()) : text.trim());
  if (!words.success) return tooLong();
  const kind = kinds.get(typed as Parameters<typeof kinds.get>[0]);
  if (kind === undefined) return err(unknownCommand(`${typed} ${words.data}`));
  if (kind === "help" || kind === "deletions" || kind === "resume" || kind === "backup_cost") return ok({ kind });
  if (kind === "stop") return ok({ kind, reason: words.data === "" ? "no reason given" : words.data });
  if (kind === "policy") return parsePolicy(words.data);
  if (kind === "adopt") return parseAdopt(words.data);
  if (kind === "export_links") {
    const wish = parseLinkWish(words.data);
    return wish.ok ? ok({ kind, wish: wish.value }) : wish;
  }
  const [first, others] = cutFirst(words.data);
  const slug = first === "" ? null : Slug.safeParse(first.toLowerCase().replace(/^#/, ""));
  if (slug !== null && !slug.success) {
    return err(
      failure("invalid", "command.slug", "That is not a project's short name", {
        remedy: "Use its slug: lower-case letters, digits and hyphens, such as aurora.",
      }),
    );
  }
  if (kind === "export_template")
    return ok({ kind, thing: typed.slice("export-".length) as ExportKind, slug: slug?.data ?? null, template: others || null });
  return ok({ kind, slug: slug?.data ?? null });
}

function wordOf(name: string): string {
  return name.replace(/^\/?(?:ci-)?/, "").toLowerCase();
}

/** A reason that can be stored: half a character at its end could not be. */
function cutReason(reason: string): string {
  return reason.length <= WORDS_MAX ? reason : `${reason.slice(0, WORDS_MAX - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function unknownCommand(said: string): Failure {
  const near = nearestCommand(said, COMMANDS);
  const effect = near === null ? undefined : EFFECTS.get(near);
  const meant = near === null ? "" : `Did you mean /ci-${near}${effect === undefined ? "" : `, which ${effect}`}? `;
  // Who wants everything stopped in a hurry is told how, whatever they wrote.
  const stops = near === null && /\b(?:stop|halt)\b/i.test(said) ? `${HOW_TO_STOP} ` : "";
  return failure("invalid", "command.unknown", "There is no such command", { remedy: `${meant}${stops}/ci-help lists all commands.` });
}

function tooLong(): Result<never, Failure> {
  return err(failure("invalid", "command.long", "A command has at most 1,000 characters"));
}

/** The first word, and the rest as it was typed. */
function cutFirst(words: string): readonly [string, string] {
  const first = /^\S*/.exec(words)?.[0] ?? "";
  return [first, words.slice(first.length).trim()];
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

/** Nothing, `release`, or `give-back` and projects. */
function parseAdopt(words: string): Result<Command, Failure> {
  const [first = "", ...rest] = words.split(/[\s,]+/).filter((word) => word !== "");
  const what = first.toLowerCase().replaceAll("_", "-");
  if (what === "" && rest.length === 0) return ok({ kind: "adopt", wish: { what: "adopt" } });
  if (what === "release" && rest.length === 0) return ok({ kind: "adopt", wish: { what: "release" } });
  if (what === "give-back" && rest.length > 0) {
    const projects = rest.map((word) => word.toLowerCase().replace(/^#/, ""));
    return ok({ kind: "adopt", wish: { what: "give_back", projects } });
  }
  return err(
    failure("invalid", "command.adopt", "This is not how an adoption is asked for", {
      remedy: "Write /ci-adopt alone, /ci-adopt release, or /ci-adopt give-back and the short names of projects.",
    }),
  );
}

/** Commands that no sentence gives, however it begins: alone as a word, or as a slash command is written. */
const BARE = new Set(["stop", "resume"]);

/**
 * Parses what was typed after a mention, before one, or in a direct message: `status aurora`. A greeting alone is one. Errors: as
 * `parseCommand`; a sentence that begins with "stop" or "resume" is `invalid`, with how to write it.
 */
export function parseWords(text: string): Result<Command, Failure> {
  const said = text.trim();
  const typed = said
    .slice(0, SAID_MAX)
    .replace(/^(?:<@[^<>]*>[\s,.:;!]*)+/, "")
    .replace(/<@[^<>]*>$/, "")
    .trim();
  const [first, rest] = cutFirst(typed);
  const name = first.replace(/[,.:;!]+$/, "");
  const isSlash = /^\/?ci-/i.test(name);
  if (said.length > SAID_MAX && !(isSlash && wordOf(name) === "stop")) return tooLong();
  if (BARE.has(name.toLowerCase()) && /[^\s,.:;!]/.test(rest)) return err(sentenceWith(name.toLowerCase()));
  const greeting = kinds.has(wordOf(name) as Parameters<typeof kinds.has>[0]) ? null : greetingIn(typed);
  return greeting === null ? parseCommand(name, rest) : ok({ kind: "greeting", greeting });
}

/** Why a sentence did nothing, for somebody who may have meant the command: in an emergency that must not be missed. */
function sentenceWith(name: string): Failure {
  return name === "stop"
    ? failure("invalid", "command.sentence", "Nothing was stopped: a sentence is no command", {
        remedy: `${HOW_TO_STOP} Otherwise there is nothing to do.`,
      })
    : failure("invalid", "command.sentence", "Nothing was resumed: a sentence is no command", {
        remedy: "To end a stop of every pass and deletion, write only resume, or /ci-resume. Otherwise there is nothing to do.",
      });
}
