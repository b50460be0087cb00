"""Runs firewall cases on the running kernel and tells what it did with each packet.

Run by kernel-record.ts. stdin: one case per line as JSON ({id, family, ruleset, ipsets?, host, packets}); stdout: one
line per case, {id, ruleset, ipsets?, routes_json, rules_json, conntrack_active, expect} or {id, error}. The format of
both is that of recorded cases, see test/kernel/README.md. argv[1], if there: the CPU to stay on.

Each case has two network namespaces of its own, made by a child process that ends with it: the machine, and the far
ends of its veth pairs, where frames are injected and captured. A native nft table, at priorities that no table of
iptables has, switches the rule trace on and marks where hooks begin and end; at the very end of INPUT it drops what
would be delivered, so that nothing of this machine answers. Trace and captured frames are put together in order,
which is certain because everything happens on one CPU: markers through its backlog tell when a packet is done.
"""

import ctypes
import errno
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback

from kernel_frames import EXTENSION_HEADERS, build, read_packet
from kernel_netlink import NETLINK_ADD_MEMBERSHIP, NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES, NFT_MSG_TRACE, SOL_NETLINK, messages, number, read_event, rule_numbers, text

CLONE_NEWNET = 0x40000000
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
NFNLGRP_NFTRACE = 9
SO_RCVBUFFORCE, SO_MARK = 33, 36
SECONDS_PER_CASE = 20
STATUS = [
    (0, 'EXPECTED'), (1, 'SEEN_REPLY'), (2, 'ASSURED'), (3, 'CONFIRMED'), (4, 'SNAT'), (5, 'DNAT'),
    (7, 'SRC_NAT_DONE'), (8, 'DST_NAT_DONE'), (9, 'DYING'),
]
HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']
OWN = 'fwsim_record'
HOST_MAC = '02:ee:00:00:01:'
LISTENER_REPORTS = (b'\x83', b'\x84', b'\x8f')
libc = ctypes.CDLL(None, use_errno=True)


# ------------------------------------------------------------------------------------------------ namespaces

def run(command, stdin=''):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=SECONDS_PER_CASE)
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(command)}: {done.stderr.strip()}')
    return done.stdout


def new_namespace():
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')
    return os.open('/proc/self/ns/net', os.O_RDONLY)


def enter(namespace):
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


def set_sysctl(key, value):
    path = '/proc/sys/' + '/'.join(part.replace('/', '.') for part in key.split('.'))
    with open(path, 'w') as file:
        file.write(str(value))


def own_table():
    lines = [f'table inet {OWN} {{']
    for hook in HOOKS:
        for when, priority in (('pre', -350), ('post', 400)):
            place = f'type filter hook {hook.lower()} priority {priority};'
            # What the machine says of itself in IPv6, listener reports and redirects, no setting stops.
            silence = 'icmpv6 type { 137, 143 } drop; ' if (when, hook) == ('pre', 'OUTPUT') else ''
            lines.append(f'chain {when}_{hook} {{ {place} {silence}meta nftrace set 1; }}')
    last = 'type filter hook input priority 2147483647; meta nftrace set 1; drop;'
    return '\n'.join([*lines, f'chain deliver {{ {last} }}', '}', ''])


