import { AsyncLocalStorage } from "node:async_hooks";

/** Ids of the work that is being done: every log line of it has them, from Slack's request to the call of CloudStack. */
export type Trace = { [Name in "request" | "operator" | "pass" | "plan" | "deletion" | "export" | "backup" | "template"]?: string };

const traces = new AsyncLocalStorage<Trace>();

/** Runs work under these ids, besides those that it is run under already. */
export function runTraced<T>(ids: Trace, run: () => T): T {
  return traces.run({ ...traces.getStore(), ...ids }, run);
}

/** Adds ids that are only known by now to the innermost traced work; outside of any it does nothing. */
export function addToTrace(ids: Trace): void {
  Object.assign(traces.getStore() ?? {}, ids);
}

/** The ids of the present work. */
export function presentTrace(): Readonly<Trace> {
  return traces.getStore() ?? {};
}
