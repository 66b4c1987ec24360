import type { KnownBlock } from "@slack/types";
import { dayInZone } from "../../core/day-in-zone.ts";
import { asShown, UNSEEN } from "../../core/shown-text.ts";

/** Longest text of one section that we send; Slack's limit is 3,000. */
const SECTION_MAX = 2800;

/** Longest text of a table in one section: beyond it the closing mark would be cut off. */
const PREFORMATTED_MAX = 2200;

/** Longest line of a list: a name in CloudStack has at most 255 characters. */
export const LINE_MAX = 300;

declare const escaped: unique symbol;

/**
 * Text that Slack reads for links, mentions and marks. Only the functions below make it, so that a text of others is escaped, or does
 * not compile.
 */
export type Mrkdwn = string & { readonly [escaped]: true };

/** Our own words, with what is escaped already in their gaps. */
export function mrkdwn(words: TemplateStringsArray, ...gaps: readonly (Mrkdwn | number | "")[]): Mrkdwn {
  return String.raw({ raw: words }, ...gaps) as Mrkdwn;
}

/** Several texts as one; between them words of ours. */
export function joined(parts: readonly Mrkdwn[], between: ", " | " and " | " " | "\n" | ""): Mrkdwn {
  return parts.join(between) as Mrkdwn;
}

/**
 * Escapes text of others for mrkdwn: Slack's three control characters, and what `asShown` puts in the place of marks.
 *
 * Source: facts on Slack §5 rule 11.
 */
export function safe(text: string, max = 300): Mrkdwn {
  const shown = [...asShown(text)];
  const cut = shown.length > max ? `${shown.slice(0, max - 1).join("")}…` : shown.join("");
  return cut.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;") as Mrkdwn;
}

/**
 * A name of others as code: Slack takes no marks in it, so it is copied as it is. Only a backtick cannot stand there; what shows nothing is
 * left out.
 */
export function code(name: string, max = 300): Mrkdwn {
  const clean = name.replace(UNSEEN, " ").replaceAll("`", "ʼ").trim() || "–";
  const cut = [...clean].length > max ? `${[...clean].slice(0, max - 1).join("")}…` : clean;
  return mrkdwn`\`${cut.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;") as Mrkdwn}\``;
}

/** Text of others for plain_text objects, which Slack never parses: what shows nothing, or turns the text around, is a space; and cut. */
export function plain(text: string, max: number): string {
  const clean = text.replace(UNSEEN, " ").trim() || "–";
  return [...clean].length > max ? `${[...clean].slice(0, max - 1).join("")}…` : clean;
}

/** A header of plain text, cut to what Slack takes. */
export function header(text: string): KnownBlock {
  return { type: "header", text: { type: "plain_text", text: plain(text, 150), emoji: false } };
}

/** A section of formatted text, cut to what Slack takes. */
export function section(text: Mrkdwn): KnownBlock {
  return { type: "section", text: { type: "mrkdwn", text: cutSafely(text, SECTION_MAX), verbatim: true } };
}

/** Label and value pairs, two columns, at most ten. */
export function fields(rows: readonly (readonly [string, Mrkdwn])[]): KnownBlock {
  return {
    type: "section",
    fields: rows
      .slice(0, 10)
      .map(([label, value]) => ({ type: "mrkdwn" as const, text: cutSafely(mrkdwn`*${safe(label)}*\n${value}`, 1900), verbatim: true })),
  };
}

/** Small print. */
export function context(text: Mrkdwn): KnownBlock {
  return { type: "context", elements: [{ type: "mrkdwn", text: cutSafely(text, SECTION_MAX), verbatim: true }] };
}

/** A list as sections, as many lines as fit; the rest is counted. `count`: of how many things these lines are. */
export function list(title: string, lines: readonly string[], linesMax = 12, count = lines.length): readonly KnownBlock[] {
  if (lines.length === 0) return [];
  const shown = lines.slice(0, linesMax).map((l) => mrkdwn`• ${safe(l, LINE_MAX)}`);
  if (lines.length > linesMax) shown.push(mrkdwn`… and ${lines.length - linesMax} more`);
  return [section(mrkdwn`*${safe(title)}* (${count})\n${joined(shown, "\n")}`)];
}

