/**
 * Claim: whatever Slack's payloads hold, each is acknowledged or refused by Slack's library, none ends the process or is left as an unhandled rejection, no vote is counted
 * by it, and the bot answers afterwards. The seed is printed; `FUZZ_SEED=… npx vitest run test/bot/fuzz.test.ts` plays it again.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { textAt } from "../../src/bot/payload.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { CARD, CHANNEL, clickBody, commandBody, eventBody, hear, homeClickBody, typingBody, windowBody, type Heard } from "./heard.ts";

/** How long payloads are made and sent. Units: milliseconds. */
const FOR_MS = 4000;
/** However slow the machine is. */
const SENT_MIN = 60;
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);

let fresh: FreshDatabase;
let heard: Heard;
const unhandled: unknown[] = [];
const keep = (thrown: unknown): void => void unhandled.push(thrown);

beforeAll(async () => {
  process.on("unhandledRejection", keep);
  fresh = await lendDatabase();
  heard = await hear(fresh.db, { approvers: ["ada", "ben", "dora"], team: ["chen"], others: ["mia", "noah"] });
});
afterAll(async () => {
  process.off("unhandledRejection", keep);
  await heard.close();
  await fresh.drop();
});

const hostile = fc.oneof(
  fc.constantFrom(
    ...[
      "",
      " ",
      "-",
      "constructor",
      "__proto__",
      "<!channel>",
      "<@U0ADA>",
      "'; drop table vote; --",
      "\u0000",
      "\u202Ex",
      "v1:",
      "{",
      "null",
    ],
    ...["*x* _y_ ~z~ `q`", "&lt;!here&gt;", "<http://evil.example|ok>", "x".repeat(4000), "\uD800", "1e309", "9".repeat(400)],
  ),
  fc.string({ unit: "binary", maxLength: 200 }),
);
/** What a field holds that is not what Slack writes there. */
const anything = fc.oneof(hostile, fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(null, 0, -1, true, [], {}));
const who = fc.constantFrom("mia", "noah", "nobody", "ada", "chen");
const actions = fc.constantFrom(
  ...[
    "deletion_approve",
    "deletion_reject",
    "deletion_withdraw",
    "deletion_cancel",
    "deletion_restore",
    "deletion_look_again",
    "deletion_keep",
  ],
  ...["deletion_go_on", "deletion_waive_0", "policy_approve", "policy_reject", "adoption_approve", "choose_template", "choose_setting"],
  ...[
    "nudge_make_0",
    "nudge_make_12",
    "nudge_make_x",
    "nudge_page_next",
    "nudge_page_before",
    "nudge_never",
    "export_revoke",
    "status_keep",
    "choose_volume",
    "choose_snapshot",
  ],
  ...["home_status", "home_page_next", "home_project_1", "home_export", "toString", "", "deletion_"],
);
/** Commands that change nothing: a stop would be one. */
const commands = fc.constantFrom(
  ...[
    "/ci-status",
    "/ci-export-template",
    "/ci-plan",
    "/ci-backups",
    "/ci-policy",
    "/ci-export-links",
    "/ci-adopt",
    "/ci-help",
    "/ci-constructor",
    "/",
    "status",
  ],
);
const values = () =>
  fc.oneof(
    hostile,
    // Nearly the card's own value: of another version, digest, deletion, or with more behind it.
    fc
      .tuple(
        fc.constantFrom(heard.row.id, "6f1c9a1e-0000-4000-8000-00000000000f"),
        fc.integer({ min: -1, max: 99 }),
        fc.constantFrom("-", "0".repeat(64)),
        hostile,
      )
      .map(([id, version, digest, more]) => `v1:${id}:${version}:${digest}${more.slice(0, 3)}`),
    // Nearly those of the messages to owners, of exports and of /ci-status.
    fc
      .tuple(
        fc.constantFrom("", "v1:", "v1:5:", "v1:9999999999999999:"),
        fc.constantFrom(heard.row.id, "6f1c9a1e-0000-4000-8000-00000000000f"),
        hostile,
      )
      .map(([before, id, more]) => `${before}${id}${more.slice(0, 3)}`),
    fc.tuple(fc.constantFrom("aurora", "-", "A", ""), hostile).map(([slug, id]) => `${slug} ${id}`),
  );
