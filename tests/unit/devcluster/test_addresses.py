"""Pods get loopback addresses that no other pod of this machine has."""

from pathlib import Path

import pytest

from devcluster.node.addresses import Addresses, claim_network


def test_addresses_are_loopback_and_unique() -> None:
    addresses = Addresses(7)
    taken = [addresses.take() for _ in range(1000)]
    assert taken[0] == "127.7.0.1"
    assert len(set(taken)) == 1000
    assert all(address.startswith("127.7.") for address in taken)


def test_a_freed_address_comes_back_only_when_all_others_were_used() -> None:
    addresses = Addresses(7)
    first = addresses.take()
    addresses.free(first)
    others = [addresses.take() for _ in range(65_533)]  # all hosts of a /16 but the first
    assert first not in others
    assert addresses.take() == first


def test_when_all_are_in_use_there_is_none_to_take() -> None:
    addresses = Addresses(7)
    for _ in range(65_534):
        addresses.take()
    with pytest.raises(LookupError, match="in use"):
        addresses.take()


def test_two_nodes_never_share_a_network(tmp_path: Path) -> None:
    claims = [claim_network(tmp_path) for _ in range(254)]
    assert {network for network, _ in claims} == set(range(1, 255))
    with pytest.raises(LookupError, match="claimed"):
        claim_network(tmp_path)
    for _, lock in claims:
        lock.close()
    network, lock = claim_network(tmp_path)
    lock.close()
    assert network in range(1, 255)
