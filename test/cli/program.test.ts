/** Claims: every command's help works without running it, wrong use is exit code 2 with a sentence, and docs/cli.md lists what there is. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { commandList } from "../../src/cli/command-list.ts";
import { synopsisOf } from "../../src/cli/program.ts";
import { twokey } from "../support/terminal.ts";

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };

describe("wrong use is refused with a sentence, on the error output", () => {
  test.each<[string, string[], string]>([
    ["an unknown command", ["nonsense"], "Unknown command 'nonsense'."],
    ["a misspelt command", ["doctr"], "Unknown command 'doctr'. Did you mean doctor?"],
    ["help for a misspelt command", ["help", "doctr"], "Unknown command 'doctr'. Did you mean doctor?"],
    ["a misspelt command of a group", ["audit", "verfy"], "Unknown command 'verfy'. Did you mean verify?"],
    ["a group without a command", ["audit"], "Usage: twokey audit [options] [command]"],
    ["an unknown option", ["doctor", "--nonsense"], "Unknown option '--nonsense'."],
    ["a misspelt option", ["rebuild", "--dryrun"], "Unknown option '--dryrun'. Did you mean --dry-run?"],
    ["a missing argument", ["restore"], "Missing required argument 'project'."],
    ["a missing option", ["incident"], "Required option '--since <when>' not specified."],
    ["an option without its value", ["migrate", "--role"], "Option '--role <name>' argument missing."],
    ["an argument too many", ["resume", "now"], "Too many arguments for 'resume'. Expected 0 arguments but got 1."],
    ["an option where the bot would start", ["serve", "--help-me"], "Unknown option '--help-me'."],
  ])("%s", async (_what, args, sentence) => {
    const ran = await twokey(args);
    expect(ran).toMatchObject({ code: 2, out: "" });
    expect(ran.err).toContain(sentence);
  });

  test("and how the command is written", async () => {
    expect((await twokey(["restore"])).err).toBe("Missing required argument 'project'.\nUsage: twokey restore <project> [--json]\n");
  });
});

describe("help", () => {
  test.each(commandList.map((entry) => [entry.name, entry] as const))(
    "of %s runs nothing and needs no environment",
    async (name, entry) => {
      const ran = await twokey([...name.split(" "), "--help"]);
      expect(ran).toMatchObject({ code: 0, err: "" });
      expect(ran.out).toContain(`Usage: twokey ${synopsisOf(entry)}\n`);
      expect(ran.out).toContain("Exit codes: 0 ");
      expect(ran.out.replace(/\s+/g, " ")).toContain(entry.description);
      for (const [flags, description] of entry.options ?? []) expect(ran.out.replace(/\s+/g, " ")).toContain(`${flags} ${description}`);
      expect(await twokey(["help", ...name.split(" ")])).toEqual(ran);
    },
  );

  test.each([[[]], [["help"]], [["--help"]], [["-h"]]])("of the whole: %j lists every command and the exit codes", async (args) => {
    const ran = await twokey(args);
    expect(ran).toMatchObject({ code: 0, err: "" });
    for (const { name } of commandList) expect(ran.out).toMatch(new RegExp(`^ {2}${name.split(" ")[0] ?? ""} `, "m"));
    expect(ran.out).toContain("Exit codes: 0 done; 1 not done, or a problem was found; 2 wrong use");
  });

  test("of what lies below a command is that command's", async () => {
    expect((await twokey(["help", "serve", "now"])).out).toContain("Usage: twokey serve");
  });
});

test("every entry leads to its command", async () => {
  const host = { serve: async () => 0 };
  for (const entry of commandList) expect(typeof (await entry.load(host)), entry.name).toBe("function");
});

test("serve starts the bot, and --version is the package's", async () => {
  expect(await twokey(["serve"])).toEqual({ code: 0, out: "the bot runs\n", err: "" });
  expect(await twokey(["--version"])).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
});

test("docs/cli.md lists the commands that there are, as they are written, in the order of the help", () => {
  const rows = [...readFileSync("docs/cli.md", "utf8").matchAll(/^\| `twokey (.+?)` \| (.+?) \|/gm)].map(([, written, does]) => [
    written,
    does,
  ]);
  expect(rows).toEqual(commandList.map((entry) => [synopsisOf(entry), entry.description]));
});
