// Which statements the bot runs, as it runs them, and what PostgreSQL does for each.
import pg from "pg";

const noted = new Map();
let scene = null;
const { query } = pg.Client.prototype;

/** From here on each statement of the bot's own connections is noted, once for each scene. */
pg.Client.prototype.query = function (statement, ...rest) {
  const text = typeof statement === "string" ? statement : statement?.text;
  if (
    scene !== null &&
    typeof statement === "object" &&
    /^\s*(?:select|insert|update|delete|with)\b/i.test(text ?? "") &&
    !/advisory/.test(text)
  )
    if (!noted.has(`${scene} ${text}`)) noted.set(`${scene} ${text}`, { scene, text, values: statement.values ?? [] });
  return query.call(this, statement, ...rest);
};

/** Runs something and notes its statements under this name. Returns the time it took. Units: ms. */
export async function play(name, run) {
  scene = name;
  const began = performance.now();
  try {
    await run();
  } finally {
    scene = null;
  }
  return performance.now() - began;
}

/** Explains every statement that was noted, in transactions that are rolled back. `large`: tables of which no statement should read all. */
export async function explainAll(client, large) {
  const found = [];
  for (const { scene: of, text, values } of noted.values()) {
    await client.query("begin");
    try {
      const { rows } = await client.query(`explain (analyze, format json) ${text}`, values);
      const [{ Plan: plan, "Execution Time": ms }] = rows[0]["QUERY PLAN"];
      found.push({ scene: of, text: text.replace(/\s+/g, " ").trim(), ms, scans: [...new Set(scansOf(plan, large))] });
    } catch (error) {
      found.push({ scene: of, text: text.replace(/\s+/g, " ").trim(), ms: NaN, scans: [], problem: error.message });
    }
    await client.query("rollback");
  }
  return found;
}

/** The large tables of which a plan reads most, in any way: a scan of all, or an index from end to end. */
function scansOf(plan, large) {
  const here = (plan["Relation Name"] ?? "") && large.get(plan["Relation Name"]);
  const read = ((plan["Actual Rows"] ?? 0) + (plan["Rows Removed by Filter"] ?? 0)) * (plan["Actual Loops"] ?? 1);
  const own = here && (plan["Node Type"] === "Seq Scan" || read > here / 2) && plan["Actual Loops"] > 0 ? [plan["Relation Name"]] : [];
  return [...own, ...(plan.Plans ?? []).flatMap((child) => scansOf(child, large))];
}
