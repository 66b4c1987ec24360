import { startCloudStackEmulator, type CloudStackEmulator, type Keys } from "../../../emulators/cloudstack/server.ts";
import { callApi, type Reply } from "./api-client.ts";
import { compare } from "./compare-answers.ts";
import { LATER_WORLDS, NOT_COMPARED, RECORDED_LATER } from "./later-worlds.ts";
import { readScenario, type Exchange, type LaterScenario } from "./recordings.ts";
import { isObject, learnIds } from "./same-shape.ts";

const JOB_MS = 50;
const EXPUNGE_MS = 20_000;

/** One difference, and the number of the exchange that it was found in. */
export interface Found {
  readonly index: number;
  readonly line: string;
}

/** One scenario of recordings 16 to 34, played against a new installation. */
export class LaterReplay {
  readonly #scenario: LaterScenario;
  readonly #known = new Map<string, string>();
  readonly #accounts = new Map<string, string>();
  readonly #keys = new Map<string, Keys>();
  #now = Date.parse("2026-11-28T15:00:00Z");

  constructor(scenario: LaterScenario) {
    this.#scenario = scenario;
  }

  async run(): Promise<Found[]> {
    const world = LATER_WORLDS[this.#scenario] ?? {};
    const emulator = await startCloudStackEmulator({
      now: () => this.#now,
      jobMs: JOB_MS,
      expungeDelayMs: EXPUNGE_MS,
      expungeIntervalMs: EXPUNGE_MS,
      accountCleanupIntervalMs: EXPUNGE_MS,
      ...world.options,
    });
    try {
      for (const [name, id] of Object.entries(RECORDED_LATER.base))
        this.#known.set(id, emulator.ids[name as keyof typeof RECORDED_LATER.base]);
      this.#known.set(RECORDED_LATER.parent, emulator.addDomain({ name: "rec" }));
      for (const [recorded, ours] of Object.entries(world.seed?.(emulator) ?? {})) this.#known.set(recorded, ours);
      const found: Found[] = [];
      for (const [index, exchange] of readScenario(this.#scenario).entries()) {
        world.before?.(emulator, index);
        const lines = await this.#play(emulator, exchange, index);
        const head = `#${index} ${exchange.command}${exchange.note === undefined ? "" : ` (${exchange.note})`}`;
        found.push(...lines.map((line) => ({ index, line: `${head}: ${line}` })));
      }
      return found;
    } finally {
      await emulator.close();
    }
  }

  async #play(emulator: CloudStackEmulator, exchange: Exchange, index: number): Promise<string[]> {
    const world = LATER_WORLDS[this.#scenario] ?? {};
    if (world.waits?.includes(index) === true) this.#now += 3 * EXPUNGE_MS;
    else if (world.atOnce?.includes(index) !== true) this.#now += JOB_MS + 10;
    await this.#learnAddress(emulator, exchange.params["publicipid"] ?? exchange.params["id"] ?? "", exchange.command);
    const keys = this.#keysOf(emulator, exchange.as);
    const reply = await callApi(emulator.url, keys, this.#now, exchange.command, this.#translate(exchange.params));
    this.#learnAccount(exchange, reply);
    if (exchange.body !== undefined && reply.body !== undefined) learnIds(exchange.body, reply.body, this.#known);
    return NOT_COMPARED[this.#scenario]?.[index] === undefined ? compare(exchange, reply) : [];
  }

  #translate(params: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, this.#known.get(value) ?? value]));
  }

  #keysOf(emulator: CloudStackEmulator, name: string | undefined): Keys {
    if (name === undefined) return emulator.admin;
    const keys = this.#keys.get(name) ?? emulator.registerKeys(this.#accounts.get(name) ?? "");
    this.#keys.set(name, keys);
    return keys;
  }

  #learnAccount({ command, params }: Exchange, reply: Reply): void {
    const made = reply.body?.["createaccountresponse"];
    if (command !== "createAccount" || !isObject(made) || !isObject(made["account"])) return;
    this.#accounts.set(params["account"] ?? "", String(made["account"]["id"]));
  }

  /** The ids of source NAT addresses were not recorded before they were used: the newest such address is meant. */
  async #learnAddress(emulator: CloudStackEmulator, id: string, command: string): Promise<void> {
    if (!/IpAddress$|RemoteAccessVpn$/.test(command) || id === "" || this.#known.has(id)) return;
    const reply = await callApi(emulator.url, emulator.admin, this.#now, "listPublicIpAddresses", { listall: "true" });
    const listed = reply.body?.["listpublicipaddressesresponse"];
    const rows = isObject(listed) && Array.isArray(listed["publicipaddress"]) ? listed["publicipaddress"].filter(isObject) : [];
    const address = rows.findLast((row) => row["issourcenat"] === true);
    if (address !== undefined) this.#known.set(id, String(address["id"]));
  }
}
