#!/usr/bin/env bash
# Installs what the tests need beyond npm: tools by apt-get, and the servers of the KV stores unpacked
# into a cache, so that no service of theirs is ever started on this machine. Quiet; a second run does nothing.
# `packages.sh bench` adds what the benchmarks compare with, `packages.sh encrypted` a machine with a kernel of its own,
# `packages.sh packages` what builds and tries the packages.
set -euo pipefail

cache="${FAIRLEAD_TEST_CACHE:-$HOME/.cache/fairlead-test}"
zookeeper_jar=/usr/share/java/zookeeper.jar

# What must be there → the Debian package that has it. A path is a file, a word a command.
needs=(
  nft:nftables
  conntrack:conntrack
  ip:iproute2
  dig:bind9-dnsutils
  cc:gcc
  musl-gcc:musl-tools
  dnsmasq:dnsmasq-base
  ping:iputils-ping
  nc:netcat-openbsd
  curl:curl
  iperf3:iperf3
  openssl:openssl
  java:default-jre-headless
  docker-compose:docker-compose
  zsh:zsh
  fish:fish
  mandoc:mandoc
  chromium:chromium
  /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core
  /usr/share/bash-completion/bash_completion:bash-completion
  /usr/lib/python3/dist-packages/docker:python3-docker
  /usr/lib/python3/dist-packages/pytest:python3-pytest
  "$zookeeper_jar:libzookeeper-java"
)

bench=false
if [[ ${1:-} == bench ]]; then
  bench=true
  # Unbound's libraries; the server itself is unpacked, or Debian would start it.
  needs+=(
    dnsperf:dnsperf
    /usr/lib/x86_64-linux-gnu/libevent-2.1.so.7:libevent-2.1-7
    /usr/lib/x86_64-linux-gnu/libprotobuf-c.so.1:libprotobuf-c1
    /usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0:libpython3.11
    /usr/lib/x86_64-linux-gnu/libnghttp2.so.14:libnghttp2-14
  )
fi

encrypted=false
if [[ ${1:-} == encrypted ]]; then
  encrypted=true
  needs+=(qemu-system-x86_64:qemu-system-x86 tcpdump:tcpdump)
fi

trial=false
if [[ ${1:-} == packages ]]; then
  trial=true
  needs+=(mmdebstrap:mmdebstrap lintian:lintian file:file git:git)
fi

