# Loads rulesets, each in a network namespace of its own, and prints what the kernel made of them.
#
# Run by kernel.ts inside fresh mount and process namespaces, so that nothing stays behind however it ends.
# stdin, per ruleset: one line `FAMILY BACKEND COUNTERS SECONDS RULESET_BYTES IPSET_BYTES INTERFACES…`, then the
# bytes of the ruleset, then those of the `ipset restore` text.
# stdout, per ruleset: three fields, each ended by a NUL byte: exit status, messages, `iptables-save -c`.
# Instead of an exit status: `interfaces` or `sets` (they could not be made), `timeout` (the time was over).

set -u
export LC_ALL=C PATH="/usr/sbin:/sbin:/usr/bin:/bin:$PATH"

# A private /run also keeps the lock of iptables-legacy private.
mount -t tmpfs -o size=512m tmpfs /run || exit 97
cd /run || exit 97

load='
  for interface in $interfaces; do
    if ! { ip tuntap add dev "$interface" mode tap && ip link set "$interface" up; }; then echo interfaces >status; exit; fi
  done
  if [ -s ipsets ] && ! ipset restore <ipsets; then echo sets >status; exit; fi
  $command-restore $counters <ruleset
  echo $? >status
  $command-save -c >saved
'

while read -r family backend withCounters seconds rulesetBytes ipsetBytes interfaces; do
  head -c "$rulesetBytes" >ruleset
  head -c "$ipsetBytes" >ipsets
  : >saved
  echo timeout >status
  command=iptables-$backend
  [ "$family" = 6 ] && command=ip6tables-$backend
  counters=
  [ "$withCounters" = yes ] && counters=--counters
  export command counters interfaces
  timeout -k 1 "$seconds" unshare --net sh -c "$load" >messages 2>&1 </dev/null
  tr -d '\n' <status
  printf '\0'
  tr -d '\0' <messages
  printf '\0'
  cat saved
  printf '\0'
done
