#!/bin/bash
# Usage: nfs_test.sh TOOLS_DIR FOLDER
# One cache for two hosts: 64 processes on two mounts of one NFS export ask for the same payload at the
# same time. It is downloaded once, and all have it, verified.
#
# The hosts are two machines that run the kernel of Debian, which mounts with its own client of NFS 4.2;
# the server is nfs-ganesha on this machine's loopback. FOLDER keeps the kernel's package, which is never
# installed.
set -eu
. "$(dirname "$0")/wait_until.sh"
tools=$1
kept=$2
PATH=$PATH:/usr/sbin:/sbin
each=32 # processes on each of the two

skip() {
  echo "skipped: $*"
  exit 77
}
[ "$(uname -m)" = x86_64 ] || skip "the machines are x86_64, and so are the programs that they are to run"
for program in ganesha.nfsd qemu-system-x86_64 busybox cpio depmod dpkg-deb apt-get python3; do
  command -v "$program" >/dev/null || skip "needs the program $program"
done
[ "$(id -u)" -eq 0 ] || skip "needs root, as the server of NFS does"
capabilities=0x$(sed -n 's/^CapEff:\t//p' /proc/self/status)
((capabilities >> 2 & 1)) || skip "the server of NFS needs the capability dac_read_search, which this container does not give"

# --- the kernel
mkdir -p "$kept"
if ! ls "$kept"/linux-image-*.deb >/dev/null 2>&1; then
  package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image[^ ]*\)$/\1/p' | head -n 1)
  [ -n "$package" ] || skip "apt knows no linux-image-cloud-amd64"
  (cd "$kept" && apt-get download "$package") >"$kept/apt.log" 2>&1 || skip "apt cannot get $package: $(tail -n 1 "$kept/apt.log")"
fi

folder=$(mktemp -d /tmp/qt-nfs-XXXXXX)
started=()
end() {
  kill "${started[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap end EXIT
cd "$folder"
fail() {
  echo "nfs: error: $*" >&2
  tail -n 8 ./*.log >&2
  exit 1
}

# --- what the machines boot: busybox, the modules for NFS, qt-fetch with its libraries
dpkg-deb -x "$kept"/linux-image-*.deb image
modules=$(ls -d image/lib/modules/*)
version=${modules##*/}
depmod -b image "$version"
mkdir -p root/{bin,etc,mnt,tmp} "root/lib/modules/$version"
for module in virtio_pci virtio_net nfsv4; do
  modprobe -S "$version" -d "$folder/image" --show-depends "$module"
done | sed -n "s,^insmod $folder/image\([^ ]*\).*,\1,p" | sort -u | while read -r file; do
  mkdir -p "root${file%/*}"
  cp "image$file" "root$file"
done
depmod -b root "$version" 2>/dev/null
curl=$(ldconfig -p | sed -n 's/.*libcurl\.so\.4 .*x86-64.* => //p' | head -n 1)
[ -n "$curl" ] || skip "needs libcurl.so.4"
cp "$(command -v busybox)" "$tools/qt-fetch" root/bin/
{ echo "$curl"; ldd root/bin/busybox root/bin/qt-fetch "$curl"; } | grep -o '/[^ :]*' | grep -v ^/bin/ | sort -u |
  while read -r file; do
    [ -f "$file" ] && mkdir -p "root${file%/*}" && cp -L "$file" "root$file"
  done || true
echo 'root:x:0:0::/tmp:/bin/sh' >root/etc/passwd
cat >root/init <<'INIT'
#!/bin/busybox sh
/bin/busybox mkdir -p /dev /proc /sys
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp QEMU_TEST_CACHE_DIR=/mnt
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec >/dev/ttyS0 2>&1 </dev/null
for word in $(cat /proc/cmdline); do case $word in qt_*=*) eval "$word" ;; esac; done
for module in virtio_pci virtio_net nfsv4; do modprobe "$module"; done
hostname "$qt_name" # by which the server tells its clients apart
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
mount -t nfs4 -o "vers=4.2,port=$qt_nfs,clientaddr=10.0.2.15,addr=10.0.2.2" 10.0.2.2:/cache /mnt || poweroff -f
echo MOUNTED
# Both begin when both are there.
touch "/mnt/$qt_name.ready"
until [ -e /mnt/one.ready ] && [ -e /mnt/two.ready ]; do
  ls /mnt >/dev/null || poweroff -f
  sleep 0.2
