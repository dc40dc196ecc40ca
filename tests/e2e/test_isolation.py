# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""A pair works for the function that it was granted to, and as long as it is granted; and a
function that the host isolates has nothing else."""

import re

import pytest
from host import Host
from testdev import Testdev


def test_pair_of_another_function(boot, devices):
    """A granted pair, used by a function that was not granted it, is dropped and counted."""
    devices.testdev("owner").testdev("thief")
    guest = boot()
    host = Host(guest)
    owner = Testdev(guest, devices.address("owner"), "owner")
    thief = Testdev(guest, devices.address("thief"), "thief")
    owner.cmd("alloc msix 16 16")
    owner.cmd("request-all")
    thief.cmd("alloc msix 1 1")
    thief.cmd("request-all")
    own = {(row["address"], row["data"]) for row in thief.vectors().values()}
    stolen = [(row["address"], row["data"]) for row in owner.vectors().values()
              if (row["address"], row["data"]) not in own]
    assert len(stolen) >= 15
    before = host.blocked(), host.messages()["delivered"]
    for address, data in stolen:
        thief.cmd(f"raw {address:#x} {data:#x} 10")
    assert host.blocked() - before[0] == 10 * len(stolen)
    assert host.messages()["delivered"] == before[1]
    for dev in (owner, thief):
        assert dev.cmd("wait 100")["spurious"] == 0
    # The owner's own messages arrive, of course
    assert owner.fire_and_wait(10)["handled"] == 160


def test_pair_without_any_grant(boot, devices):
    """A function with no vector at all cannot use any pair."""
    devices.testdev("owner").testdev("thief")
    guest = boot()
    host = Host(guest)
    owner = Testdev(guest, devices.address("owner"), "owner")
    thief = Testdev(guest, devices.address("thief"), "thief")
    owner.cmd("alloc msix 4 4")
    owner.cmd("request-all")
    before = host.blocked(), host.messages()["delivered"]
    for row in owner.vectors().values():
        thief.cmd(f"raw {row['address']:#x} {row['data']:#x} 5")
    assert host.blocked() - before[0] == 20
    assert host.messages()["delivered"] == before[1]
    assert owner.cmd("wait 100")["spurious"] == 0


@pytest.mark.parametrize("virq,append", [({"lazy": "on"}, ""), ({"lazy": "off"}, ""),
                                         ({"lazy": "on"}, "virtio_irq.strict=1")],
                         ids=["lazy", "not-lazy", "strict"])
def test_freed_pair(boot, devices, virq, append):
    """A pair that fires right after free_irq() returned is dropped and counted."""
    devices.testdev()
    guest = boot(virq=virq, append=append)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 32 32")
    dev.cmd("request-all")
    dev.fire_and_wait(10)
    before = host.blocked(), host.messages()["delivered"]
    for index in range(16):
        dev.cmd(f"freed-fire {index} 3")
    assert host.blocked() - before[0] == 48
    assert host.messages()["delivered"] == before[1]
    reply = dev.cmd("wait 1000 16 16")
    assert reply["handled"] == 160 and reply["spurious"] == 0
    # Requested again, they work again
    dev.cmd("request-all")
    dev.cmd("fire-all 10")
    assert dev.settle()["handled"] == 2 * 320


@pytest.mark.parametrize("lazy", ["on", "off"])
def test_freed_pair_does_not_hit_new_owner(boot, devices, lazy):
    """The parent reuses a CPU vector at once; the old pair must not reach its new owner."""
    devices.testdev("old").testdev("new")
    guest = boot(virq={"lazy": lazy})
    host = Host(guest)
    old = Testdev(guest, devices.address("old"), "old")
    new = Testdev(guest, devices.address("new"), "new")
    old.cmd("alloc msix 32 32")
    old.cmd("request-all")
    new.cmd("alloc msix 32 32")
    rows = old.vectors()
    before = host.blocked()
    # One process, so that nothing flushes the queue in between but the driver itself
    lines = []
    for index in range(32):
        lines.append(old.shell(f"free {index}"))
        lines.append(new.shell(f"request {index}"))
        lines.append(old.shell(f"raw {rows[index]['address']:#x} {rows[index]['data']:#x} 2"))
    guest.run("{ " + "; ".join(lines[:48]) + "; } >/dev/null")
    guest.run("{ " + "; ".join(lines[48:]) + "; } >/dev/null")
    assert host.blocked() - before == 64
    reply = new.cmd("wait 100")
    assert reply["vectors"] == 32 and reply["spurious"] == 0
    assert new.fire_and_wait(10)["handled"] == 320


def test_released_pair(boot, devices):
    """Nothing of a released function's pairs works either."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request-all")
    pairs = [(row["address"], row["data"]) for row in dev.vectors().values()]
    dev.cmd("release")
    before = host.messages()["delivered"]
    blocked = host.blocked()
    for address, data in pairs:
        dev.cmd(f"raw {address:#x} {data:#x} 3")
    assert host.messages()["delivered"] == before
    assert host.blocked() - blocked == 24


