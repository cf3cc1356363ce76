#!/bin/sh
# What scripts/port-test makes of a planted test, and what it leaves for a person.
# Usage: port_test_test.sh SOURCE_ROOT
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/functional/vax"

# A class of the tree that the test derives from.
cat >"$work/functional/board.py" <<'END'
from qemu_test import QemuSystemTest, exec_command_and_wait_for_pattern

class BoardTest(QemuSystemTest):
    PROMPT = 'board> '

    def start(self, kernel, words=('quiet', 'once')):
        self.vm.set_console(console_index=1)
        self.vm.add_args('-kernel', kernel, '-append', ' '.join(words))
        self.vm.launch()

    def ask(self, question, answer=PROMPT):
        exec_command_and_wait_for_pattern(self, question, answer, 'Oops')
END
cat >"$work/functional/vax/meson.build" <<'END'
test_vax_timeouts = {
  'sample' : 240,
}
END
cat >"$work/functional/vax/test_sample.py" <<'END'
#!/usr/bin/env python3
import os
from board import BoardTest
from qemu_test import Asset, skipFlakyTest, skipIfMissingCommands
from qemu_test import wait_for_console_pattern

class Sample(BoardTest):
    ASSET_KERNEL = Asset('https://example.org/kernel.gz',
        '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef')
    ASSET_ALL = Asset('https://example.org/all.tar',
        'fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210')

    @skipIfMissingCommands('mformat', 'zstd')
    def test_vax_shell(self):
        """The shell answers.

        And more."""
        self.set_machine('vax780')
        self.require_netdev('user')
        disk = self.archive_extract(self.ASSET_ALL, member='images/disk.img')
        self.vm.add_args('-drive', f'file={disk},format=raw')
        self.start(self.uncompress(self.ASSET_KERNEL))
        wait_for_console_pattern(self, 'login:')
        for name in ('cpu', 'disk'):
            self.ask('show ' + name, f'{name} is "there"')
        self.ask('setenv args "${args} one"')
        reply = self.vm.cmd('query-status')
        self.assertEqual(reply['status'], 'running')
        refusal = self.vm.qmp('eject', device='cd0')
        self.assertIn('error', refusal)
        self.assertEqual(refusal['error']['class'], 'DeviceNotFound')
        speed = os.cpu_count()
        self.vm.shutdown()

    @skipFlakyTest('https://example.org/1')
    def test_vax_twice(self):
        self.set_machine('vax780')
        self.start(self.ASSET_KERNEL.fetch(), words=['first'])
        self.vm.kill()
        self.vm.launch()
        self.wait_for_console_pattern('again')
END
cat >"$work/expected" <<'END'
summary = "sample: TODO"
timeout = "240s"

[asset.all]
url    = "https://example.org/all.tar"
sha256 = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

[asset.kernel]
url    = "https://example.org/kernel.gz"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

[file.disk-img]
from     = "all"
member   = "images/disk.img"
writable = true

[file.kernel-file]
from = "kernel"

[test.vax_shell]
summary  = "The shell answers."
requires = { commands = ["mformat"], netdev = ["user"] }
machine  = "vax780"
console  = 1
args     = ["-drive", "file=${file.disk-img},format=raw", "-kernel", "${file.kernel-file}", "-append", "quiet once"]
steps    = [
  { wait = "login:" },
  { line = "show cpu", wait = 'cpu is "there"', fail = ["Oops"] },
  { line = "show disk", wait = 'disk is "there"', fail = ["Oops"] },
  { line = 'setenv args "$${args} one"', wait = "board> ", fail = ["Oops"] },
  { qmp = "query-status", at = "/status", equals = "running" },
  { qmp = "eject", arguments = { device = "cd0" }, error = "DeviceNotFound" },
  # TODO: 32: speed = os.cpu_count()
]

[test.vax_twice]
summary  = "vax twice"
requires = { flaky = "https://example.org/1" }

[[test.vax_twice.phase]]
machine = "vax780"
console = 1
args    = ["-kernel", "${asset.kernel}", "-append", "first"]
steps   = [
  { kill = true },
]

[[test.vax_twice.phase]]
machine = "vax780"
console = 1
args    = ["-kernel", "${asset.kernel}", "-append", "first"]
steps   = [
  { wait = "again" },
]
END
"$1/scripts/port-test" "$work/functional/vax/test_sample.py" >"$work/found" 2>"$work/said"
diff "$work/expected" "$work/found"
diff - "$work/said" <<'END'
vax/sample:test_vax_shell: 1 TODO
vax/sample:test_vax_twice: complete
END

# The same into a folder; a file that is no Python is an error, and the others are written.
echo 'class {' >"$work/functional/vax/test_broken.py"
! "$1/scripts/port-test" --output "$work/out" "$work"/functional/vax/test_*.py 2>"$work/said" || exit 1
diff "$work/expected" "$work/out/vax/sample.toml"
grep -q 'port-test: error: .*test_broken.py' "$work/said"
