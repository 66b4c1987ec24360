import { distance } from "fastest-levenshtein";
import { Slug } from "../core/ids.ts";

/** Words by which people ask for a command without naming it. */
const MEANT: Readonly<Record<string, readonly string[]>> = {
  status: ["state", "domain", "machines"],
  "export-template": ["export", "template", "templates", "download"],
  backups: ["backup", "saved"],
  deletions: ["deletion", "deleted"],
  stop: ["halt"],
  resume: ["continue"],
  help: ["commands"],
};

/** Commands that are about one project. */
const ABOUT_A_PROJECT = new Set(["status", "export-template", "backups", "plan", "sync"]);

/** Commands that act on everything: suggested for one word that is meant or mistyped, never for a sentence. */
const ACT_ON_ALL = new Set(["stop", "resume"]);

/** Most words of a sentence that are looked at, and most letters of one. */
const [WORDS_MAX, LETTERS_MAX] = [40, 40];

/**
 * The command that somebody may have meant by a mistyped word or a sentence, with the project that it names; null: none is near. It is only
 * suggested, never done. Pure.
 */
export function nearestCommand(said: string, commands: readonly string[]): string | null {
  const words = said.trim().toLowerCase().split(/\s+/).slice(0, WORDS_MAX).map(bareWord);
  const [first = ""] = words;
  const suggested = words.length === 1 ? commands : commands.filter((c) => !ACT_ON_ALL.has(c));
  const found = byWord(words, suggested) ?? byLetters(first, suggested);
  if (found === null) return null;
  const project = ABOUT_A_PROJECT.has(found.command) ? projectIn(words, found.at) : null;
  return project === null ? found.command : `${found.command} ${project}`;
}

interface Found {
  readonly command: string;
  /** Which word said so. */
  readonly at: number;
}

/** A word of the sentence that is a command's name, or one of its words. */
function byWord(words: readonly string[], commands: readonly string[]): Found | null {
  for (const [at, word] of words.entries()) {
    const command = commands.find((c) => c === word) ?? commands.find((c) => (MEANT[c] ?? []).includes(word));
    if (command !== undefined) return { command, at };
  }
  return null;
}

/** The name that a mistyped first word is nearest to: at most half of its letters differ; of what acts on everything not the first. */
function byLetters(word: string, commands: readonly string[]): Found | null {
  const typed = word.slice(0, LETTERS_MAX);
  const near = commands.flatMap((command) =>
    [command, ...(MEANT[command] ?? [])].map((name) => ({ command, name, away: distance(typed, name) })),
  );
  const [nearest] = near.toSorted((x, y) => x.away - y.away);
  if (nearest === undefined || nearest.away > nearest.name.length / 2) return null;
  return ACT_ON_ALL.has(nearest.command) && !typed.startsWith(nearest.name.slice(0, 1)) ? null : { command: nearest.command, at: 0 };
}

/** The project that is named after "of", "for" or "project", or right after a first word that is the command. */
function projectIn(words: readonly string[], at: number): string | null {
  const after = words.findLastIndex((word) => ["of", "for", "project"].includes(word));
  const named = after >= 0 ? words[after + 1] : at === 0 && words.length === 2 ? words[1] : undefined;
  const slug = Slug.safeParse(named ?? "");
  return slug.success ? slug.data : null;
}

/** A word without what stands around it; `@channel` is none. */
function bareWord(word: string): string {
  return word.startsWith("@") ? "" : word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
}
