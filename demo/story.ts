import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { JsonObject, MessageView } from "../emulators/slack/control-api.ts";
import { person, type Person } from "../emulators/slack/person.ts";
import { cast, demoChannel } from "./cast.ts";
import { quickPace, rootOf } from "./cloud.ts";
import { startWorld, type DemoWorld } from "./world.ts";

/** Tells one line of the transcript. */
type Tell = (line: string) => void;

/** The people and the world of one telling. */
interface Stage {
  readonly w: DemoWorld;
  readonly ada: Person;
  readonly ben: Person;
  readonly chen: Person;
  readonly mia: Person;
  readonly tell: Tell;
}

/** Plays the whole story over the wire and prints it. Errors: rejects at the first step that fails, naming it. */
export async function playStory(w: DemoWorld, tell: Tell): Promise<void> {
  const at = (id: string): Person => patient(person(w.slack.url, id));
  const s: Stage = {
    w,
    tell,
    ada: at(cast.ada.slackId),
    ben: at(cast.ben.slackId),
    chen: at(cast.chen.slackId),
    mia: at(cast.mia.slackId),
  };
  await firstPlan(s);
  await membersComeAndGo(s);
  await usersAsk(s);
  await replay2017(s);
  await cloudTrouble(s);
  await deletion(s);
  await secondThoughts(s);
  await stopAndResume(s);
  await limitsChange(s);
}

/** Somebody who presses again when Slack shows that a click did not arrive. Errors: what Slack would not let anybody do. */
function patient(who: Person): Person {
  return {
    ...who,
    async click(given) {
      for (let left = 3; ; left--) {
        const reply = await who.click(given);
        if (!reply.ok) throw new Error(`${who.id} cannot click ${given.actionId}: ${reply.error}`);
        if (reply.acked || left === 0) return reply;
      }
    },
  };
}

async function firstPlan(s: Stage): Promise<void> {
  s.tell("1. The bot starts. The project fjord is new in the CI database; its domain is created, and the plan says so.");
  await plan(s, "fjord is created", "create domain ROOT/ci/fjord");
  hold(domains(s).includes("fjord"), "the domain fjord stands in CloudStack");
  hold(domains(s).includes("old-lab"), "old-lab, which nobody manages, is left alone");
  const { slug } = await s.w.ci.addProject();
  await plan(s, `${slug} is created`, `create domain ROOT/ci/${slug}`);
  s.tell(`   A project is added: ${slug} gets its domain at the next pass.`);
}

async function membersComeAndGo(s: Stage): Promise<void> {
  s.tell("2. A member joins ember, then leaves it: an account is created, then locked. Nothing is deleted.");
  const joined = await s.w.ci.addMember("ember");
  hold(joined !== null, "somebody could join");
  await plan(s, "the account is made", `create account ${joined} (CI Member) in ember`);
  await s.w.ci.removeMember("ember", joined ?? "");
  await plan(s, "the account is locked", `lock ${joined} in ember`);
  hold(JSON.stringify(domain(s, "ember")?.accounts).includes('"locked"'), "CloudStack shows the account as locked");
}

async function usersAsk(s: Stage): Promise<void> {
  s.tell("3. Mia, a user, asks for her project's status and exports a template; she sees no other project.");
  await s.mia.command("C0CIUSERS", "/ci-status", "aurora");
  await s.mia.waitFor("the status of aurora", (v) => ephemeral(v.conversations, "Aurora IDE"));
  await s.mia.command("C0CIUSERS", "/ci-status", "borealis");
  await s.mia.waitFor("a refusal for borealis", (v) => ephemeral(v.conversations, "You have no project borealis"));
  await s.mia.command("C0CIUSERS", "/ci-export-template", "aurora");
  const choice = await s.mia.waitFor("the choice of templates", (v) => ephemeral(v.conversations, "Which template"));
  const value = firstOption(choice.blocks, "choose_template");
  await s.mia.click({ channel: "C0CIUSERS", ts: choice.ts, actionId: "choose_template", value });
  const ready = await s.mia.waitFor("the link", (v) =>
    v.conversations
      .filter((c) => c.kind === "im")
      .flatMap((c) => c.messages)
      .find((m) => texts(m.blocks).includes("Download")),
  );
  const link = /<(http:[^|>]+)\|/.exec(texts(ready.blocks))?.[1] ?? "";
  hold(link.startsWith(s.w.publicUrl), "the link is ours, not CloudStack's");
  const bytes = Buffer.from(await (await fetch(link)).arrayBuffer());
  const sum = createHash("sha256").update(bytes).digest("hex");
  hold(texts(ready.blocks).includes(sum), "the bytes have the checksum that was told");
  hold((await fetch(`${link}x`)).status === 404, "another link opens nothing");
  s.tell(`   ${bytes.length} bytes came through our link, SHA-256 ${sum.slice(0, 16)}… as announced.`);
}

