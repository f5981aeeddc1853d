"""What a user of docker-py does with networks, containers and events. Prints what it saw, line by line."""

import time

import docker
from docker.types import EndpointConfig, IPAMConfig, IPAMPool

client = docker.from_env()
print("ping", client.ping())
print("version", client.version()["ApiVersion"] >= "1.44")

pool = IPAMPool(subnet="10.67.1.0/24", gateway="10.67.1.1", aux_addresses={"printer": "10.67.1.9"})
net = client.networks.create("py-net", driver="bridge", ipam=IPAMConfig(pool_configs=[pool]), labels={"by": "py"})
print("network", net.name, net.attrs["IPAM"]["Config"][0]["Subnet"], net.attrs["Labels"])
print("listed", [n.name for n in client.networks.list(names=["py-net"])])
print("filtered", [n.name for n in client.networks.list(filters={"label": "by=py"})])

client.images.pull("busybox", tag="latest")
one = client.containers.create("busybox", ["sleep", "600"], name="py-1", labels={"n": "1"}, ports={"80/tcp": 18090})
net.connect(one, aliases=["first"], ipv4_address="10.67.1.20")
one.start()
one.reload()
print("status", one.status)
print("address", one.attrs["NetworkSettings"]["Networks"]["py-net"]["IPAddress"])
print("ports", one.ports["80/tcp"][0])

two = client.containers.run("busybox", ["sleep", "600"], name="py-2", network="py-net", detach=True)
code, output = two.exec_run(["getent", "hosts", "first"])
print("exec", code, output.decode().split())
code, output = two.exec_run(["sh", "-c", "echo err >&2; exit 3"], demux=True)
print("demux", code, output)

print("output", client.containers.run("busybox", ["sh", "-c", "echo hello; exit 0"], remove=True))
try:
    client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 5"], remove=True)
except docker.errors.ContainerError as error:
    print("failed", error.exit_status, error.stderr)
try:
    client.networks.get("nope")
except docker.errors.NotFound as error:
    print("not found", error.explanation)
try:
    client.containers.create("busybox", name="py-1")
except docker.errors.APIError as error:
    print("conflict", error.status_code)

net.disconnect(two)
two.reload()
print("networks of py-2", list(two.attrs["NetworkSettings"]["Networks"]))
print("by label", [c.name for c in client.containers.list(filters={"label": "n=1"})])
two.stop(timeout=1)
print("wait", two.wait()["StatusCode"] != 0)
one.remove(force=True)
two.remove()
net.remove()
events = client.events(since=0, until=time.time() + 1, decode=True)
actions = [f"{e['Type']} {e['Action']}" for e in events if e["Actor"]["Attributes"].get("name") in ("py-net", "py-1")]
print("events", actions[0], actions[-1])
print("left", client.containers.list(all=True), [n.name for n in client.networks.list()])
