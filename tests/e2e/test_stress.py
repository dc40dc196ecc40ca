# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright (C) 2026 The virtio-irq authors
"""Adding, moving and removing vectors never costs another vector an interrupt."""

import pytest
from host import Host
from testdev import Testdev

VECTORS = 32
FIRES = 3125   # on each of them: 100,000 in all

# A separate process that moves the vectors through /proc, as irqbalance would
BALANCER = """
while :; do
	for irq in {irqs}; do
		for cpu in 0 1; do
			echo $cpu > /proc/irq/$irq/smp_affinity_list
		done
	done
	rounds=$((rounds + 1))
	echo $rounds > /tmp/rounds.new
	mv /tmp/rounds.new /tmp/rounds
done
"""


@pytest.mark.parametrize("virq,append", [
    pytest.param({}, "", id="lazy", marks=[pytest.mark.debug_kernel, pytest.mark.port]),
    pytest.param({"lazy": "off"}, "", id="not-lazy"),
    pytest.param({}, "virtio_irq.strict=1", id="strict"),
])
def test_100000_interrupts(boot, devices, virq, append):
    """100,000 interrupts on 32 vectors while others come, go, and all of them move."""
    devices.testdev()
    guest = boot(virq=virq, append=append)
    fires = guest.fewer(FIRES)
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    assert dev.cmd(f"alloc msix {VECTORS} {VECTORS}").ret == VECTORS
    dev.cmd("request-all")
    dev.cmd(f"gap {guest.platform.gap} 0 {VECTORS}")
    irqs = " ".join(str(row["virq"]) for row in dev.vectors().values())
    delivered = host.messages()["delivered"]
    dev.cmd(f"churn {VECTORS} 16 0 3")
    dev.cmd("mover 0 48 0")
    with guest.background(BALANCER.format(irqs=irqs)):
        guest.wait_until(lambda: guest.run("cat /tmp/rounds", check=False).rc == 0,
                         "vectors are moved")
        dev.cmd(f"fire-all {fires} 0 {VECTORS}")
        reply = dev.wait(240000, 0, VECTORS)
        rounds = int(guest.read("/tmp/rounds"))
    mover = dev.cmd("mover-stop")
    churn = dev.cmd("churn-stop", timeout=120)
    assert reply["fired"] == reply["acked"] == reply["handled"] == VECTORS * fires
    assert reply["spurious"] == 0 and reply["abandoned"] == 0
    assert churn["rounds"] > 0 and mover["failed"] == 0 and mover["ops"] > 0 and rounds > 0
    # The host counts the same, for each of the vectors and in all
    vectors = host.vectors(dev.endpoint)
    assert [vectors[index]["delivered"] for index in range(VECTORS)] == [fires] * VECTORS
    assert dev.get("fired-total") == VECTORS * fires + churn["fired"]
    assert host.messages()["delivered"] - delivered == dev.get("fired-total")
    assert host.blocked() == 0
    # What came and went left nothing behind
    guest.wait_until(lambda: set(host.vectors(dev.endpoint)) == set(range(VECTORS)),
                     "the host has the other vectors back", 5)
    print(f"{churn['rounds']} rounds of 16 vectors, {mover['ops']} moves by the driver, "
          f"{rounds * 2 * VECTORS} by /proc")


def test_two_functions(boot, devices):
    """Two functions at the same time: neither notices the other."""
    devices.testdev("one").testdev("two")
    guest = boot()
    both = [Testdev(guest, devices.address(name), name) for name in ("one", "two")]
    for dev in both:
        dev.cmd("alloc msix 16 16")
        dev.cmd("request-all")
        dev.cmd("churn 16 8 0")
        dev.cmd("mover 0 24 0")
    for dev in both:
        dev.cmd("fire-all 1000 0 16")
    for dev in both:
        assert dev.cmd("wait 120000 0 16", timeout=150)["handled"] == 16000
        dev.cmd("mover-stop")
        dev.cmd("churn-stop", timeout=120)
        assert dev.cmd("wait 1000 0 16")["spurious"] == 0
    assert Host(guest).blocked() == 0


@pytest.mark.port("its", "imsic", "q35")
def test_reallocation(boot, devices):
    """Whole lives of 64 vectors, again and again, interrupts in each of them."""
    devices.testdev()
    guest = boot()
    host = Host(guest)
    dev = Testdev(guest, devices.address("testdev"))
    for _ in range(20):
        dev.cmd("clear")
        assert dev.cmd("alloc msix 64 64").ret == 64
        dev.cmd("request-all")
        assert dev.fire_and_wait(5)["handled"] == 320
        dev.cmd("release")
    guest.wait_until(lambda: host.allocated() == 0, "the host has all back", 5)
    assert host.blocked() == 0
