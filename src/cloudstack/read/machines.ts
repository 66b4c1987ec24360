import { failure, type Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { readList, type Paging } from "../api/paging.ts";
import { asDomainId, MachineRow } from "../api/wire.ts";

/** A machine's state and place. */
export interface FoundMachine {
  readonly state: string;
  readonly domainId: DomainId;
}

/** Finds a machine, a CloudStack project's included. Null: it is gone. */
export async function findMachine(api: CloudStackApi, paging: Paging, id: string): Promise<Result<FoundMachine | null, Failure>> {
  for (const owner of [{}, { projectid: "-1" }]) {
    const query = { command: "listVirtualMachines", params: { id, listall: "true", ...owner }, rows: "virtualmachine" };
    const rows = await readList(api, paging, { ...query, row: MachineRow, keyOf: (m) => m.id });
    if (!rows.ok && statusOf(rows.error) === 431) return ok(null);
    if (!rows.ok) return rows;
    const [machine] = rows.value.filter((row) => row.id === id);
    const domainId = asDomainId(machine?.domainid);
    if (machine !== undefined && domainId === null) {
      return err(failure("refused", "cloudstack.outside_root", "the machine's domain has an id that is no UUID"));
    }
    if (machine !== undefined && domainId !== null) return ok({ state: machine.state, domainId });
  }
  return ok(null);
}
