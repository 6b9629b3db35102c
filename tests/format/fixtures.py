# SPDX-License-Identifier: Apache-2.0
"""Copies of the fixture volumes (fixtures/README.md) to work on."""

import json
import shutil
import sqlite3
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE / "fixtures"
WHOLE = ("plain", "trash", "quota", "acl", "hashprefix-1m", "shards")  # SQLite, with objects
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]


class Fixture:
    """A copy of a fixture below `folder`: its bucket unpacked, its setting pointing there."""

    def __init__(self, name, folder):
        self.name, self.source, self.folder = name, FIXTURES / name, Path(folder) / name
        self.folder.mkdir(parents=True)
        objects = self.source / "objects.tar.gz"
        if objects.exists():
            with tarfile.open(objects) as archive:
                archive.extractall(self.folder)
        self.bucket = f"{self.folder}/objects/" + ("bucket%d/" if name == "shards" else "")
        if (self.source / "meta.db").exists():
            self.meta = self.folder / "meta.db"
            shutil.copyfile(self.source / "meta.db", self.meta)
            set_bucket(self.meta, self.bucket)
            self.url = f"sqlite3://{self.meta}"
        else:
            self.meta = self.folder / "keys.json"
            self.meta.write_text(_keys_with_bucket(self.source / "keys.json", self.bucket), encoding="utf-8")
            self.url = f"redis-dump://{self.meta}"

    @property
    def manifest(self):
        return json.loads((self.source / "manifest.json").read_text(encoding="utf-8"))


def document_with(document, bucket):
    """The setting's text with another bucket, in the client's own form: a member a line, no indent."""
    setting = json.loads(document)
    setting["Bucket"] = bucket
    return json.dumps(setting, indent=0, ensure_ascii=False)


def set_bucket(meta, bucket):
    connection = sqlite3.connect(meta)
    (document,) = connection.execute("select value from jfs_setting").fetchone()
    with connection:
        connection.execute("update jfs_setting set value = ?", (document_with(document, bucket),))
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()


def _keys_with_bucket(path, bucket):
    keys = json.loads(path.read_text(encoding="utf-8"))
    document = bytes.fromhex(keys["setting"]["value"]).decode()
    keys["setting"]["value"] = document_with(document, bucket).encode().hex()
    return json.dumps(keys)
