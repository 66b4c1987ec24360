import type { KeyInspector } from "../../cloudstack/read/key-inspector.ts";
import { checksOf, type Check } from "./check.ts";

const { ok, warning, failed, refused } = checksOf("cloudstack");

/** The rows of a page that the bot asks for (src/cloudstack/api/options.ts). */
const PAGE = 500;
/** Below an hour, nobody notices in time that a machine must be recovered. Units: seconds. */
const EXPUNGE_SECONDS = 3600;

type Judge = (value: string) => Check;

/** The settings that matter for a deletion or for the safety of the keys, each with its check. */
const settings: Readonly<Record<string, Judge>> = {
  "expunge.delay": (value) =>
    Number(value) >= EXPUNGE_SECONDS
      ? ok(`expunge.delay is ${value} s: for that long a destroyed machine can be recovered`)
      : warning(
          `expunge.delay is ${value} s: there is little time to recover a destroyed machine`,
          "Raise it; 86400 is CloudStack's own default.",
        ),
  "expunge.interval": (value) =>
    ok(`expunge.interval is ${value} s: a deletion waits up to that plus expunge.delay until its machines are gone`),
  "account.cleanup.interval": (value) =>
    ok(`account.cleanup.interval is ${value} s: that often CloudStack cleans up what removed accounts left`),
  "default.page.size": (value) =>
    Number(value) >= PAGE
      ? ok(`default.page.size is ${value}`)
      : failed(`default.page.size is ${value}: pages of ${PAGE} rows are refused`, `Raise default.page.size to ${PAGE}.`),
  "enforce.post.requests.and.timestamps": (value) =>
    value === "true"
      ? ok("enforce.post.requests.and.timestamps is on: requests expire within 15 minutes")
      : ok("enforce.post.requests.and.timestamps is off; Twokey works with both, and on is safer against replayed requests"),
  "api.key.access": (value) =>
    value === "true"
      ? ok("api.key.access is on: keys work unless a user or account says otherwise")
      : ok("api.key.access is off: only keys that are enabled for their user or account work, as these are"),
  "api.allowed.source.cidr.list": (value) =>
    /(?:^|,)\s*(?:0\.0\.0\.0|::)\/0/.test(value)
      ? ok("api.allowed.source.cidr.list takes keys from any address; it can be narrowed for the accounts of Twokey")
      : ok("api.allowed.source.cidr.list takes keys from certain addresses only"),
  "integration.api.port": (value) =>
    Number(value) > 0
      ? warning(
          `integration.api.port is ${value}: whoever reaches that port can do anything, without a key`,
          "Set it to 0, or close the port.",
        )
      : ok("integration.api.port is closed"),
};

/** Checks the server's settings, as far as the reading key may read them. */
export async function examineSettings(inspector: KeyInspector): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const [name, judge] of Object.entries(settings)) {
    const value = await inspector.readSetting(name);
    if (!value.ok)
      return [
        ...checks,
        refused({ ...value.error, message: `the setting ${name} could not be read: ${value.error.message}` }, "Try again."),
      ];
    if (value.value === "hidden") {
      const sentence = "the server's settings cannot be read with the reading key";
      return [warning(sentence, `Let an administrator check ${Object.keys(settings).join(", ")} (docs/cloudstack.md).`)];
    }
    // A version without the setting behaves as it always did.
    if (value.value !== "unknown") checks.push(judge(value.value));
  }
  return checks;
}
