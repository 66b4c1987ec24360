import { counted } from "../../core/plural.ts";
import { SKEW_MS_MAX } from "../../approvals/clocks.ts";
import type { CloudStackOptions } from "../../cloudstack/api/options.ts";
import { VALID_MS } from "../../cloudstack/api/signature.ts";
import { createKeyInspector } from "../../cloudstack/read/key-inspector.ts";
import { DAY_MS } from "../../core/units.ts";
import { checksOf, type Check } from "./check.ts";

const { ok, skipped, warning, failed } = checksOf("cloudstack");

/** From here on, calls are refused or soon will be; `SKEW_MS_MAX` and more is a warning. Units: ms. */
const SKEW_MS_REFUSED = 4 * 60_000;
const remedy = "Synchronise both clocks by NTP.";

/**
 * Checks how far the server's clock is from ours: by its `Date`, else by when it treats a signature as expired.
 *
 * CloudStack sends no Date itself. A clock behind ours is only seen by a Date; it does no harm before 5 minutes.
 * Source: CloudStack 4.22, ServerDaemon (setSendDateHeader(false)); facts/cloudstack §1.2 (expires).
 */
export async function examineClock(o: CloudStackOptions): Promise<Check> {
  let skewMs: number | null = null;
  const now = { asked: o.now() };
  const seen = createKeyInspector({
    ...o,
    onCall: (call) => {
      if (call.serverTime !== null) skewMs = call.serverTime - (now.asked + o.now()) / 2;
    },
  });
  const answered = await seen.readAccount();
  if (skewMs !== null) return judge(skewMs);
  // A signature that is valid a day longer: accepted where the usual one is not, the server's clock is ahead.
  if (!answered.ok) {
    if (answered.error.code !== "cloudstack.credentials") return warning("how far its clock is from ours is not known", remedy);
    return (await isAccepted(o, DAY_MS))
      ? failed("its clock is more than ten minutes ahead of ours, so every signature has expired", remedy)
      : skipped("not checked, since the read key is refused: how far its clock is from ours");
  }
  for (const aheadMs of [SKEW_MS_REFUSED, SKEW_MS_MAX])
    if (!(await isAccepted(o, aheadMs - VALID_MS)))
      return aheadMs === SKEW_MS_REFUSED ? failed(aheadOf(aheadMs), remedy) : warning(aheadOf(aheadMs), remedy);
  return ok("its clock is not more than a minute ahead of ours (it sends no Date; tested with signatures that expire soon)");
}

/** Whether a signature that expires `shiftMs` later than usual is accepted. */
async function isAccepted(o: CloudStackOptions, shiftMs: number): Promise<boolean> {
  const shifted = createKeyInspector({ ...o, now: () => (o.now() + shiftMs) as ReturnType<CloudStackOptions["now"]> });
  return (await shifted.readAccount()).ok;
}

function judge(skewMs: number): Check {
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const sentence = `its clock is ${seconds} s ${skewMs < 0 ? "behind" : "ahead of"} ours`;
  if (Math.abs(skewMs) > SKEW_MS_REFUSED) return failed(`${sentence}; signatures are valid for ${VALID_MS / 60_000} minutes`, remedy);
  return Math.abs(skewMs) > SKEW_MS_MAX ? warning(sentence, remedy) : ok(sentence);
}

function aheadOf(ms: number): string {
  return `its clock is more than ${counted(ms / 60_000, "minute")} ahead of ours; signatures are valid for ${VALID_MS / 60_000} minutes`;
}
