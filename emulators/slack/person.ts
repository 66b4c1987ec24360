import type { ActReply, ClickAct, OptionsAct, SubmitAct, WorkspaceView } from "./control-api.ts";

/** One person at their Slack, through the control API: for the story and for tests. */
export interface Person {
  readonly id: string;
  view(): Promise<WorkspaceView>;
  command(channel: string, command: string, text?: string): Promise<ActReply>;
  message(channel: string, text: string, threadTs?: string): Promise<ActReply>;
  click(a: Omit<ClickAct, "as">): Promise<ActReply>;
  submit(a: Omit<SubmitAct, "as">): Promise<ActReply>;
  options(a: Omit<OptionsAct, "as">): Promise<ActReply>;
  close(viewId: string): Promise<ActReply>;
  home(): Promise<ActReply>;
  /** Waits until what this person sees gives a value. Errors: rejects after `timeoutMs` (two minutes), with what was waited for and what was seen last. */
  waitFor<T>(what: string, find: (view: WorkspaceView) => T | undefined | null | false, timeoutMs?: number): Promise<T>;
}

/** Plays one person of the workspace at `baseUrl`. */
export function person(baseUrl: string, id: string): Person {
  const act = (what: string, body: object): Promise<ActReply> => post(`${baseUrl}/emulator/${what}`, { as: id, ...body });
  const look = async (after: number | null): Promise<WorkspaceView> => {
    const seen = after === null ? "" : `&after=${after}`;
    const response = await fetch(`${baseUrl}/emulator/view?as=${encodeURIComponent(id)}${seen}`);
    if (!response.ok) throw new Error(`${id} has no view: ${await response.text()}`);
    return (await response.json()) as WorkspaceView;
  };
  return {
    id,
    view: () => look(null),
    command: (channel, command, text = "") => act("command", { channel, command, text }),
    message: (channel, text, threadTs) => act("message", { channel, text, ...(threadTs === undefined ? {} : { threadTs }) }),
    click: (a) => act("click", a),
    submit: (a) => act("submit", a),
    options: (a) => act("options", a),
    close: (viewId) => act("close", { viewId }),
    home: () => act("home", {}),
    async waitFor(what, find, timeoutMs = 120_000) {
      let seen: number | null = null;
      for (const end = performance.now() + timeoutMs; ;) {
        const view = await look(seen);
        seen = view.version;
        const found = find(view);
        if (found !== undefined && found !== null && found !== false) return found;
        if (performance.now() > end) throw new Error(`${id} waited ${timeoutMs} ms in vain for: ${what}\n${lastSeen(view)}`);
      }
    },
  };
}

/** The newest messages and Slack's own notices, a line each. */
function lastSeen(view: WorkspaceView): string {
  const messages = view.conversations.flatMap((c) => c.messages.map((m) => ({ at: m.ts, line: `${c.id} ${m.ts}: ${m.text}` })));
  const newest = messages.toSorted((a, b) => a.at.localeCompare(b.at)).slice(-8);
  return [...newest.map((m) => m.line), ...view.notices.slice(-3).map((n) => `Slack: ${n.text}`)].join("\n");
}

async function post(url: string, body: object): Promise<ActReply> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  return (await response.json()) as ActReply;
}
