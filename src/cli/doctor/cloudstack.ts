import { createKeyInspector, type KeyInspector } from "../../cloudstack/read/key-inspector.ts";
import type { CloudStackOptions } from "../../cloudstack/api/options.ts";
import { createCloudStackReader, type CloudStackReader } from "../../cloudstack/read/reader.ts";
import type { CloudStackKeys, Config } from "../../config/config.ts";
import type { Clock, NewId, Sleep } from "../../core/clock.ts";
import { DomainId, type DomainPath } from "../../core/ids.ts";
import { readProtected } from "../../core/protected.ts";
import { isWithin } from "../../core/scope.ts";
import { reportSentences } from "../../core/report-mode.ts";
import { ok as fine } from "../../core/result.ts";
import type { ObservedReport } from "../../sync/planning/observed.ts";
import { checksOf, type Check } from "./check.ts";
import type { KeyUse } from "../../cloudstack/api/needs.ts";
import { examineClock } from "./cloudstack-clock.ts";
import { examineKey, pairsOf } from "./cloudstack-keys.ts";
import { examineRoles, type RoleFindings } from "./cloudstack-roles.ts";
import { examineLists } from "./cloudstack-lists.ts";
import { examineSettings } from "./cloudstack-settings.ts";
import { whyUnreached } from "./reach.ts";

const { ok, skipped, warning, failed, refused } = checksOf("cloudstack");

/**
 * Checks CloudStack with each key pair: keys, rights, clock, settings, the managed root, and the protected domains of the environment and
 * of the policy in force (`inForce`).
 */
export async function examineCloudStack(
  config: Config,
  inForce: readonly string[],
  a: { readonly now: Clock; readonly sleep: Sleep; readonly newId: NewId },
): Promise<readonly Check[]> {
  const { url, rootPath } = config.cloudstack;
  const options = ({ apiKey, secretKey }: CloudStackKeys): CloudStackOptions => ({
    url,
    apiKey,
    secretKey,
    rootPath: rootPath as DomainPath,
    ...a,
    timeoutMs: config.cloudstack.timeoutMs,
    beforeCall: async () => fine(undefined),
  });
  const reading = options(config.cloudstack.read);
  const probed = await createCloudStackReader(reading).probe();
  if (!probed.ok && NO_ANSWER.has(probed.error.code)) {
    const why = await whyUnreached(url, "CLOUDSTACK_API_URL");
    return [
      why === null ? refused(probed.error, "Check CLOUDSTACK_API_URL.") : failed(`it cannot be reached: ${why.sentence}`, why.remedy),
    ];
  }
  const checks: Check[] = probed.ok ? [ok(`reachable, version ${probed.value.version}`)] : [];
  const inspectorOf = (use: KeyUse): KeyInspector | null => {
    const pair = config.cloudstack[use];
    return pair === null ? null : createKeyInspector(options(pair));
  };
  const refusedKeys = await findRefusedKeys(config, (pair) => createKeyInspector(options(pair)));
  const clock = await examineClock(reading);
  // With a clock that is off, CloudStack refuses every signature: the keys may be right.
  if (clock.state === "failed" && pairsOf(config.cloudstack).every((pair) => refusedKeys.has(pair.apiKey)))
    return [...checks, clock, skipped("not checked, since every signature is refused: keys, rights, lists and domains")];
  /** What a key is needed for: nothing is said of a key that is left out, and once why of one that is refused. */
  const unless = async (use: KeyUse, what: string, examine: (by: KeyInspector) => Promise<readonly Check[]>): Promise<readonly Check[]> => {
    const by = inspectorOf(use);
    if (by === null) return [];
    const isRefused = refusedKeys.has(config.cloudstack[use]?.apiKey ?? "");
    return isRefused ? [skipped(`not checked, since the ${use} key is refused: ${what}`)] : examine(by);
  };
  let members: RoleFindings["members"] | null = null;
  const roles = await unless("write", "the roles of CLOUDSTACK_ROLES", async (by) => {
    const found = await examineRoles(by, config);
    ({ members } = found);
    return found.checks;
  });
  let lackRoot = false;
  for (const { uses, ...pair } of pairsOf(config.cloudstack)) {
    const found = await examineKey(uses, createKeyInspector(options(pair)), config, { members, lackRoot });
    checks.push(...found.checks);
    lackRoot ||= uses.includes("read") && found.lacksRoot;
  }
  return [
    ...checks,
    ...roles,
    ...(await unless("read", "its lists", (by) => examineLists("read", by, config))),
    ...(await unless("delete", "its lists", (by) => examineLists("delete", by, config))),
    ...reportSentences(config.cloudstack.reportOnly).map((sentence) => warning(sentence, REPORT_REMEDY)),
    clock,
    placeCheck(rootPath),
    ...(lackRoot
      ? [skipped(`not checked, since ${rootPath} was not found: the domains, the sentinel and the protected ones`)]
      : await unless("read", "the domains, the sentinel and the protected ones", async (by) => [
          ...(await examineTree(config, by, reading)),
          ...(await examineProtected(config, inForce, createCloudStackReader(reading))),
        ])),
    ...(probed.ok ? await examineSettings(createKeyInspector(reading)) : []),
  ];
}

