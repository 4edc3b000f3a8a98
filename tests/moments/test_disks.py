"""A disk without room is told from one that is broken."""

import errno

import pytest

from moments.disks import is_full


@pytest.mark.parametrize(("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EIO, False)])
def test_a_disk_is_full_where_it_or_its_user_s_share_has_no_room(number, full):
    assert is_full(OSError(number, "")) is full
