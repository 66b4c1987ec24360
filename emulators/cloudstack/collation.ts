/**
 * How the server's database compares names (`utf8mb3_general_ci`): without case, accents and trailing blanks. Source: recording 27
 * (`aurora` = `Aurora` = `auróra` = `aurora␠`, but `straße` ≠ `strasse`).
 */
export function sameName(a: string, b: string): boolean {
  return folded(a).trimEnd() === folded(b).trimEnd();
}

const known = new Map<string, string>();
const KEPT = 50_000;

/** A text as comparisons see it: without case and accents. */
export function folded(text: string): string {
  const found = known.get(text);
  if (found !== undefined) return found;
  const lower = text.toLowerCase();
  const plain = /^[\u0000-\u007f]*$/.test(lower)
    ? lower
    : lower
        .normalize("NFD")
        .replace(/\p{Mn}/gu, "")
        .replaceAll("ß", "s");
  if (known.size >= KEPT) known.clear();
  known.set(text, plain);
  return plain;
}

/** Letters that need four bytes, such as emoji: no column for names or e-mails holds them. */
export function hasFourByteLetter(text: string): boolean {
  return /[\u{10000}-\u{10ffff}]/u.test(text);
}
