"""Packets of recorded cases: to the bytes of a frame, and back. Used by kernel-record.py."""

import socket
import struct

TRANSPORTS = {
    'icmp': 1, 'igmp': 2, 'tcp': 6, 'udp': 17, 'dccp': 33, 'gre': 47, 'esp': 50, 'ah': 51, 'icmpv6': 58, 'ospf': 89,
    'sctp': 132, 'udplite': 136,
}
EXTENSION_HEADERS = (0, 43, 44, 51, 60)
NAMES = {number: name for name, number in TRANSPORTS.items()}
TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR']
INIT_CHUNK = '01000014000000010000ffff0001000100000001'


# ------------------------------------------------------------------------------------------------ packets to bytes

def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def protocol_of(packet):
    return TRANSPORTS[packet['proto']] if packet['proto'] in TRANSPORTS else int(packet['proto'])


def addresses_of(packet, family):
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    return socket.inet_pton(kind, packet['src']), socket.inet_pton(kind, packet['dst'])


def build_layer4(packet, family):
    """The bytes after the IP header, with checksums."""
    if 'l4_raw' in packet:
        return bytes.fromhex(packet['l4_raw'])
    protocol = protocol_of(packet)
    source, destination = addresses_of(packet, family)
    payload = bytes.fromhex(packet.get('payload', ''))
    ports = struct.pack('!HH', packet.get('sport', 0), packet.get('dport', 0))
    at = None
    if protocol == 6:
        options = bytes.fromhex(packet.get('tcp_options', ''))
        if 'mss' in packet:
            options = struct.pack('!BBH', 2, 4, packet['mss']) + options
        options += bytes(-len(options) % 4)
        flags = sum(1 << TCP_FLAGS.index(name) for name in packet.get('tcp_flags', []))
        offset = (20 + len(options)) // 4 << 4
        numbers = (packet.get('seq', 1000), packet.get('ack', 0), offset, flags, packet.get('window', 64240), 0, 0)
        data, at = ports + struct.pack('!IIBBHHH', *numbers) + options + payload, 16
    elif protocol in (17, 136):
        data, at = ports + struct.pack('!HH', 8 + len(payload), 0) + payload, 6
    elif protocol in (1, 58):
        if 'icmp_rest' in packet or 'quote' in packet:
            rest = struct.pack('!I', packet.get('icmp_rest', 0))
        else:
            rest = struct.pack('!HH', packet.get('icmp_id', 0), packet.get('icmp_seq', 0))
        if 'quote' in packet:
            payload = quoted(packet['quote'], family) + payload
        data, at = struct.pack('!BBH', packet.get('icmp_type', 0), packet.get('icmp_code', 0), 0) + rest + payload, 2
    elif protocol == 132:
        data = ports + struct.pack('!II', packet.get('vtag', 0), 0)
        data += bytes.fromhex(packet.get('sctp_chunk', INIT_CHUNK))
        crc = crc32c(data) ^ (1 if packet.get('bad_checksum') else 0)
        return data[:8] + struct.pack('<I', crc) + data[12:]
    elif protocol == 33:
        # A request for service 0, without the checksum.
        return ports + bytes.fromhex('05000000010000000000000100000000') + payload
    else:
        return payload
    pseudo = b''
    if not (protocol == 1):
        wide = '!II' if family == 6 else '!HH'
        pseudo = source + destination + struct.pack(wide, *((len(data), protocol) if family == 6 else (protocol, len(data))))
    value = checksum(pseudo + data)
    if protocol in (17, 136) and value == 0:
        value = 0xFFFF
    if packet.get('bad_checksum'):
        value = value ^ 0x5555 or 0x1234
    return data[:at] + struct.pack('!H', value) + data[at + 2:]