done
for i in $(seq "$qt_each"); do
  { qt-fetch "http://10.0.2.2:$qt_http/payload" "$qt_digest" >"/tmp/$i.out" 2>"/tmp/$i.err"; echo $? >"/tmp/$i.status"; } &
done
wait
echo "STATUS $(cat /tmp/*.status | sort | uniq -c | tr -s ' ' | tr '\n' ';')"
echo "PATHS $(cat /tmp/*.out | sort | uniq -c | tr -s ' ' | tr '\n' ';')"
cat /tmp/*.err | sort | uniq -c
umount /mnt
poweroff -f
INIT
chmod +x root/init
(cd root && find . | cpio -o -H newc --quiet) >initrd

# --- the server of NFS; with it a lock is between hosts
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
mkdir export recovery
cat >ganesha.conf <<CONF
NFS_CORE_PARAM { NFS_Port = $port; Bind_Addr = 127.0.0.1; Enable_NLM = false; Enable_RQUOTA = false; NFS_Protocols = 4; }
NFSv4 { Graceless = true; RecoveryBackend = fs; RecoveryRoot = $folder/recovery; Only_Numeric_Owners = true; }
NFS_KRB5 { Active_krb5 = false; }
EXPORT {
  Export_Id = 1; Path = $folder/export; Pseudo = /cache; Access_Type = RW; Squash = No_Root_Squash;
  SecType = sys; Protocols = 4; Transports = TCP;
  FSAL { Name = VFS; }
}
CONF
ganesha.nfsd -F -f ganesha.conf -L "$folder/ganesha.log" -p "$folder/ganesha.pid" >ganesha.out 2>&1 &
started+=($!)
wait_until 300 grep -qs 'NFS SERVER INITIALIZED' ganesha.log ||
  skip "nfs-ganesha does not start here: $(tail -n 3 ganesha.log ganesha.out 2>/dev/null)"

# --- the server of the payload: slow enough that all others come while it is downloaded
head -c 4000000 /dev/urandom >payload
digest=$(sha256sum payload | cut -d ' ' -f 1)
cat >server.py <<'SERVER'
import http.server
import time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open('requests', 'a', encoding='utf-8') as file:
            file.write(f'GET {self.path} {self.headers.get("Range")}\n')
        with open('payload', 'rb') as file:
            content = file.read()
        self.send_response(200)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        for begin in range(0, len(content), 65536):
            self.wfile.write(content[begin:begin + 65536])
            time.sleep(0.2)

    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
with open('http-port', 'w', encoding='utf-8') as file:
    file.write(f'{server.server_port}\n')
server.serve_forever()
SERVER
python3 server.py >server.log 2>&1 &
started+=($!)
wait_until 300 grep -qs . http-port || fail "the server of the payload does not start"

# --- the hosts
hosts=()
for name in one two; do
  timeout 500 qemu-system-x86_64 -accel tcg -cpu max -m 768 -display none -monitor none -no-reboot \
    -kernel image/boot/vmlinuz-* -initrd initrd -netdev user,id=net -device virtio-net-pci,netdev=net \
    -append "console=ttyS0 quiet panic=-1 qt_nfs=$port qt_http=$(cat http-port) qt_digest=$digest qt_each=$each qt_name=$name" \
    -serial "file:$name.log" </dev/null >"$name.qemu.log" 2>&1 &
  hosts+=($!)
done
started+=("${hosts[@]}")
for host in "${hosts[@]}"; do
  wait "$host" || fail "a machine did not end by itself"
done

for name in one two; do
  grep -qa ^MOUNTED "$name.log" || fail "host $name did not mount the export"
  grep -qa "^STATUS *$each 0;" "$name.log" || fail "host $name: $(grep -a ^STATUS "$name.log")"
  grep -qa "^PATHS *$each /mnt/download/$digest;" "$name.log" || fail "host $name: $(grep -a ^PATHS "$name.log")"
done
[ "$(cat requests)" = "GET /payload None" ] || fail "not one GET but: $(cat requests)"
cmp payload "export/download/$digest" || fail "what is in the cache is not the payload"
[ -e "export/download/$digest.verified" ] || fail "nothing says that the payload was verified"
[ ! -e "export/download/$digest.partial" ] || fail "a partial download is left"
echo "$((2 * each)) processes on two hosts, one GET: passed"
