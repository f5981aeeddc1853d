"""A network and IPAM plugin as a third party would write it, with Python's standard library: for tests.

Makes a bridge per network and a veth pair per endpoint with iproute2, in the network namespace it runs in.
Speaks Docker's plugin protocol over a unix socket. Each call is appended to --log as a line of JSON.

    python3 plugin.py --socket /run/docker/plugins/rig.sock --scope local --log calls.jsonl
        [--state FILE]             remember networks and pools over a restart
        [--replay] [--requires-mac]   what its IPAM asks for
        [--slow METHOD=SECONDS] [--die METHOD] [--fail METHOD=TEXT] [--say METHOD=JSON]
"""

import argparse
import ipaddress
import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler


class Refused(Exception):
    pass


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Plugin:
    """The protocol's methods; each takes the request and returns the answer."""

    def __init__(self, options):
        self.options = options
        self.lock = threading.Lock()
        self.state = {"networks": {}, "endpoints": {}, "pools": {}}
        if options.state and os.path.exists(options.state):
            with open(options.state) as file:
                self.state = json.load(file)

    def save(self):
        if self.options.state:
            with open(self.options.state, "w") as file:
                json.dump(self.state, file)

    # NetworkDriver

    def network_get_capabilities(self, _):
        return {"Scope": self.options.scope, "ConnectivityScope": self.options.scope}

    def network_create_network(self, request):
        network = request["NetworkID"]
        if network in self.state["networks"]:
            raise Refused(f"network {network} already exists")
        bridge = f"rigb{network[:8]}"
        gateways = [data["Gateway"] for data in (request["IPv4Data"] or []) + (request["IPv6Data"] or []) if data.get("Gateway")]
        subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], capture_output=True)
        # A bridge takes its MAC from its ports, and changes it with them, unless it is given one.
        ip("link", "set", bridge, "address", "02:53:" + ":".join(network[i : i + 2] for i in (0, 2, 4, 6)), "up")
        for gateway in gateways:
            if not gateway.startswith("0.0.0.0"):
                ip("addr", "replace", gateway, "dev", bridge)
        self.state["networks"][network] = {"bridge": bridge, "gateways": gateways}
        return {}

    def network_delete_network(self, request):
        network = self.known("networks", request["NetworkID"])
        ip("link", "del", network["bridge"])
        del self.state["networks"][request["NetworkID"]]
        return {}

    def network_create_endpoint(self, request):
        network = self.known("networks", request["NetworkID"])
        endpoint, given = request["EndpointID"], request["Interface"]
        if endpoint in self.state["endpoints"]:
            raise Refused(f"endpoint {endpoint} already exists")
        answer = {}
        if not given["MacAddress"]:
            answer["MacAddress"] = "02:52:" + ":".join(endpoint[i : i + 2] for i in (0, 2, 4, 6))
        if not given["Address"]:
            answer["Address"] = f"10.222.0.{len(self.state['endpoints']) + 2}/24"
        self.state["endpoints"][endpoint] = {"bridge": network["bridge"], "outer": f"rigo{endpoint[:8]}", "inner": f"rigi{endpoint[:8]}"}
        return {"Interface": answer}

    def network_endpoint_oper_info(self, request):
        self.known("endpoints", request["EndpointID"])
        return {"Value": {}}

    def network_join(self, request):
        network = self.known("networks", request["NetworkID"])
        endpoint = self.known("endpoints", request["EndpointID"])
        if not request["SandboxKey"].startswith("/"):
            raise Refused(f"no sandbox: {request['SandboxKey']}")
        ip("link", "add", endpoint["outer"], "type", "veth", "peer", "name", endpoint["inner"])
        ip("link", "set", endpoint["outer"], "master", endpoint["bridge"], "up")
        v4 = [gateway.split("/")[0] for gateway in network["gateways"] if ":" not in gateway and not gateway.startswith("0.0.0.0")]
        v6 = [gateway.split("/")[0] for gateway in network["gateways"] if ":" in gateway]
        return {
            "InterfaceName": {"SrcName": endpoint["inner"], "DstPrefix": "eth"},
            "Gateway": v4[0] if v4 else "",
            "GatewayIPv6": v6[0] if v6 else "",
            "StaticRoutes": [{"Destination": "203.0.113.0/24", "RouteType": 1}],
        }

    def network_program_external_connectivity(self, request):
        self.known("endpoints", request["EndpointID"])
        return {}

    def network_revoke_external_connectivity(self, request):
        self.known("endpoints", request["EndpointID"])
        return {}

    def network_leave(self, request):
        # By name, so that it can be taken away after the plugin was restarted and has forgotten it.
        subprocess.run(["ip", "link", "del", f"rigo{request['EndpointID'][:8]}"], capture_output=True)
        self.known("endpoints", request["EndpointID"])
        return {}

    def network_delete_endpoint(self, request):
        self.known("endpoints", request["EndpointID"])
        del self.state["endpoints"][request["EndpointID"]]
        return {}

    def network_discover_new(self, _):
        return {}

    network_discover_delete = network_discover_new

    # IpamDriver

    def ipam_get_capabilities(self, _):
        return {"RequiresMACAddress": self.options.requires_mac, "RequiresRequestReplay": self.options.replay}

    def ipam_get_default_address_spaces(self, _):
        return {"LocalDefaultAddressSpace": "riglocal", "GlobalDefaultAddressSpace": "rigglobal"}

    def ipam_request_pool(self, request):
        cidr = request["Pool"] or ("fd00:222::/64" if request["V6"] else f"10.221.{len(self.state['pools'])}.0/24")
        if any(ipaddress.ip_network(pool["cidr"]).version == ipaddress.ip_network(cidr).version
               and ipaddress.ip_network(pool["cidr"]).overlaps(ipaddress.ip_network(cidr))
               for pool in self.state["pools"].values()):
            raise Refused(f"pool {cidr} overlaps with another one")
        pool = f"{request['AddressSpace']}/{cidr}"
        self.state["pools"][pool] = {"cidr": cidr, "range": request["SubPool"] or cidr, "taken": []}
        return {"PoolID": pool, "Pool": cidr, "Data": {}}

    def ipam_request_address(self, request):
        pool = self.known("pools", request["PoolID"])
        network, wanted = ipaddress.ip_network(pool["cidr"]), request["Address"]
        if wanted and wanted in pool["taken"]:
            raise Refused(f"address {wanted} is in use")
        free = [wanted] if wanted else (str(one) for one in ipaddress.ip_network(pool["range"]).hosts() if str(one) not in pool["taken"])
        address = next(iter(free), None)
        if address is None:
            raise Refused(f"no address is left in {pool['range']}")
        pool["taken"].append(address)
        return {"Address": f"{address}/{network.prefixlen}", "Data": {}}

    def ipam_release_address(self, request):
        taken = self.known("pools", request["PoolID"])["taken"]
        if request["Address"] not in taken:
            raise Refused(f"address {request['Address']} is not in use")
        taken.remove(request["Address"])
        return {}

    def ipam_release_pool(self, request):
        pool = self.known("pools", request["PoolID"])
        if pool["taken"]:
            raise Refused(f"pool {request['PoolID']} is in use: {', '.join(pool['taken'])}")
        del self.state["pools"][request["PoolID"]]
        return {}

    def known(self, kind, name):
        if name not in self.state[kind]:
            raise Refused(f"no such {kind[:-1]}: {name}")
        return self.state[kind][name]

    def call(self, method, request):
        """Returns the status and the answer."""
        options = self.options
        with open(options.log, "a") as log:
            log.write(json.dumps({"method": method, "request": request}) + "\n")
        if method in options.slow:
            time.sleep(float(options.slow[method]))
        if method in options.die:
            os._exit(1)
        service, _, name = method.partition(".")
        key = "Err" if service == "NetworkDriver" else "Error"
        if method in options.fail:
            return 200, json.dumps({key: options.fail[method]})
        if method in options.say:
            return 200, options.say[method]
        if method == "Plugin.Activate":
            return 200, json.dumps({"Implements": ["NetworkDriver", "IpamDriver"]})
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
        handler = getattr(self, service.replace("Driver", "").lower() + snake, None)
        if handler is None:
            return 404, "404 page not found"
        with self.lock:
            try:
                answer = handler(request)
                self.save()
                return 200, json.dumps(answer)
            except Refused as refused:
                return 200, json.dumps({key: str(refused)})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, answer = self.server.plugin.call(self.path[1:], json.loads(body) if body else None)
        payload = answer.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def pairs(values):
    return dict(value.split("=", 1) for value in values)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--scope", default="local")
    parser.add_argument("--state")
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--requires-mac", action="store_true")
    for name in ("slow", "die", "fail", "say"):
        parser.add_argument(f"--{name}", action="append", default=[])
    options = parser.parse_args()
    options.slow, options.fail, options.say = pairs(options.slow), pairs(options.fail), pairs(options.say)
    if os.path.exists(options.socket):
        os.unlink(options.socket)
    server = Server(options.socket, Handler)
    server.plugin = Plugin(options)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
