import { counted } from "../../core/plural.ts";
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { checksOf, type Check } from "./check.ts";

const { ok, warning, failed } = checksOf("environment");
const NAME = "NODE_EXTRA_CA_CERTS";
const PEM = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** Checks the file of private certificate authorities: Node itself only ignores one that it cannot read. */
export async function examineCertificates(env: NodeJS.ProcessEnv, now: number): Promise<readonly Check[]> {
  const file = env[NAME]?.trim() ?? "";
  if (file === "") return [];
  const remedy = `Set ${NAME} to a file with the certificates of the private authorities in PEM form, readable for the bot's user.`;
  const text = await readFile(file, "utf8").catch((thrown: NodeJS.ErrnoException) => thrown);
  if (typeof text !== "string") return [failed(`${NAME}: ${file} cannot be read (${text.code ?? text.name}), so it is ignored`, remedy)];
  const found = text.match(PEM) ?? [];
  if (found.length === 0) return [failed(`${NAME}: ${file} holds no certificate in PEM form, so it is ignored`, remedy)];
  const read = found.flatMap((pem) => certificateOf(pem) ?? []);
  if (read.length < found.length)
    return [failed(`${NAME}: ${found.length - read.length} of the ${found.length} certificates in ${file} cannot be read`, remedy)];
  const over = read.filter((c) => Date.parse(c.validTo) < now);
  const expired = over.map((c) => `${c.subject.replaceAll("\n", ", ")} expired on ${c.validTo}`);
  return [ok(`${NAME}: ${counted(read.length, "certificate")} in ${file}`), ...(expired.length === 0 ? [] : [expiredCheck(expired)])];
}

/** One finding, however many there are: a file that comes with an operating system has some that no server needs. */
function expiredCheck(expired: readonly string[]): Check {
  const [first = ""] = expired;
  if (expired.length === 1) return warning(`${NAME}: ${first}`, "Put the new one into the file.");
  const remedy = "Where a server that Twokey reaches has its certificate from one of them, put the new one into the file.";
  return warning(`${NAME}: ${expired.length} certificates in it expired, such as ${first}`, remedy);
}

function certificateOf(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}