def build(packet, family):
    """The bytes of a packet from its IP header on."""
    source, destination = addresses_of(packet, family)
    data = build_layer4(packet, family)
    protocol, ttl, tos = protocol_of(packet), packet.get('ttl', 64), packet.get('tos', 0)
    offset, more = packet.get('frag_off', 0), packet.get('mf', False)
    if family == 6:
        if offset or more or 'l4_raw' in packet:
            data = struct.pack('!BBHI', protocol, 0, offset | (1 if more else 0), packet.get('id', 0)) + data
            protocol = 44
        for header in reversed(packet.get('ext_headers', [])):
            body = bytes.fromhex(header['body'])
            # The authentication header counts words of 4 bytes and not its first two; all others words of 8, and not the first.
            words = (len(body) + 2) // 4 - 2 if header['protocol'] == 51 else (len(body) + 2) // 8 - 1
            data = bytes([protocol, words]) + body + data
            protocol = header['protocol']
        return struct.pack('!IHBB', 6 << 28 | tos << 20, len(data), protocol, ttl) + source + destination + data
    options = bytes.fromhex(packet.get('ip_options', ''))
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4
    fragment = offset // 8 | (0x2000 if more else 0) | (0x4000 if packet.get('df') else 0)
    head = (0x40 | words, tos, words * 4 + len(data), packet.get('id', 0), fragment, ttl, protocol, 0)
    header = struct.pack('!BBHHHBBH', *head) + source + destination + options
    return header[:10] + struct.pack('!H', checksum(header)) + header[12:] + data


def quoted(packet, family):
    data = build(packet, family)
    header = (data[0] & 15) * 4 if family == 4 else 40
    return data[:header + (8 if family == 4 else 64)]


# ------------------------------------------------------------------------------------------------ bytes to packets

ERRORS = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}


def read_layer4(out, protocol, data, family, with_quote):
    if protocol in (6, 17, 132, 136) and len(data) >= 4:
        out['sport'], out['dport'] = struct.unpack('!HH', data[:4])
    if protocol == 6 and len(data) >= 8:
        out['seq'] = struct.unpack('!I', data[4:8])[0]
    if protocol == 6 and len(data) >= 16:
        ack, offset, flags, window = struct.unpack('!IBBH', data[8:16])
        out['tcp_flags'] = [name for bit, name in enumerate(TCP_FLAGS) if flags >> bit & 1]
        out['ack'], out['window'] = ack, window
        options = data[20:(offset >> 4) * 4]
        while options:
            kind = options[0]
            size = 1 if kind < 2 else options[1] if len(options) > 1 else 0
            if kind == 0 or size == 0:
                break
            if kind == 2 and size == 4 and len(options) >= 4:
                out['mss'] = struct.unpack('!H', options[2:4])[0]
            options = options[size:]
    if protocol == (1 if family == 4 else 58) and len(data) >= 2:
        out['icmp_type'], out['icmp_code'] = data[0], data[1]
        if data[0] in ERRORS[family]:
            if with_quote and len(data) > 8:
                out['quote'] = read_packet(data[8:], family, False)
        elif len(data) >= 8:
            out['icmp_id'], out['icmp_seq'] = struct.unpack('!HH', data[4:8])


def read_packet(data, family, with_quote):
    """What is compared of a packet: its fields by the names of cases."""
    if len(data) < (20 if family == 4 else 40):
        return {}
    if family == 4:
        words, tos, length, ident, fragment, ttl, protocol = struct.unpack('!BBHHHBB', data[:10])
        size, offset, more = (words & 15) * 4, (fragment & 0x1FFF) * 8, fragment >> 13 & 1
        src, dst = socket.inet_ntop(socket.AF_INET, data[12:16]), socket.inet_ntop(socket.AF_INET, data[16:20])
    else:
        first, length, protocol, ttl = struct.unpack('!IHBB', data[:8])
        tos, length, size, offset, more, ident, fragment = first >> 20 & 255, length + 40, 40, 0, 0, 0, 0
        src, dst = socket.inet_ntop(socket.AF_INET6, data[8:24]), socket.inet_ntop(socket.AF_INET6, data[24:40])
        while protocol in EXTENSION_HEADERS and len(data) >= size + 8:
            if protocol == 44:
                offset, more, ident = struct.unpack('!HI', data[size + 2:size + 8]) + (0,)
                offset, more, ident = offset & 0xFFF8, offset & 1, more
            steps = {44: 8, 51: data[size + 1] * 4 + 8}
            protocol, size = data[size], size + steps.get(protocol, data[size + 1] * 8 + 8)
    out = {'src': src, 'dst': dst, 'proto': NAMES.get(protocol, str(protocol)), 'ttl': ttl, 'tos': tos, 'length': length}
    if family == 4:
        out['id'] = ident
        if fragment & 0x4000:
            out['df'] = True
        if size > 20:
            out['ip_options'] = data[20:size].hex()
    if more:
        out['mf'] = True
    if offset or (family == 6 and more):
        out['frag_off'] = offset
    if offset == 0:
        read_layer4(out, protocol, data[size:], family, with_quote)
    return out