missing_packages() {
  local need thing
  for need in "${needs[@]}"; do
    thing="${need%%:*}"
    if [[ $thing == /* ]]; then [[ -e $thing ]] || echo "${need#*:}"
    else PATH="$PATH:/usr/sbin:/sbin" command -v "$thing" >/dev/null || echo "${need#*:}"
    fi
  done
}

missing_servers() {
  [[ -x $cache/etcd-server/usr/bin/etcd ]] || echo etcd-server
  [[ -x $cache/consul/usr/bin/consul ]] || echo bullseye:consul
  # A Docker Engine, the oracle of the Engine API; iptables stays in the cache, since the daemon looks for it.
  [[ -x $cache/docker.io/usr/sbin/dockerd ]] || echo docker.io
  [[ -x $cache/containerd/usr/bin/containerd ]] || echo containerd
  [[ -x $cache/runc/usr/sbin/runc ]] || echo runc
  [[ -x $cache/iptables/usr/sbin/xtables-nft-multi ]] || echo iptables
  [[ -e $cache/libip4tc2/usr/lib ]] || echo libip4tc2
  [[ -e $cache/libip6tc2/usr/lib ]] || echo libip6tc2
  [[ -x $cache/busybox-static/bin/busybox ]] || echo busybox-static
  # Today's Engine, CLI and compose, of the newest Debian that has them; their containerd is the last that runs on this libc.
  [[ -x $cache/28.5/docker.io/usr/sbin/dockerd ]] || echo sid:docker.io
  [[ -x $cache/28.5/docker-cli/usr/bin/docker ]] || echo sid:docker-cli
  [[ -x $cache/28.5/docker-compose/usr/libexec/docker/cli-plugins/docker-compose ]] || echo sid:docker-compose
  [[ -x $cache/28.5/containerd/usr/bin/containerd ]] || echo trixie:containerd
  [[ -e $cache/testcontainers/node_modules/testcontainers/package.json ]] || echo testcontainers
  [[ -x $cache/golang-1.19-go/usr/lib/go-1.19/bin/go ]] || echo golang-1.19-go
  [[ -e $cache/golang-1.19-go/usr/share/go-1.19/src/net/http ]] || echo golang-1.19-src
  ! $trial || [[ -x $cache/qemu-user-static/usr/bin/qemu-aarch64-static ]] || echo qemu-user-static
  ! $encrypted || [[ -d $cache/kernel/lib/modules ]] || echo kernel
  $bench || return 0
  [[ -x $cache/aardvark-dns/usr/lib/podman/aardvark-dns ]] || echo aardvark-dns
  [[ -x $cache/unbound/usr/sbin/unbound ]] || echo unbound
}

# A client of docs/testing.md; with its 125 packages it is none of the checkout's own. The last that Node 20 can load.
install_testcontainers() {
  echo "installing testcontainers (once) …"
  mkdir -p "$cache/testcontainers"
  npm install --prefix "$cache/testcontainers" --ignore-scripts --no-audit --no-fund testcontainers@10.28.0 >"$log" 2>&1
}

# An apt whose package lists may be of another day, so a failed download gets one try with fresh ones.
with_fresh_lists() {
  "$@" >"$log" 2>&1 || { apt-get update -q >"$log" 2>&1 && "$@" >"$log" 2>&1; }
}

install_packages() {
  echo "installing $* (once) …"
  DEBIAN_FRONTEND=noninteractive with_fresh_lists \
    apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}

# Unpacks one package without installing it: $1 package, $2 folder to put it in, further words: options of apt-get.
unpack() {
  local package="$1" folder="$2" work
  shift 2
  echo "unpacking $package (once) …"
  work="$(mktemp -d)"
  chmod 755 "$work"
  (cd "$work" && with_fresh_lists apt-get "$@" download "$package")
  rm -rf "${folder:?}/$package" && mkdir -p "$folder"
  dpkg -x "$work/$package"_*.deb "$work/root" && mv "$work/root" "$folder/$package"
  rm -rf "$work"
}

# The package that Debian's name for the newest one stands for; only what it holds, nothing of it is booted here.
unpack_kernel() {
  local package
  package="$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')"
  unpack "$package" "$cache"
  rm -rf "$cache/kernel" && mv "$cache/$package" "$cache/kernel"
}

# Into Go's own folder, whose links lead there: its standard library, which it compiles itself.
unpack_go_sources() {
  unpack golang-1.19-src "$cache"
  cp -a "$cache/golang-1.19-src/." "$cache/golang-1.19-go" && rm -rf "$cache/golang-1.19-src"
}

# Another suite of the machine's own mirror, with lists of its own: $1 suite, $2 folder, further words: packages.
# Consul left Debian after bullseye; Engines newer than this Debian's are in later suites.
unpack_from() {
  local suite="$1" folder="$2" lists="$cache/lists-$1" mirror package
  shift 2
  mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/$')"
  mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
  echo "deb $mirror $suite main" >"$lists/sources.list"
  local apt=(-o "Dir::Etc::sourcelist=$lists/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$lists/lists" -o "Dir::Cache=$lists/cache")
  apt-get "${apt[@]}" update -q >"$log" 2>&1
  for package in "$@"; do unpack "$package" "$folder" "${apt[@]}"; done
  rm -rf "$lists"
}

# One look at a suite's lists for all that is missing from it.
unpack_missing_from() {
  local suite="$1" folder="$2" server wanted=()
  for server in "${servers[@]}"; do
    if [[ $server == "$suite":* ]]; then wanted+=("${server#*:}"); fi
  done
  [[ ${#wanted[@]} -eq 0 ]] || unpack_from "$suite" "$folder" "${wanted[@]}"
}

mapfile -t packages < <(missing_packages)
mapfile -t servers < <(missing_servers)
[[ ${#packages[@]} -eq 0 && ${#servers[@]} -eq 0 ]] && exit 0

if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "the tests need ${packages[*]} ${servers[*]}: run 'bash test/rig/packages.sh' as root on Debian" >&2
  exit 1
fi

log="$(mktemp)"
trap 'status=$?; [[ $status -eq 0 ]] || cat "$log" >&2; rm -f "$log"' EXIT
[[ ${#packages[@]} -eq 0 ]] || install_packages "${packages[@]}"
for server in "${servers[@]}"; do
  case $server in
    *:*) ;;
    kernel) unpack_kernel ;;
    testcontainers) install_testcontainers ;;
    golang-1.19-src) unpack_go_sources ;;
    *) unpack "$server" "$cache" ;;
  esac
done
unpack_missing_from bullseye "$cache"
unpack_missing_from trixie "$cache/28.5"
unpack_missing_from sid "$cache/28.5"
