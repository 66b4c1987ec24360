import type { ActReply, MessageView, ModalView, WorkspaceView } from "../../emulators/slack/control-api.ts";
import type { DemoState } from "../demo-state.ts";
import { renderBlock } from "./blocks.ts";
import { byId, el, post, toast } from "./dom.ts";
import { showQuietly } from "./quiet.ts";
import { showWorld } from "./world-panel.ts";

const seenUntil = new Map<string, string>();
const shownNotices = new Map<string, number>();
let me = "";
let channel = "";
let view: WorkspaceView | null = null;
let demo: DemoState | null = null;
let modalShown = "";

async function refresh(): Promise<void> {
  if (me === "") return;
  view = (await (await fetch(`/emulator/view?as=${me}`)).json()) as WorkspaceView;
  if (!view.conversations.some((c) => c.id === channel)) channel = view.conversations[0]?.id ?? "";
  const seen = view;
  showQuietly("slack", () => show(seen));
}

async function refreshWorld(): Promise<void> {
  demo = (await (await fetch("/demo/state")).json()) as DemoState;
  const state = demo;
  showQuietly("world", () => showWorld(state));
  if (me === "") {
    me = demo.people[0]?.id ?? "";
    await refresh();
  }
  showQuietly("people", () => showPeople(state));
}

function showPeople(state: DemoState): void {
  byId("people").replaceChildren(
    ...state.people.map((p) => {
      const made = el(
        "button",
        { type: "button", "data-person": p.id, "aria-pressed": String(p.id === me), title: p.hint },
        `${p.label} · ${p.hint}`,
      );
      made.addEventListener("click", () => {
        me = p.id;
        showPeople(state);
        void refresh();
      });
      return made;
    }),
  );
}

function show(v: WorkspaceView): void {
  showConversations(v);
  const conversation = v.conversations.find((c) => c.id === channel);
  byId("title").textContent =
    conversation === undefined ? "" : conversation.kind === "im" ? `${conversation.name} (direct message)` : `# ${conversation.name}`;
  const box = byId("messages");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const all = conversation?.messages ?? [];
  const replies = (ts: string): readonly MessageView[] => all.filter((m) => m.threadTs === ts);
  const nodes = all.filter((m) => m.threadTs === null).flatMap((m) => [messageNode(m, v), ...replies(m.ts).map((r) => replyNode(r))]);
  box.replaceChildren(...nodes);
  if (atEnd) box.scrollTop = box.scrollHeight;
  seenUntil.set(`${me} ${channel}`, all.at(-1)?.ts ?? "");
  const commands = byId("commands");
  if (commands.childElementCount === 0)
    commands.append(...v.commands.map((c) => el("option", { value: c.command }, `${c.usageHint} ${c.description}`)));
  showModal(v.modals.at(-1), v);
  const known = shownNotices.get(me) ?? 0;
  for (const n of v.notices.slice(known)) toast(n.text);
  shownNotices.set(me, v.notices.length);
}

function showConversations(v: WorkspaceView): void {
  const group = (title: string, kind: "channel" | "im"): readonly Node[] => [
    el("h3", {}, title),
    ...v.conversations
      .filter((c) => c.kind === kind)
      .map((c) => {
        const unread = c.id !== channel && (c.messages.at(-1)?.ts ?? "") > (seenUntil.get(`${me} ${c.id}`) ?? "") && c.messages.length > 0;
        const made = el(
          "button",
          { type: "button", "data-channel": c.id, "aria-current": String(c.id === channel), class: unread ? "unread" : undefined },
          kind === "im" ? c.name : `# ${c.name}`,
        );
        made.addEventListener("click", () => {
          channel = c.id;
          show(v);
        });
        return made;
      }),
  ];
  byId("conversations").replaceChildren(...group("Channels", "channel"), ...group("Direct messages", "im"));
}