class Machine:
    """The namespaces of one case, ready for packets."""

    def __init__(self, case):
        self.family = case['family']
        host = case['host']
        interfaces = host['interfaces']
        self.far = new_namespace()
        set_sysctl('net.ipv6.conf.all.disable_ipv6', 1)
        set_sysctl('net.ipv6.conf.default.disable_ipv6', 1)
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.wire.setblocking(False)
        self.here = new_namespace()
        if self.family == 4:
            set_sysctl('net.ipv6.conf.all.disable_ipv6', 1)
            set_sysctl('net.ipv6.conf.default.disable_ipv6', 1)
        else:
            for name in ('all', 'default'):
                set_sysctl(f'net.ipv6.conf.{name}.accept_dad', 0)
                set_sysctl(f'net.ipv6.conf.{name}.autoconf', 0)
                set_sysctl(f'net.ipv6.conf.{name}.accept_ra', 0)
                set_sysctl(f'net.ipv6.conf.{name}.router_solicitations', 0)
                set_sysctl(f'net.ipv6.conf.{name}.accept_redirects', 0)
                set_sysctl(f'net.ipv6.conf.{name}.addr_gen_mode', 1)
            set_sysctl('net.ipv6.icmp.ratelimit', 0)
        set_sysctl('net.ipv4.icmp_ratelimit', 0)
        for name in ('all', 'default'):
            set_sysctl(f'net.ipv4.conf.{name}.send_redirects', 0)
            set_sysctl(f'net.ipv4.conf.{name}.accept_redirects', 0)
        # Rules that need names which do not exist load all the same; only routes need interfaces.
        far = f'netns /proc/{os.getpid()}/fd/{self.far}'
        commands = ['link set lo up']
        self.bridges = {one['name'] for one in interfaces if one.get('bridge')}
        for index, one in enumerate(interfaces):
            if one['name'] in self.bridges:
                commands.append(f'link add {one["name"]} address {one["mac"]} type bridge mcast_snooping 0')
                continue
            mtu = one.get('mtu', 1500)
            peer = f'peer name far{index} mtu {mtu} {far}'
            commands.append(f'link add {one["name"]} address {one["mac"]} mtu {mtu} type veth {peer}')
            commands.append(f'link set {one["name"]} arp off')
            if 'master' in one:
                commands.append(f'link set {one["name"]} master {one["master"]}')
        run(['ip', '-batch', '-'], '\n'.join(commands) + '\n')
        enter(self.far)
        commands = ['link add mark0 type veth peer name mark1', 'link set mark0 up', 'link set mark1 up']
        commands += [f'link set far{index} up' for index, one in enumerate(interfaces) if one['name'] not in self.bridges]
        run(['ip', '-batch', '-'], '\n'.join(commands) + '\n')
        enter(self.here)
        commands = []
        for one in interfaces:
            commands.append(f'link set {one["name"]} up')
            commands += [f'address add {entry} {"brd + " if ":" not in entry and int(entry.split("/")[1]) < 31 else ""}dev {one["name"]}'
                         for entry in one['addresses']]
        commands += [f'neigh add {entry} nud permanent' for entry in host.get('neighbours', [])]
        kind = '-4' if self.family == 4 else '-6'
        run(['ip', kind, '-batch', '-'], '\n'.join(commands) + '\n')
        for key, value in host['sysctls'].items():
            if not key.startswith('net.netfilter.'):
                set_sysctl(key, value)
        commands = [f'route add {entry}' for entry in host.get('routes', [])]
        commands += [f'rule add {entry}' for entry in host.get('rules', [])]
        run(['ip', kind, '-batch', '-'], '\n'.join(commands) + '\n')
        run(['nft', '-f', '-'], own_table())
        if case.get('ipsets'):
            run(['ipset', 'restore'], case['ipsets'])
        program = 'iptables-nft' if self.family == 4 else 'ip6tables-nft'
        run([f'{program}-restore'], case.get('ruleset_in') or case['ruleset'])
        for key, value in host['sysctls'].items():
            if key.startswith('net.netfilter.'):
                set_sysctl(key, value)
        saved = run([f'{program}-save']).splitlines()
        self.ruleset = '\n'.join(line for line in saved if not line.startswith('#')) + '\n'
        self.ruleset = re.sub(r'^(:.*) \[\d+:\d+\]$', r'\1 [0:0]', self.ruleset, flags=re.M)
        self.ipsets = run(['ipset', 'save']) if case.get('ipsets') else None
        if self.ipsets:
            self.ipsets = re.sub(r'initval 0x[0-9a-f]+', 'initval 0x1d2e3f40', self.ipsets)
        self.routes = json.loads(run(['ip', kind, '-j', 'route', 'show', 'table', 'all']))
        self.rules = json.loads(run(['ip', kind, '-j', 'rule']))
        self.numbers, counts = rule_numbers(self.family)
        self.rejects, tables = {}, {}
        table = ''
        for line in self.ruleset.splitlines():
            if line.startswith('*'):
                table = line[1:]
            elif line.startswith('-A '):
                place = table, line.split(' ')[1]
                tables[place] = tables.get(place, 0) + 1
                found = re.search(r' -j REJECT(?: --reject-with (\S+))?', line)
                if found:
                    default = 'icmp-port-unreachable' if self.family == 4 else 'icmp6-port-unreachable'
                    self.rejects[place + (tables[place],)] = found.group(1) or default
        if {place: count for place, count in counts.items() if place in tables} != tables:
            raise RuntimeError('the kernel has other rules than iptables-save')
        self.names = {socket.if_nametoindex('lo'): 'lo'}
        self.ends, self.macs, self.masters, self.ports = {}, {}, {}, {}
        self.own, self.bindable = {'127.0.0.1', '::1'}, {}
        self.broadcasts = set()
        for index, one in enumerate(interfaces):
            self.names[socket.if_nametoindex(one['name'])] = one['name']
            if one['name'] not in self.bridges:
                self.ends[one['name']] = f'far{index}'
            self.macs[one['name']] = one['mac']
            if 'master' in one:
                self.masters[one['name']] = one['master']
            for entry in one['addresses']:
                self.own.add(entry.split('/')[0])
                self.bindable[entry.split('/')[0]] = one['name']
        self.broadcasts = {route['dst'] for route in self.routes if route.get('type') == 'broadcast'}
        self.tracing = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.tracing.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
        # Unbound, it would have the kernel's own address, and the kernel does not send to itself.
        self.tracing.bind((0, 0))
        self.tracing.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTRACE)
        self.tracing.setblocking(False)
        self.settle()
        self.observed()
        self.conntrack = self.tracks_connections()

    def tracks_connections(self):
        """Whether the kernel tracks connections: only some rules make it. A packet that raw lets pass tells."""
        chain, address = ('ip raw OUTPUT', '127.0.0.1') if self.family == 4 else ('ip6 raw OUTPUT', '::1')
        has_raw = '*raw\n' in self.ruleset
        probe = f'insert rule {chain} accept comment "{OWN}"\n' if has_raw else ''
        probe += f'add chain inet {OWN} probe {{ type filter hook output priority -199; }}\n'
        probe += f'add rule inet {OWN} probe meta nftrace set 1 drop\n'
        run(['nft', '-f', '-'], probe)
        self.send({'local': True, 'src': address, 'dst': address, 'proto': 'udp', 'sport': 1, 'dport': 1})
        self.settle()
        events, _ = self.observed()
        undo = f'flush chain inet {OWN} probe\ndelete chain inet {OWN} probe\n'
        if has_raw:
            handle = re.search(rf'comment "{OWN}" # handle (\d+)', run(['nft', '-a', 'list', 'chain', *chain.split()])).group(1)
            undo += f'delete rule {chain} handle {handle}\n'
        run(['nft', '-f', '-'], undo)
        return any('state' in event for event in events if event['chain'] == 'probe')

    def settle(self, rounds=6):
        """Waits until what was under way on this CPU is done, and keeps the frames that came out."""
        self.frames = getattr(self, 'frames', [])
        for turn in range(rounds):
            mark = b'\xff' * 6 + b'\x02\0\0\0\0\x01' + b'\x88\xb5' + struct.pack('!I', turn) + bytes(46)
            self.wire.sendto(mark, ('mark0', ETH_P_ALL))
            for _ in range(100000):
                try:
                    data, (name, _, kind, _, _) = self.wire.recvfrom(1 << 16)
                except BlockingIOError:
                    continue
                if name == 'mark1' and data[12:18] == mark[12:18]:
                    break
                if kind != socket.PACKET_OUTGOING and name in self.ends.values():
                    self.frames.append((name, data))
            else:
                raise RuntimeError('a marker was lost')

    def observed(self):
        """Trace records and frames since the last call."""
        events = []
        while True:
            try:
                data = self.tracing.recv(1 << 20)
            except BlockingIOError:
                break
            for kind, body in messages(data):
                if kind == NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE:
                    events.append(read_event(body))
        back = {end: name for name, end in self.ends.items()}
        frames = []
        for end, data in self.frames:
            kind = struct.unpack('!H', data[12:14])[0]
            if kind == ETH_P_IP or (kind == ETH_P_IPV6 and not is_small_talk(data[14:54], data[54:], True)):
                # What a port of a bridge sends went out by the bridge.
                name = self.masters.get(back[end], back[end])
                self.ports[name, data[14:]] = back[end]
                frames.append((name, data[14:]))
        self.frames = []
        return events, frames

    def send(self, packet):
        """Sends a packet; the name of the error if that failed."""
        data = build(packet, self.family)
        if not packet.get('local'):
            kind = ETH_P_IP if self.family == 4 else ETH_P_IPV6
            macs = [bytes.fromhex(packet[side].replace(':', '')) for side in ('eth_dst', 'eth_src')]
            self.wire.sendto(macs[0] + macs[1] + struct.pack('!H', kind) + data, (self.ends[packet['iface']], kind))
            return None
        # The owner of a socket is the file system user of the process that made it.
        libc.setfsgid(packet.get('gid', 0))
        libc.setfsuid(packet.get('uid', 0))
        kind = socket.AF_INET if self.family == 4 else socket.AF_INET6
        sender = socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_RAW)
        libc.setfsuid(0)
        libc.setfsgid(0)
        with sender:
            if packet.get('mark'):
                sender.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack('=I', packet['mark']))
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if packet['src'] in self.bindable:
                # Binding to a link-local address binds to its interface as well: only for what stays on the link.
                on_link = packet['src'].startswith('fe80') and packet['dst'].startswith(('fe80', 'ff'))
                scope = socket.if_nametoindex(self.bindable[packet['src']]) if on_link else 0
                try:
                    sender.bind((packet['src'], 0) if self.family == 4 else (packet['src'], 0, 0, scope))
                except OSError:
                    pass
            try:
                sender.sendto(data, (packet['dst'], 0))
            except OSError as error:
                return errno.errorcode.get(error.errno, str(error.errno))
        return None


