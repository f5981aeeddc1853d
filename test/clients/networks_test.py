"""What docker-py's own tests of networks look at, in our words: its low-level client against `fairlead fake`."""
import itertools
import os

import docker
import pytest
from docker.types import IPAMConfig, IPAMPool

number = itertools.count()


@pytest.fixture
def api():
    client = docker.APIClient(base_url=os.environ["DOCKER_HOST"], version="auto")
    yield client
    client.post(f"{client.base_url}/fairlead/fake/reset").raise_for_status()
    client.close()


def network(api, **settings):
    name = f"net-{next(number)}"
    return name, api.create_network(name, **settings)["Id"]


def pool(**settings):
    return IPAMConfig(driver="default", pool_configs=[IPAMPool(**settings)])


def container(api, net=None, endpoint=None, start=True, **settings):
    made = api.create_container(
        "busybox",
        "top",
        host_config=api.create_host_config(network_mode=net),
        networking_config=endpoint and api.create_networking_config({net: api.create_endpoint_config(**endpoint)}),
        **settings,
    )["Id"]
    if start:
        api.start(made)
    return made


def place(api, made, net):
    return api.inspect_container(made)["NetworkSettings"]["Networks"][net]


def test_list(api):
    before = len(api.networks())
    name, made = network(api)
    assert len(api.networks()) == before + 1
    assert [n["Id"] for n in api.networks(names=[name])] == [made]
    assert [n["Name"] for n in api.networks(ids=[made[:12]])] == [name]
    assert api.networks(names=[name + "x"]) == []


def test_inspect(api):
    name, made = network(api)
    shown = api.inspect_network(made)
    assert (shown["Name"], shown["Scope"], shown["Driver"]) == (name, "local", "bridge")
    assert (shown["Internal"], shown["Attachable"], shown["EnableIPv6"]) == (False, False, False)
    assert api.inspect_network(name, scope="local") == shown
    with pytest.raises(docker.errors.NotFound):
        api.inspect_network(name, scope="swarm")


def test_ipam(api):
    aux = {"a": "172.28.1.5", "b": "172.28.1.6"}
    _, made = network(
        api,
        ipam=pool(subnet="172.28.0.0/16", iprange="172.28.5.0/24", gateway="172.28.5.254", aux_addresses=aux),
    )
    assert api.inspect_network(made)["IPAM"] == {
        "Driver": "default",
        "Options": None,
        "Config": [
            {
                "Subnet": "172.28.0.0/16",
                "IPRange": "172.28.5.0/24",
                "Gateway": "172.28.5.254",
                "AuxiliaryAddresses": aux,
            }
        ],
    }


@pytest.mark.parametrize(
    "asked, member",
    [
        ({"internal": True}, "Internal"),
        ({"attachable": True}, "Attachable"),
        ({"enable_ipv6": True, "ipam": pool(subnet="2001:db8:1::/64")}, "EnableIPv6"),
    ],
)
def test_switches(api, asked, member):
    assert api.inspect_network(network(api, **asked)[1])[member] is True


def test_labels(api):
    _, made = network(api, labels={"by": "test"})
    assert api.inspect_network(made)["Labels"] == {"by": "test"}
    assert [n["Id"] for n in api.networks(filters={"label": "by=test"})] == [made]
    with pytest.raises(TypeError):
        api.create_network("wrong", labels=["by=test"])


def test_what_is_refused(api):
    name, _ = network(api)
    with pytest.raises(docker.errors.APIError) as taken:
        api.create_network(name, check_duplicate=True)
    assert taken.value.status_code == 409
    with pytest.raises(docker.errors.APIError) as second:
        api.create_network("second", driver="host")
    assert second.value.status_code == 403


def test_remove_and_prune(api):
    name, made = network(api)
    unused, _ = network(api)
    container(api, name)
    with pytest.raises(docker.errors.APIError):
        api.remove_network(made)
    assert api.prune_networks()["NetworksDeleted"] == [unused]
    api.remove_container(api.containers()[0], force=True)
    api.remove_network(name)
    assert api.networks(names=[name]) == []


