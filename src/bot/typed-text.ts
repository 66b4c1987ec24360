/**
 * What a person typed, out of what Slack made of it: `<url|label>` is the label, `<#C1|name>` is `#name`, then `&lt;`, `&gt;` and
 * `&amp;` are `<`, `>` and `&`. Mentions of people and groups stay: their ids mean more than their names.
 *
 * Source: docs.slack.dev, "Formatting message text". Once for each text, before a word of it is compared.
 */
export function decodeTyped(text: string): string {
  return text
    .replace(/<([^<>]*)>/g, (whole, inner: string) => {
      if (/^(?:@|!subteam\^)/.test(inner)) return whole;
      const bar = inner.indexOf("|");
      const label = inner.slice(bar + 1) || inner.slice(0, bar);
      return inner.startsWith("#") ? `#${label.replace(/^#/, "")}` : label;
    })
    .replace(/&(lt|gt|amp);/g, (whole, name: string) => ({ lt: "<", gt: ">", amp: "&" })[name] ?? whole);
}
