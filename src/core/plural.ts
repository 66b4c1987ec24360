const rules = new Intl.PluralRules("en");

/** A number with its noun: "1 machine", "2 machines", "3 addresses"; `many` where the plural is not regular. */
export function counted(n: number, one: string, many = regularPlural(one)): string {
  return `${n.toLocaleString("en")} ${rules.select(n) === "one" ? one : many}`;
}

function regularPlural(noun: string): string {
  if (/(?:s|x|ch|sh)$/.test(noun)) return `${noun}es`;
  return /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}