def test_connect_and_disconnect(api):
    name, made = network(api)
    web = container(api)
    assert name not in api.inspect_container(web)["NetworkSettings"]["Networks"]
    api.connect_container_to_network(web, made)
    assert list(api.inspect_network(made)["Containers"]) == [web]
    with pytest.raises(docker.errors.APIError):
        api.connect_container_to_network(web, made)
    api.disconnect_container_from_network(web, made)
    assert api.inspect_network(made)["Containers"] == {}
    with pytest.raises(docker.errors.APIError):
        api.disconnect_container_from_network(web, made)
    api.connect_container_to_network(web, made)
    api.disconnect_container_from_network(web, made, force=True)
    assert api.inspect_network(made)["Containers"] == {}


def test_on_create(api):
    name, made = network(api)
    web = container(api, name)
    assert list(api.inspect_network(made)["Containers"]) == [web]


@pytest.mark.parametrize("early", [True, False])
def test_aliases(api, early):
    name, _ = network(api)
    asked = {"aliases": ["one", "two"]}
    web = container(api, name, asked) if early else container(api)
    if not early:
        api.connect_container_to_network(web, name, **asked)
    assert {"one", "two"} <= set(place(api, web, name)["Aliases"])
    looker = container(api, name)
    found = api.exec_create(looker, ["getent", "hosts", "two"])
    assert place(api, web, name)["IPAddress"].encode() in api.exec_start(found)


@pytest.mark.parametrize("early", [True, False])
def test_addresses(api, early):
    ipam = IPAMConfig(
        driver="default",
        pool_configs=[IPAMPool(subnet="132.124.0.0/16"), IPAMPool(subnet="2001:db8:2::/64")],
    )
    name, _ = network(api, enable_ipv6=True, ipam=ipam)
    asked = {"ipv4_address": "132.124.0.23", "ipv6_address": "2001:db8:2::f00d"}
    web = container(api, name, asked) if early else container(api)
    if not early:
        api.connect_container_to_network(web, name, **asked)
    shown = place(api, web, name)
    assert shown["IPAMConfig"] == {"IPv4Address": "132.124.0.23", "IPv6Address": "2001:db8:2::f00d"}
    assert (shown["IPAddress"], shown["GlobalIPv6Address"]) == ("132.124.0.23", "2001:db8:2::f00d")


def test_links(api):
    name, _ = network(api)
    web = container(api, name, {"links": [("upstream", "bar")]})
    assert place(api, web, name)["Links"] == ["upstream:bar"]
    look = lambda: api.exec_inspect(run(api, web, ["nslookup", "bar"]))["ExitCode"]
    assert look() == 1
    container(api, name, name="upstream")
    assert look() == 0


def run(api, made, command):
    exc = api.exec_create(made, command)
    api.exec_start(exc)
    return exc["Id"]


def test_link_local_and_driver_options(api):
    web = container(api, "bridge", {"link_local_ips": ["169.254.8.8"]})
    assert place(api, web, "bridge")["IPAMConfig"]["LinkLocalIPs"] == ["169.254.8.8"]
    name, _ = network(api)
    other = container(api)
    api.connect_container_to_network(other, name, driver_opt={"com.example.setting": "on"})
    assert place(api, other, name)["DriverOpts"] == {"com.example.setting": "on"}


def test_mac_is_shown_before_the_start(api):
    name, made = network(api)
    web = container(api, name, start=False)
    api.disconnect_container_from_network(web, name)
    body = {"Container": web, "EndpointConfig": {"MacAddress": "02:42:ac:11:00:02"}}
    api._post_json(api._url("/networks/{0}/connect", made), data=body).raise_for_status()
    assert place(api, web, name)["MacAddress"] == "02:42:ac:11:00:02"


def test_pull_streams(api):
    lines = list(api.pull("busybox", tag="1.36", stream=True, decode=True))
    assert lines[-1]["status"].endswith("for busybox:1.36")
