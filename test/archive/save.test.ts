/** Claims that nothing counts as saved but what arrived whole, was read back and found equal, whatever the download does. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import type { ArchiveStore, ExportSource } from "../../src/archive/ports.ts";
import { saveItem } from "../../src/archive/save.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";

const key = "abcdef01-2345-4678-89ab-cdef01234567";
const body = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));
const sha256 = createHash("sha256").update(body).digest("hex");
const template: InventoryItem = {
  kind: "template",
  id: "t1",
  name: "golden",
  accountId: null,
  accountName: null,
  bytes: null,
  state: "Ready",
  createdAt: null,
  zoneId: null,
  parentId: null,
  facts: {},
};
const saved = { ok: true, value: { key, bytes: body.length, sha256 } };

let root: string;
let store: ArchiveStore;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "twokey-save-"));
  store = createFolderStore(path.join(root, "archive"));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

/** One answer to one request: bytes from `from` to `to`, then an end or a break. */
interface Answer {
  readonly from?: number;
  readonly to: number;
  readonly breaks?: boolean;
  readonly total?: number | null;
}

function sourceOf(...answers: readonly Answer[]): ExportSource & { readonly asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    openExport: () =>
      Promise.resolve(
        ok({
          open(offset: number) {
            const answer = answers[asked.push(offset) - 1] ?? answers.at(-1);
            if (answer === undefined) return Promise.resolve(err(failure("unavailable", "test.none", "nothing is left")));
            const begin = answer.from ?? offset;
            const bytes = Readable.from(chunks(begin, answer));
            const totalBytes = answer.total === undefined ? body.length : answer.total;
            return Promise.resolve(ok({ bytes, offset: begin, totalBytes }));
          },
        }),
      ),
  };
}

function* chunks(begin: number, answer: Answer): Generator<Buffer> {
  for (let i = begin; i < answer.to; i += 100) yield body.subarray(i, Math.min(i + 100, answer.to));
  if (answer.breaks === true) throw new Error("the line broke");
}

const save = (source: ExportSource, item = template, into = store) => saveItem(item, key, source, into, () => undefined);
const onDisk = (): Promise<Buffer> => readFile(path.join(root, "archive", "ab", key));
const files = async (): Promise<readonly string[]> => (await readdir(root, { recursive: true })).toSorted();
const whole = ["archive", "archive/ab", `archive/ab/${key}`];

describe("saved is", () => {
  test("what came whole, with its progress told", async () => {
    const told: (readonly [number, number | null])[] = [];
    const result = await saveItem(template, key, sourceOf({ to: 1000 }), store, (done, total) => told.push([done, total]));
    expect(result).toEqual(saved);
    expect(await onDisk()).toEqual(body);
    expect(await files()).toEqual(whole);
    expect(told.at(-1)).toEqual([1000, 1000]);
  });

  test("what came whole without an announced size", async () => {
    expect(await save(sourceOf({ to: 1000, total: null }))).toEqual(saved);
  });

  test("what was cut and went on", async () => {
    const source = sourceOf({ to: 400, breaks: true }, { to: 1000 });
    expect(await save(source)).toEqual(saved);
    expect(await onDisk()).toEqual(body);
    expect(source.asked).toHaveLength(2);
  });

  test("what ended early and went on where the file ends", async () => {
    const source = sourceOf({ to: 400 }, { to: 700 }, { to: 1000 });
    expect(await save(source)).toEqual(saved);
    expect(await onDisk()).toEqual(body);
    expect(source.asked).toEqual([0, 400, 700]);
  });

  test("what was cut and started again, since the source would not go on in the middle", async () => {
    const source = sourceOf({ to: 400 }, { from: 0, to: 1000 });
    expect(await save(source)).toEqual(saved);
    expect(await onDisk()).toEqual(body);
    expect(source.asked).toEqual([0, 400]);
  });

  test("what has exactly the size that CloudStack told", async () => {
    expect(await save(sourceOf({ to: 1000 }), { ...template, facts: { physicalBytes: 1000 } })).toEqual(saved);
  });
});

