import { failure, type Failure } from "../../core/failure.ts";
import type { AccountId, DomainId, JobId, UserId } from "../../core/ids.ts";
import { err, ok, unreachable, type Result } from "../../core/result.ts";
import type { LimitType } from "../../core/managed.ts";
import type { ChangeWriter } from "../../sync/execution/ports.ts";
import type { Change, PersonData } from "../../sync/planning/plan.ts";
import { confirm } from "./confirm.ts";
import { createFence, type TreeFence } from "./fence.ts";
import { createApi, type CloudStackApi } from "../api/http.ts";
import { runJob } from "../api/jobs.ts";
import { findAccount, findLimit, findRoleId, findUser, limitNumbers } from "../read/find.ts";
import { findDomainWithChain } from "../read/managed-root.ts";
import { settingsOf, type CloudStackOptions, type Settings } from "../api/options.ts";
import type { UserRow } from "../api/wire.ts";

/**
 * What a pass may change. It has no way to delete anything, and refuses whatever does not lie below the managed root.
 *
 * Every change is looked at afterwards, and may be asked for again: what is already so counts as done.
 */
export interface CloudStackWriter extends ChangeWriter, Writes {}

/** One call for each kind of change. */
export interface Writes {
  createDomain(o: { readonly id: DomainId; readonly name: string; readonly parentId: DomainId }): Promise<Result<void, Failure>>;
  /** Makes the account with its one user; nobody learns the password. */
  createAccount(o: NewAccount): Promise<Result<void, Failure>>;
  createUser(o: NewUser): Promise<Result<void, Failure>>;
  updateUser(o: { readonly userId: UserId; readonly accountId: AccountId; readonly to: PersonData }): Promise<Result<void, Failure>>;
  setRole(o: { readonly accountId: AccountId; readonly role: string }): Promise<Result<void, Failure>>;
  unlockAccount(accountId: AccountId): Promise<Result<void, Failure>>;
  /** Locks: no login and no keys, while machines go on running. */
  lockAccount(o: { readonly accountId: AccountId; readonly jobId: JobId }): Promise<Result<void, Failure>>;
  /** -1 is unlimited. */
  setLimit(o: { readonly domainId: DomainId; readonly type: LimitType; readonly max: number }): Promise<Result<void, Failure>>;
}

/** An account to be made; `role` is a role's name. */
export interface NewAccount {
  readonly id: AccountId;
  readonly userId: UserId;
  readonly domainId: DomainId;
  readonly person: PersonData;
  readonly role: string;
}

/** A user to be made in an account that has none (any more). */
export interface NewUser {
  readonly id: UserId;
  readonly accountId: AccountId;
  readonly person: PersonData;
}

