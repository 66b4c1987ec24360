import type { KnownBlock } from "@slack/types";
import type { Part, Reply, Words } from "../../commands/reply.ts";
import {
  button,
  code,
  context,
  day,
  fields,
  header,
  joined,
  LINE_MAX,
  lines,
  type Mrkdwn,
  plain,
  preformatted,
  safe,
  section,
  spoken,
  time,
} from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** How many lines of one list an answer has. */
const LINES_MAX = 15;

/** Longest text of an answer for those who see no blocks, and most lines of a list in it. */
const [TEXT_MAX, SPOKEN_MAX] = [600, 3];
/** Longest name in an answer: a name in CloudStack has at most 255 characters. */
const NAME_MAX = 255;

/** Renders a command's answer. */
export function renderReply(reply: Reply): Rendering {
  return { text: textOf(reply), blocks: [header(reply.title), ...reply.parts.flatMap(renderPart)].slice(0, 50) };
}

/** The title and the first thing that is said: who is notified, or hears it only, gets what matters. */
function textOf({ title, parts }: Reply): string {
  const [said = ""] = parts.map(sentenceOf).filter((text) => text !== "");
  // A sentence that goes on where the title ends is not said twice.
  const rest = title.slice(title.indexOf(": ") + 1).trim();
  if (rest !== "" && said.toLowerCase().startsWith(rest.toLowerCase())) return plain(title + said.slice(rest.length), TEXT_MAX);
  return plain(said === "" ? title : `${title}${/[.?!:]$/.test(title) ? "" : "."} ${said}`, TEXT_MAX);
}

function sentenceOf(part: Part): string {
  const say = (words: Words): string => spoken(wordsOf(words, LINE_MAX));
  switch (part.kind) {
    case "text":
    case "button_line":
    case "note":
      return spoken(wordsOf(part.text, TEXT_MAX));
    case "fields":
      return part.rows.map(([label, value]) => `${label}: ${say(value)}`).join(". ");
    case "list": {
      const left = part.lines.length - SPOKEN_MAX;
      const some = part.lines.slice(0, SPOKEN_MAX).map(say).join("; ");
      return some === "" ? "" : `${part.title}: ${some}${left > 0 ? `; and ${left} more` : ""}`;
    }
    case "table":
      return part.title;
    case "choice":
      return part.options.length === 0 ? "" : part.label;
    case "search":
      return part.label;
    default:
      return "";
  }
}

function renderPart(part: Part): readonly KnownBlock[] {
  switch (part.kind) {
    case "text":
      return [section(wordsOf(part.text, 2500))];
    case "fields":
      return part.rows.length === 0 ? [] : [fields(part.rows.map(([l, v]) => [l, wordsOf(v, 900)] as const))];
    case "list":
      return lines(
        part.title,
        part.lines.map((line) => wordsOf(line, LINE_MAX)),
        LINES_MAX,
      );
    case "button_line": {
      const { isPrimary, ...made } = part.button;
      const accessory = button({ ...made, ...(isPrimary === true ? { style: "primary" as const } : {}) });
      return [{ ...section(wordsOf(part.text, 1000)), accessory } as KnownBlock];
    }
    case "note":
      return [context(wordsOf(part.text, 1500))];
    case "table":
      return [preformatted(part.title, part.lines)];
    case "choice":
      // Slack refuses a menu without options.
      return part.options.length === 0 ? [] : [{ type: "actions", elements: [menu(part)] }];
    case "search":
      return [{ type: "actions", elements: [search(part)] }];
    default:
      return [];
  }
}

/** A text of an answer as Slack shows it: what others wrote escaped, instants in the reader's zone. */
function wordsOf(words: Words, max: number): Mrkdwn {
  if (typeof words === "string") return safe(words, max);
  return joined(
    words.map((w) => wordOf(w, max)),
    "",
  );
}

function wordOf(word: Exclude<Words, string>[number], max: number): Mrkdwn {
  if (typeof word === "string") return safe(word, max);
  if ("code" in word) return code(word.code, NAME_MAX);
  return word.as === "day" ? day(word.at) : time(word.at);
}

/** Slack asks for its options already when it is opened. */
function search(part: Extract<Part, { readonly kind: "search" }>) {
  const placeholder = { type: "plain_text" as const, text: plain(part.label, 150), emoji: false };
  return { type: "external_select" as const, action_id: part.action, placeholder, min_query_length: 0 };
}

function menu(part: Extract<Part, { readonly kind: "choice" }>) {
  return {
    type: "static_select" as const,
    action_id: part.action,
    placeholder: { type: "plain_text" as const, text: plain(part.label, 150), emoji: false },
    options: menuOptions(part.options),
  };
}

/** Options as Slack takes them: 100 at most, of 75 characters each. */
export function menuOptions(options: readonly { readonly value: string; readonly label: string }[]) {
  return options.slice(0, 100).map((o) => ({
    text: { type: "plain_text" as const, text: plain(o.label, 75), emoji: false },
    value: o.value.slice(0, 150),
  }));
}
