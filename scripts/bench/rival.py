"""The rival of a pass, by the Python library `cs`: lists both sides, compares them, and prints what differs. Nothing is checked or stored."""
import json
import os
import sys
import time

import cs

desired = {p["slug"]: set(p["members"]) for p in json.load(open(sys.argv[1]))}
api = cs.CloudStack(
    endpoint=os.environ["CLOUDSTACK_API_URL"],
    key=os.environ["CLOUDSTACK_API_KEY"],
    secret=os.environ["CLOUDSTACK_SECRET_KEY"],
    timeout=120,
)
began = time.monotonic()
domains = {d["id"]: d for d in api.listDomains(listall="true", details="min", fetch_list=True, page_size=500)}
accounts = api.listAccounts(listall="true", isrecursive="true", details="min", domainid=sys.argv[2], fetch_list=True, page_size=500)
members = {}
for account in accounts:
    members.setdefault(account["domainid"], set()).add(account["name"])
by_name = {d["name"]: members.get(d["id"], set()) for d in domains.values() if d.get("parentdomainid") == sys.argv[2]}
missing = [slug for slug in desired if slug not in by_name]
differing = [slug for slug, wanted in desired.items() if slug in by_name and by_name[slug] != wanted]
print(json.dumps({"ms": (time.monotonic() - began) * 1000, "domains": len(domains), "accounts": len(accounts), "missing": len(missing), "differing": len(differing)}))
