/** Claims: a shell completes every command and option that there is, files where a file is wanted, and nothing is guessed for a value. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandList } from "../../src/cli/command-list.ts";
import { twokey } from "../support/terminal.ts";

const folder = mkdtempSync(path.join(tmpdir(), "twokey-completion-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What bash offers after these words, the last one unfinished. */
async function offeredAfter(...words: readonly string[]): Promise<readonly string[]> {
  const file = path.join(folder, "twokey.bash");
  writeFileSync(file, (await twokey(["completion", "bash"])).out);
  const ask = 'source "$0"; COMP_WORDS=(twokey "$@"); COMP_CWORD=$#; _twokey; printf "%s\\n" "${COMPREPLY[@]}"';
  const ran = spawnSync("bash", ["-c", ask, file, ...words], { encoding: "utf8", cwd: folder });
  expect(ran.stderr).toBe("");
  return ran.stdout.split("\n").filter((line) => line !== "");
}

test("a shell that there is no script for is refused", async () => {
  const ran = await twokey(["completion", "tcsh"]);
  expect(ran).toMatchObject({
    code: 2,
    out: "",
    err: expect.stringContaining("a script for bash, zsh, fish, and none for tcsh") as string,
  });
});

test("bash completes commands, commands of a group, options, known arguments and files", async () => {
  expect(await offeredAfter("re")).toEqual(["resume", "restore", "replay", "rebuild", "reimport"]);
  expect(await offeredAfter("--v")).toEqual(["--version"]);
  expect(await offeredAfter("audit", "")).toEqual(["list", "show", "verify", "export", "cut"]);
  expect(await offeredAfter("audit", "verify", "--")).toEqual(["--head", "--key", "--json", "--help"]);
  expect(await offeredAfter("completion", "")).toEqual(["bash", "zsh", "fish", "--help"]);
  expect(await offeredAfter("help", "doc")).toEqual(["doctor"]);
  writeFileSync(path.join(folder, "cost.png"), "");
  expect(await offeredAfter("backup-cost", "--plot", "cos")).toEqual(["cost.png"]);
  expect(await offeredAfter("incident", "--since", "")).toEqual([]);
  expect(await offeredAfter("nonsense", "")).toEqual([]);
});

test.each(["bash", "zsh", "fish"])("the script for %s has every command and every option, and no shell stumbles over it", async (shell) => {
  const { out } = await twokey(["completion", shell]);
  for (const { name, options = [] } of commandList) {
    for (const word of name.split(" ")) expect(out).toContain(word);
    for (const [flags] of options) expect(out).toContain((flags.split(" ")[0] ?? "").replace(/^--/, shell === "fish" ? "-l " : "--"));
  }
  const checked = spawnSync(shell, ["-n"], { input: out, encoding: "utf8" });
  // Where that shell is not installed, only the words are compared.
  if (checked.error === undefined) expect(checked).toMatchObject({ status: 0, stderr: "" });
});