def is_small_talk(header, transport, in_frame=False):
    """What the machine says of itself in IPv6: multicast listener reports and redirects, which no setting stops."""
    if header[6:7] == b'\0' and in_frame:
        # Frames have the hop-by-hop header in front of the report, the trace leaves it out.
        return transport[:1] == b'\x3a' and transport[8:9] in LISTENER_REPORTS
    if header[6:7] == b'\0':
        return transport[:1] in LISTENER_REPORTS
    return header[6:7] == b'\x3a' and transport[:1] == b'\x89'


# ------------------------------------------------------------------------------------------------ the way of a packet

class Track:
    """A packet on its way: what the trace told of it."""

    def __init__(self, event, main=False, copy=False):
        self.main, self.copy, self.id = main, copy, event['id']
        self.entries, self.hooks, self.mark = [], [], 0
        self.last_mark = 0     # of all records; the entries tell only of those in the ruleset's own tables
        self.resumed = 0       # number of entries before it came in again, for a copy
        self.hook = None       # where it is, if in a hook
        self.passed = None     # the hook that it passed last, when outside of hooks
        self.input, self.output, self.via_lo = None, None, False
        self.ct, self.decided, self.delivered, self.header = {}, None, False, None

    def enter(self, hook, machine, event):
        self.hook, self.id = hook, event['id']
        self.hooks.append(hook)
        if hook == 'PREROUTING':
            self.resumed, self.ct_out = len(self.entries), self.ct
            self.mark = 0 if self.copy else self.mark  # a record of its own begins
            self.input = machine.names.get(event['in']) if 'in' in event else machine.arriving
            self.via_lo = self.via_lo or self.input == 'lo'
            self.output = None
        if hook == 'POSTROUTING':
            self.sent_by = machine.names.get(event.get('out'))
            self.output = machine.names.get(event['out']) if 'out' in event else '?'

    def note(self, event):
        self.last_mark = event['mark']
        # Of later fragments of IPv6 the kernel tells no header.
        if 'packet' in event or 'state' in event:
            self.ct = {key: event[key] for key in ('state', 'dir', 'status') if key in event}
        if 'packet' in event:
            self.header = event['packet']


