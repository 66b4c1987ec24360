/** Claim: the lists of commands by which the doctor judges a key are what the source sends, and the scopes are those of the manifests. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  alongLists,
  deleteCommands,
  deleteLists,
  readCommands,
  reimportCommands,
  restoreCommands,
  templateCommands,
  templateLists,
  writeCommands,
  writeLists,
} from "../../../src/cloudstack/api/needs.ts";
import { scopes } from "../../../src/cli/doctor/slack.ts";

const folder = (name: string): readonly string[] =>
  readdirSync(`src/cloudstack/${name}`).map((file) => source(`${name}/${file.slice(0, -3)}`));
const source = (name: string): string => readFileSync(`src/cloudstack/${name}.ts`, "utf8");
const named = (texts: readonly string[], pattern: RegExp): readonly string[] =>
  [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map((m) => m[1] ?? "")))].toSorted();
const commandName =
  /"((?:add|attach|create|update|delete|destroy|detach|disable|enable|disassociate|recover|remove|start|expunge|extract)[A-Z][A-Za-z]+)"/g;

test("what changes and deletes is on the list of its key", () => {
  expect(named(folder("write"), commandName)).toEqual([...new Set([...writeCommands, ...restoreCommands, ...templateCommands])].toSorted());
  expect(named([source("write/registrar")], /"((?:list|register)[A-Z][A-Za-z]+)"/g)).toEqual([...reimportCommands].toSorted());
  expect(
    named([source("write/template-maker")], /"(list[A-Z][A-Za-z]+)"/g).every((one) => (templateLists as readonly string[]).includes(one)),
  ).toBe(true);
  expect(named(folder("delete"), commandName)).toEqual([...deleteCommands].toSorted());
});

test("every list that is read is on a list, or is one that a server may lack", () => {
  const files = ["api", "read", "write", "delete", "export"].flatMap((name) =>
    readdirSync(`src/cloudstack/${name}`).map((file) => `${name}/${file}`),
  );
  const read = named(
    files
      .filter((file) => !["api/needs.ts", "read/key-inspector.ts"].includes(file))
      .map((file) => readFileSync(`src/cloudstack/${file}`, "utf8")),
    /"((?:list|query)[A-Z][A-Za-z]+)"/g,
  );
  const optional = ["listApis", "listConfigurations"];
  const known = new Set<string>([
    ...readCommands,
    ...writeLists,
    ...deleteLists,
    ...alongLists,
    ...reimportCommands,
    ...templateLists,
    ...optional,
  ]);
  expect(read.filter((command) => !known.has(command) && !command.startsWith("listDedicated"))).toEqual([]);
  expect([...readCommands, ...writeLists, ...deleteLists, ...alongLists].filter((command) => !read.includes(command))).toEqual([]);
});

test.each(["docs/slack-app-manifest.yaml", "docs/slack-app-manifest-http.yaml"])(
  "the scopes of %s are those that are asked for",
  (file) => {
    const asked = /bot: \[([^\]]+)\]/.exec(readFileSync(file, "utf8"))?.[1]?.split(", ") ?? [];
    expect(asked.toSorted()).toEqual(Object.keys(scopes).toSorted());
  },
);
