import { h, type JSX } from "preact";
import type { ConversationView, WorkspaceView } from "../../emulators/slack/control-api.ts";
import { home, open, type PageState } from "./store.ts";

const seenUntil = new Map<string, string>();

/** Notes that somebody saw all of a conversation. */
export function noteSeen(me: string, c: ConversationView): void {
  seenUntil.set(`${me} ${c.id}`, c.messages.at(-1)?.ts ?? "");
}

/** The list of conversations, with Home. */
export function conversations(s: PageState, v: WorkspaceView): JSX.Element {
  const of = (kind: ConversationView["kind"]): readonly ConversationView[] => v.conversations.filter((c) => c.kind === kind);
  return h(
    "nav",
    { id: "conversations", "aria-label": "Conversations" },
    h("h3", null, "Channels"),
    ...of("channel").map((c) => entry(s, c.id, `# ${c.name}`, isUnread(s, c))),
    h("h3", null, "Apps"),
    entry(s, home, "Home", false, "Twokey"),
    ...of("im").map((c) => entry(s, c.id, "Messages", isUnread(s, c), c.name)),
  );
}

function isUnread(s: PageState, c: ConversationView): boolean {
  return c.id !== s.place && (c.messages.at(-1)?.ts ?? "") > (seenUntil.get(`${s.me} ${c.id}`) ?? "");
}

function entry(s: PageState, id: string, label: string, unread: boolean, whose = ""): JSX.Element {
  return h(
    "button",
    {
      type: "button",
      key: id,
      "data-channel": id,
      "aria-current": id === s.place ? "page" : undefined,
      class: unread ? "unread" : "",
      onClick: () => void open(id),
    },
    whose === "" ? null : h("span", { class: "whose" }, `${whose}: `),
    label,
    unread ? h("span", { class: "dot" }, h("span", { class: "unseen" }, " new")) : null,
  );
}