/** Makes the writer, for the writing key pair. */
export function createCloudStackWriter(o: CloudStackOptions): CloudStackWriter {
  const s = settingsOf(o);
  const api = createApi(s);
  const fence = createFence(api, s);
  const roleIds = new Map<string, string>();
  const roleId = async (name: string): Promise<Result<string, Failure>> => {
    const known = roleIds.get(name);
    if (known !== undefined) return ok(known);
    const found = await findRoleId(api, s, name);
    if (found.ok) roleIds.set(name, found.value);
    return found;
  };
  const writes: Writes = { ...domainWrites(api, s, fence), ...accountWrites(api, s, fence, roleId), ...userWrites(api, s, fence) };
  return { ...writes, applyChange: (change, jobId) => applyChange(writes, change, jobId) };
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

function domainWrites(api: CloudStackApi, s: Settings, fence: TreeFence): Pick<Writes, "createDomain" | "setLimit"> {
  return {
    createDomain: async ({ id, name, parentId }) => {
      // Any other letter can break a list, a path or a pattern (recording 03).
      if (!/^[A-Za-z0-9-]{1,63}$/.test(name)) return err(failure("refused", "cloudstack.domain_name", `"${name}" is no name for a domain`));
      const root = await fence.root();
      if (!root.ok) return root;
      if (parentId !== root.value)
        return err(failure("refused", "cloudstack.outside_root", `domains are made directly below ${s.rootPath} only`));
      const sent = await api.change("createDomain", { name, parentdomainid: parentId, domainid: id });
      return confirm(sent, {
        what: `the domain ${name}`,
        look: () => findDomainWithChain(api, s, id),
        isWanted: ({ row, path }) => row.name === name && path === `${s.rootPath}/${name}`,
      });
    },
    setLimit: async ({ domainId, type, max }) => {
      const place = await fence.within(domainId);
      if (!place.ok) return place;
      const params = { domainid: domainId, resourcetype: String(limitNumbers[type]), max: String(max) };
      const sent = await api.change("updateResourceLimit", params);
      return confirm(sent, { what: `the limit ${type}`, look: () => findLimit(api, s, domainId, type), isWanted: (l) => l.max === max });
    },
  };
}

type AccountWrites = Pick<Writes, "createAccount" | "setRole" | "unlockAccount" | "lockAccount">;

function accountWrites(api: CloudStackApi, s: Settings, fence: TreeFence, roleId: RoleFinder): AccountWrites {
  const look = (id: AccountId) => () => findAccount(api, s, id);
  return {
    createAccount: async ({ id, userId, domainId, person, role }) => {
      const [place, chosen] = [await fence.within(domainId), await roleId(role)];
      if (!place.ok) return place;
      if (!chosen.ok) return chosen;
      const params = {
        ...personParams(person),
        account: person.username,
        accountid: id,
        userid: userId,
        domainid: domainId,
        roleid: chosen.value,
      };
      const sent = await api.change("createAccount", { ...params, password: newPassword(s) });
      return confirm(sent, {
        what: `the account ${person.username}`,
        look: look(id),
        isWanted: (a) => a.domainid.toLowerCase() === domainId && a.user.some((u) => u.id === userId) && (!sent.ok || a.rolename === role),
      });
    },
    setRole: async ({ accountId, role }) => {
      const [account, chosen] = [await fence.account(accountId), await roleId(role)];
      if (!account.ok) return account;
      if (!chosen.ok) return chosen;
      const sent = await api.change("updateAccount", { id: accountId, roleid: chosen.value });
      return confirm(sent, { what: `the role ${role}`, look: look(accountId), isWanted: (a) => a.rolename === role });
    },
    unlockAccount: async (accountId) => {
      const account = await fence.account(accountId);
      if (!account.ok) return account;
      const sent = await api.change("enableAccount", { id: accountId });
      return confirm(sent, { what: `enabling ${account.value.name}`, look: look(accountId), isWanted: (a) => a.state === "enabled" });
    },
    lockAccount: async ({ accountId, jobId }) => {
      const account = await fence.account(accountId);
      if (!account.ok) return account;
      const sent = await runJob(api, s, "disableAccount", { id: accountId, lock: "true" }, jobId);
      return confirm(sent, { what: `locking ${account.value.name}`, look: look(accountId), isWanted: (a) => a.state === "locked" });
    },
  };
}

function userWrites(api: CloudStackApi, s: Settings, fence: TreeFence): Pick<Writes, "createUser" | "updateUser"> {
  const look = (id: UserId) => () => findUser(api, s, id);
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
        password: newPassword(s),
      });
      return confirm(sent, {
        what: `the user ${person.username}`,
        look: look(id),
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
      return confirm(sent, { what: `the user ${to.username}`, look: look(userId), isWanted: (u) => isPerson(u, to) });
    },
  };
}

function personParams(p: PersonData): { username: string; email: string; firstname: string; lastname: string } {
  return { username: p.username, email: p.email, firstname: p.firstName, lastname: p.lastName };
}

function isPerson(u: UserRow, p: PersonData): boolean {
  return u.username === p.username && u.email === p.email && u.firstname === p.firstName && u.lastname === p.lastName;
}

/** CloudStack wants a password; nobody is told this one. It has letters of both cases, digits and signs, as policies ask for. */
function newPassword(s: Settings): string {
  return `Tk!${s.newId()}${s.newId().toUpperCase()}`;
}
