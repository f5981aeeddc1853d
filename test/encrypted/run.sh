#!/usr/bin/env bash
# Encrypted overlay networks on a kernel that has what they need, whatever this machine's has: boots Debian's
# cloud kernel in qemu, with the built dist/ and the programs of this machine, and runs test/encrypted/guest.ts
# there, in some five minutes by software emulation. `run.sh SCRIPT.js` runs another script instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [[ $(uname -m) != x86_64 ]]; then
  echo "npm run test:encrypted needs an x86_64 machine, this is $(uname -m)" >&2
  exit 1
fi
export FAIRLEAD_TEST_CACHE="${FAIRLEAD_TEST_CACHE:-$HOME/.cache/fairlead-test}"
bash test/rig/packages.sh encrypted
busybox="$FAIRLEAD_TEST_CACHE/busybox-static/bin/busybox"
kernel="$FAIRLEAD_TEST_CACHE/kernel"
version="$(ls "$kernel/lib/modules")"
programs=(bash bridge ip mount nft node nsenter ping tcpdump tee umount unshare)
# What is only for development, and large.
without='^(@biomejs|@esbuild|@oxc.*|@rolldown|@types|@typescript|@vitest|esbuild|lightningcss.*|rolldown|typescript|vite|vitest)$'

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
root="$work/root"

make_root() {
  mkdir -p "$root"/{app/test,bin,cache/etcd-server/usr/bin,dev,etc,lib/modules/"$version",proc,root,run,sbin,sys,tmp,usr/bin}
  cp "$busybox" "$root/bin/busybox"
  local applet program
  for applet in $("$busybox" --list | grep -vx busybox); do ln -s /bin/busybox "$root/bin/$applet"; done
  for program in "${programs[@]}"; do
    rm -f "$root/bin/$program"
    cp -L "$(PATH="$PATH:/usr/sbin:/sbin" command -v "$program")" "$root/bin/$program"
  done
  # Busybox' shell would take its own ip and ping, whatever is in the PATH.
  ln -sf bash "$root/bin/sh"
  ln -s /bin/busybox "$root/sbin/modprobe"
  cp "$FAIRLEAD_TEST_CACHE/etcd-server/usr/bin/etcd" "$root/cache/etcd-server/usr/bin/"
  copy_libraries
  copy_modules
  copy_application
}

copy_libraries() {
  local file
  for file in "$root"/bin/* "$root"/cache/etcd-server/usr/bin/etcd; do
    [[ -L $file ]] || ldd "$file" 2>/dev/null || true
  done | grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r file; do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
  done
}

copy_modules() {
  local from="$kernel/lib/modules/$version" to="$root/lib/modules/$version" folder
  cp "$from"/modules.* "$to"
  for folder in arch/x86/crypto crypto drivers/net/veth.ko drivers/net/vxlan lib net; do
    mkdir -p "$to/kernel/$(dirname "$folder")"
    [[ ! -e $from/kernel/$folder ]] || cp -r "$from/kernel/$folder" "$to/kernel/$(dirname "$folder")"
  done
  "$busybox" depmod -b "$root" "$version"
}

copy_application() {
  cp -r dist package.json "$root/app/"
  cp -r test/rig "$root/app/test/"
  mkdir "$root/app/node_modules"
  local package
  for package in $(ls node_modules/ | grep -vE "$without"); do
    cp -r "node_modules/$package" "$root/app/node_modules/"
  done
  cp test/encrypted/init.sh "$root/init"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  # Sandboxes put files of their own over these.
  touch "$root/etc/fstab" "$root/etc/hostname" "$root/etc/hosts" "$root/etc/resolv.conf"
  mkdir "$root/app/dist/encrypted"
  cp "$script" "$root/app/dist/encrypted/guest.js"
}

script="${1:-}"
if [[ -z $script ]]; then
  script="$work/guest.js"
  node_modules/.bin/esbuild test/encrypted/guest.ts --bundle --platform=node --format=esm --target=node20 \
    --packages=external --log-level=error --outfile="$script"
fi
make_root
(cd "$root" && find . | "$busybox" cpio -o -H newc 2>/dev/null) >"$work/initrd"
rm -rf "$root"
echo "booting Linux $version in qemu …"
timeout -s KILL "${FAIRLEAD_TEST_VM_SECONDS:-1800}" qemu-system-x86_64 -accel tcg -icount shift=1,sleep=off -cpu max -m 3072 -nodefaults -display none \
  -serial stdio -no-reboot -kernel "$kernel/boot/vmlinuz-$version" -initrd "$work/initrd" \
  -append "console=ttyS0 quiet panic=-1" </dev/null | sed -u 's|\r||' | tee "$work/output"
grep -qx 'all encrypted checks passed' "$work/output"
