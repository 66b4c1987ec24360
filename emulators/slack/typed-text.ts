import type { Workspace } from "./workspace.ts";

/** What a person typed, as Slack stores it: `&`, `<`, `>` escaped, `@name` and `#name` turned into ids where they are known. */
export function encodeTyped(ws: Workspace, typed: string, withNames = false): string {
  return typed
    .split(/(<[@#!][^<>\s]+>)/)
    .map((part, i) => (i % 2 === 1 && isKnown(ws, part) ? part : linkNames(ws, escapeText(part), withNames)))
    .join("");
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function linkNames(ws: Workspace, text: string, withNames: boolean): string {
  return text
    .replace(/(^|[\s(])@([a-z0-9][a-z0-9._-]*)/gi, (all: string, before: string, name: string) => {
      const user = ws.state.users.find((known) => known.name === name.toLowerCase());
      const group = ws.state.usergroups.find((known) => known.handle === name.toLowerCase());
      if (user !== undefined) return `${before}<@${user.id}${withNames ? `|${user.name}` : ""}>`;
      return group === undefined ? all : `${before}<!subteam^${group.id}${withNames ? `|@${group.handle}` : ""}>`;
    })
    .replace(/(^|[\s(])#([a-z0-9][a-z0-9_-]*)/gi, (all: string, before: string, name: string) => {
      const channel = ws.state.channels.find((known) => known.kind === "channel" && known.name === name.toLowerCase());
      return channel === undefined ? all : `${before}<#${channel.id}|${channel.name}>`;
    });
}

function isKnown(ws: Workspace, token: string): boolean {
  const id = token.slice(2, -1).split("|")[0] ?? "";
  if (token.startsWith("<@")) return ws.user(id) !== undefined;
  if (token.startsWith("<#")) return ws.channel(id) !== undefined;
  return ws.usergroup(id.replace("subteam^", "")) !== undefined;
}
