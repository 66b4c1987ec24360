import { createKeyInspector, type KeyInspector } from "../../cloudstack/read/key-inspector.ts";
import type { CloudStackOptions } from "../../cloudstack/api/options.ts";
import { createCloudStackReader } from "../../cloudstack/read/reader.ts";
import type { Config } from "../../config.ts";
import type { Clock, NewId, Sleep } from "../../core/clock.ts";
import { DomainId, type DomainPath } from "../../core/ids.ts";
import { ok as fine } from "../../core/result.ts";
import type { ObservedReport } from "../../sync/planning/observed.ts";
import { checksOf, type Check } from "./check.ts";
import { examineClock } from "./cloudstack-clock.ts";
import { examineKey, pairsOf } from "./cloudstack-keys.ts";
import { examineSettings } from "./cloudstack-settings.ts";

const { ok, warning, failed } = checksOf("cloudstack");

/** Looks at CloudStack with each key pair: keys, rights, clock, settings, the managed root and what is kept out of it. */
export async function examineCloudStack(
  config: Config,
  a: { readonly now: Clock; readonly sleep: Sleep; readonly newId: NewId },
): Promise<readonly Check[]> {
  const { url, rootPath } = config.cloudstack;
  const options = (keys: { readonly apiKey: string; readonly secretKey: string }): CloudStackOptions => ({
    url,
    apiKey: keys.apiKey,
    secretKey: keys.secretKey,
    rootPath: rootPath as DomainPath,
    ...a,
    timeoutMs: config.cloudstack.timeoutMs,
    beforeCall: async () => fine(undefined),
  });
  const reading = options(config.cloudstack.read);
  const probed = await createCloudStackReader(reading).probe();
  if (!probed.ok && probed.error.code === "cloudstack.unreachable") return [failed(probed.error.message, probed.error.remedy ?? "")];
  const checks: Check[] = probed.ok ? [ok(`reachable, version ${probed.value.version}`)] : [];
  for (const { uses, ...pair } of pairsOf(config.cloudstack))
    checks.push(...(await examineKey({ uses, look: createKeyInspector(options(pair)) }, config)));
  const look = createKeyInspector(reading);
  return [
    ...checks,
    await examineClock(reading),
    ...(await examineTree(config, look, reading)),
    ...(probed.ok ? await examineSettings(look) : []),
  ];
}

async function examineTree(config: Config, look: KeyInspector, reading: CloudStackOptions): Promise<readonly Check[]> {
  const { rootPath, sentinelDomain } = config.cloudstack;
  const place =
    rootPath === "ROOT"
      ? [failed("CLOUDSTACK_ROOT_DOMAIN is ROOT: then every domain is in reach", "Make a domain for CI, such as ROOT/ci, and name that.")]
      : [ok(`${rootPath} is not ROOT: what lies outside it is out of reach`)];
  const fleet = await createCloudStackReader(reading).readFleet({ withLimits: false });
  if (!fleet.ok)
    return [...place, failed(`the domains could not be read whole: ${fleet.error.reason}`, "Mend that first; no pass can run.")];
  const { domains, accounts, nonUuid } = fleet.value;
  return [
    ...place,
    ok(`read whole: ${domains.length} domains and ${accounts.length} accounts below ${rootPath}`),
    ...nonUuid.map((d) => warning(`${d.path} has an id that is no UUID; it is never touched`, "Move it out of the managed root.")),
    await sentinelCheck(sentinelDomain, look, fleet.value),
    ...(await Promise.all(config.policy.protectedDomains.map((listed) => protectedCheck(listed, look, fleet.value)))),
  ];
}

async function sentinelCheck(id: string | null, look: KeyInspector, fleet: ObservedReport): Promise<Check> {
  if (id === null)
    return warning(
      "no sentinel domain is set",
      "Set CLOUDSTACK_SENTINEL_DOMAIN to the UUID of a domain that every complete read must see.",
    );
  const seen = fleet.domains.find((d) => d.id === id);
  if (seen !== undefined) return ok(`the sentinel domain was seen: ${seen.path}`);
  const path = await pathOf(id, look);
  const where = path === null ? "no domain has that UUID" : `it is ${path}`;
  return failed(
    `the sentinel domain ${id} is not below ${fleet.root.path} (${where})`,
    "Mend CLOUDSTACK_SENTINEL_DOMAIN: no read is whole without it.",
  );
}

async function protectedCheck(listed: string, look: KeyInspector, fleet: ObservedReport): Promise<Check> {
  const own = [fleet.root, ...fleet.domains].find((d) => d.id === listed.toLowerCase() || d.path === listed);
  if (own !== undefined) return ok(`protected: ${own.path} (${own.id})`);
  const path = await pathOf(listed, look);
  if (path !== null || (listed.startsWith("ROOT") && !listed.startsWith(`${fleet.root.path}/`)))
    return ok(`protected: ${path ?? listed}, which lies outside ${fleet.root.path} anyway`);
  return failed(
    `the protected domain ${listed} was not found`,
    "Mend CLOUDSTACK_PROTECTED_DOMAINS: a UUID, or a path such as ROOT/ci/tools.",
  );
}

async function pathOf(id: string, look: KeyInspector): Promise<string | null> {
  const parsed = DomainId.safeParse(id);
  if (!parsed.success) return null;
  const found = await look.findPath(parsed.data);
  return found.ok ? found.value : null;
}
