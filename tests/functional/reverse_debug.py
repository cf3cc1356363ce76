"""For gdb: steps forwards and backwards through a run that QEMU plays back.

To be given before: the connection to QEMU, and $far, the number of an instruction far from the
first.
"""

import gdb

STEPS = 10


def go(command):
    try:
        gdb.execute(command)
    except gdb.error as error:
        # Having arrived, gdb looks for the caller, which firmware on s390x does not have.
        if 'PC not saved' not in str(error):
            raise


def position():
    """A PC starts in real mode, where an address needs its segment."""
    segment = gdb.parse_and_eval('$cs')
    base = 0 if segment.type.code == gdb.TYPE_CODE_VOID else int(segment) * 16
    return base + int(gdb.parse_and_eval('(unsigned long long) $pc'))


def check(where, number):
    if position() != path[number]:
        raise gdb.GdbError(f'{where}: instruction {number} is at {path[number]:#x}, '
                           f'but the processor at {position():#x}')


gdb.execute('set pagination off')
gdb.execute('maintenance packet qSupported')

path = []
for _ in range(STEPS):
    path.append(position())
    go('stepi')
for number in reversed(range(STEPS)):
    go('reverse-stepi')
    check('stepping back', number)
for number in range(STEPS):
    check('stepping again', number)
    go('stepi')

# It stops there, or before that where an instruction is executed again.
for address in path:
    gdb.execute(f'break *{address:#x}')
gdb.execute(f'monitor replay_break {int(gdb.parse_and_eval("$far"))}')
go('continue')
gdb.execute('monitor info replay')
go('reverse-continue')
check('coming back from afar', STEPS - 1)

gdb.execute('disconnect')
print('every step was where it should be')
