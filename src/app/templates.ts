/** All that making templates of people's machines needs. */
import { whyReported } from "../core/report-mode.ts";
import { readPolicy } from "../store/policies.ts";
import type { TemplateContext } from "../archive/from-machines/ports.ts";
import type { Parts } from "./parts.ts";

/** The context; what is made is made with the writing keys. */
export function templateContext(p: Parts): TemplateContext {
  return {
    ...p,
    maker: p.cloud.templates,
    announcer: p.slack.announcers.template,
    projectNow: (id) => p.ci.project({ id }),
    findDomain: (id) => p.cloud.reader.findDomain(id),
    readDomainNow: (id) => p.cloud.reader.readDomainNow(id),
    protectedDomains: async () => [...p.config.policy.protectedDomains, ...((await readPolicy(p.db))?.body.protectedDomains ?? [])],
    reported: whyReported("write", p.config.cloudstack.reportOnly),
    enqueue: (id, tx) => p.enqueue("template", id, tx === undefined ? {} : { tx }),
  };
}
