import { h, type ComponentChild, type JSX } from "preact";

/** How names behind ids are found. */
export interface Names {
  readonly user: (id: string) => string;
  readonly channel: (id: string) => string;
  readonly group: (id: string) => string;
}

const emoji: Readonly<Record<string, string>> = { white_check_mark: "✅", warning: "⚠️", x: "❌", lock: "🔒" };

/** Stands for a `<…>` while format signs are looked for: they hold across it, as in a bold link. */
const MARK = "\u0001";

/** Renders Slack's mrkdwn as Slack does: `<…>` first, format signs next, entities last. */
export function mrkdwn(text: string, names: Names): JSX.Element {
  const references: string[] = [];
  const bare = text.replaceAll(MARK, "").replace(/<([^<>]+)>/g, (_, inside: string) => `${MARK}${references.push(inside) - 1}${MARK}`);
  const leaf = (part: string): ComponentChild[] =>
    part
      .split(new RegExp(`${MARK}(\\d+)${MARK}`))
      .map((piece, n) => (n % 2 === 0 ? decode(piece) : reference(references[Number(piece)] ?? "", names)));
  return h("span", { class: "text" }, ...formatted(bare, leaf));
}

/** Turns Slack's three entities back into signs. */
export function decode(text: string): string {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

function reference(inside: string, names: Names): ComponentChild {
  const [target = "", label] = inside.split("|");
  if (target.startsWith("@")) return h("span", { class: "mention" }, `@${names.user(target.slice(1))}`);
  if (target.startsWith("#")) return h("span", { class: "mention" }, `#${label ?? names.channel(target.slice(1))}`);
  if (target.startsWith("!date^")) return date(target, label ?? "");
  if (target.startsWith("!subteam^")) return h("span", { class: "mention" }, `@${names.group(target.slice("!subteam^".length))}`);
  if (target.startsWith("!")) return h("span", { class: "mention" }, `@${label ?? target.slice(1).split("^")[0] ?? ""}`);
  if (/^https?:\/\//.test(target)) return h("a", { href: decode(target), target: "_blank", rel: "noreferrer" }, decode(label ?? target));
  return decode(`<${inside}>`);
}

function date(target: string, fallback: string): ComponentChild {
  const seconds = Number(target.split("^")[1]);
  if (!Number.isFinite(seconds)) return fallback;
  const at = new Date(seconds * 1000);
  const shown = { datetime: at.toISOString(), title: fallback };
  if (target.endsWith("^{ago}")) return h("time", shown, ago(Date.now() - at.getTime()));
  const today = new Date().toDateString() === at.toDateString();
  const day = today ? "today" : at.toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" });
  const form = target.split("^")[2] ?? "";
  return h("time", shown, /time/.test(form) ? `${day} ${at.toLocaleTimeString()}` : day);
}

/** How long ago, roughly, as Slack says it. */
function ago(ms: number): string {
  const [n, unit] = ms < 3_600_000 ? [ms / 60_000, "minute"] : ms < 86_400_000 ? [ms / 3_600_000, "hour"] : [ms / 86_400_000, "day"];
  const whole = Math.max(0, Math.floor(n));
  return `${whole} ${unit}${whole === 1 ? "" : "s"} ago`;
}

function formatted(text: string, leaf: (part: string) => ComponentChild[]): ComponentChild[] {
  const marks = /(```[\s\S]+?```|`[^`\n]+`|\*[^*\n]+\*|(?<![\p{L}\p{N}])_[^_\n]+_(?![\p{L}\p{N}])|~[^~\n]+~|:[a-z_]+:)/u;
  return text
    .split(marks)
    .filter((part) => part !== "")
    .flatMap((part): ComponentChild[] => {
      const inner = part.slice(1, -1);
      if (/^```[\s\S]+```$/.test(part)) return [h("pre", null, ...leaf(part.slice(3, -3)))];
      if (/^`[^`]+`$/.test(part)) return [h("code", null, ...leaf(inner))];
      if (/^\*[^*]+\*$/.test(part)) return [h("b", null, ...leaf(inner))];
      if (/^_[^_]+_$/.test(part)) return [h("i", null, ...leaf(inner))];
      if (/^~[^~]+~$/.test(part)) return [h("s", null, ...leaf(inner))];
      return [emoji[inner] ?? leaf(part)];
    });
}
