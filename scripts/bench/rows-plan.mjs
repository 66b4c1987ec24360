// The row about the planner alone: it must grow as the fleet does, and no faster.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const SMALL = 10_000;
const LARGE = 100_000;

/** The heap of inputs and plan together: within it garbage is collected in time. Units: MiB. */
const HEAP = 960;

/** 10,000 and 100,000 domains with ten accounts each, in a process of their own each, so that memory is theirs alone. */
export async function planner() {
  const [small, large] = [await planIn(SMALL), await planIn(LARGE)];
  const growth = large.ms / small.ms / (LARGE / SMALL);
  return {
    name: `the planner alone, ${SMALL} → ${LARGE} domains (${LARGE * 10} accounts)`,
    ours: `${small.ms.toFixed(0)} → ${large.ms.toFixed(0)} ms; ${large.inputMib} MiB with its inputs, ${large.planMib} MiB more at most while planning`,
    rival: "linear growth",
    ratio: growth,
    goal: "at most 1.1 × linear, under 1 GiB",
    isMet: growth <= 1.1 && large.inputMib + large.planMib < 1024,
  };
}

function planIn(domains) {
  const child = fork(fileURLToPath(new URL("plan-alone.mjs", import.meta.url)), [String(domains)], {
    execArgv: [`--max-old-space-size=${HEAP}`, "--expose-gc"],
  });
  return new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`planning ended with ${code}`)));
  });
}
