import { createHash } from "node:crypto";
import { readPlanHeads, readPlanInputs } from "../store/plans.ts";
import { firstDifference, replayPlan } from "../sync/execution/replay.ts";
import { refuse, tellFailure, tellJson, type CliCommand } from "./command.ts";
import { jsonInstant } from "./instants.ts";
import { withReading } from "./reading.ts";

/** `twokey replay <plan>`: computes a stored plan again from its stored inputs and compares the bytes. Invariant: INV-7. */
export const runReplay: CliCommand = async (io, given) => {
  const [id] = given.args;
  return withReading(io, async (db) => {
    const heads = await readPlanHeads(db, 20);
    if (id === undefined && given.flags.has("json")) {
      tellJson(
        io,
        heads.map(({ at, ...head }) => ({ ...head, at: jsonInstant(at) })),
      );
      return 0;
    }
    if (id === undefined) {
      for (const h of heads) io.out(`${h.id}  ${new Date(h.at).toISOString()}  ${h.state}\n`);
      if (heads.length === 0) io.out("No plan is stored yet.\n");
      return 0;
    }
    const inputs = /^[0-9a-f-]{36}$/.test(id) ? await readPlanInputs(db, id) : null;
    const newest = heads.slice(0, 3).map((h) => h.id);
    if (inputs === null) return refuse(io, `There is no plan ${id}. The newest: ${newest.join(", ")}. \`twokey replay\` lists more.`);

    const replayed = replayPlan(inputs);
    if (!replayed.ok) return tellFailure(io, replayed.error);
    const { stored, again } = replayed.value;
    if (given.flags.has("print")) io.out(`${again}\n`);
    const line = (what: string, text: string): string =>
      `${what} ${Buffer.byteLength(text)} bytes, SHA-256 ${createHash("sha256").update(text).digest("hex")}\n`;
    io.err(line("stored", stored) + line("again ", again));
    if (stored === again) {
      io.err("The same plan, byte for byte.\n");
      return 0;
    }
    io.err(`NOT the same plan: the first difference is at ${firstDifference(JSON.parse(stored), JSON.parse(again)) ?? "?"}.\n`);
    return 1;
  });
};