class Story:
    """Puts the records of the trace together into the ways of packets."""

    def __init__(self, machine, local):
        self.machine, self.local = machine, local
        self.tracks = []

    def find(self, event, fits):
        candidates = [track for track in self.tracks if fits(track)]
        same = [track for track in candidates if track.id == event['id']]
        return (same or candidates or [None])[-1]

    def start(self, event, **how):
        main = not any(track.main for track in self.tracks) and not how.get('copy')
        track = Track(event, main=main, **how)
        self.tracks.append(track)
        return track

    def add(self, event):
        if event['table'] == OWN:
            if event['kind'] == 3 and event['handle'] is not None:
                self.boundary(event)
            return
        track = self.find(event, lambda t: t.hook is not None)
        if track is None:
            raise RuntimeError(f'a rule was met outside of hooks: {event}')
        track.note(event)
        if event['kind'] == 3 and event['handle'] is None and event['chain'] in HOOKS:
            return  # the end of a built-in chain; the policy comes next
        entry = {'table': event['table'], 'chain': event['chain']}
        verdict = event.get('verdict', 'accept')
        if event['kind'] == 1:
            entry.update(policy=True, verdict=verdict)
        elif event['kind'] == 3 and event['handle'] is not None:
            entry['rule'] = self.machine.numbers[event['table'], event['chain'], event['handle']]
            entry['verdict'] = verdict
            if 'to' in event:
                entry['to'] = event['to']
        else:
            entry['verdict'] = 'end'
        if event['mark'] != track.mark:
            track.mark = entry['mark'] = event['mark']
        track.entries.append(entry)
        if event['kind'] in (1, 3) and verdict in ('drop', 'stolen', 'queue'):
            track.decided = {**{key: entry[key] for key in ('table', 'chain', 'rule', 'policy') if key in entry}}
            track.verdict = verdict
            track.hook = None

    def boundary(self, event):
        when, _, hook = event['chain'].partition('_')
        if when == 'deliver':
            track = self.find(event, lambda t: t.passed == 'INPUT' and t.hook is None and not t.delivered)
            if track:
                track.note(event)
                track.delivered = True
            return
        if when == 'post':
            track = self.find(event, lambda t: t.hook == hook)
            if track:
                track.note(event)
                track.hook, track.passed = None, hook
            return
        track = self.boundary_of(event, hook)
        track.passed = None
        track.enter(hook, self.machine, event)
        track.note(event)

    def boundary_of(self, event, hook):
        """The packet that enters a hook."""
        on_lo = self.machine.names.get(event.get('in')) == 'lo'
        if hook == 'OUTPUT':
            return self.start(event)
        if hook == 'PREROUTING':
            if on_lo:
                waiting = [t for t in self.tracks if t.passed == 'POSTROUTING' and t.output == 'lo' and t.hook is None]
            else:
                waiting = [t for t in self.tracks if t.copy and t.passed == 'POSTROUTING' and t.hook is None]
            return waiting[0] if waiting else self.start(event)
        before = {'INPUT': ['PREROUTING'], 'FORWARD': ['PREROUTING'], 'POSTROUTING': ['FORWARD', 'OUTPUT']}[hook]
        track = self.find(event, lambda t: t.hook is None and t.decided is None and t.passed in before)
        if hook == 'POSTROUTING' and (track is None or track.id != event['id']) and self.is_to_many(event):
            return self.start(event, copy=True)
        return track or self.start(event)

    def is_to_many(self, event):
        if 'packet' not in event:
            return False
        header = event['packet'][0]
        if self.machine.family == 6:
            return header[24] == 0xFF
        address = socket.inet_ntop(socket.AF_INET, header[16:20])
        return header[16] & 0xF0 == 0xE0 or address == '255.255.255.255' or address in self.machine.broadcasts


