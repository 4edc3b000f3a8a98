"""What a disk says."""

import errno


def is_full(error: OSError) -> bool:
    """Tell whether a disk refused for want of room: there is none, or its user has no more of it."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}
