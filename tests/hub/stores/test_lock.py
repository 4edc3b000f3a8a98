"""One hub an SQLite file, whatever name it is called by."""

import pytest

from hub.stores.lock import only_one
from moments.errors import UserError


def test_a_link_to_the_file_of_another_hub_is_refused_until_that_one_ends(tmp_path):
    file, link = tmp_path / "hub.db", tmp_path / "link.db"
    link.symlink_to(file.name)
    with only_one(file), pytest.raises(UserError, match="another hub runs"), only_one(link):
        pass
    with only_one(link), pytest.raises(UserError, match="another hub runs"), only_one(file):
        pass