async function replay2017(s: Stage): Promise<void> {
  s.tell("4. Replay of 2017: a sync of one project only. Then the view of the CI database itself shows one project only.");
  const before = domains(s).length;
  await s.ada.command(demoChannel, "/ci-sync", "aurora");
  await s.ada.command(demoChannel, "/ci-plan", "aurora");
  await s.ada.waitFor("the narrowed plan explains itself", (v) => ephemeral(v.conversations, "says nothing about any other"));
  await s.w.ci.narrowTo("aurora");
  await plan(s, "the shrunken source is held", "the CI database lists only");
  hold(domains(s).length === before, "no domain was deleted");
  hold(deletionCalls(s) === 0, "no deleting call was ever sent");
  await s.w.ci.narrowTo(null);
  s.tell(
    `   ${before} domains before, ${domains(s).length} after; no deleting call was sent. The plan was held: the CI database had shrunk.`,
  );
}

async function cloudTrouble(s: Stage): Promise<void> {
  s.tell("5. CloudStack stops answering, then its answers are incomplete: passes are held and change nothing.");
  s.w.cloud.setFaults([{ kind: "unreachable" }]);
  await plan(s, "the pass without CloudStack is held", "CloudStack was not read completely");
  s.w.cloud.setFaults([{ kind: "short_page", command: "listDomains" }]);
  await s.ada.waitFor("the short page is noticed", (v) => messages(v.conversations).find((m) => texts(m.blocks).includes("listDomains")));
  s.w.cloud.setFaults([]);
}

async function deletion(s: Stage): Promise<void> {
  s.tell("6. Chen closes borealis. Its templates are saved first; while a machine runs, nobody can approve.");
  await s.w.ci.closeProject("borealis", cast.chen.id);
  const vetoed = await card(s, "borealis", "Cannot be approved now");
  hold(button(vetoed, "deletion_approve") === null, "there is no Approve button while a machine runs");
  await s.w.stopMachines("borealis");
  let shown = await card(s, "borealis", "Two approvers must agree", "deletion_approve");
  s.tell("   The machines are stopped; 2 of 2 templates are saved and read back. The card now has an Approve button.");
  await s.chen.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  await s.chen.waitFor("Chen is refused", (v) => ephemeral(v.conversations, "You asked for this deletion"));
  await s.ada.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve", value: "v1:forged" });
  await s.ada.waitFor("a forged value is refused", (v) => ephemeral(v.conversations, "not made by Twokey"));
  await s.ada.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  shown = await card(s, "borealis", "1 of 2");
  await s.ada.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  await s.ada.waitFor("Ada cannot approve twice", (v) => ephemeral(v.conversations, "You already voted"));
  await s.ben.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  const modal = await s.ben.waitFor("Ben's window", (v) => v.modals[0]);
  await s.ben.submit({ viewId: modal.id, values: { name: { name: "aurora" } } });
  await s.ben.waitFor("the wrong name is refused", (v) => v.modals[0]?.errors["name"]);
  await s.ben.submit({ viewId: modal.id, values: { name: { name: "borealis" } } });
  s.tell("   Chen, who closed it, is refused; Ada approves; Ada cannot approve twice; Ben types the name. Cool-off.");
  await card(s, "borealis", "Cooling off");
  await card(s, "borealis", "Quarantined");
  hold(domain(s, "borealis")?.accounts.every((a) => a.state === "disabled") === true, "accounts are disabled in quarantine");
  s.tell("   Quarantine: accounts disabled, nothing lost. Then, step by step:");
  await card(s, "borealis", "borealis: Deleted");
  hold(domain(s, "borealis") === undefined, "the domain is gone");
  hold(domains(s).includes("aurora") && domains(s).includes("old-lab"), "its neighbours stand");
  const calls = s.w.cloud.requests().filter((r) => /^(destroy|delete|disable)/i.test(r.command));
  hold(
    calls.every((c) => c.params["cleanup"] !== "true"),
    "cleanup was never asked for",
  );
  for (const call of calls.filter((c) => c.status === 200)) s.tell(`     ${call.command}`);
}

