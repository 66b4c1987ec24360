import { failure, type Failure } from "../../core/failure.ts";
import type { AccountId, DomainId, JobId, UserId } from "../../core/ids.ts";
import { err, ok, unreachable, type Result } from "../../core/result.ts";
import type { LimitType } from "../../core/managed.ts";
import type { ChangeWriter } from "../../sync/execution/ports.ts";
import type { Change, PersonData } from "../../sync/planning/plan.ts";
import { changeAccount, confirm, enableAccount, lockAccount } from "./confirm.ts";
import { createFence, type TreeFence } from "./fence.ts";
import { refusal } from "../api/classify.ts";
import { createApi, type CloudStackApi } from "../api/http.ts";
import { findAccount, findLimit, findUser, limitNumber } from "../read/find.ts";
import { readDomain } from "../read/managed-root.ts";
import { findRole } from "../read/roles.ts";
import type { CloudStackOptions } from "../api/options.ts";
import type { UserRow } from "../api/wire.ts";

/**
 * What a pass may change. It cannot delete anything, and refuses whatever is not below the managed root.
 *
 * Every change is read back, and may be asked for again: what is already so counts as done.
 */
export interface CloudStackWriter extends ChangeWriter, Writes {}

/** One call for each kind of change. */
export interface Writes {
  createDomain(o: Readonly<{ id: DomainId; name: string; parentId: DomainId }>): Promise<Result<void, Failure>>;
  /** Makes the account with its one user. The password is random and kept nowhere. */
  createAccount(
    o: Readonly<{ id: AccountId; userId: UserId; domainId: DomainId; person: PersonData; role: string }>,
  ): Promise<Result<void, Failure>>;
  createUser(o: Readonly<{ id: UserId; accountId: AccountId; person: PersonData }>): Promise<Result<void, Failure>>;
  updateUser(o: { readonly userId: UserId; readonly accountId: AccountId; readonly to: PersonData }): Promise<Result<void, Failure>>;
  setRole(o: { readonly accountId: AccountId; readonly role: string }): Promise<Result<void, Failure>>;
  unlockAccount(accountId: AccountId): Promise<Result<void, Failure>>;
  /** Locks: login and keys stop working, machines keep running. */
  lockAccount(o: { readonly accountId: AccountId; readonly jobId: JobId }): Promise<Result<void, Failure>>;
  /** -1 is unlimited. */
  setLimit(o: { readonly domainId: DomainId; readonly type: LimitType; readonly max: number }): Promise<Result<void, Failure>>;
}

/** Makes the writer, for the writing key pair. */
export function createCloudStackWriter(o: CloudStackOptions): CloudStackWriter {
  const api = createApi(o);
  const fence = createFence(api);
  const writes: Writes = { ...domainWrites(api, fence), ...accountWrites(api, fence, roleFinder(api)), ...userWrites(api, fence) };
  return {
    ...writes,
    applyChange: (change, jobId) => applyChange(writes, change, jobId),
  };
}

/** Carries out one change of a plan; nothing is decided here. */
function applyChange(w: Writes, c: Change, jobId: JobId): Promise<Result<void, Failure>> {
  switch (c.kind) {
    case "create_domain":
      return w.createDomain({ id: c.domainId, name: c.name, parentId: c.parentId });
    case "create_account":
      return w.createAccount({ id: c.accountId, userId: c.userId, domainId: c.domainId, person: c.person, role: c.role });
    case "create_user":
      return w.createUser({ id: c.userId, accountId: c.accountId, person: c.person });
    case "update_user":
      return w.updateUser({ userId: c.userId, accountId: c.accountId, to: c.to });
    case "set_role":
      return w.setRole({ accountId: c.accountId, role: c.to });
    case "unlock_account":
      return w.unlockAccount(c.accountId);
    case "lock_account":
      return w.lockAccount({ accountId: c.accountId, jobId });
    case "raise_limit":
    case "lower_limit":
      return w.setLimit({ domainId: c.domainId, type: c.type, max: c.to });
    default:
      return unreachable(c);
  }
}

type RoleFinder = (name: string) => Promise<Result<string, Failure>>;

/** How long it is remembered that a role cannot be handed out, so that a pass does not ask again for each account. Units: ms. */
const REFUSED_MS = 60_000;

function roleFinder(api: CloudStackApi): RoleFinder {
  const known = new Map<string, { readonly found: Result<string, Failure>; readonly until: number }>();
  return async (name) => {
    const kept = known.get(name);
    if (kept !== undefined && api.settings.now() < kept.until) return kept.found;
    const role = await findRole(api, name);
    const found = role.ok ? ok(role.value.id) : role;
    if (found.ok) known.set(name, { found, until: Number.POSITIVE_INFINITY });
    else if (found.error.kind === "refused") known.set(name, { found, until: api.settings.now() + REFUSED_MS });
    return found;
  };
}