describe("not saved is", () => {
  const broken = (code: string) => ({ ok: false, error: { kind: "contract_broken", code } });
  const notThere = async (): Promise<void> => {
    expect(await files()).not.toContain(`archive/ab/${key}`);
  };

  test("what ends early again and again", async () => {
    const source = sourceOf({ from: 0, to: 400 });
    expect(await save(source)).toMatchObject(broken("archive.size"));
    expect(source.asked).toHaveLength(4);
    await notThere();
  });

  test("what breaks off again and again without an announced size", async () => {
    const result = await save(sourceOf({ to: 100, from: 0, breaks: true, total: null }));
    expect(result).toMatchObject({ ok: false, error: { kind: "unavailable", code: "archive.cut" } });
    await notThere();
  });

  test("what is more than was announced", async () => {
    expect(await save(sourceOf({ to: 1000, total: 900 }))).toMatchObject(broken("archive.size"));
    await notThere();
  });

  test.each([999, 1001])("what is not of the %d bytes that CloudStack told", async (physicalBytes) => {
    expect(await save(sourceOf({ to: 1000 }), { ...template, facts: { physicalBytes } })).toMatchObject(broken("archive.size"));
    await notThere();
  });

  test.each([0, null])("what is empty, announced as %s", async (total) => {
    expect(await save(sourceOf({ to: 0, total }))).toMatchObject(broken("archive.empty"));
    await notThere();
  });

  test("what cannot be extracted: the source's own word is handed on and nothing is written", async () => {
    const refusal = err(failure("rejected", "export.not_extractable", "It cannot be extracted"));
    expect(await save({ openExport: () => Promise.resolve(refusal) })).toEqual(refusal);
    expect(await files()).toEqual([]);
  });

  test("what the source will not open", async () => {
    const refusal = err(failure("unavailable", "export.gone", "The link is gone"));
    expect(await save({ openExport: () => Promise.resolve(ok({ open: () => Promise.resolve(refusal) })) })).toEqual(refusal);
    expect(await files()).toEqual([]);
  });

  test("what the disk does not take: a full disk is told at once, after one request", async () => {
    const full = err(failure("unavailable", "archive.full", "The archive's disk is full"));
    const source = sourceOf({ to: 1000 });
    const fake: ArchiveStore = { ...store, append: async (_key, _offset, bytes) => (await drain(bytes), full) };
    expect(await save(source, template, fake)).toEqual(full);
    expect(source.asked).toEqual([0]);
  });

  test("what cannot be made durable", async () => {
    const refusal = err(failure("unavailable", "archive.broken", "no sync"));
    expect(await save(sourceOf({ to: 1000 }), template, { ...store, finish: () => Promise.resolve(refusal) })).toEqual(refusal);
    await notThere();
  });

  test.each([
    ["different", Buffer.alloc(1000, 7)],
    ["shorter", body.subarray(0, 999)],
  ])("what is read back %s", async (_, back) => {
    const fake: ArchiveStore = { ...store, open: () => Promise.resolve(ok(Readable.from([back]))) };
    expect(await save(sourceOf({ to: 1000 }), template, fake)).toMatchObject(broken("archive.differs"));
  });
});

describe("a hostile name never reaches the file system:", () => {
  const hostile = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "a\u0000b",
    "CON",
    "x".repeat(5000),
    "$(touch pwned)",
    "-rf",
    "a\nb",
    "\u202egpj",
  ];
  test.each(hostile.map((name) => [JSON.stringify(name).slice(0, 30), name] as const))("a template called %s", async (_, name) => {
    const item = { ...template, name, id: name, accountName: name };
    expect(await save(sourceOf({ to: 1000 }), item)).toEqual(saved);
    expect(await files()).toEqual(whole);
  });

  test.each(["../../x", "abcdef01/../../..", "ABCDEF01-2345", "", "abc", "abcdef0g1", "abcdef012\n", "a".repeat(81)])(
    "the key %j is refused",
    async (bad) => {
      const attempts: readonly (() => Promise<unknown>)[] = [
        () => store.append(bad, 0, Readable.from([body])),
        () => store.open(bad),
        () => store.finish(bad),
      ];
      for (const attempt of attempts) {
        const outcome = await Promise.resolve()
          .then(attempt)
          .catch(() => ({ ok: false }));
        expect(outcome).toMatchObject({ ok: false });
      }
      expect(await files()).toEqual([]);
    },
  );
});

async function drain(bytes: Readable): Promise<void> {
  await bytes.forEach(() => undefined);
}
