/** Claim: a call for people mentions whom the setting says, nobody else whatever others wrote, and of a list those who are waited for. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { createNotices } from "../../src/bot/notices.ts";
import { createPosting } from "../../src/bot/posting.ts";
import { digestOf } from "../../src/core/digest.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import type { Operator } from "../../src/core/people.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { createEvents } from "../../src/events.ts";
import type { State } from "../../src/store/notices.ts";
import { recordPostedMessage } from "../../src/store/posted-messages.ts";
import { putInForce } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { at, op, proposeOne } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
});
afterEach(() => fresh.drop());

const about: State = {
  key: "k",
  kind: "frozen",
  shownAs: "deletion:d",
  subject: "deletion",
  id: "d",
  about: "a",
  reason: null,
  until: null,
  passes: false,
};

test.each([
  ["group", "S0APPROVE", "<!subteam^S0APPROVE> "],
  ["group", "approvers", "<!subteam^S0FOUND> "],
  ["group", null, null],
  ["channel", null, "<!channel> "],
] as const)("a %s call with the approvers %s begins with %s, and what others wrote mentions nobody", async (who, group, begin) => {
  const posted: string[] = [];
  const client = {
    chat: { postMessage: async ({ text: said }: { text: string }) => ({ ts: String(posted.push(said)) }) },
    usergroups: { list: async () => ({ usergroups: [{ id: "S0FOUND", handle: "approvers" }] }) },
  } as never;
  const events = createEvents("silent", "test");
  const posting = createPosting({ client, db: fresh.db, now: () => at(100), sleep: async () => undefined, events });
  const identity = { resolve: async () => ok([]) };
  const notices = createNotices({ posting, client, db: fresh.db, events, who, identity, approvers: async () => ({ group, ids: [] }) });
  const state = { ...about, reason: "<!channel> <@U1> @here <!subteam^S1>" };
  expect(await notices.mention(state)).toBe(begin === null);
  await recordPostedMessage(fresh.db, { key: state.shownAs, channel: "C1", ts: "1", digest: "", at: 1 });
  for (const _ of ["once", "twice"]) expect(await notices.mention(state)).toBe(true);
  expect(posted).toHaveLength(begin === null ? 0 : 1);
  for (const said of posted) {
    expect(said.startsWith(begin ?? "none")).toBe(true);
    expect(said.slice(begin?.length)).not.toMatch(/[<>]/);
  }
});

const person = (name: string, ...accounts: readonly string[]): Operator => ({ id: op(name), name, ciUserId: null, accounts });

/** Notices with a list of approvers, who are these people; gives what is posted. */
function listed(people: () => Result<readonly Operator[], Failure>) {
  const posted: string[] = [];
  const client = { chat: { postMessage: async ({ text: said }: { text: string }) => ({ ts: String(posted.push(said)) }) } } as never;
  const events = createEvents("silent", "test");
  const posting = createPosting({ client, db: fresh.db, now: () => at(100), sleep: async () => undefined, events });
  const approvers = async () => ({ group: null, ids: ["U0ADA", "U0BEN"] });
  const identity = { resolve: async () => people() };
  return { posted, notices: createNotices({ posting, client, db: fresh.db, events, who: "group", identity, approvers }) };
}

async function vote(question: string, voter: Operator, verdict: "approve" | "withdraw"): Promise<void> {
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(
      `insert into ballot (kind, question, voter, voter_name, slack_account, verdict, digest, at) values ('deletion', $1, $2, $3, $4, $5, $6, 20)`,
      [question, voter.id, voter.name, voter.accounts?.[0] ?? null, verdict, digestOf("x")],
    );
  });
}

test("where the approvers are a list, a reminder mentions those of them who have not voted and did not ask, each person once", async () => {
  const people = [
    person("ada", "T1/U0ADA", "T1/U0ADA2"),
    person("ben", "T1/U0BEN"),
    person("dora", "E1/W0DORA"),
    person("carl", "T1/U0CARL"),
    person("eve", "T1/U0EVE"),
    person("fay", "T1/<!channel>"),
  ];
  const { id } = await proposeOne(fresh.db);
  const [ada, ben] = people as [Operator, Operator];
  await vote(id, ada, "approve");
  await vote(id, ben, "approve");
  await vote(id, ben, "withdraw");
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("update deletion set requesters = array['ci:carl'] where id = $1", [id]);
    // Whoever she was when she asked.
    await q.exec("update deletion set asked_as = array['T1/U0EVE'] where id = $1", [id]);
  });
  await recordPostedMessage(fresh.db, { key: `deletion:${id}`, channel: "C1", ts: "1", digest: "", at: 1 });
  const { posted, notices } = listed(() => ok(people));
  const expiring = { ...about, key: "e", kind: "expiring", shownAs: `deletion:${id}`, id, until: 1010 } as const;
  expect(await notices.mention(expiring)).toBe(true);
  expect(posted.at(-1)).toMatch(/^<@U0BEN> <@W0DORA> Last chance to vote: the deletion of a waits for approvals until <!date/);
  // A freeze asks for no vote: who approved the deletion is called as well.
  expect(await notices.mention({ ...expiring, key: "f", kind: "frozen", until: null })).toBe(true);
  expect(posted.at(-1)).toMatch(/^<@U0ADA> <@U0BEN> <@W0DORA> <@U0CARL> <@U0EVE> The deletion of a is frozen/);
});

test("of a long list as many are mentioned as Slack takes in a message, the others counted; a list that cannot be read is tried again", async () => {
  const many = Array.from({ length: 80 }, (_x, n) => person(`p${n}`, `T1/U0P${n}`));
  let people: Result<readonly Operator[], Failure> = err(failure("unavailable", "slack.ratelimited", "too many requests"));
  const { posted, notices } = listed(() => people);
  await recordPostedMessage(fresh.db, { key: about.shownAs, channel: "C1", ts: "1", digest: "", at: 1 });
  expect(await notices.mention(about)).toBe(false);
  people = ok(many);
  expect(await notices.mention({ ...about, reason: "x".repeat(5000) })).toBe(true);
  expect(posted[0]?.match(/<@U0P\d+>/g)).toHaveLength(50);
  expect(posted[0]).toContain("<@U0P49> and 30 more approvers The deletion of a is frozen");
  expect(posted[0]?.length).toBeLessThan(4000);
  people = err(failure("refused", "x", "never"));
  expect(await notices.mention({ ...about, key: "k2" })).toBe(true);
  expect(posted).toHaveLength(1);
});
