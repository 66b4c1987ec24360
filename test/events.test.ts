/** Claim: no secret that is handed to the event log reaches its output, by key or by shape. */
import { expect, test } from "vitest";
import { createEvents, redact } from "../src/events.ts";

test.each([
  ["a Slack token in a sentence", "auth failed for xoxb-12-34-secret"],
  ["a signature in a query", "GET /client/api?command=x&signature=secret%3D failed"],
  ["an extract link", "download of http://10.1.1.1/userdata/secret/abc.qcow2 broke"],
  ["an export link of ours", "see https://bot.example.org/exports/id/secret"],
  ["a link that CloudStack fetches from", "see http://bot.example.org/restores/id/secret/template.qcow2"],
  ["a proxy's password", "the proxy http://twokey:secret@proxy.example.org:3128 cannot be reached"],
  ["a database address", "connect postgres://u:secret@db/x failed"],
  ["a password with spaces, in quotes", "createAccount password='a new secret' account=x failed"],
  ["one in double quotes", 'token="a secret" was refused'],
  ["a quote that is not closed", "password='secret and more"],
  ["one that begins like the words for a new one", "createAccount password='<a new password>secret' account=x"],
  ["one that follows the words for a new one", "createAccount password='<a new password>'secret account=x"],
  ["one that is called like them", "signature='<a new signature of secret>'"],
])("%s is taken out of a text", (_name, text) => {
  expect(redact(text)).not.toContain("secret");
});

test("what names no secret stays whole, and so does what stands around one", () => {
  const call = "createAccount account=twokey-read email=twokey@example.org password='<a new password>' accounttype=1";
  expect(redact(call)).toBe(call);
  expect(redact(`${call}\n${call}`)).toBe(`${call}\n${call}`);
  expect(redact("createAccount password='it is one' account=x")).toBe("createAccount [redacted] account=x");
});

test("values of secret keys, texts and thrown errors come out redacted, the rest as it is", () => {
  let out = "";
  const events = createEvents("info", "test", {
    write: (s: string) => {
      out += s;
    },
  });
  events.info("a.fact", { botToken: "hunter2", extractUrl: "http://hunter2", count: 3, note: "xapp-hunter2" });
  events.failed("b.fact", { kind: "rejected", code: "x.y", message: "token=hunter2 refused", details: { secretKey: "hunter2" } });
  events.bug("c.fact", new Error("xoxb-hunter2", { cause: new Error("password=hunter2") }));
  expect(out).not.toContain("hunter2");
  expect(out).toContain('"count":3');
  expect(out).toContain('"environment":"test"');
  expect(out.trim().split("\n")).toHaveLength(3);
});

test("a long text of links is cleared in no time", () => {
  for (const text of [
    "http://".repeat(20_000),
    `${"http://x".repeat(20_000)}/userdata/secret`,
    "token=".repeat(20_000),
    "token='".repeat(20_000),
    `${'token="'.repeat(20_001)}`,
  ]) {
    const began = performance.now();
    expect(redact(text)).not.toContain("secret");
    expect(performance.now() - began).toBeLessThan(20_000);
  }
});
