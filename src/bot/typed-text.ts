/**
 * What a person typed, out of what Slack made of it: `<url|label>` is the label, `<mailto:a@b>` is `a@b`, `<#C1|name>` is `#name`, `<!here>` is
 * `@here`, then `&lt;`, `&gt;` and
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
      if (inner.startsWith("#")) return `#${label.replace(/^#/, "")}`;
      if (/^!(?:here|channel|everyone)\b/.test(inner)) return `@${label.replace(/^[!@]/, "")}`;
      return bar === -1 ? label.replace(/^(?:mailto|tel):/, "") : label;
    })
    .replace(/&(lt|gt|amp);/g, (whole, name: string) => ({ lt: "<", gt: ">", amp: "&" })[name] ?? whole);
}
