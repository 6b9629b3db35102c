# SPDX-License-Identifier: Apache-2.0
"""What tests written in Python share: child processes with time limits, users, mounts, calls that Python's os lacks."""