async function secondThoughts(s: Stage): Promise<void> {
  s.tell("7. drizzle is closed and approved too, but in the grace period Ada restores it.");
  await s.w.ci.closeProject("drizzle", cast.chen.id);
  const shown = await card(s, "drizzle", "Two approvers must agree", "deletion_approve");
  await s.ada.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  await card(s, "drizzle", "1 of 2");
  await s.ben.click({ channel: demoChannel, ts: shown.ts, actionId: "deletion_approve" });
  const modal = await s.ben.waitFor("Ben's window", (v) => v.modals[0]);
  await s.ben.submit({ viewId: modal.id, values: { name: { name: "drizzle" } } });
  const grace = await card(s, "drizzle", "Quarantined", "deletion_restore");
  await s.ada.click({ channel: demoChannel, ts: grace.ts, actionId: "deletion_restore" });
  await card(s, "drizzle", "Restored, nothing deleted");
  hold(domain(s, "drizzle")?.accounts.every((a) => a.state === "enabled") === true, "its accounts are enabled again");
}

async function stopAndResume(s: Stage): Promise<void> {
  s.tell("8. Chen stops everything; one approver cannot resume, two can.");
  await s.chen.command(demoChannel, "/ci-stop", "drill");
  await s.chen.waitFor("it is stopped", (v) => ephemeral(v.conversations, "Stopped: nothing is sent"));
  const { slug } = await s.w.ci.addProject();
  await s.ada.command(demoChannel, "/ci-sync");
  await s.ada.waitFor("no pass while stopped", (v) => ephemeral(v.conversations, "Everything is stopped"));
  await s.chen.command(demoChannel, "/ci-resume");
  await s.chen.waitFor("one of two", (v) => ephemeral(v.conversations, "1 of 2 approvers"));
  hold(!domains(s).includes(slug), "nothing was made while stopped");
  await s.ben.command(demoChannel, "/ci-resume");
  await s.ben.waitFor("resumed", (v) => ephemeral(v.conversations, "Resumed"));
  await plan(s, `${slug} is created after the resume`, `create domain ROOT/ci/${slug}`);
}

async function limitsChange(s: Stage): Promise<void> {
  s.tell("9. Chen wants a longer grace period. Nonsense is refused; Chen's own approval does not count; Ada and Ben agree.");
  await s.chen.command(demoChannel, "/ci-policy");
  const policy = await s.chen.waitFor("the policy", (v) => ephemeral(v.conversations, "The policy in force is version 1"));
  await s.chen.click({ channel: demoChannel, ts: policy.ts, actionId: "choose_setting", value: "grace" });
  const window = await s.chen.waitFor("the window", (v) => v.modals[0]);
  const why = { reason: { reason: "the summer is long" } };
  await s.chen.submit({ viewId: window.id, values: { value: { value: "-3 days" }, ...why } });
  await s.chen.waitFor("nonsense is refused beside the field", (v) => v.modals[0]?.errors["value"]);
  await s.chen.submit({ viewId: window.id, values: { value: { value: "4 seconds" }, ...why } });
  const asked = await policyCard(s, "Change the policy? Grace period");
  await s.chen.click({ channel: demoChannel, ts: asked.ts, actionId: "policy_approve" });
  await s.chen.waitFor("Chen is refused", (v) => ephemeral(v.conversations, "You proposed this change"));
  await s.ada.click({ channel: demoChannel, ts: asked.ts, actionId: "policy_approve" });
  await policyCard(s, "1 of 2");
  await s.ben.click({ channel: demoChannel, ts: asked.ts, actionId: "policy_approve" });
  await policyCard(s, "Policy changed: Grace period");
  await s.ada.command(demoChannel, "/ci-policy");
  await s.ada.waitFor("version 2 is in force", (v) => ephemeral(v.conversations, "3 seconds → 4 seconds"));
}

