"""Sends single packets through a ruleset on the real kernel and prints the rule counters.

Run by kernel-packets.ts. stdin: a JSON list of {restore, ruleset, interfaces, addresses, routes, sysctls, packets};
stdout: a JSON list with an entry {rehearsalBytes, bytes, saved, emitted} or {error} for each packet of each, in their
order. Every packet gets a network
namespace of its own with fresh rules and no connections, made by a child process that ends with it. Interfaces are
tun devices: what is written to one arrives at the machine by it, what the machine sends out by it can be read.
"""

import ctypes
import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
AT_ONCE = 16
EXTRA_BYTES = 21
libc = ctypes.CDLL(None, use_errno=True)


def run(command, text=''):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=10)
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(command)}: {done.stderr.strip()}')
    return done.stdout


def open_interface(name):
    tun = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TUN | IFF_NO_PI))
    with open(f'/proc/sys/net/ipv6/conf/{name}/disable_ipv6', 'w') as file:
        file.write('1')
    return tun


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def build(packet, extra):
    """The bytes of an IPv4 packet: a TCP SYN, a UDP datagram, an ICMP message, or another packet.

    The extra data tells the packet from the kernel's answers and from those sent before it, in byte counters; and
    TCPMSS adds no option to a segment with data.
    """
    source = socket.inet_aton(packet['source'])
    destination = socket.inet_aton(packet['destination'])
    protocol = packet['protocol']
    ports = struct.pack('!HH', packet.get('sport') or 40000, packet.get('dport') or 0)
    data = bytes(extra)
    payload = data
    if protocol == 6:
        payload = ports + struct.pack('!IIBBHHH', 1000, 0, 5 << 4, 2, 64240, 0, 0) + data
    elif protocol == 17:
        payload = ports + struct.pack('!HH', 8 + len(data), 0) + data
    elif protocol == 1:
        payload = struct.pack('!BBHHH', packet.get('icmpType', 8), packet.get('icmpCode', 0), 0, 7, 1) + data
        payload = payload[:2] + struct.pack('!H', checksum(payload)) + payload[4:]
    elif protocol == 47:
        payload = struct.pack('!HH', 0, 0x0800) + data
    elif protocol == 50:
        payload = struct.pack('!II', 0x1001, 1) + data
    if protocol == 6:
        pseudo = source + destination + struct.pack('!BBH', 0, protocol, len(payload))
        payload = payload[:16] + struct.pack('!H', checksum(pseudo + payload)) + payload[18:]
    header = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(payload), 1, 0x4000, 64, protocol, 0) + source + destination
    return header[:10] + struct.pack('!H', checksum(header)) + header[12:] + payload


def send_local(packet, data):
    # The owner of a socket is the file system user of the process that made it.
    libc.setfsuid(packet.get('uid') or 0)
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    libc.setfsuid(0)
    try:
        sender.sendto(data, (packet['destination'], 0))
    except PermissionError:
        pass  # dropped by a rule


def emitted(interfaces):
    found = []
    while True:
        ready, _, _ = select.select(list(interfaces.values()), [], [], 0)
        if not ready:
            return found
        for name, tun in interfaces.items():
            if tun in ready:
                found.append({'interface': name, 'packet': os.read(tun, 65536).hex()})


def observe(job, packet):
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')
    run([f'{job["restore"]}-restore'], job['ruleset'])
    interfaces = {name: open_interface(name) for name in job['interfaces']}
    commands = ['link set lo up']
    commands += [f'link set {name} up' for name in interfaces]
    commands += [f'address add {entry}' for entry in job['addresses']]
    commands += [f'route add {entry}' for entry in job['routes']]
    run(['ip', '-batch', '-'], '\n'.join(commands) + '\n')
    for key, value in job['sysctls'].items():
        with open('/proc/sys/' + key.replace('.', '/'), 'w') as file:
            file.write(value)
    rehearsal = build(packet, EXTRA_BYTES)
    data = build(packet, 2 * EXTRA_BYTES)
    emitted(interfaces)
    for turn in range(packet.get('repeat') or 1, 0, -1):
        if turn == 1:
            emitted(interfaces)
        sent = data if turn == 1 else rehearsal
        if packet.get('local'):
            send_local(packet, sent)
        else:
            os.write(interfaces[packet['inInterface']], sent)
    saved = run([f'{job["restore"]}-save', '-c'])
    return {'rehearsalBytes': len(rehearsal), 'bytes': len(data), 'saved': saved, 'emitted': emitted(interfaces)}


def start(job, packet):
    """Observes one packet in a child process; the answer comes by the pipe that is returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = observe(job, packet)
        except BaseException as error:
            answer = {'error': f'{type(error).__name__}: {error}'}
        with os.fdopen(writing, 'w') as file:
            json.dump(answer, file)
        os._exit(0)
    os.close(writing)
    return child, reading


def finish(child, reading):
    with os.fdopen(reading) as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text)


def main():
    work = [(job, packet) for job in json.load(sys.stdin) for packet in job['packets']]
    answers, children = [], []
    # Many together: most of the time goes by waiting for the kernel to set up and tear down.
    for job, packet in work:
        if len(children) == AT_ONCE:
            answers.append(finish(*children.pop(0)))
        children.append(start(job, packet))
    answers += [finish(*child) for child in children]
    json.dump(answers, sys.stdout)


main()