const REPORT_REMEDY = "Leave it so to look first; set the key pair, and TWOKEY_MODE to act, to have it carried out (docs/cloudstack.md).";

/** Codes of no answer, or none of CloudStack's. */
const NO_ANSWER: ReadonlySet<string> = new Set(["unreachable", "lost_answer", "timeout", "not_cloudstack"].map((c) => `cloudstack.${c}`));

/** The API keys that CloudStack does not let in: what needs one of them would only fail for the same reason. */
async function findRefusedKeys(config: Config, inspect: (pair: CloudStackKeys) => KeyInspector): Promise<ReadonlySet<string>> {
  const looked = await Promise.all(pairsOf(config.cloudstack).map(async (pair) => ({ pair, account: await inspect(pair).readAccount() })));
  const refusedPairs = looked.filter(({ account }) => !account.ok && account.error.code === "cloudstack.credentials");
  return new Set(refusedPairs.map(({ pair }) => pair.apiKey));
}

function placeCheck(rootPath: string): Check {
  return rootPath === "ROOT"
    ? failed(
        "CLOUDSTACK_ROOT_DOMAIN is ROOT: Twokey could then change every domain",
        "Create a domain for CI, such as ROOT/ci, and name that.",
      )
    : ok(`${rootPath} is not ROOT: Twokey changes nothing outside it`);
}

async function examineTree(config: Config, inspector: KeyInspector, reading: CloudStackOptions): Promise<readonly Check[]> {
  const { rootPath, sentinelDomain } = config.cloudstack;
  const fleet = await createCloudStackReader(reading).readFleet({ withLimits: false });
  if (!fleet.ok) return [failed(`the domains could not be read completely: ${fleet.error.reason}`, "Correct that first: no pass can run.")];
  const { domains, accounts, nonUuid } = fleet.value;
  return [
    ok(`read completely: ${domains.length} domains and ${accounts.length} accounts below ${rootPath}`),
    ...nonUuid.map((d) => warning(`${d.path} has an id that is not a UUID; it is never changed`, "Move it out of the managed root.")),
    await sentinelCheck(sentinelDomain, inspector, fleet.value),
  ];
}

async function sentinelCheck(id: string | null, inspector: KeyInspector, fleet: ObservedReport): Promise<Check> {
  if (id === null)
    return warning(
      "no sentinel domain is set",
      "Set CLOUDSTACK_SENTINEL_DOMAIN to the UUID of a domain that every complete read must see.",
    );
  const seen = fleet.domains.find((d) => d.id === id);
  if (seen !== undefined) return ok(`the sentinel domain was seen: ${seen.path}`);
  const path = await pathOf(id, inspector);
  const where = path === null ? "no domain has that UUID" : `it is ${path}`;
  return failed(
    `the sentinel domain ${id} is not below ${fleet.root.path} (${where})`,
    "Correct CLOUDSTACK_SENTINEL_DOMAIN: no read is complete without it.",
  );
}

async function examineProtected(config: Config, inForce: readonly string[], reader: CloudStackReader): Promise<readonly Check[]> {
  const ofEnvironment = config.policy.protectedDomains;
  return Promise.all([
    ...ofEnvironment.map((listed) => protectedCheck(listed, "Correct CLOUDSTACK_PROTECTED_DOMAINS", config, reader)),
    ...inForce
      .filter((listed) => !ofEnvironment.includes(listed))
      .map((listed) => protectedCheck(listed, "Correct the policy in force: /ci-policy set protected-domains", config, reader)),
  ]);
}

async function protectedCheck(listed: string, remedy: string, config: Config, reader: CloudStackReader): Promise<Check> {
  const entry = readProtected(listed);
  const found = entry === null ? fine(null) : await reader.findDomainNamed(entry.id ?? entry.path ?? "");
  if (!found.ok) return warning(`the protected domain ${listed} could not be looked up: ${found.error.message}`, "Run the doctor again.");
  if (found.value !== null) return ok(`protected: ${found.value.path} (${found.value.id}), and what lies below it`);
  const { rootPath } = config.cloudstack;
  if (entry?.path !== undefined && entry.path !== null && !isWithin(rootPath as DomainPath, entry.path as DomainPath))
    return ok(`protected: ${entry.path}, which lies outside ${rootPath} anyway`);
  return failed(`the protected domain ${listed} was not found`, `${remedy}: a UUID, or a path such as ROOT/ci/tools.`);
}

async function pathOf(id: string, inspector: KeyInspector): Promise<string | null> {
  const parsed = DomainId.safeParse(id);
  if (!parsed.success) return null;
  const found = await inspector.findPath(parsed.data);
  return found.ok ? found.value : null;
}
