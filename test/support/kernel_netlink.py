"""Records of nftables over netlink: rule handles and trace events. Used by kernel-record.py."""

import socket
import struct

SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_NETFILTER = 270, 1, 12
NFNL_SUBSYS_NFTABLES, NFT_MSG_GETRULE, NFT_MSG_TRACE = 10, 7, 17
STATES = {1: 'INVALID', 2: 'ESTABLISHED', 4: 'RELATED', 8: 'NEW', 64: 'UNTRACKED'}


# ------------------------------------------------------------------------------------------------ netlink

def attributes(data):
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack('=HH', data[:4])
        if size < 4:
            break
        found[kind & 0x3FFF] = data[4:size]
        data = data[size + 3 & ~3:]
    return found


def messages(data):
    while len(data) >= 16:
        size, kind = struct.unpack('=IH', data[:6])
        if size < 16:
            break
        yield kind, data[16:size]
        data = data[size + 3 & ~3:]


def text(value):
    return value.rstrip(b'\0').decode()


def rule_numbers(family):
    """(table, chain, handle) → number of the rule in its chain, from 1."""
    asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    kind = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE
    body = struct.pack('=BBH', socket.AF_INET if family == 4 else socket.AF_INET6, 0, 0)
    asking.send(struct.pack('=IHHII', 16 + len(body), kind, 0x301, 1, 0) + body)
    numbers, counts, done = {}, {}, False
    while not done:
        for kind, data in messages(asking.recv(1 << 20)):
            if kind in (2, 3):
                done = True
                continue
            found = attributes(data[4:])
            place = text(found[1]), text(found[2])
            counts[place] = counts.get(place, 0) + 1
            numbers[place + (struct.unpack('!Q', found[3])[0],)] = counts[place]
    asking.close()
    return numbers, counts


def number(found, kind, form='!I'):
    return struct.unpack(form, found[kind])[0] if kind in found else None


VERDICTS = {
    -1: 'continue', -2: 'break', -3: 'jump', -4: 'goto', -5: 'return', 0: 'drop', 1: 'accept', 2: 'stolen', 3: 'queue',
}


def read_event(data):
    """One record of the rule trace."""
    found = attributes(data[4:])
    event = {
        'family': number(found, 15), 'table': text(found[1]), 'chain': text(found[2]), 'kind': number(found, 4),
        'id': number(found, 6), 'mark': number(found, 14) or 0, 'handle': number(found, 3, '!Q'),
    }
    verdict = number(found, 16)
    if 5 in found:
        inner = attributes(found[5])
        verdict = number(inner, 1)
        if 2 in inner:
            event['to'] = text(inner[2])
    if verdict is not None:
        verdict = verdict - (1 << 32) if verdict >> 31 else verdict & 0xFF
        event['verdict'] = VERDICTS.get(verdict, str(verdict))
    if 8 in found:
        event['packet'] = found[8], found.get(9, b'')
        event['in'], event['out'] = number(found, 10), number(found, 12)
    if 21 in found:
        event['state'] = STATES.get(number(found, 21), '?')
        if 18 in found:
            event['status'] = number(found, 20) or 0
            event['dir'] = 'reply' if number(found, 19, '!B') else 'original'
    return event