function domainWrites(api: CloudStackApi, fence: TreeFence): Pick<Writes, "createDomain" | "setLimit"> {
  return {
    createDomain: async ({ id, name, parentId }) => {
      // Any other character can break a list, a path or a pattern (recording 03).
      if (!/^[A-Za-z0-9-]{1,63}$/.test(name)) return err(refusal("domain_name", `"${name}" cannot be a domain's name`));
      const root = await fence.root();
      if (!root.ok) return root;
      if (parentId !== root.value) return err(refusal("outside_root", `domains are created only directly below ${api.settings.rootPath}`));
      const sent = await api.change("createDomain", { name, parentdomainid: parentId, domainid: id });
      const made = await confirm(sent, {
        what: `the domain ${name}`,
        read: () => readDomain(api, id),
        isWanted: (row) => row.name === name && row.parentdomainid?.toLowerCase() === root.value,
      });
      if (made.ok) fence.saw(id);
      return made;
    },
    setLimit: async ({ domainId, type, max }) => {
      const place = await fence.within(domainId);
      if (!place.ok) return place;
      const params = { domainid: domainId, resourcetype: limitNumber(type), max: String(max) };
      const sent = await api.change("updateResourceLimit", params);
      return confirm(sent, { what: `the limit ${type}`, read: () => findLimit(api, domainId, type), isWanted: (l) => l.max === max });
    },
  };
}

type AccountWrites = Pick<Writes, "createAccount" | "setRole" | "unlockAccount" | "lockAccount">;

function accountWrites(api: CloudStackApi, fence: TreeFence, roleId: RoleFinder): AccountWrites {
  return {
    createAccount: async ({ id, userId, domainId, person, role }) => {
      const [place, chosen] = [await fence.within(domainId), await roleId(role)];
      if (!place.ok) return place;
      if (!chosen.ok) return chosen;
      const ids = { accountid: id, userid: userId, domainid: domainId, roleid: chosen.value };
      const params = { ...personParams(person), ...ids, account: person.username };
      const sent = await api.change("createAccount", { ...params, password: newPassword(api) });
      return confirm(sent, {
        what: `the account ${person.username}`,
        read: () => findAccount(api, id),
        isWanted: (a) => a.domainid.toLowerCase() === domainId && a.user.some((u) => u.id === userId) && (!sent.ok || a.rolename === role),
      });
    },
    setRole: async ({ accountId, role }) => {
      const chosen = await roleId(role);
      if (!chosen.ok) return chosen;
      return changeAccount(api, fence, accountId, {
        what: () => `the role ${role}`,
        // Without the domain, CloudStack fails with a null pointer (recording 29).
        send: ({ domainid }) => api.change("updateAccount", { id: accountId, domainid, roleid: chosen.value }),
        isWanted: (a) => a.rolename === role,
      });
    },
    unlockAccount: (accountId) => enableAccount(api, fence, accountId),
    lockAccount: ({ accountId, jobId }) => lockAccount(api, fence, accountId, jobId),
  };
}

function userWrites(api: CloudStackApi, fence: TreeFence): Pick<Writes, "createUser" | "updateUser"> {
  return {
    createUser: async ({ id, accountId, person }) => {
      const account = await fence.account(accountId);
      if (!account.ok) return account;
      const { name, domainid } = account.value;
      const sent = await api.change("createUser", {
        ...personParams(person),
        userid: id,
        account: name,
        domainid,
        password: newPassword(api),
      });
      return confirm(sent, {
        what: `the user ${person.username}`,
        read: () => findUser(api, id),
        isWanted: (u) => u.accountid?.toLowerCase() === accountId,
      });
    },
    updateUser: async ({ userId, accountId, to }) => {
      const account = await fence.account(accountId);
      if (!account.ok) return account;
      if (!account.value.user.some((u) => u.id === userId)) {
        return err(failure("stale", "cloudstack.user_gone", `the account ${account.value.name} has no user ${userId}`));
      }
      const sent = await api.change("updateUser", { id: userId, ...personParams(to) });
      return confirm(sent, { what: `the user ${to.username}`, read: () => findUser(api, userId), isWanted: (u) => isPerson(u, to) });
    },
  };
}

function personParams(p: PersonData): { username: string; email: string; firstname: string; lastname: string } {
  return { username: p.username, email: p.email, firstname: p.firstName, lastname: p.lastName };
}

function isPerson(u: UserRow, p: PersonData): boolean {
  return u.username === p.username && u.email === p.email && u.firstname === p.firstName && u.lastname === p.lastName;
}

/** CloudStack requires a password; nobody is told this one. It has letters of both cases, digits and signs, as password policies want. */
function newPassword(api: CloudStackApi): string {
  return `Tk!${api.settings.newId()}${api.settings.newId().toUpperCase()}`;
}
