# SPDX-License-Identifier: Apache-2.0
"""The cases, a file for each part of the interface."""
