import { readFileSync } from "node:fs";
import { fleetOf } from "../app/passes.ts";
import type { AdoptionDomain, AdoptionRow } from "../core/adoption.ts";
import { counted } from "../core/plural.ts";
import type { Asker } from "../core/people.ts";
import { countRows, nothingKnown, readKnown, survey, tableText } from "../sync/adoption/survey.ts";
import type { Proposed } from "../sync/adoption/propose.ts";
import { refuseUse, tellFailure, type CliCommand, type CliIo, type Given } from "./command.ts";
import { saying } from "./progress.ts";
import { oneLine } from "./reimport-text.ts";
import { whoTypes } from "./who-types.ts";
import { withAssembly } from "./with-assembly.ts";
import { withoutSlack, withoutWriting } from "./without-writing.ts";

/** What a fleet of 400 domains takes some seconds for. */
const READING = "Reading the CI database and CloudStack, and comparing them …";

/** `twokey adopt`: shows how both sides match, and asks people, in Slack, about what would be adopted. */
export const runAdopt: CliCommand = async (io, given) => {
  const mapping = readMap(io, given);
  if (mapping === null) return 2;
  return given.flags.has("dry-run") ? lookOnly(io, given, mapping) : propose(io, given, mapping);
};

/** `twokey un-adopt`: asks people, in Slack, whether adopted domains are given back. */
export const runUnAdopt: CliCommand = (io, given) =>
  withAssembly(withoutSlack(io), async ({ config, assembly }) => {
    const made = await saying(io, READING, assembly.services.adoption.giveBack(terminal(io), given.args));
    if (!made.ok) return tellFailure(io, made.error, made.error.kind === "invalid" ? 2 : 1);
    const { domains, lines } = made.value;
    if (given.flags.has("json"))
      io.out(`${JSON.stringify({ root: fleetOf({ config }).root, domains, lines, question: questionOf(made.value) }, null, 2)}\n`);
    else {
      for (const line of lines) io.out(`${oneLine(line)}\n`);
      tellAsked(io, made.value);
    }
    return 0;
  });

function terminal(io: CliIo): Asker {
  return { operator: whoTypes(io), isTeam: true };
}

/** The mapping file's text; empty without one; null: it cannot be read, which was said. */
function readMap(io: CliIo, given: Given): string | null {
  const file = given.values["map"];
  if (file === undefined) return "";
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
    if (text.trim() !== "") return text;
    refuseUse(io, given, `The mapping file ${file} is empty.`);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? "";
    const why = { ENOENT: "is not there", EISDIR: "is a folder", EACCES: "may not be read" }[code] ?? "is no text in UTF-8";
    refuseUse(io, given, `The mapping file ${file} ${why}.`);
  }
  return null;
}

function lookOnly(io: CliIo, given: Given, mapping: string): Promise<number> {
  return withoutWriting(io, async ({ config, db, ci, reader }) => {
    const fleet = fleetOf({ config });
    const known = db === null ? nothingKnown : await readKnown(db);
    const seen = await saying(io, READING, survey({ text: mapping }, known, { desired: ci, observed: reader, fleet }));
    if (!seen.ok) return tellFailure(io, seen.error, seen.error.kind === "invalid" ? 2 : 1);
    tellTable(io, given, { root: fleet.root, ...seen.value }, null);
    if (!given.flags.has("json")) io.out("Nothing was recorded: this was a dry run.\n");
    return 0;
  });
}

function propose(io: CliIo, given: Given, mapping: string): Promise<number> {
  return withAssembly(withoutSlack(io), async ({ config, assembly }) => {
    const made = await saying(io, READING, assembly.services.adoption.propose(terminal(io), mapping));
    if (!made.ok) return tellFailure(io, made.error, made.error.kind === "invalid" ? 2 : 1);
    tellTable(io, given, { root: fleetOf({ config }).root, ...made.value }, made.value);
    if (!given.flags.has("json")) tellAsked(io, made.value);
    return 0;
  });
}

interface Shown {
  readonly root: Parameters<typeof tableText>[0]["root"];
  readonly rows: readonly AdoptionRow[];
  readonly domains: readonly AdoptionDomain[];
  readonly lines: readonly string[];
}

function tellTable(io: CliIo, given: Given, { root, rows, domains, lines }: Shown, asked: Proposed | null): void {
  const question = asked === null ? null : questionOf(asked);
  if (given.flags.has("json")) return io.out(`${JSON.stringify({ root, counts: countRows(rows), domains, rows, question }, null, 2)}\n`);
  io.out(tableText({ root, rows, lines }));
  const accounts = domains.reduce((sum, d) => sum + d.accounts.length, 0);
  io.out(`To adopt: ${counted(domains.filter((d) => d.isNew).length, "domain")} and ${counted(accounts, "account")}.\n`);
}

/** What people are asked, for a script; null: there is nothing to decide. */
function questionOf({
  id,
  wasOpen,
  quorum,
}: Proposed): { readonly id: string; readonly wasOpen: boolean; readonly approvals: number } | null {
  return id === null ? null : { id, wasOpen, approvals: quorum };
}

function tellAsked(io: CliIo, { id, wasOpen, quorum }: Proposed): void {
  if (id === null) return io.out("There is nothing to decide.\n");
  const what = wasOpen ? "The same was proposed before and is still open" : "Recorded";
  io.out(
    `${what}: the running bot shows its card in the team's channel, where ${quorum} approvers must agree. Nothing else was changed.\n`,
  );
}
