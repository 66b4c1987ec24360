/** Which CloudStack the contract is held against: the one named by the environment, else a fresh emulator. */
import { startCloudStackEmulator } from "../../emulators/cloudstack/server.ts";

/** A CloudStack to test against. */
export interface ContractServer {
  readonly url: string;
  readonly apiKey: string;
  readonly secretKey: string;
  readonly isEmulator: boolean;
  close(): Promise<void>;
}

/** Connects to `CLOUDSTACK_API_URL` with its keys when all three variables are set; otherwise starts an emulator. */
export async function openServer(): Promise<ContractServer> {
  const { CLOUDSTACK_API_URL: url, CLOUDSTACK_API_KEY: apiKey, CLOUDSTACK_SECRET_KEY: secretKey } = process.env;
  const given = [url, apiKey, secretKey].filter((value) => value !== undefined && value !== "");
  if (url && apiKey && secretKey) return { url, apiKey, secretKey, isEmulator: false, close: () => Promise.resolve() };
  if (given.length > 0) throw new Error("CLOUDSTACK_API_URL, CLOUDSTACK_API_KEY and CLOUDSTACK_SECRET_KEY are needed, all three or none");
  const emulator = await startCloudStackEmulator({ port: 0, jobMs: 20, expungeDelayMs: 600, expungeIntervalMs: 200 });
  return { url: emulator.url, ...emulator.admin, isEmulator: true, close: () => emulator.close() };
}
