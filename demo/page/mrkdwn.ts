import { el } from "./dom.ts";

/** How names behind ids are found. */
export interface Names {
  readonly user: (id: string) => string;
}

const emoji: Readonly<Record<string, string>> = { white_check_mark: "✅", warning: "⚠️", x: "❌", lock: "🔒" };

/** Renders Slack's mrkdwn as Slack does: split on `<…>` first, format signs next, entities last. */
export function renderMrkdwn(text: string, names: Names): HTMLElement {
  const out = el("span", { class: "text" });
  for (const part of text.split(/(<[^<>]+>)/)) {
    if (part.startsWith("<") && part.endsWith(">")) out.append(reference(part.slice(1, -1), names));
    else out.append(...formatted(part));
  }
  return out;
}

/** Turns Slack's three entities back into signs. */
export function decode(text: string): string {
  return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

function reference(inside: string, names: Names): Node {
  const [target = "", label] = inside.split("|");
  if (target.startsWith("@")) return el("code", {}, `@${names.user(target.slice(1))}`);
  if (target.startsWith("#")) return el("code", {}, `#${label ?? target.slice(1)}`);
  if (target.startsWith("!date^")) return date(target, label ?? "");
  if (target.startsWith("!")) return el("code", {}, `@${label ?? target.slice(1).split("^")[0] ?? ""}`);
  if (/^https?:\/\//.test(target)) return el("a", { href: decode(target), target: "_blank", rel: "noreferrer" }, decode(label ?? target));
  return document.createTextNode(decode(`<${inside}>`));
}

function date(target: string, fallback: string): Node {
  const seconds = Number(target.split("^")[1]);
  if (!Number.isFinite(seconds)) return document.createTextNode(fallback);
  const at = new Date(seconds * 1000);
  if (target.endsWith("^{ago}")) return el("time", { datetime: at.toISOString(), title: fallback }, ago(Date.now() - at.getTime()));
  const today = new Date().toDateString() === at.toDateString();
  return el(
    "time",
    { datetime: at.toISOString(), title: fallback },
    `${today ? "today" : at.toLocaleDateString()} ${at.toLocaleTimeString()}`,
  );
}

/** How long ago, roughly, as Slack says it. */
function ago(ms: number): string {
  const [n, unit] = ms < 3_600_000 ? [ms / 60_000, "minute"] : ms < 86_400_000 ? [ms / 3_600_000, "hour"] : [ms / 86_400_000, "day"];
  const whole = Math.max(0, Math.floor(n));
  return `${whole} ${unit}${whole === 1 ? "" : "s"} ago`;
}

function formatted(text: string): Node[] {
  const nodes: Node[] = [];
  const marks = /(```[\s\S]+?```|`[^`\n]+`|\*[^*\n]+\*|(?<![\p{L}\p{N}])_[^_\n]+_(?![\p{L}\p{N}])|~[^~\n]+~|:[a-z_]+:)/u;
  for (const part of text.split(marks)) {
    if (part === "") continue;
    const inner = decode(part.slice(1, -1));
    if (/^```[\s\S]+```$/.test(part)) nodes.push(el("pre", {}, decode(part.slice(3, -3))));
    else if (/^`[^`]+`$/.test(part)) nodes.push(el("code", {}, inner));
    else if (/^\*[^*]+\*$/.test(part)) nodes.push(el("b", {}, inner));
    else if (/^_[^_]+_$/.test(part)) nodes.push(el("i", {}, inner));
    else if (/^~[^~]+~$/.test(part)) nodes.push(el("s", {}, inner));
    else nodes.push(document.createTextNode(emoji[part.slice(1, -1)] ?? decode(part)));
  }
  return nodes;
}
