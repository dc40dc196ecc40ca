# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""More than one controller, and a parent that remaps interrupts itself."""

import books
import pytest
from guest import VIRQ, Guest, GuestError, option
from host import Host
from scenario import await_file, move, write_disk
from testdev import Testdev
from traffic import Traffic

CONTROLLER = "0000:00:02.0"
OTHER = "/machine/peripheral/other"


def second(scope=None):
    """QEMU's arguments for another controller."""
    properties = {"id": "other", "addr": "1e"}
    if scope:
        properties["scope"] = scope
    return ["-device", option("virtio-irq-pci", properties)]


def test_two_controllers(boot, devices):
    """Each one serves its part. The other one's own function is in there, and stays as it is: no
    advice is given to bind that again, which would take all that it serves with it."""
    devices.testdev("one").testdev("two", addr="1")
    guest = boot(virq={"scope": "0000:00:03.0-0000:00:1e.7"},
                 args=second("0000:00:01.0-0000:00:02.7"))
    for name, path in (("one", "virq"), ("two", "other")):
        dev = Testdev(guest, devices.address(name), name)
        dev.cmd("alloc msix 4 4")
        dev.cmd("request-all")
        assert dev.fire_and_wait(20)["handled"] == 80
        vectors = guest.get("vectors", f"/machine/peripheral/{path}")
        assert [vector["endpoint"] for vector in vectors] == [dev.endpoint] * 4
    lines = [line for line in guest.dmesg().splitlines() if "has interrupts already" in line]
    assert not lines, "\n".join(lines)


def test_one_of_two_goes(boot, devices):
    """One is reset, loses its driver with all that it serves, and has it again, under fire: nothing
    of that is the other one's business."""
    devices.testdev("one", addr="4").testdev("two", addr="1").virtio_blk(addr="3")
    guest = boot(virq={"scope": "0000:00:04.0-0000:00:1e.7"},
                 args=second("0000:00:01.0-0000:00:03.7"))
    one, two = (Testdev(guest, devices.address(name), name) for name in ("one", "two"))
    for dev in (one, two):
        dev.cmd("alloc msix 8 8")
        dev.cmd("request-all")
        dev.fire_and_wait(10)

    def of_other():
        return {name: guest.get("stats", OTHER)[name]
                for name in ("endpoints", "allocated", "committed", "armed", "requests")}

    before = of_other()
    with Traffic(guest, [("vblk", "/dev/vda")], [two]):
        for _ in range(3):
            one.cmd("gap 200000")
            one.cmd("fire-all 1000000")
            guest.run(f"echo 1 > $(echo /sys/bus/pci/devices/{CONTROLLER}/virtio*/reset)")
            guest.unbind(CONTROLLER)
            assert guest.get("stats")["endpoints"] == 0
            guest.bind("virtio-pci", CONTROLLER)
            guest.run(f"[ -e {one.path} ] || echo {one.address} > "
                      "/sys/bus/pci/drivers/ims-testdev/bind")
            await_file(guest, f"{one.path}/ctl")
            one.cmd("alloc msix 8 8")
            one.cmd("request-all")
            assert one.fire_and_wait(20)["handled"] == 160
            assert all(irq.virtual for irq in guest.interrupts(chip=one.address))
    assert of_other() == before
    books.assert_equal(guest, controllers=(VIRQ, OTHER))
    write_disk(guest, devices, "vblk", "/dev/vda", size=1 << 20)


def test_overlapping_scopes(log_dir):
    """Two that serve the same function are a mistake: QEMU does not start, and says whose."""
    for one, other in ((None, None), (None, "0000:00:05.0"),
                       ("0000:00:03.0-0000:00:06.0", "0000:00:06.0-0000:00:08.0")):
        guest = Guest(log_dir, virq={"scope": one} if one else {}, args=second(other))
        with pytest.raises(GuestError, match="QEMU (has )?ended") as error:
            try:
                guest.start()
            finally:
                guest.stop()
        assert "virq" in str(error.value) and "scope" in str(error.value), (one, other)


@pytest.mark.stock_only
def test_interrupt_remapping(boot, devices):
    """On a parent that remaps interrupts: it delivers what the host routes as the function's, so
    its claim of isolation holds. A move is its own business and costs no request."""
    devices.virtio_blk().testdev()
    guest = boot(machine="q35,kernel-irqchip=split",
                 buses=[("intel-iommu", {"intremap": "on"})])
    assert "Enabled IRQ remapping" in guest.dmesg(), "this guest has no interrupt remapping"
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 4 4")
    dev.cmd("request-all")
    assert dev.fire_and_wait(20)["handled"] == 80
    write_disk(guest, devices, "vblk", "/dev/vda", size=1 << 20)
    served = [irq for irq in guest.interrupts() if irq.virtual]
    for address in (dev.address, devices.address("vblk")):
        assert [irq for irq in served if irq.chip.endswith(address)], served
    told = host.requests("activate")
    irq = dev.virq(0)
    dev.cmd(f"gap {500000 * guest.pace}")
    dev.cmd("fire-all 1000")
    for number in range(40):
        move(guest, irq, number % 2)
    dev.settle()
    assert host.requests("activate") == told
    assert host.blocked() == 0