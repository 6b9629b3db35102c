# SPDX-License-Identifier: Apache-2.0
"""The users that tests act as. They need no entry in /etc/passwd."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    name: str
    uid: int
    gid: int
    groups: tuple = ()  # supplementary


ROOT = User("root", 0, 0)
# 32 supplementary groups, of which the kernel's FUSE requests carry none.
ALICE = User("alice", 65001, 65001, tuple(range(65010, 65042)))
BOB = User("bob", 65002, 65002, (65041,))
USERS = {user.name: user for user in (ROOT, ALICE, BOB)}
SHARED_GROUP = 65041  # Alice and Bob are both in it
ALICES_GROUP = 65010  # Alice is in it, Bob is not


def become(user):
    """Makes this process act as `user`, for good; only root can. Nothing changes for root itself."""
    if user.uid == os.geteuid() == 0:
        return
    os.setgroups(user.groups)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
