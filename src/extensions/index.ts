/** The list of all extensions. Imported by src/index.ts alone and passed on from there. */

import type { Extension } from './define.ts';
import { account } from './matches/account.ts';
import { addrtype } from './matches/addrtype.ts';
import { ah } from './matches/ah.ts';
import { bpf } from './matches/bpf.ts';
import { cgroup } from './matches/cgroup.ts';
import { cluster } from './matches/cluster.ts';
import { comment } from './matches/comment.ts';
import { connbytes } from './matches/connbytes.ts';
import { connlabel } from './matches/connlabel.ts';
import { connlimit } from './matches/connlimit.ts';
import { connmark } from './matches/connmark.ts';
import { conntrack } from './matches/conntrack.ts';
import { cpu } from './matches/cpu.ts';
import { dccp } from './matches/dccp.ts';
import { devgroup } from './matches/devgroup.ts';
import { dscp } from './matches/dscp.ts';
import { dst } from './matches/dst.ts';
import { ecn } from './matches/ecn.ts';
import { esp } from './matches/esp.ts';
import { eui64 } from './matches/eui64.ts';
import { frag } from './matches/frag.ts';
import { hashlimit } from './matches/hashlimit.ts';
import { hbh } from './matches/hbh.ts';
import { helper } from './matches/helper.ts';
import { hl } from './matches/hl.ts';
import { icmp } from './matches/icmp.ts';
import { icmp6 } from './matches/icmp6.ts';
import { iprange } from './matches/iprange.ts';
import { ipv6header } from './matches/ipv6header.ts';
import { ipvs } from './matches/ipvs.ts';
import { length } from './matches/length.ts';
import { limit } from './matches/limit.ts';
import { mac } from './matches/mac.ts';
import { mark } from './matches/mark.ts';
import { mh } from './matches/mh.ts';
import { multiport } from './matches/multiport.ts';
import { nfacct } from './matches/nfacct.ts';
import { osf } from './matches/osf.ts';
import { owner } from './matches/owner.ts';
import { physdev } from './matches/physdev.ts';
import { pkttype } from './matches/pkttype.ts';
import { policy } from './matches/policy.ts';
import { quota } from './matches/quota.ts';
import { rateest } from './matches/rateest.ts';
import { realm } from './matches/realm.ts';
import { recent } from './matches/recent.ts';
import { rpfilter } from './matches/rpfilter.ts';
import { rt } from './matches/rt.ts';
import { sctp } from './matches/sctp.ts';
import { set } from './matches/set.ts';
import { socket } from './matches/socket.ts';
import { srh } from './matches/srh.ts';
import { state } from './matches/state.ts';
import { statistic } from './matches/statistic.ts';
import { string } from './matches/string.ts';
import { tcp } from './matches/tcp.ts';
import { tcpmss } from './matches/tcpmss.ts';
import { time } from './matches/time.ts';
import { tos } from './matches/tos.ts';
import { ttl } from './matches/ttl.ts';
import { u32 } from './matches/u32.ts';
import { udp } from './matches/udp.ts';
import { AUDIT } from './targets/AUDIT.ts';
import { CHECKSUM } from './targets/CHECKSUM.ts';
import { CLASSIFY } from './targets/CLASSIFY.ts';
import { CLUSTERIP } from './targets/CLUSTERIP.ts';
import { CONNMARK } from './targets/CONNMARK.ts';
import { CONNSECMARK } from './targets/CONNSECMARK.ts';
import { CT } from './targets/CT.ts';
import { DNAT } from './targets/DNAT.ts';
import { DNPT } from './targets/DNPT.ts';
import { DSCP } from './targets/DSCP.ts';
import { ECN } from './targets/ECN.ts';
import { HL } from './targets/HL.ts';
import { HMARK } from './targets/HMARK.ts';
import { IDLETIMER } from './targets/IDLETIMER.ts';
import { LED } from './targets/LED.ts';
import { LOG } from './targets/LOG.ts';
import { MARK } from './targets/MARK.ts';
import { MASQUERADE } from './targets/MASQUERADE.ts';
import { MIRROR } from './targets/MIRROR.ts';
import { NETMAP } from './targets/NETMAP.ts';
import { NFLOG } from './targets/NFLOG.ts';
import { NFQUEUE } from './targets/NFQUEUE.ts';
import { NOTRACK } from './targets/NOTRACK.ts';
import { RATEEST } from './targets/RATEEST.ts';
import { REDIRECT } from './targets/REDIRECT.ts';
import { REJECT } from './targets/REJECT.ts';
import { SECMARK } from './targets/SECMARK.ts';
import { SET } from './targets/SET.ts';
import { SNAT } from './targets/SNAT.ts';
import { SNPT } from './targets/SNPT.ts';
import { SYNPROXY } from './targets/SYNPROXY.ts';
import { TCPMSS } from './targets/TCPMSS.ts';
import { TCPOPTSTRIP } from './targets/TCPOPTSTRIP.ts';
import { TEE } from './targets/TEE.ts';
import { TOS } from './targets/TOS.ts';
import { TPROXY } from './targets/TPROXY.ts';
import { TRACE } from './targets/TRACE.ts';
import { TTL } from './targets/TTL.ts';
import { ULOG } from './targets/ULOG.ts';

/** Matches, then targets, each in the order of their names. */
export const extensions: readonly Extension[] = [
  account,
  addrtype,
  ah,
  bpf,
  cgroup,
  cluster,
  comment,
  connbytes,
  connlabel,
  connlimit,
  connmark,
  conntrack,
  cpu,
  dccp,
  devgroup,
  dscp,
  dst,
  ecn,
  esp,
  eui64,
  frag,
  hashlimit,
  hbh,
  helper,
  hl,
  icmp,
  icmp6,
  iprange,
  ipv6header,
  ipvs,
  length,
  limit,
  mac,
  mark,
  mh,
  multiport,
  nfacct,
  osf,
  owner,
  physdev,
  pkttype,
  policy,
  quota,
  rateest,
  realm,
  recent,
  rpfilter,
  rt,
  sctp,
  set,
  socket,
  srh,
  state,
  statistic,
  string,
  tcp,
  tcpmss,
  time,
  tos,
  ttl,
  u32,
  udp,
  AUDIT,
  CHECKSUM,
  CLASSIFY,
  CLUSTERIP,
  CONNMARK,
  CONNSECMARK,
  CT,
  DNAT,
  DNPT,
  DSCP,
  ECN,
  HL,
  HMARK,
  IDLETIMER,
  LED,
  LOG,
  MARK,
  MASQUERADE,
  MIRROR,
  NETMAP,
  NFLOG,
  NFQUEUE,
  NOTRACK,
  RATEEST,
  REDIRECT,
  REJECT,
  SECMARK,
  SET,
  SNAT,
  SNPT,
  SYNPROXY,
  TCPMSS,
  TCPOPTSTRIP,
  TEE,
  TOS,
  TPROXY,
  TRACE,
  TTL,
  ULOG,
];
