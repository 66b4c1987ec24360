/**
 * The day of an instant in a person's time zone, where Slack shows no instants, as in the lines of a menu: "2026-07-01". Without a zone, or
 * with one that is not known here, it is the day in UTC, and says so. Units: UTC epoch milliseconds.
 */
export function dayInZone(at: number, zone: string | undefined): string {
  const utc = `${new Date(at).toISOString().slice(0, 10)} UTC`;
  if (zone === undefined) return utc;
  try {
    const parts = new Intl.DateTimeFormat("en", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(at);
    const of = (type: Intl.DateTimeFormatPartTypes): string => parts.find((p) => p.type === type)?.value ?? "";
    return `${of("year")}-${of("month")}-${of("day")}`;
  } catch {
    return utc; // Slack may know zones that this Node.js does not.
  }
}