function policyCard(s: Stage, words: string): Promise<MessageView> {
  return s.ada.waitFor(`the card of the policy: ${words}`, (v) =>
    messages(v.conversations).findLast((m) => /polic/i.test(m.text) && texts(m.blocks).includes(words)),
  );
}

function hold(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`This is not so: ${what}`);
}

function messages(conversations: readonly { readonly id: string; readonly messages: readonly MessageView[] }[]): readonly MessageView[] {
  return conversations.find((c) => c.id === demoChannel)?.messages ?? [];
}

async function plan(s: Stage, what: string, words: string): Promise<void> {
  await s.ada.waitFor(what, (v) =>
    messages(v.conversations).find((m) => m.text.startsWith("Plan") && texts(m.blocks).includes(words) && !m.text.includes("making")),
  );
}

function card(s: Stage, slug: string, words: string, withButton?: string): Promise<MessageView> {
  return s.ada.waitFor(`the card of ${slug}: ${words}`, (v) =>
    messages(v.conversations)
      .toReversed()
      .find(
        (m) =>
          texts(m.blocks).includes(`ROOT/ci/${slug}`) &&
          texts(m.blocks).includes(words) &&
          !m.text.startsWith("Plan") &&
          (withButton === undefined || button(m, withButton) !== null),
      ),
  );
}

function ephemeral(conversations: readonly { readonly messages: readonly MessageView[] }[], words: string): MessageView | undefined {
  return conversations.flatMap((c) => c.messages).findLast((m) => m.ephemeral && `${m.text} ${texts(m.blocks)}`.includes(words));
}

function button(m: MessageView, action: string): JsonObject | null {
  const elements = m.blocks.flatMap((b) => (Array.isArray(b["elements"]) ? (b["elements"] as readonly JsonObject[]) : []));
  return elements.find((e) => e["action_id"] === action) ?? null;
}

function firstOption(blocks: readonly JsonObject[], action: string): string {
  const element = blocks
    .flatMap((b) => (Array.isArray(b["elements"]) ? (b["elements"] as readonly JsonObject[]) : []))
    .find((e) => e["action_id"] === action);
  return String((element?.["options"] as readonly JsonObject[] | undefined)?.[0]?.["value"] ?? "");
}

/** All text of a message's blocks. */
function texts(value: unknown): string {
  if (Array.isArray(value)) return value.map(texts).join("\n");
  if (typeof value !== "object" || value === null) return "";
  return Object.entries(value)
    .map(([k, v]) => (k === "text" && typeof v === "string" ? v : texts(v)))
    .join("\n");
}

function domains(s: Stage): readonly string[] {
  return rootOf(s.w.cloud.tree())?.children.map((d) => d.name) ?? [];
}

function domain(s: Stage, slug: string) {
  return rootOf(s.w.cloud.tree())?.children.find((d) => d.name === slug);
}

function deletionCalls(s: Stage): number {
  return s.w.cloud.requests().filter((r) => /^(delete|destroy|expunge)/i.test(r.command)).length;
}

async function main(): Promise<void> {
  const started = Date.now();
  const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-story-"));
  const tell: Tell = (line) => process.stdout.write(`${line}\n`);
  const w = await startWorld({
    dataDir,
    coolOffSeconds: 1,
    graceSeconds: 3,
    syncEverySeconds: 1,
    pace: quickPace,
    logLevel: "error",
    fast: true,
    // The story must not fail on a busy machine.
    slackAckMs: 120_000,
  });
  try {
    await playStory(w, tell);
    tell(`\nEvery step passed, in ${Math.round((Date.now() - started) / 1000)} s.`);
  } finally {
    await w.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

if (process.argv[1]?.endsWith("story.js") === true) {
  main().then(
    () => process.exit(0),
    (thrown: unknown) => {
      process.stderr.write(`\n${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
      process.exit(1);
    },
  );
}
