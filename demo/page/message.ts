import { h, type JSX } from "preact";
import type { MessageView, WorkspaceView } from "../../emulators/slack/control-api.ts";
import { block } from "./blocks.ts";
import type { Acting } from "./elements.ts";
import { mrkdwn, type Names } from "./mrkdwn.ts";
import { act, toast } from "./store.ts";

/** Names of people and channels, as this person sees them. */
export function namesIn(v: WorkspaceView): Names {
  return {
    user: (id) => v.people.find((p) => p.id === id)?.realName ?? id,
    channel: (id) => v.conversations.find((c) => c.id === id)?.name ?? id,
    group: (id) => v.usergroups.find((g) => g.id === id)?.handle ?? id,
  };
}

/** What the elements of a message, a modal or Home do; `place` says where they stand. */
export function actingIn(v: WorkspaceView, place: object): Acting {
  return {
    ...namesIn(v),
    act: async (click) => {
      const reply = await act("click", { ...place, ...click, ...(click.blockId === "" ? { blockId: undefined } : {}) });
      if (!reply.ok) toast(`Slack refused: ${reply.error}`);
    },
    suggest: async (actionId, typed) => {
      const reply = await act("options", { ...place, actionId, value: typed });
      return reply.ok ? (reply.options ?? []) : [];
    },
  };
}

/** One message with its replies below it. */
export function message(m: MessageView, replies: readonly MessageView[], channel: string, v: WorkspaceView): JSX.Element {
  const author = v.people.find((p) => p.id === m.user);
  const name = author?.realName ?? m.user;
  const isBot = author?.isBot === true;
  return h(
    "article",
    { class: m.ephemeral ? "message ephemeral" : "message", "data-ts": m.ts, key: m.ts },
    h("div", { class: "avatar", "aria-hidden": true, style: { background: isBot ? "#350d36" : color(name) } }, initials(name)),
    h(
      "div",
      { class: "content" },
      m.ephemeral ? h("span", { class: "only" }, "Only visible to you") : null,
      h("span", { class: "who" }, name),
      isBot ? h("span", { class: "app" }, "APP") : null,
      h("span", { class: "at" }, new Date(Number(m.ts) * 1000).toLocaleTimeString(), m.edited ? " (edited)" : ""),
      body(m, channel, v),
      replies.length === 0 ? null : h("div", { class: "thread" }, ...replies.map((r) => reply(r, channel, v))),
    ),
  );
}

function reply(m: MessageView, channel: string, v: WorkspaceView): JSX.Element {
  const author = v.people.find((p) => p.id === m.user);
  return h(
    "div",
    { class: "reply", "data-ts": m.ts, key: m.ts },
    author?.isBot === true ? null : h("b", null, `${author?.realName ?? m.user}: `),
    body(m, channel, v),
  );
}

function body(m: MessageView, channel: string, v: WorkspaceView): JSX.Element {
  const acting = actingIn(v, { channel, ts: m.ts });
  return h(
    "div",
    { class: "body" },
    ...(m.blocks.length > 0 ? m.blocks.map((b) => block(b, acting)) : [mrkdwn(m.text, acting)]),
    ...m.files.map((f) =>
      f.mimetype.startsWith("image/")
        ? h("a", { href: f.url, target: "_blank", key: f.id }, h("img", { class: "picture", src: f.url, alt: f.name }))
        : h("a", { href: f.url, key: f.id, class: "file" }, f.name),
    ),
  );
}

function initials(name: string): string {
  return name
    .split(" ")
    .map((w) => w[0] ?? "")
    .join("");
}

function color(name: string): string {
  const hue = [...name].reduce((n, c) => (n * 31 + c.charCodeAt(0)) % 360, 7);
  return `hsl(${hue} 45% 38%)`;
}
