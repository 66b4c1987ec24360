/** Claims: the demo's ports are what was asked for, or a sentence; and what a killed demo left behind counts for nothing. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { defaultPort, findTaken, firstPort, portsFrom } from "../../demo/ports.ts";
import { findRunning, noteRunning } from "../../demo/running.ts";

const folder = mkdtempSync(path.join(tmpdir(), "twokey-start-"));
const note = path.join(folder, "running.json");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("ports that are none are refused with a sentence; --port comes before the environment", () => {
  for (const bad of ["", "x", "80", "70000", "65535", "-1", "1e4"])
    expect(() => firstPort([], { TWOKEY_DEMO_PORT: bad })).toThrow("is no port");
  expect(() => firstPort(["--prot", "1"], {})).toThrow("Use: npm run demo");
  expect(firstPort(["--port", "19000"], { TWOKEY_DEMO_PORT: "20000" })).toBe(19_000);
  expect(firstPort([], { TWOKEY_DEMO_PORT: "20000" })).toBe(20_000);
  expect(firstPort([], {})).toBe(defaultPort);
});

test("a port that another program has is named", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  expect(await findTaken({ page: 0, slack: 0, cloudstack: port, links: 0 })).toBe(port);
  await new Promise((resolve) => other.close(resolve));
  expect(await portsFrom(19_000)).toEqual({ page: 19_000, slack: 19_001, cloudstack: 19_002, links: 19_003 });
});

test("the note of a killed demo, of another program, or one cut short is deleted", async () => {
  const dead = 2 ** 22 + 1;
  for (const left of [
    JSON.stringify({ pid: dead, url: "http://127.0.0.1:1/" }),
    JSON.stringify({ pid: process.ppid, url: "http://127.0.0.1:1/" }),
    '{"pid":',
  ]) {
    writeFileSync(note, left);
    expect(await findRunning(folder)).toBeNull();
    expect(existsSync(note)).toBe(false);
  }
});

test("a demo whose page says that it is that process is found", async () => {
  const page = createServer((_, response) => void response.end(JSON.stringify({ pid: process.ppid }))).listen(0, "127.0.0.1");
  await new Promise((resolve) => page.once("listening", resolve));
  const url = `http://127.0.0.1:${(page.address() as AddressInfo).port}/`;
  writeFileSync(note, JSON.stringify({ pid: process.ppid, url }));
  expect(await findRunning(folder)).toEqual({ pid: process.ppid, url, isReady: true });
  noteRunning(folder, url);
  expect(await findRunning(folder)).toBeNull();
  await new Promise((resolve) => page.close(resolve));
});
