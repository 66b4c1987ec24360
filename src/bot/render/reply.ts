import type { KnownBlock } from "@slack/types";
import type { Part, Reply } from "../../commands/reply.ts";
import { context, fields, header, list, plain, preformatted, safe, section } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** Renders a command's answer. */
export function renderReply(reply: Reply): Rendering {
  return { text: plain(reply.title, 300), blocks: [header(reply.title), ...reply.parts.flatMap(renderPart)].slice(0, 50) };
}

function renderPart(part: Part): readonly KnownBlock[] {
  switch (part.kind) {
    case "text":
      return [section(safe(part.text, 2500))];
    case "fields":
      return part.rows.length === 0 ? [] : [fields(part.rows.map(([l, v]) => [l, safe(v, 900)] as const))];
    case "list":
      return list(part.title, part.lines, 15);
    case "note":
      return [context(safe(part.text, 1500))];
    case "table":
      return [preformatted(part.title, part.lines)];
    case "choice":
      // Slack refuses a menu without options.
      return part.options.length === 0 ? [] : [{ type: "actions", elements: [menu(part)] }];
    default:
      return [];
  }
}

function menu(part: Extract<Part, { readonly kind: "choice" }>) {
  const text = (label: string, longest: number) => ({ type: "plain_text" as const, text: plain(label, longest), emoji: false });
  return {
    type: "static_select" as const,
    action_id: part.action,
    placeholder: text(part.label, 150),
    options: part.options.slice(0, 100).map((o) => ({ text: text(o.label, 75), value: o.value.slice(0, 150) })),
  };
}