const origin = fc.option(
  fc.constantFrom({ api_app_id: "AEVIL" }, { team: { id: "TEVIL" } }, { team: null, enterprise: { id: "EEVIL" } }, { team_id: "TEVIL" }),
  { nil: {}, freq: 4 },
);
const events = fc.constantFrom("app_home_opened", "app_mention", "message", "user_change", "reaction_added", "constructor");

const menus = fc.constantFrom("choose_template", "choose_volume", "choose_snapshot", "choose_setting", "toString", "");

/** One payload: as Slack makes it, with hostile words in it, and perhaps with a field of another shape. */
const payload = () => {
  const windows = fc.constantFrom("deletion_type_name", "deletion_reason", "policy_propose", "policy_reason", "adoption_reason", "x");
  const words = fc.dictionary(fc.constantFrom("name", "reason", "value", "x"), hostile);
  const bodies = fc.oneof(
    fc.tuple(who, actions, values(), origin).map(([w, a, v, o]) => clickBody(w, a, v, o)),
    fc.tuple(who, actions, values()).map(([w, a, v]) => homeClickBody(w, a, v)),
    fc.tuple(who, menus, anything, origin).map(([w, a, v, o]) => typingBody(w, a, v, o)),
    fc.tuple(who, commands, hostile, origin).map(([w, c, t, o]) => commandBody(w, c, t, o)),
    fc.tuple(who, windows, fc.oneof(hostile, metadata()), words).map(([w, c, m, v]) => windowBody(w, c, m, v)),
    fc
      .tuple(who, events, hostile, fc.constantFrom("im", "channel", undefined))
      .map(([w, type, text, kind]) =>
        eventBody({ type, user: `U0${w.toUpperCase()}`, text, channel: CHANNEL, channel_type: kind, ts: CARD }),
      ),
  );
  const fields = fc.constantFrom(
    "user",
    "channel",
    "message",
    "container",
    "actions",
    "view",
    "trigger_id",
    "text",
    "event",
    "response_url",
  );
  return fc
    .tuple(bodies, fc.option(fc.tuple(fields, anything), { nil: null, freq: 3 }))
    .map(([body, spoil]) => (spoil === null ? body : { ...body, [spoil[0]]: spoil[1] }));
};
const metadata = () =>
  fc
    .record({ id: fc.constantFrom(heard.row.id, "x"), version: anything, digest: anything, name: hostile, channel: hostile })
    .map((memory) => JSON.stringify(memory));

/** Whether Bolt can tell what was used: of anything else no listener hears, and Slack sends none. */
function isHeard(body: object): boolean {
  const { actions, view, type } = body as { readonly actions?: unknown; readonly view?: unknown; readonly type?: unknown };
  if (type === "block_suggestion") return textAt(body, "action_id") !== "";
  if (actions !== undefined) return Array.isArray(actions) && textAt(actions[0], "action_id") !== "";
  return type !== "view_submission" || textAt(view, "callback_id") !== "";
}

const votes = () => fresh.db.exec("select from ballot");

test("payloads of all kinds", { timeout: 60_000 }, async () => {
  console.info(`fuzz seed ${seed}`);
  let sent = 0;
  const until = Date.now() + FOR_MS;
  await fc.assert(
    fc.asyncProperty(fc.array(payload(), { minLength: 1, maxLength: 12 }), async (bodies) => {
      if (Date.now() > until && sent >= SENT_MIN) return;
      const done = await Promise.all(bodies.map((body) => heard.send(body)));
      for (const [i, { ackMs, refused }] of done.entries())
        if (isHeard(bodies[i] ?? {})) expect(ackMs ?? refused, JSON.stringify(bodies[i])).not.toBeNull();
      sent += bodies.length;
      expect(await votes()).toBe(0);
      expect(unhandled).toEqual([]);
    }),
    { seed, numRuns: 1000, endOnFailure: true },
  );
  expect(sent).toBeGreaterThanOrEqual(SENT_MIN);
  console.info(`${sent} payloads sent`);

  // It answers, and what should count does.
  heard.w.now += 60_000;
  await heard.send(clickBody("ada", "deletion_approve", `v1:${heard.row.id}:${heard.row.version}:${heard.row.digest}`));
  expect(await votes()).toBe(1);
  const before = heard.slack.sent().length;
  await heard.send(commandBody("mia", "/ci-help", ""));
  expect(JSON.stringify(heard.slack.sent().slice(before))).toContain("/ci-status [project]");
});