def key_of(data, family):
    """What tells one emitted packet from another; parts of one packet have the same."""
    if family == 4:
        return data[4:6] + data[9:10] + data[12:20]
    return data[8:40]


def answer(track, story, frames, error):
    """What became of one packet, as cases say it."""
    machine = story.machine
    family = machine.family
    out = {'trace': track.entries}
    if track.input:
        out['in_iface'] = track.input
    if track.via_lo:
        out['via_lo'] = True
    out['hooks'] = track.hooks
    if track.decided:
        place = tuple(track.decided.get(key) for key in ('table', 'chain', 'rule'))
        if track.verdict == 'drop' and place in machine.rejects:
            out['fate'], out['reject_with'] = 'reject', machine.rejects[place]
        else:
            out['fate'] = track.verdict
        out['drop_at'] = track.decided
    elif track.delivered:
        out['fate'] = 'local'
        if track.header:
            header, transport = track.header
            if family == 6 and header[6] in EXTENSION_HEADERS and len(header) == 40:
                transport = b''  # the trace leaves extension headers out
            out['packet_out'] = {**read_packet(header + transport, family, False), 'mark': track.last_mark}
    elif track.passed == 'POSTROUTING' and track.output not in (None, 'lo') and not track.copy:
        if track.header is None or track.output == '?':
            # The trace says nothing of later fragments of IPv6 but that they are there.
            mine = [data for _, data in frames[:1]]
            track.output = frames[0][0] if frames else None
        else:
            key = key_of(track.header[0], family)
            mine = [data for name, data in frames if name == track.output and key_of(data, family) == key]
        if len(mine) > 1 and not any(read_packet(data, family, False).get('mf') for data in mine):
            mine = mine[:1]
        for data in mine:
            frames.remove((track.output, data))
            machine.told.add(data)
        out['out_iface'] = track.output
        if track.output in machine.bridges and mine:
            out['out_port'] = machine.ports[track.output, mine[0]]
        if mine:
            out['fate'] = 'forward' if 'FORWARD' in track.hooks else 'sent'
            parts = [read_packet(data, family, True) for data in mine]
            parts[0]['mark'] = track.last_mark
            out['packet_out'] = parts[0]
            if len(parts) > 1:
                out['fragments_out'] = parts
        else:
            out.update(fate='lost', lost_after='POSTROUTING')
    elif track.hook is not None:
        out.update(fate='hook_drop', lost_after=track.hook)
    elif track.passed in ('POSTROUTING', 'INPUT'):
        out.update(fate='lost', lost_after=track.passed)
        if track.output:
            out['out_iface'] = track.output
    else:
        out.update(fate='route_drop', lost_after=track.passed)
    if track.main and error:
        out['errno'] = error
    before_conntrack = track.decided is not None and track.decided['table'] == 'raw' and len(track.hooks) == 1
    if 'state' in track.ct or (machine.conntrack and not before_conntrack):
        out['ct'] = connection_of(track.ct)
    if track.copy:
        out['copy'] = True
    return out


