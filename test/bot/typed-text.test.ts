/** Claim: what Slack made of typed text is undone before a word is compared, and a name copied from a message is found. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { safe } from "../../src/bot/render/blocks.ts";
import { decodeTyped } from "../../src/bot/typed-text.ts";
import { parseCommand, parseWords } from "../../src/commands/command.ts";
import { answerExport } from "../../src/commands/export-template.ts";
import type { Slug } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";

const wordsOf = (text: string) => {
  const parsed = parseWords(decodeTyped(text));
  return parsed.ok ? parsed.value : parsed.error.code;
};
const encode = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

test("what Slack encodes is as it was typed", () => {
  const template = (said: string) => wordsOf(`<@U0TWOKEY1> export-template aurora ${said}`);
  expect(template("R&amp;D image")).toMatchObject({ slug: "aurora", template: "R&D image" });
  expect(template("gcc&lt;5")).toMatchObject({ template: "gcc<5" });
  expect(template("two  spaces")).toMatchObject({ template: "two  spaces" });
  expect(template("<http://builder.example.org|builder.example.org>")).toMatchObject({ template: "builder.example.org" });
  expect(template("<https://example.org/a>")).toMatchObject({ template: "https://example.org/a" });
  expect(template("<mailto:a@example.org|a@example.org>")).toMatchObject({ template: "a@example.org" });
  // Somebody typed the entity itself.
  expect(template("&amp;lt;")).toMatchObject({ template: "&lt;" });
  expect(wordsOf("status <#C0AURORA1|aurora>")).toEqual({ kind: "status", slug: "aurora" });
  expect(wordsOf("/ci-stop load &gt; 80 &amp; rising")).toEqual({ kind: "stop", reason: "load > 80 & rising" });
  expect(wordsOf("policy set grace 30 days because R&amp;D asked")).toMatchObject({ wish: { text: "30 days", reason: "R&D asked" } });
  const people = "<!subteam^S0TEAM|@team>, <@U0ADA1|ada>";
  expect(wordsOf(`<@U0TWOKEY1> policy set approvers ${people} because of it`)).toMatchObject({ wish: { text: people } });
  expect(wordsOf("status aurora <@U0TWOKEY1>")).toEqual({ kind: "status", slug: "aurora" });
});

test("decoding undoes Slack's encoding of any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => decodeTyped(encode(text)) === text));
});

test("long texts of Slack's marks are refused at once", () => {
  for (const text of ["<@".repeat(20_000), "<@U1> ".repeat(10_000), "<".repeat(40_000), " ".repeat(40_000) + "x".repeat(2_000)]) {
    const began = performance.now();
    expect(wordsOf(text)).toBe("command.long");
    expect(performance.now() - began).toBeLessThan(20_000);
  }
});

test("a stop stops, however long its reason is and whatever stands beside it; the reason is cut where it can be stored", () => {
  for (const text of ["<@U0TWOKEY1>, stop", "<@U0TWOKEY1>: STOP!", "stop.", "stop <@U0TWOKEY1>", "/ci-stop"])
    expect(wordsOf(text), text).toEqual({ kind: "stop", reason: "no reason given" });
  for (const [long, kept] of [
    ["x".repeat(1001), 1000],
    ["\u{1F525}".repeat(5000), 999],
    [`x${"\u{1F525}".repeat(500)}`, 1000],
  ] as const)
    for (const parsed of [parseCommand("/ci-stop", long), parseWords(`<@U0TWOKEY1>, /ci-stop ${long}`)]) {
      const reason = parsed.ok && parsed.value.kind === "stop" ? parsed.value.reason : "";
      expect(reason).toHaveLength(kept);
      expect(/^[^\p{Cs}]*…$/u.test(reason)).toBe(true);
    }
  expect(wordsOf(`stopped ${"x".repeat(1300)}`)).toBe("command.long");
  expect(parseCommand("/ci-sync", "x".repeat(1001))).toMatchObject({ ok: false, error: { code: "command.long" } });
});

test.each(["constructor", "__proto__", "toString", "hasOwnProperty"])("%s is no command", (name) => {
  expect(wordsOf(name)).toBe("command.unknown");
  expect(parseCommand(`/ci-${name}`, "")).toMatchObject({ ok: false, error: { code: "command.unknown" } });
});

test("for a command that is not there the nearest one is named", () => {
  const remedy = (name: string) => {
    const parsed = parseCommand(name, "");
    return parsed.ok ? null : parsed.error.remedy;
  };
  expect(remedy("statsu")).toMatch(/^Did you mean \/ci-status\?/);
  expect(remedy("export-templates")).toMatch(/^Did you mean \/ci-export-template\?/);
  expect(remedy("x".repeat(200))).toBe("/ci-help lists all commands.");
});

test.each([
  ["what is the status of aurora?", /^Did you mean \/ci-status aurora\?/],
  ["Hello! How can I download a template of <#C0AURORA1|aurora>, please?", /^Did you mean \/ci-export-template aurora\?/],
  ["could you tell me my status", /^Did you mean \/ci-status\?/],
  ["please stop everything", /^To stop every pass and deletion, write only stop, or \/ci-stop and the reason\./],
  ["halt", /^Did you mean \/ci-stop, which stops every pass and deletion of the whole bot\?/],
  ["stpo", /^Did you mean \/ci-stop,/],
  ["resmue", /^Did you mean \/ci-resume, which ends the stop/],
  ["is there a backup for proj-2", /^Did you mean \/ci-backups proj-2\?/],
  ["exprot aurora", /^Did you mean \/ci-export-template aurora\?/],
  ["statsu aurora", /^Did you mean \/ci-status aurora\?/],
  ["good luck everybody", /^\/ci-help lists all commands\./],
  ["the status of <!channel> *x* '; drop table vote; --", /^Did you mean \/ci-status\?/],
])("the sentence %s does nothing, and is answered with the command that was meant", (said, words) => {
  const parsed = parseWords(decodeTyped(said));
  expect(parsed).toMatchObject({ ok: false, error: { code: "command.unknown" } });
  expect(parsed.ok ? "" : parsed.error.remedy).toMatch(words);
});

test.each([
  ...["*hi*", "_hello_", "~hey~", "`Hi`", "Hello!", "hi there", "Hey Twokey,", "good morning :sunny:", "👋", ":wave::skin-tone-3:"],
  ...["<@U0TWOKEY1> hello", "how are you?", "Who are you?", "what can you do", "Hi, I am new here", "guten Morgen"],
])("%j is a greeting", (said) => {
  expect(wordsOf(said)).toEqual({ kind: "greeting", greeting: "hello" });
});

test.each([
  "thanks",
  "*Thanks!*",
  "Thank you so much 🙏",
  "thx, bye",
  "ok",
  "that’s great",
  "_cool_",
  "Many thanks for your help",
  "ok :+1:",
])("%j is thanks", (said) => {
  expect(wordsOf(said)).toEqual({ kind: "greeting", greeting: "thanks" });
});

test("a command is no greeting, and whoever asks for something is not only greeted", () => {
  expect(wordsOf("help")).toEqual({ kind: "help" });
  expect(wordsOf("status aurora")).toEqual({ kind: "status", slug: "aurora" });
  expect(wordsOf("")).toEqual({ kind: "help" });
  const sentences = [
    "hi, is aurora fine?",
    "thanks, now delete it",
    "ok stop",
    "you",
    "for the",
    ...["…", "hi ".repeat(11), "hello world"],
  ];
  for (const said of sentences) expect(wordsOf(said), said).toBe("command.unknown");
  expect(wordsOf("ok resume")).toBe("command.unknown");
});

test("a name in a direct message that is a polite word is still a project's", () => {
  expect(wordsOf("status hello")).toEqual({ kind: "status", slug: "hello" });
  expect(parseCommand("/ci-status", "thanks")).toMatchObject({ ok: true, value: { kind: "status", slug: "thanks" } });
});

const SENTENCES = [
  ...[
    "stop reminding me every week please",
    "stop sending me this",
    "Stop! Wait, I need that machine",
    "stop it",
    "stop: why is aurora gone?",
  ],
  ...["stop the deletion of aurora", "<@U0TWOKEY1> stop telling me", "<@U0TWOKEY1>, STOP that", "stop stop stop", "stop now", "stop 5"],
  ...["stop, please", "stop\nreminding me", "*stop* it", "stop 🔥", `stop ${"x".repeat(1100)}`, `stop ${"x".repeat(3000)}`],
  ...["resume reminding me", "resume aurora", "Resume, please", "<@U0TWOKEY1> resume my work on Monday"],
];
test.each(SENTENCES)("the sentence %j stops and resumes nothing, and says how it is done", (said) => {
  const parsed = parseWords(decodeTyped(said));
  expect(parsed.ok).toBe(false);
  if (parsed.ok || parsed.error.code === "command.long") return;
  expect(parsed.error.remedy).toMatch(/write only (?:stop|resume)/);
});

test.each([
  ...[
    "what is going on with aurora",
    "revoke the link please",
    "stupid bot, what do you want",
    "the stop is over?",
    "go on",
    "step by step",
  ],
  ...[
    "restore aurora please",
    "remove this",
    "so what now",
    "shop around",
    "reset my password",
    "I need my VM back",
    "never tell me again",
  ],
  ...["continue with aurora", "I will continue tomorrow", "why did you halt my machine", "please stop reminding me", "stopp reminding me"],
])("the sentence %j leads to no stop and no resume by a suggestion", (said) => {
  const parsed = parseWords(decodeTyped(said));
  expect(parsed.ok).toBe(false);
  expect(parsed.ok ? "" : parsed.error.remedy).not.toMatch(/Did you mean \/ci-(?:stop|resume)/);
});

test("whatever stands before or behind the word, only the word alone stops or resumes", () => {
  const word = fc.string({ unit: fc.constantFrom(..."abcxyz 0123?\u00e9\u{1F525}-'\"".split("")), minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(fc.constantFrom("stop", "resume", "Stop", "RESUME"), word, fc.boolean(), (name, more, isBefore) => {
      fc.pre(/[a-z0-9]/.test(more));
      const parsed = parseWords(isBefore ? `${more} ${name}` : `${name} ${more}`);
      expect(parsed.ok && (parsed.value.kind === "stop" || parsed.value.kind === "resume")).toBe(false);
    }),
  );
});

test("no sentence is taken for a command that does something, and each is answered within a blink", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 1100 }), (text) => {
      const parsed = parseWords(`please ${decodeTyped(text)}`);
      expect(parsed.ok).toBe(false);
    }),
  );
});

test("what Slack made of an address, a broadcast or a number without a label is as it was typed", () => {
  expect(decodeTyped("<mailto:a@example.org>")).toBe("a@example.org");
  expect(decodeTyped("<tel:+49123>")).toBe("+49123");
  expect(decodeTyped("<!here> <!channel|channel>")).toBe("@here @channel");
  expect(decodeTyped("<#C0AURORA1|>")).toBe("#C0AURORA1");
});

const named = fc.string({ unit: fc.constantFrom("a", "_", "*", "~", "`", "&", "<", " ", "\u200b", "é", "7"), minLength: 1, maxLength: 12 });

test("a name copied from a message is found, and none has a character that nobody sees", async () => {
  await fc.assert(
    fc.asyncProperty(named, async (name) => {
      fc.pre(name.replaceAll("\u200b", "").trim() !== "");
      const started: string[] = [];
      const services = {
        projects: { projectsOf: async () => ok([{ slug: "aurora", state: "active" }]) },
        exports: {
          templates: async () => ok([{ id: "t-1", name, project: "aurora", bytes: null, createdAt: null, ready: true }]),
          start: async (_asker: unknown, slug: string, id: string) => (started.push(id), ok({ template: name, slug })),
        },
      };
      const shown = safe(name);
      expect(shown).not.toMatch(/\u200b/);
      // Slack shows the entities as what they stand for, and encodes what is typed.
      await answerExport({} as never, "aurora" as Slug, decodeTyped(shown).trim(), services as never, { channel: "C1", user: "U1" });
      expect(started).toEqual(["t-1"]);
    }),
  );
});

test("underscores inside a word stay as they are", () => {
  expect(safe("my_template CLOUDSTACK_API_URL")).toBe("my_template CLOUDSTACK_API_URL");
  expect(safe("_bold_")).not.toContain("_");
});
