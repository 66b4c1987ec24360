#!/usr/bin/env bash
# Makes in CloudStack what Twokey needs: a role for the members of CI projects, and a role, an account and a key pair for each of its four uses.
# Then it prints the variables for Twokey. Run it once, where CloudMonkey (cmk 6) is set up with the keys of a root administrator:
#
#     cmk -o json listDomains name=ci listall=true     # shows the UUID of the domain that is to hold the projects' domains, such as ROOT/ci
#     bash docs/cloudstack-keys.sh UUID > twokey.keys
#
# It changes nothing that is there; a role or account of the same name ends it. docs/cloudstack.md explains what it makes.
set -euo pipefail
umask 077
managed=${1:?give the UUID of the managed root, such as that of ROOT/ci}

# What members may do by themselves. Add what yours need; each of these is a right of the writing key too, so leave out what destroys.
MEMBER="listApis listCapabilities listZones listServiceOfferings listDiskOfferings listNetworkOfferings listOsTypes listVirtualMachines
  listVolumes listSnapshots listTemplates listIsos listNetworks listPublicIpAddresses listEvents listResourceLimits queryAsyncJobResult
  deployVirtualMachine startVirtualMachine stopVirtualMachine rebootVirtualMachine createVolume attachVolume detachVolume createSnapshot
  createTemplate createNetwork createEgressFirewallRule"

LISTS="listApis listCapabilities listDomains listDomainChildren listAccounts listUsers listProjects listVirtualMachines listVolumes
  listSnapshots listVMSnapshot listTemplates listIsos listNetworks listVPCs listPublicIpAddresses listEvents queryAsyncJobResult
  listKubernetesClusters listBackups listAnnotations listConfigurations"

WRITE="listApis listDomains listAccounts listUsers listRoles listRolePermissions listResourceLimits queryAsyncJobResult createDomain
  createAccount createUser updateAccount updateUser updateResourceLimit disableAccount enableAccount addAnnotation"

EXPORT="listApis listDomains listAccounts queryAsyncJobResult extractTemplate extractIso extractVolume extractSnapshot listTemplates
  listZones listOsTypes registerTemplate"

# What goes with an account or a domain without a copy, to be named on the card.
ALONG="listSSHKeyPairs listUserData listAffinityGroups listSecurityGroups listInstanceGroups listSnapshotPolicies listVpnUsers
  listVpnCustomerGateways listSslCerts listWebhooks listAutoScaleVmProfiles listGlobalLoadBalancerRules listServiceOfferings
  listDiskOfferings listNetworkOfferings listVPCOfferings"

DELETE="listAsyncJobs listAutoScaleVmGroups listSharedFileSystems listRemoteAccessVpns listLoadBalancerRules listPortForwardingRules
  listFirewallRules listEgressFirewallRules listDedicatedHosts listDedicatedClusters listDedicatedPods listDedicatedZones enableAccount
  recoverVirtualMachine startVirtualMachine attachVolume disableAccount destroyVirtualMachine detachVolume deleteVolume deleteVMSnapshot
  deleteSnapshot deleteTemplate deleteIso disassociateIpAddress deleteRemoteAccessVpn deleteLoadBalancerRule deletePortForwardingRule
  deleteFirewallRule deleteEgressFirewallRule deleteNetwork deleteVPC deleteAccount deleteDomain"

# The first value of a name in JSON that cmk prints.
value() { sed -n "/^ *\"$1\": \"/{s/^ *\"$1\": \"\(.*\)\",\{0,1\}\$/\1/p;q;}"; }

# role NAME TYPE COMMAND…: makes a role that allows these commands and nothing else, and prints its id.
role() {
  local name=$1 type=$2 made id command
  shift 2
  made=$(cmk -o json createRole name="$name" type="$type")
  id=$(value id <<<"$made")
  for command in $(printf '%s\n' "$@" | sort -u); do
    cmk -o json createRolePermission roleid="$id" rule="$command" permission=allow >/dev/null
  done
  cmk -o json createRolePermission roleid="$id" rule='*' permission=deny >/dev/null
  echo "$id"
}

# key USE TYPE DOMAIN PREFIX COMMAND…: makes a role of these commands with an account of it, and prints the account's keys as variables.
key() {
  local use=$1 type=$2 domain=$3 prefix=$4 role password user keys
  shift 4
  role=$(role "Twokey $use" "$type" "$@")
  password="Tk!1$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
  cmk -o json createAccount account="twokey-$use" username="twokey-$use" email=twokey@example.org firstname=Twokey lastname="$use" \
    password="$password" roleid="$role" domainid="$domain" >/dev/null
  user=$(cmk -o json listUsers username="twokey-$use" domainid="$domain" listall=true)
  keys=$(cmk -o json registerUserKeys id="$(value id <<<"$user")")
  echo "${prefix}_API_KEY=$(value apikey <<<"$keys")"
  echo "${prefix}_SECRET_KEY=$(value secretkey <<<"$keys")"
}

root=$(cmk -o json listDomains level=0 listall=true)
root=$(value id <<<"$root")
role "CI Member" User $MEMBER >/dev/null
key read DomainAdmin "$managed" CLOUDSTACK $LISTS
key write DomainAdmin "$managed" CLOUDSTACK_WRITE $WRITE $MEMBER
key export Admin "$root" CLOUDSTACK_EXPORT $EXPORT
key delete Admin "$root" CLOUDSTACK_DELETE $LISTS $ALONG $DELETE