function messageNode(m: MessageView, v: WorkspaceView): HTMLElement {
  const author = v.people.find((p) => p.id === m.user);
  // What is clicked is what is shown, even while the next channel is still on its way.
  const place = { channel };
  const name = author?.realName ?? m.user;
  const acting = {
    user: (id: string) => v.people.find((p) => p.id === id)?.realName ?? id,
    act: (actionId: string, value?: string) => void act({ ...place, ts: m.ts, actionId, ...(value === undefined ? {} : { value }) }),
    suggest: async (actionId: string) => {
      const reply = await post<ActReply>("/emulator/options", { as: me, ...place, ts: m.ts, actionId, value: "" });
      return reply.ok ? (reply.options ?? []) : [];
    },
  };
  const body = m.blocks.length > 0 ? m.blocks.map((b) => renderBlock(b, acting)) : [el("div", { class: "text" }, m.text)];
  return el(
    "article",
    { class: m.ephemeral ? "message ephemeral" : "message", "data-ts": m.ts },
    el(
      "div",
      { class: "avatar", style: `background:${author?.isBot === true ? "#350d36" : color(name)}` },
      name
        .split(" ")
        .map((w) => w[0] ?? "")
        .join(""),
    ),
    el(
      "div",
      {},
      ...(m.ephemeral ? [el("span", { class: "only" }, "Only visible to you")] : []),
      el("span", { class: "who" }, name),
      ...(author?.isBot === true ? [el("span", { class: "app" }, "APP")] : []),
      el("span", { class: "at" }, new Date(Number(m.ts) * 1000).toLocaleTimeString()),
      ...body,
      ...m.files.map((f) =>
        f.mimetype.startsWith("image/")
          ? el("a", { href: f.url, target: "_blank" }, el("img", { class: "picture", src: f.url, alt: f.name }))
          : el("a", { href: f.url }, f.name),
      ),
    ),
  );
}

function replyNode(m: MessageView): HTMLElement {
  return el("div", { class: "message reply", "data-ts": m.ts }, el("div", {}, "↳ ", m.text));
}

async function act(click: object): Promise<void> {
  const reply = await post<ActReply>("/emulator/click", { as: me, ...click });
  if (!reply.ok) toast(`Slack refused: ${reply.error}`);
}

function showModal(modal: ModalView | undefined, v: WorkspaceView): void {
  const key = modal === undefined ? "" : `${modal.id} ${JSON.stringify(modal.errors)}`;
  if (key === modalShown) return;
  const typed = [...document.querySelectorAll<HTMLInputElement>("#modals [data-block-id]")].map(
    (f) => [f.dataset["blockId"], f.value] as const,
  );
  modalShown = key;
  if (modal === undefined) return byId("modals").replaceChildren();
  const acting = {
    user: (id: string) => v.people.find((p) => p.id === id)?.realName ?? id,
    act: (actionId: string) => void act({ viewId: modal.id, actionId }),
  };
  const words = (k: string): string => String((modal.view[k] as { text?: string } | undefined)?.text ?? "");
  const close = el("button", { type: "button", class: "button", "data-modal": "close" }, words("close") || "Close");
  close.addEventListener("click", () => void post("/emulator/close", { as: me, viewId: modal.id }));
  const submit = el("button", { type: "submit", class: "button danger", "data-modal": "submit" }, words("submit") || "Submit");
  const blocks = modal.view["blocks"] as readonly Parameters<typeof renderBlock>[0][];
  const form = el(
    "form",
    { class: "modal", "data-view-id": modal.id, role: "dialog", "aria-label": words("title") },
    el("h2", {}, words("title")),
    el(
      "div",
      { class: "body" },
      ...blocks.flatMap((b) => {
        const error = modal.errors[String(b["block_id"])];
        return error === undefined ? [renderBlock(b, acting)] : [renderBlock(b, acting), el("div", { class: "error" }, error)];
      }),
    ),
    el("footer", {}, close, submit),
  );
  for (const field of form.querySelectorAll<HTMLInputElement>("[data-block-id]"))
    field.value = typed.find(([id]) => id === field.dataset["blockId"])?.[1] ?? "";
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values: Record<string, Record<string, string>> = {};
    for (const field of form.querySelectorAll<HTMLInputElement>("[data-block-id]"))
      values[field.dataset["blockId"] ?? ""] = { [field.dataset["actionId"] ?? ""]: field.value };
    void post("/emulator/submit", { as: me, viewId: modal.id, values });
  });
  byId("modals").replaceChildren(el("div", { class: "shade" }, form));
  form.querySelector<HTMLInputElement>("input, textarea")?.focus();
}

function color(name: string): string {
  const hue = [...name].reduce((n, c) => (n * 31 + c.charCodeAt(0)) % 360, 7);
  return `hsl(${hue} 45% 45%)`;
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("words") as HTMLInputElement;
  const words = field.value.trim();
  field.value = "";
  if (words === "") return;
  const [command = "", ...rest] = words.split(" ");
  if (words.startsWith("/")) void post("/emulator/command", { as: me, channel, command, text: rest.join(" ") });
  else void post("/emulator/message", { as: me, channel, text: words });
});
let busy = false;
let again = false;
async function once(): Promise<void> {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  await refresh().catch(() => undefined);
  busy = false;
  if (again) {
    again = false;
    await once();
  }
}
new EventSource("/emulator/stream").onmessage = () => void once();
setInterval(() => void refreshWorld().catch(() => undefined), 800);
void refreshWorld();