def copy_of_generated(track, story, frames):
    """The copy of a broadcast that the kernel itself sent is told in two parts: what came in again, what went out."""
    machine = story.machine
    if not track.copy or story.local or 'PREROUTING' not in track.hooks:
        return None
    out = answer(track, story, frames, None)
    gone = {'trace': track.entries[:track.resumed], 'hooks': ['POSTROUTING'], 'fate': 'lost', 'lost_after': 'POSTROUTING'}
    gone['out_iface'] = track.sent_by
    back = {**out, 'trace': track.entries[track.resumed:], 'hooks': track.hooks[1:]}
    if 'ct' in out:
        gone['ct'] = connection_of(track.ct_out)
    del back['copy']
    return [back, {**gone, 'copy': True}]


def connection_of(seen):
    ct = {'state': seen.get('state', 'INVALID')}
    if 'dir' in seen:
        ct['dir'] = seen['dir']
    names = [name for bit, name in STATUS if seen.get('status', 0) >> bit & 1]
    if names:
        ct['status'] = names
    return ct


def record_packet(machine, packet):
    machine.arriving = packet.get('iface')
    machine.told = set()
    error = machine.send(packet)
    machine.settle()
    events, frames = machine.observed()
    story = Story(machine, packet.get('local', False))
    reports = set()
    for event in events:
        if 'packet' in event and machine.family == 6 and is_small_talk(*event['packet']):
            reports.add(event['id'])
        if event['id'] not in reports:
            story.add(event)
    answers = []
    main = next((track for track in story.tracks if track.main), None)
    if main is None:
        fragment = packet.get('mf') or packet.get('frag_off')
        if packet.get('local'):
            out = {'trace': [], 'fate': 'send_error', **({'errno': error} if error else {})}
        else:
            # Whether it waits or is gone only the one that completes it tells: who listed neither calls it a wait.
            out = {'trace': [], 'fate': 'queued' if fragment else 'ingress_drop'}
            if frames and packet['iface'] in machine.masters:
                # A bridge that asks no table has switched it.
                data = frames[0][1]
                port = machine.ports[frames[0]]
                seen = {**read_packet(data, machine.family, True), 'mark': 0}
                out = {'trace': [], 'fate': 'forward', 'out_iface': port, 'out_port': port, 'packet_out': seen}
    else:
        out = answer(main, story, frames, error)
        fragment = packet.get('mf') or packet.get('frag_off')
        if fragment and out['fate'] == 'route_drop' and packet['dst'] in machine.own and main.hooks == ['PREROUTING']:
            out['fate'] = 'queued'
    answers = []
    for track in story.tracks:
        if not track.main:
            answers += copy_of_generated(track, story, frames) or [answer(track, story, frames, None)]
    for one in answers:
        (one.get('packet_out') or {}).pop('id', None)
    # A refusal of what came in by a port of a bridge goes straight back out there, and no hook sees it.
    for name, data in frames:
        # A bridge that does not know where a host is sends to all ports.
        if name in machine.bridges and main is not None and data not in machine.told:
            one = {**read_packet(data, machine.family, True), 'mark': 0}
            one.pop('id', None)
            answers.append({'trace': [], 'fate': 'sent', 'out_iface': machine.ports[name, data], 'packet_out': one})
    if answers:
        out['generated'] = answers
    return out


