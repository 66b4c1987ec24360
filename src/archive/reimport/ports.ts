import type { Failure } from "../../core/failure.ts";
import type { DomainId } from "../../core/ids.ts";
import type { Result } from "../../core/result.ts";
import type { InventoryItem } from "../../core/inventory.ts";

/** A template to be registered again, as its manifest describes it. `link` is where CloudStack fetches its bytes: a secret. */
export interface NewTemplate {
  readonly item: InventoryItem;
  readonly domainId: DomainId;
  readonly account: string;
  readonly sha256: string;
  readonly link: string;
}

/** A template as CloudStack lists it after its registration. */
export interface RegisteredTemplate {
  readonly id: string;
  readonly name: string;
  readonly domainId: string;
  readonly account: string | null;
  /** What its link was made for; null: no link of a re-import, or CloudStack does not show links. */
  readonly madeFor: string | null;
  readonly showsLink: boolean;
  readonly checksum: string | null;
  readonly isReady: boolean;
  /** CloudStack gave up fetching it; `status` says why. */
  readonly hasFailed: boolean;
  readonly status: string;
  readonly bytes: number | null;
}

/** A zone or an OS type. */
export interface Named {
  readonly id: string;
  readonly name: string;
}

/** The zones and OS types of CloudStack; null: the key may not list them. */
export interface Installation {
  readonly zones: readonly Named[] | null;
  readonly osTypes: readonly Named[] | null;
}

/** Registers templates, and has no way to change or delete one. */
export interface TemplateRegistrar {
  readInstallation(): Promise<Result<Installation, Failure>>;
  /** Returns the template's id before its bytes are fetched. Errors: `indeterminate` when it is not known whether it was registered. */
  registerTemplate(t: NewTemplate): Promise<Result<string, Failure>>;
  /** Null: CloudStack does not list it, or no longer does. */
  findTemplate(id: string): Promise<Result<RegisteredTemplate | null, Failure>>;
  /** All templates of a domain and of those below it, read to the end. */
  listTemplates(domainId: DomainId): Promise<Result<readonly RegisteredTemplate[], Failure>>;
}

/** Serves the bytes of one template under a secret path, below an address that CloudStack reaches. */
export interface ReimportLinks {
  /** `http://…`, without a slash at its end; null: not configured. */
  readonly publicUrl: string | null;
  /** Whether the path is served here, with that many bytes. Errors: `unavailable` with what to set. */
  reach(path: string, bytes: number): Promise<Result<void, Failure>>;
}
