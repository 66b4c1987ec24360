/** What stands in a message for a character that Slack would take for a formatting mark. */
const STAND_INS: Readonly<Record<string, string>> = { "*": "∗", _: "ˍ", "~": "∼", "`": "ʼ" };

/** Characters that show nothing, or turn the text around: controls, what Unicode lets programs leave out, ends of lines, an empty cell. */
export const UNSEEN = /[\p{Cc}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800\uFFF9-\uFFFB]/gu;

/** A text of others as messages show it: without unseen characters, and without formatting marks. Underscores inside a word are none. */
export function asShown(text: string): string {
  return text
    .replace(UNSEEN, " ")
    .replace(/((?<=[\p{L}\p{N}])_+(?=[\p{L}\p{N}]))|[*_~`]/gu, (mark: string, inWord?: string) => inWord ?? STAND_INS[mark] ?? mark);
}

/** Whether a person who copied this from a message means that name. */
export function isNamed(typed: string, name: string): boolean {
  return asShown(typed).trim() === asShown(name).trim();
}

const counting = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Orders names as people count: proj-2 before proj-10. */
export function compareNames(a: string, b: string): number {
  return counting.compare(a, b);
}

/** Names as a list in a sentence; of more than `shown`, the rest is counted. */
export function listed(names: readonly string[], shown = 12): string {
  const rest = names.length - shown;
  return rest > 0 ? `${names.slice(0, shown).join(", ")} and ${rest} more` : names.join(", ");
}