def reply_to(packet, outcome, machine):
    """The packet that the other side would send back: to the addresses that it saw."""
    seen = outcome.get('packet_out') or packet
    out = {key: packet[key] for key in ('proto', 'ttl') if key in packet}
    out.update(src=seen['dst'], dst=seen['src'], tos=0)
    if 'sport' in seen and 'dport' in seen:
        out.update(sport=seen['dport'], dport=seen['sport'])
    kind = packet.get('icmp_type')
    if kind is not None:
        answers = {8: 0, 13: 14, 15: 16, 17: 18} if machine.family == 4 else {128: 129}
        out.update(icmp_type=answers.get(kind, kind), icmp_code=0)
        out.update(icmp_id=seen.get('icmp_id', packet.get('icmp_id', 0)), icmp_seq=packet.get('icmp_seq', 0))
    place_sender(out, outcome.get('out_port', outcome.get('out_iface')), packet, machine)
    return out


def place_sender(out, iface, packet, machine):
    """Says where a packet in answer to another enters."""
    if iface is None or iface == 'lo':
        iface = None if out['src'] in machine.own or 'iface' not in packet else packet['iface']
        behind = {HOST_MAC + machine.macs[port][-2:]: port for port in machine.masters}
        iface = behind.get(packet.get('eth_dst'), iface) if iface else None
    if iface in machine.bridges:
        iface = next(port for port, master in machine.masters.items() if master == iface)
    if iface is None:
        out['local'] = True
    else:
        out['iface'] = iface
        out['eth_src'], out['eth_dst'] = '02:ee:00:00:00:01', machine.macs[iface]
        if iface in machine.masters:
            # Hosts behind a bridge have MAC addresses of their own, told by the port.
            out['eth_src'] = HOST_MAC + machine.macs[iface][-2:]
            own = machine.macs[machine.masters[iface]]
            switched = packet.get('iface') in machine.masters and packet['eth_dst'] != own
            out['eth_dst'] = packet['eth_src'] if switched else own


