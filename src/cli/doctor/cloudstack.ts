import { createKeyInspector, type KeyInspector } from "../../cloudstack/read/key-inspector.ts";
import type { CloudStackOptions } from "../../cloudstack/api/options.ts";
import { createCloudStackReader } from "../../cloudstack/read/reader.ts";
import type { CloudStackKeys, Config } from "../../config.ts";
import type { Clock, NewId, Sleep } from "../../core/clock.ts";
import { DomainId, type DomainPath } from "../../core/ids.ts";
import { ok as fine } from "../../core/result.ts";
import type { ObservedReport } from "../../sync/planning/observed.ts";
import { checksOf, type Check } from "./check.ts";
import { examineClock } from "./cloudstack-clock.ts";
import { examineKey, pairsOf } from "./cloudstack-keys.ts";
import { examineRoles } from "./cloudstack-roles.ts";
import { examineSettings } from "./cloudstack-settings.ts";

const { ok, warning, failed } = checksOf("cloudstack");

/** Checks CloudStack with each key pair: keys, rights, clock, settings, the managed root and the protected domains. */
export async function examineCloudStack(
  config: Config,
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
  if (!probed.ok && probed.error.code === "cloudstack.unreachable") return [failed(probed.error.message, probed.error.remedy ?? "")];
  const checks: Check[] = probed.ok ? [ok(`reachable, version ${probed.value.version}`)] : [];
  const roles = await examineRoles(createKeyInspector(options(config.cloudstack.write)), config);
  for (const { uses, ...pair } of pairsOf(config.cloudstack))
    checks.push(...(await examineKey(uses, createKeyInspector(options(pair)), config, roles.members)));
  const inspector = createKeyInspector(reading);
  return [
    ...checks,
    ...roles.checks,
    await examineClock(reading),
    ...(await examineTree(config, inspector, reading)),
    ...(probed.ok ? await examineSettings(inspector) : []),
  ];
}

async function examineTree(config: Config, inspector: KeyInspector, reading: CloudStackOptions): Promise<readonly Check[]> {
  const { rootPath, sentinelDomain } = config.cloudstack;
  const place =
    rootPath === "ROOT"
      ? [
          failed(
            "CLOUDSTACK_ROOT_DOMAIN is ROOT: Twokey could then change every domain",
            "Create a domain for CI, such as ROOT/ci, and name that.",
          ),
        ]
      : [ok(`${rootPath} is not ROOT: Twokey changes nothing outside it`)];
  const fleet = await createCloudStackReader(reading).readFleet({ withLimits: false });
  if (!fleet.ok)
    return [...place, failed(`the domains could not be read completely: ${fleet.error.reason}`, "Correct that first: no pass can run.")];
  const { domains, accounts, nonUuid } = fleet.value;
  return [
    ...place,
    ok(`read completely: ${domains.length} domains and ${accounts.length} accounts below ${rootPath}`),
    ...nonUuid.map((d) => warning(`${d.path} has an id that is no UUID; it is never changed`, "Move it out of the managed root.")),
    await sentinelCheck(sentinelDomain, inspector, fleet.value),
    ...(await Promise.all(config.policy.protectedDomains.map((listed) => protectedCheck(listed, inspector, fleet.value)))),
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

async function protectedCheck(listed: string, inspector: KeyInspector, fleet: ObservedReport): Promise<Check> {
  const own = [fleet.root, ...fleet.domains].find((d) => d.id === listed.toLowerCase() || d.path === listed);
  if (own !== undefined) return ok(`protected: ${own.path} (${own.id})`);
  const path = await pathOf(listed, inspector);
  if (path !== null || (listed.startsWith("ROOT") && !listed.startsWith(`${fleet.root.path}/`)))
    return ok(`protected: ${path ?? listed}, which lies outside ${fleet.root.path} anyway`);
  return failed(
    `the protected domain ${listed} was not found`,
    "Correct CLOUDSTACK_PROTECTED_DOMAINS: a UUID, or a path such as ROOT/ci/tools.",
  );
}

async function pathOf(id: string, inspector: KeyInspector): Promise<string | null> {
  const parsed = DomainId.safeParse(id);
  if (!parsed.success) return null;
  const found = await inspector.findPath(parsed.data);
  return found.ok ? found.value : null;
}
