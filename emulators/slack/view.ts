import type { ConversationView, JsonObject, MessageView, PersonView, WorkspaceView } from "./control-api.ts";
import { compact, objectsOf } from "./json.ts";
import { repliesOf } from "./messages.ts";
import type { SeedUser } from "./seed.ts";
import type { StoredChannel, StoredMessage, StoredView } from "./state.ts";
import type { Workspace } from "./workspace.ts";

/** All that one person sees now; null for somebody who is not of the workspace. */
export function viewFor(ws: Workspace, as: string): WorkspaceView | null {
  const me = ws.user(as);
  if (me === undefined) return null;
  const home = ws.home(as);
  return {
    version: ws.state.version,
    me: personView(me),
    people: ws.state.users.map(personView),
    usergroups: ws.state.usergroups.map(({ id, handle }) => ({ id, handle })),
    conversations: ws.state.channels.filter((channel) => channel.members.includes(as)).map((channel) => conversationView(ws, channel, as)),
    modals: ws.modals(as).map((view) => ({ id: view.id, view: shownView(view), errors: view.errors })),
    home: home === undefined ? null : shownView(home),
    notices: ws.state.notices.filter((notice) => notice.user === as).map(({ at, text }) => ({ at, text })),
    commands: ws.seed.app.commands.map(({ command, description, usageHint }) => ({ command, description, usageHint })),
  };
}

function personView(user: SeedUser): PersonView {
  return {
    id: user.id,
    name: user.name,
    realName: user.realName,
    email: user.email,
    title: user.title ?? "",
    isBot: user.isBot ?? false,
    isGuest: user.isGuest ?? false,
    deleted: user.deleted ?? false,
  };
}

function conversationView(ws: Workspace, channel: StoredChannel, as: string): ConversationView {
  const im = channel.kind === "im";
  const peer = im ? (channel.members.find((id) => id !== as) ?? null) : null;
  const seen = ws.messages(channel.id).filter((message) => message.visibleTo === null || message.visibleTo === as);
  return {
    id: channel.id,
    name: peer === null ? channel.name : (ws.user(peer)?.realName ?? peer),
    kind: channel.kind,
    peer,
    messages: seen.map((message) => messageView(ws, message)),
  };
}

function messageView(ws: Workspace, message: StoredMessage): MessageView {
  return {
    ts: message.ts,
    threadTs: message.threadTs,
    user: message.user,
    text: message.text,
    // What a person typed is shown from its text; only apps send blocks of their own.
    blocks: message.byApp ? message.blocks : [],
    edited: message.editedTs !== null,
    ephemeral: message.visibleTo !== null,
    replyCount: repliesOf(ws, message.channel, message.ts).length,
    files: message.fileIds.flatMap((id) => {
      const file = ws.state.files.find((known) => known.id === id);
      if (file === undefined) return [];
      return [{ id, name: file.name, url: `/files/${id}/${encodeURIComponent(file.name)}`, mimetype: file.mimetype }];
    }),
  };
}

/** The view as the app sent it, with its id; what the person is typing stays in their client. */
function shownView(view: StoredView): JsonObject {
  return compact({ id: view.id, ...view.content, blocks: objectsOf(view.content["blocks"]) });
}