def error_about(packet, outcome, machine):
    """An ICMP error that quotes a packet as the sender of the error saw it."""
    seen = {**packet, **(outcome.get('packet_out') or {})}
    kept = ('src', 'dst', 'proto', 'sport', 'dport', 'icmp_type', 'icmp_code', 'icmp_id', 'icmp_seq', 'seq', 'id', 'payload')
    quote = {key: seen[key] for key in kept if key in seen}
    quote['ttl'] = 60
    if packet.get('tcp_flags') is not None:
        quote['tcp_flags'] = packet['tcp_flags']
    out = {'src': seen['dst'], 'dst': seen['src'], 'proto': 'icmp' if machine.family == 4 else 'icmpv6', 'ttl': 64, 'tos': 0}
    out.update(icmp_type=3 if machine.family == 4 else 1, icmp_code=1, icmp_rest=0, quote=quote)
    place_sender(out, outcome.get('out_port', outcome.get('out_iface')), packet, machine)
    return out


def resolve(packet, machine, packets, expect):
    """Makes a packet that speaks of an earlier one into one that stands for itself."""
    for key, make in (('reply_to', reply_to), ('error_about', error_about)):
        if key in packet:
            about = packet[key]
            made = make(packets[about], expect[about], machine)
            made.update({name: value for name, value in packet.items() if name != key})
            if machine.family == 4:
                made['id'] = 4096 + 7 * len(packets)
            return made
    return packet


def record(case):
    machine = Machine(case)
    packets, expect = [], []
    for packet in case['packets']:
        packets.append(resolve(packet, machine, packets, expect))
        if 'connlimit' in case['ruleset']:
            time.sleep(0.012)  # it cleans up once per tick of the clock
        time.sleep(case.get('pause', 0) / 1000)
        expect.append(record_packet(machine, packets[-1]))
    out = {'id': case.get('id'), 'ruleset': machine.ruleset, 'routes_json': machine.routes, 'rules_json': machine.rules}
    if machine.ipsets is not None:
        out['ipsets'] = machine.ipsets
    return {**out, 'conntrack_active': machine.conntrack, 'packets': packets, 'expect': expect}


def in_child(case):
    """Records a case in a process that ends with its namespaces."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(SECONDS_PER_CASE)
        try:
            result = record(case)
        except BaseException as problem:
            place = traceback.extract_tb(problem.__traceback__)[-1]
            result = {'id': case.get('id'), 'error': f'{type(problem).__name__}: {problem} (line {place.lineno})'}
        with os.fdopen(writing, 'w') as file:
            json.dump(result, file)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        line = file.read()
    os.waitpid(child, 0)
    return line or json.dumps({'id': case.get('id'), 'error': f'not done within {SECONDS_PER_CASE} s'})


def main():
    if len(sys.argv) > 1:
        os.sched_setaffinity(0, {int(sys.argv[1])})
    for line in sys.stdin:
        print(in_child(json.loads(line)), flush=True)


main()
