/** Claims: `twokey manifest` prints what Slack takes, with the address asked for; each scope is explained, and used where the document says. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { twokey } from "../support/terminal.ts";

interface Manifest {
  readonly features: {
    readonly slash_commands: readonly { readonly command: string; readonly url?: string; readonly description: string }[];
  };
  readonly oauth_config: { readonly scopes: { readonly bot: readonly string[] } };
  readonly settings: {
    readonly socket_mode_enabled: boolean;
    readonly event_subscriptions: { readonly request_url?: string; readonly bot_events: readonly string[] };
    readonly interactivity: { readonly is_enabled: boolean; readonly request_url?: string };
  };
}
const printed = async (...args: string[]): Promise<Manifest> => {
  const ran = await twokey(["manifest", ...args]);
  expect(ran).toMatchObject({ code: 0, err: "" });
  return parse(ran.out) as Manifest;
};

test.each([
  "",
  "x",
  "http://example.org",
  "https://u:p@example.org",
  "https://example.org/?a=b",
  "https://example.org/#a",
  'https://example.org/"x',
  "ftp://e.org",
])("the address '%s' is refused with a sentence, and nothing is printed", async (url) => {
  const ran = await twokey(["manifest", "--http", url]);
  expect(ran).toMatchObject({ code: 2, out: "" });
  expect(ran.err).toContain("--http takes the address that Slack reaches");
});

test("Socket Mode has no address; HTTP has the one that was given at every place", async () => {
  const socket = await printed();
  expect(socket.settings).toMatchObject({ socket_mode_enabled: true });
  expect(JSON.stringify(socket)).not.toContain("http");
  for (const given of ["https://ci.example.com/twokey", "https://ci.example.com/twokey/", "https://ci.example.com/twokey/slack/events"]) {
    const http = await printed("--http", given);
    expect(http.settings.socket_mode_enabled).toBe(false);
    const urls = [
      ...http.features.slash_commands.map((c) => c.url),
      http.settings.event_subscriptions.request_url,
      http.settings.interactivity.request_url,
    ];
    expect(new Set(urls)).toEqual(new Set(["https://ci.example.com/twokey/slack/events"]));
  }
});

test("both ask for the same scopes, commands and events", async () => {
  const [socket, http] = [await printed(), await printed("--http", "https://example.com")];
  const same = (m: Manifest) => ({
    scopes: m.oauth_config.scopes.bot,
    commands: m.features.slash_commands.map(({ url: _, ...c }) => c),
    events: m.settings.event_subscriptions.bot_events,
    clicks: m.settings.interactivity.is_enabled,
  });
  expect(same(http)).toEqual(same(socket));
  // Each is in the list that /ci-help gives.
  const help = readFileSync("src/commands/help.ts", "utf8");
  for (const { command } of socket.features.slash_commands) expect(help).toContain(`${command}`);
});

test("every scope is explained in docs/slack.md, and used where it says; no other scope is explained", async () => {
  const { scopes } = (await printed()).oauth_config;
  const rows = readFileSync("docs/slack.md", "utf8")
    .split("\n")
    .flatMap((line) => /^\| `([a-z_]+(?::[a-z.]+)*)` \| (.+) \| (.+) \| (.+) \|$/.exec(line)?.slice(1, 5) ?? [])
    .reduce<string[][]>((all, cell, i) => (i % 4 === 0 ? [...all, [cell]] : (all.at(-1)?.push(cell), all)), []);
  expect(rows.map(([scope]) => scope).toSorted()).toEqual(scopes.bot.toSorted());
  for (const [scope = "", , uses = "", files = ""] of rows) {
    const code = [...files.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => readFileSync(file, "utf8")).join("\n");
    for (const [, use = ""] of uses.matchAll(/`([^`]+)`/g)) expect(code, `${scope}: ${use}`).toContain(use);
  }
});
