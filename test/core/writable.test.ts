/** Claim: a folder that cannot be written is told in a sentence, before anything is to be written there; nothing is made by looking. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { whyNotWritable } from "../../src/core/writable.ts";

const dir = mkdtempSync(path.join(tmpdir(), "twokey-writable-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const refuses = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));

test("a folder that is there, and one that is not there yet", async () => {
  expect(await whyNotWritable(dir)).toBeNull();
  expect(await whyNotWritable(`${dir}/a/b`)).toBeNull();
  expect(existsSync(`${dir}/a`)).toBe(false);
});

test("a file in its place, a disk that is mounted read-only, a folder of somebody else", async () => {
  writeFileSync(`${dir}/file`, "");
  expect(await whyNotWritable(`${dir}/file/archive`)).toBe(`${dir}/file is a file, and no folder`);
  expect(await whyNotWritable(dir, refuses("EROFS"))).toBe(`the folder ${dir} is on a disk that is mounted read-only`);
  expect(await whyNotWritable(`${dir}/a/b`, refuses("EACCES"))).toBe(
    `${dir}, in which ${dir}/a/b would be made, cannot be written by this user (EACCES)`,
  );
});
