import { Component, h, type JSX } from "preact";
import type { ConversationView, WorkspaceView } from "../../emulators/slack/control-api.ts";
import { block } from "./blocks.ts";
import { Composer } from "./composer.ts";
import { noteSeen } from "./conversations.ts";
import { actingIn, message } from "./message.ts";
import { home, type PageState } from "./store.ts";

/** What is open: a conversation with its composer, or Home. */
export function channel(s: PageState, v: WorkspaceView): JSX.Element {
  if (s.place === home) return homeTab(s, v);
  const c = v.conversations.find((one) => one.id === s.place);
  if (c === undefined) return h("section", { id: "channel" });
  return h(
    "section",
    { id: "channel", "aria-label": "Messages", key: s.me },
    h("h1", { id: "title" }, c.kind === "im" ? `${c.name} (direct message)` : `# ${c.name}`),
    h(Messages, { me: s.me, side: s.side, c, v }),
    h(Composer, {
      me: s.me,
      place: c.id,
      note: s.note,
      commands: v.commands,
      isTeam: v.conversations.some((one) => one.name === "ci-team"),
    }),
  );
}

function homeTab(s: PageState, v: WorkspaceView): JSX.Element {
  const acting = actingIn(v, { home: true });
  const blocks = (v.home?.["blocks"] ?? []) as readonly Parameters<typeof block>[0][];
  return h(
    "section",
    { id: "channel", "aria-label": "Home", key: "home" },
    h("h1", { id: "title" }, `Twokey: Home of ${v.me.realName}`),
    h(
      "div",
      { id: "home", tabIndex: 0, key: s.me },
      ...(blocks.length === 0 ? [h("p", { class: "none" }, "Twokey makes this page now …")] : blocks.map((b) => block(b, acting))),
    ),
  );
}

interface MessagesProps {
  readonly me: string;
  /** What a narrow screen shows: while it is the other side, this one has no height. */
  readonly side: PageState["side"];
  readonly c: ConversationView;
  readonly v: WorkspaceView;
}

/** How near the end counts as at the end. Units: pixels. */
const NEAR_PX = 120;

/** The messages: who was at the end stays there when something is added. */
class Messages extends Component<MessagesProps> {
  private box: HTMLElement | null = null;

  override componentDidMount(): void {
    this.toEnd();
  }

  override getSnapshotBeforeUpdate(): boolean {
    const { box } = this;
    return box !== null && box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
  }

  override componentDidUpdate(before: MessagesProps, _: object, wasAtEnd: boolean): void {
    const isOther = before.c.id !== this.props.c.id || before.me !== this.props.me || before.side !== this.props.side;
    if (isOther || wasAtEnd) this.toEnd();
  }

  private toEnd(): void {
    if (this.box !== null) this.box.scrollTop = this.box.scrollHeight;
    noteSeen(this.props.me, this.props.c);
  }

  override render({ c, v }: MessagesProps): JSX.Element {
    const roots = c.messages.filter((m) => m.threadTs === null);
    return h(
      "div",
      { id: "messages", tabIndex: 0, ref: (box: HTMLElement | null) => void (this.box = box) },
      roots.length === 0 ? h("p", { class: "none" }, "No messages yet.") : null,
      ...roots.map((m) =>
        message(
          m,
          c.messages.filter((r) => r.threadTs === m.ts),
          c.id,
          v,
        ),
      ),
    );
  }
}
