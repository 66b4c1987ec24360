import { afterEach } from "vitest";
import {
  startCloudStackEmulator,
  type CloudStackEmulator,
  type CloudStackEmulatorOptions,
  type Keys,
} from "../../../emulators/cloudstack/server.ts";
import { callApi, type Reply } from "./api-client.ts";
import { isObject } from "./same-shape.ts";

/** An emulator with a clock of its own, and short ways to ask it. */
export interface Asked {
  readonly emulator: CloudStackEmulator;
  pass(ms: number): void;
  /** Ends it before the test does. */
  stop(): Promise<void>;
  call(command: string, params?: Record<string, string>, keys?: Keys): Promise<Reply>;
  /** The rows of a list. */
  rows(command: string, key: string, params?: Record<string, string>, keys?: Keys): Promise<readonly Record<string, unknown>[]>;
  /** Sends a command that makes a job, lets the job end, and gives its outcome. */
  job(command: string, params: Record<string, string>, keys?: Keys): Promise<Record<string, unknown>>;
}

const running: CloudStackEmulator[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((emulator) => emulator.close()));
});

/** The inside of an answer: what stands under its only key. */
export function inside(reply: Reply): Record<string, unknown> {
  const value = Object.values(reply.body ?? {})[0];
  return isObject(value) ? value : {};
}

/** Starts an emulator for one test. */
export async function startAsked(options: CloudStackEmulatorOptions = {}): Promise<Asked> {
  let now = Date.parse("2026-11-28T15:00:00Z");
  const emulator = await startCloudStackEmulator({ now: () => now, expungeDelayMs: 10_000, expungeIntervalMs: 1_000, ...options });
  running.push(emulator);
  const call: Asked["call"] = (command, params = {}, keys = emulator.admin) => callApi(emulator.url, keys, now, command, params);
  return {
    emulator,
    pass: (ms) => {
      now += ms;
    },
    stop: async () => {
      running.splice(running.indexOf(emulator), 1);
      await emulator.close();
    },
    call,
    rows: async (command, key, params = { listall: "true" }, keys = emulator.admin) => {
      const list = inside(await call(command, params, keys))[key];
      return Array.isArray(list) ? list.filter(isObject) : [];
    },
    job: async (command, params, keys = emulator.admin) => {
      const started = inside(await call(command, params, keys));
      now += 100;
      return inside(await call("queryAsyncJobResult", { jobid: String(started["jobid"]) }));
    },
  };
}
