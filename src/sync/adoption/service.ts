import { recordRefusal } from "../../approvals/act.ts";
import { readVotingView } from "../../approvals/voting-view.ts";
import type { Failure } from "../../core/failure.ts";
import type { Asker } from "../../core/people.ts";
import type { Result } from "../../core/result.ts";
import { DAY_MS } from "../../core/units.ts";
import { readAdoption, readAdoptions, type AdoptionTableRow } from "../../store/adoptions.ts";
import type { AdoptionContext, AdoptionView } from "./context.ts";
import { approveAdoption, expireAdoptions, rejectAdoption, type AdoptionClick } from "./decide.ts";
import { proposeAdoption, proposeGivingBack, proposeRelease, type Proposed } from "./propose.ts";
import { countRows, tableText } from "./survey.ts";

/** Adoption, for commands and clicks; every refusal is recorded. */
export interface AdoptionService {
  /** Makes the table, and asks people about what would be adopted. `mapping` is the text of a mapping file; empty: there is none. */
  propose(by: Asker, mapping: string): Promise<Result<Proposed, Failure>>;
  /** Asks whether adopted domains are given back, by their projects. */
  giveBack(by: Asker, projects: readonly string[]): Promise<Result<Proposed, Failure>>;
  /** Asks whether the restrictive changes of adopted domains are released. */
  release(by: Asker): Promise<Result<Proposed, Failure>>;
  /** The deciding approval carries the table out. */
  approve(click: AdoptionClick): Promise<Result<{ readonly applied: boolean }, Failure>>;
  reject(click: AdoptionClick & { readonly reason: string }): Promise<Result<void, Failure>>;
  /** Records a click that never reached a table. */
  recordRefusal(by: Asker, what: string, f: Failure): Promise<void>;
}

/** Cards are updated for this long after their end. Units: milliseconds. */
const SHOWN_FOR_MS = DAY_MS;

/** Builds the service through which the team adopts domains and gives them back. */
export function createAdoptionService(c: AdoptionContext): AdoptionService {
  const refuse: AdoptionService["recordRefusal"] = (by, what, f) =>
    recordRefusal({ kind: `adoption.${what}`, subject: "adoption", by: by.operator.id }, f, c);
  const asking = async (by: Asker, what: string, asked: Promise<Result<Proposed, Failure>>): Promise<Result<Proposed, Failure>> => {
    const made = await asked;
    if (!made.ok) await refuse(by, what, made.error);
    else if (made.value.id !== null) await showAll(c);
    return made;
  };
  const shown = async <T>(id: string, acted: Promise<Result<T, Failure>>): Promise<Result<T, Failure>> => {
    const done = await acted;
    await showTable(id, c);
    return done;
  };
  return {
    propose: (by, text) => asking(by, "propose", proposeAdoption(by, { text }, c)),
    giveBack: (by, projects) => asking(by, "give_back", proposeGivingBack(by, projects, c)),
    release: (by) => asking(by, "release", proposeRelease(by, c)),
    approve: (click) => shown(click.id, approveAdoption(click, c)),
    reject: (click) => shown(click.id, rejectAdoption(click, c)),
    recordRefusal: refuse,
  };
}

/** Ends expired tables and updates every card: of what was proposed at a terminal, too, and after a crash. */
export async function sweepAdoptions(c: AdoptionContext): Promise<void> {
  await expireAdoptions(c);
  await showAll(c);
}

async function showAll(c: AdoptionContext): Promise<void> {
  for (const { id } of await readAdoptions(c.db, c.now() - SHOWN_FOR_MS)) await showTable(id, c);
}

async function showTable(id: string, c: AdoptionContext): Promise<void> {
  const row = await readAdoption(c.db, id);
  if (row !== null) await c.announcer.showAdoption(await buildView(row, c));
}

async function buildView(row: AdoptionTableRow, c: AdoptionContext): Promise<AdoptionView> {
  const may = row.state === "proposed" ? await c.approvers.approversNow() : null;
  const asked = { requesters: row.requesters, approvers: may };
  const { body } = row;
  const people = row.requesters.filter((r) => !r.startsWith("terminal:"));
  return {
    ...(await readVotingView({ kind: "adoption", id: row.id }, row, asked, c.db)),
    id: row.id,
    kind: row.kind,
    state: row.state,
    counts: countRows(body.rows),
    domains: body.domains.filter((d) => row.kind !== "adopt" || d.isNew).length,
    accounts: body.domains.reduce((sum, d) => sum + d.accounts.length, 0),
    lines: row.kind === "adopt" ? [...body.lines, ...body.domains.map((d) => lineOf(d))] : body.lines,
    rest: body.rest ?? null,
    table: tableText(body),
    isFromTerminal: people.length === 0,
  };
}

function lineOf({ path, slug, isNew, accounts }: AdoptionTableRow["body"]["domains"][number]): string {
  return isNew
    ? `${path} for ${slug}, with ${accounts.length} accounts`
    : `${accounts.length} accounts in ${path}: what restricts or deletes there waits for a release again`;
}