/** Lines that are escaped already, as many as fit one section; the rest is counted. */
export function lines(title: string, all: readonly Mrkdwn[], linesMax: number): readonly KnownBlock[] {
  if (all.length === 0) return [];
  const shown: Mrkdwn[] = [];
  let left = SECTION_MAX - 250;
  for (const line of all.slice(0, linesMax)) {
    left -= line.length + 3;
    if (left < 0) break;
    shown.push(mrkdwn`• ${line}`);
  }
  const more = all.length - shown.length;
  const text = joined(more === 0 ? shown : [...shown, mrkdwn`… and ${more} more`], "\n");
  return [section(mrkdwn`*${safe(title, 150)}* (${all.length})\n${text}`)];
}

/** Lines in a fixed-width font, as many as fit; the rest is counted. */
export function preformatted(title: string, lines: readonly string[]): KnownBlock {
  const shown: Mrkdwn[] = [];
  let left = PREFORMATTED_MAX;
  for (const line of lines) {
    const text = safe(line, 140);
    left -= text.length + 1;
    if (left < 0) break;
    shown.push(text);
  }
  const more = lines.length - shown.length;
  const all = shown.length === 0 ? mrkdwn`–` : joined(shown, "\n");
  return section(mrkdwn`*${safe(title, 120)}*\n\`\`\`${all}\`\`\`${more === 0 ? "" : mrkdwn`\n… and ${more} more`}`);
}

/**
 * A line to copy as it is. Not `rich_text`: Slack refuses to update a message with such a block to one without (`block_mismatch`).
 *
 * Nothing of it may be a mark: a backtick, which would end it, becomes an apostrophe.
 */
export function toCopy(line: string): KnownBlock {
  const escaped = line.replace(/`/g, "'").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;") as Mrkdwn;
  return section(mrkdwn`\`\`\`${escaped}\`\`\``);
}

/** A button. `label` is for screen readers. */
export function button(o: {
  readonly action: string;
  readonly text: string;
  readonly value: string;
  readonly style?: "primary" | "danger";
  readonly label?: string;
}) {
  return {
    type: "button" as const,
    action_id: o.action,
    text: { type: "plain_text" as const, text: plain(o.text, 75), emoji: false },
    value: o.value.slice(0, 2000),
    ...(o.style === undefined ? {} : { style: o.style }),
    accessibility_label: plain(o.label ?? o.text, 75),
  };
}

/**
 * A link of ours or the archive's, with words of anybody's. An `&` between the parameters of an address is escaped as in any text: encoded it
 * would be part of a value, and a signature would be lost.
 */
export function link(url: string, words: string): Mrkdwn {
  return mrkdwn`<${url.replace(/[<>|]/g, encodeURIComponent).replace(/&/g, "&amp;") as Mrkdwn}|${safe(words, 100)}>`;
}

/** An instant in each reader's local time; UTC where Slack cannot format it. Units: UTC epoch milliseconds. */
export function time(at: number, shown: "{date_short_pretty} {time_secs}" | "{ago}" = "{date_short_pretty} {time_secs}"): Mrkdwn {
  const fallback = `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return `<!date^${Math.floor(at / 1000)}^${shown}|${fallback}>` as Mrkdwn;
}

/** The day of an instant in each reader's local time; UTC where Slack cannot format it. */
export function day(at: number): Mrkdwn {
  return `<!date^${Math.floor(at / 1000)}^{date_short_pretty}|${dayInZone(at, undefined)}>` as Mrkdwn;
}

/** What a text says without its marks, for notifications and screen readers, which show no blocks. */
export function spoken(text: Mrkdwn): string {
  return text
    .replace(/<!date\^[^|>]*\|([^>]*)>/g, "$1")
    .replace(/<[^|>]*\|([^>]*)>/g, "$1")
    .replace(/`([^`]*)`|\*/g, (_mark, name?: string) => name ?? "")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&")
    .replace(/\s+/g, " ")
    .trim();
}

/** Slack refuses empty texts, and texts longer than its limits. */
function cutSafely(given: Mrkdwn, max: number): string {
  const text = given.trim() === "" ? "–" : given;
  if (text.length <= max) return text;
  const at = text.lastIndexOf("\n", max - 2);
  return `${text.slice(0, at > max / 2 ? at : max - 2)}\n…`;
}