def test_allocated_but_not_requested(boot, devices):
    """A vector that was only allocated delivers nothing, whatever its store holds."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    dev.cmd("alloc msix 8 8")
    dev.cmd("request 0")
    base = host.vectors(dev.endpoint)
    before = host.messages()["delivered"]
    for index in range(1, 8):
        assert not base[index]["armed"]
        dev.cmd(f"raw {base[0]['pair-address']:#x} {base[index]['pair-data']:#x}")
    assert host.messages()["delivered"] == before
    assert dev.cmd("wait 100")["spurious"] == 0


# A guest that hands functions to users: it has an IOMMU for their memory, and none that remaps
# interrupts
VIOMMU = [("intel-iommu", {"intremap": "off"})]
MACHINE = "q35,kernel-irqchip=split"


def give_to_a_user(guest, address):
    """Bind the function to vfio-pci, without any option. Returns its group."""
    path = f"/sys/bus/pci/devices/{address}"
    guest.run("modprobe vfio_iommu_type1; modprobe vfio_pci; "
              f"echo {address} > {path}/driver/unbind; "
              f"echo vfio-pci > {path}/driver_override; "
              f"echo {address} > /sys/bus/pci/drivers_probe")
    unsafe = guest.run("cat /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts").out
    assert unsafe.strip() == "N"
    return guest.run(f"basename $(readlink {path}/iommu_group)").out.strip()


def nmis(guest):
    """Interrupts of the processors that nobody is to cause."""
    lines = guest.run("cat /proc/interrupts").out.splitlines()
    counts = {line.split()[0]: sum(int(word) for word in line.split()[1:] if word.isdigit())
              for line in lines if re.match(r" *(NMI|ERR|MIS|SPU):", line)}
    assert {"NMI:", "ERR:"} <= set(counts)
    return counts


@pytest.mark.stock_only
def test_user_of_an_isolated_function(boot, devices):
    """VFIO gives it to a user, whose own interrupts work; of all other messages that it can send
    none arrives, whatever they are."""
    devices.testdev().testdev("witness")
    guest = boot(machine=MACHINE, buses=VIOMMU, append="intel_iommu=on")
    host = Host(guest)
    address = devices.address("testdev")
    witness = Testdev(guest, devices.address("witness"), "witness")
    witness.cmd("alloc msix 16 16")
    witness.cmd("request-all")
    group = give_to_a_user(guest, address)
    before, quiet = host.messages(), nmis(guest)
    out = guest.run(f"vfio raw {group} {address}", timeout=300).out
    sent = int(re.search(r"^sent (\d+)$", out, re.M)[1])
    assert sent > 10000
    after = host.messages()
    assert after["unknown"] + after["freed"] - before["unknown"] - before["freed"] == sent
    assert all(after[name] == before[name] for name in ("delivered", "pass"))
    assert nmis(guest) == quiet
    assert witness.cmd("wait 100")["spurious"] == 0
    assert witness.fire_and_wait(100)["handled"] == 1600
    out = guest.run(f"vfio fire {group} {address} 1000", timeout=300).out
    assert "fired 1000, came 1000" in out
    assert host.messages()["delivered"] == before["delivered"] + 2600


@pytest.mark.stock_only
@pytest.mark.parametrize("virq", [{"isolation": "off"}, {"scope": "0000:00:1e.0-0000:00:1f.7"}],
                         ids=["not-isolated", "not-served"])
def test_no_user_without_isolation(boot, devices, virq):
    """Nothing is claimed that the host does not vouch for: VFIO refuses."""
    devices.testdev()
    guest = boot(virq=virq, machine=MACHINE, buses=VIOMMU, append="intel_iommu=on")
    address = devices.address("testdev")
    group = give_to_a_user(guest, address)
    out = guest.run(f"vfio fire {group} {address} 1").out
    assert "refused: Operation not permitted" in out
