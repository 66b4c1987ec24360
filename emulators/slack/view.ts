import type { PersonView, WorkspaceView } from "./control-api.ts";
import type { Workspace } from "./workspace.ts";

/** All that one person sees now; null for somebody who is not of the workspace. */
export function viewFor(w: Workspace, as: string): WorkspaceView | null {
  const people = w.seed.users.map(
    (u): PersonView => ({
      id: u.id,
      name: u.name,
      realName: u.realName,
      email: u.email,
      title: u.title ?? "",
      isBot: u.isBot ?? false,
      isGuest: u.isGuest ?? false,
      deleted: u.deleted ?? false,
    }),
  );
  const me = people.find((p) => p.id === as);
  if (me === undefined) return null;
  w.im(as);
  return {
    version: w.version,
    me,
    people,
    conversations: w.conversations
      .filter((c) => c.members.includes(as))
      .map((c) => ({
        id: c.id,
        name: c.kind === "im" ? (w.user(w.seed.app.botUserId)?.realName ?? "bot") : c.name,
        kind: c.kind,
        peer: c.kind === "im" ? w.seed.app.botUserId : null,
        messages: c.messages
          .filter((m) => m.visibleTo === null || m.visibleTo === as)
          .map((m) => ({
            ts: m.ts,
            threadTs: m.threadTs,
            user: m.user,
            text: m.text,
            blocks: m.blocks,
            edited: m.edited,
            ephemeral: m.visibleTo !== null,
            replyCount: c.messages.filter((x) => x.threadTs === m.ts).length,
            files: m.files.map((f) => ({
              id: f.id,
              name: f.name,
              mimetype: f.mimetype,
              url: `/files/${f.id}/${encodeURIComponent(f.name)}`,
            })),
          })),
      })),
    modals: w.views.filter((v) => v.user === as).map((v) => ({ id: v.id, view: v.view, errors: v.errors })),
    home: w.homes[as] ?? null,
    notices: w.notices.filter((n) => n.user === as).map(({ at, text }) => ({ at, text })),
    commands: w.seed.app.commands,
  };
}
