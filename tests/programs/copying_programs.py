# SPDX-License-Identifier: Apache-2.0
"""Programs that copy and compare trees: rsync, tar, cp, mv, find, du; and fio, which verifies what it wrote."""

from place import ProgramTest

# A tree with something of everything: sizes, holes, links, times, modes, owners, names.
MAKE_TREE = r"""
mkdir -p "$1/deep/er/est" "$1/empty" "$1/ümläut näme"
cd "$1"
for n in $(seq 60); do head -c $((n * 777)) /dev/urandom > "deep/file-$n"; done
head -c 5300000 /dev/urandom > big; : > nothing; printf 'x' > "ümläut näme/a b  c"
truncate -s 9M sparse; printf 'end' | dd of=sparse bs=1 seek=9000000 conv=notrunc status=none
ln deep/file-1 deep/er/hard; ln -s ../file-2 deep/er/soft; ln -s nowhere dangling
chmod 600 deep/file-3; chmod 4755 deep/file-4; chmod 1777 empty
if [ "$(id -u)" = 0 ]; then chown 1234:5678 deep/file-6; fi
find . -depth -print0 | xargs -0 touch -h -d '2021-02-03 04:05:06.789012345'
touch -d '2001-02-03 04:05:06.789012345' deep/file-5; touch -h -d '1999-09-09 09:09:09' deep/er/soft
"""
LIST = "find . -printf '%P|%y|%m|%U:%G|%n|%l|%T@\\n' | sort"
# The time of a directory moves with what is taken out of it and put into it.
LIST_MOVED = "find . -printf '%P|%y|%m|%U:%G|%n|%l|' -type d -printf '\\n' -o -printf '%P||||||%T@\\n' | sort"
LIST_SIZES = "find . -type f -printf '%P|%s\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum"


class Trees(ProgramTest):
    def make(self):
        self.sh(f"make_tree() {{ {MAKE_TREE}\n}}; make_tree \"$native/tree\"")

    def assert_same(self, one, other, names=LIST):
        for what, listing in (("names, modes, owners, links and times", names), ("sizes and bytes", LIST_SIZES)):
            first, second = (self.sh(f'cd "{where}"; {listing}') for where in (one, other))
            if first != second:
                differing = sorted(set(first.splitlines()) ^ set(second.splitlines()))
                self.fail(f"{what} of {one} and {other} differ:\n" + "\n".join(differing[:12]))


class Rsync(Trees):
    needs = ("rsync",)

    def test_rsync_copies_a_tree_and_finds_nothing_to_do_the_second_time(self):
        self.make()
        self.sh('rsync -aH --sparse "$native/tree/" copy/')
        self.assert_same(f"{self.native}/tree", f"{self.here}/copy")
        self.assertEqual(self.sh('rsync -aHi --sparse "$native/tree/" copy/'), "")
        self.assertEqual(self.sh('rsync -aHic --dry-run "$native/tree/" copy/'), "")
        self.sh('rm copy/deep/file-7; echo more >> copy/deep/file-8; rsync -aH --delete "$native/tree/" copy/; rsync -aH copy/ "$native/back/"')
        self.assert_same(f"{self.native}/tree", f"{self.native}/back")


class Tar(Trees):
    needs = ("tar",)

    def test_tar_packs_unpacks_and_compares(self):
        self.make()
        self.sh('tar -C "$native/tree" --format=posix --sparse -cf there.tar . && mkdir unpacked && tar -C unpacked --same-owner -xpf there.tar')
        self.assert_same(f"{self.native}/tree", f"{self.here}/unpacked")
        self.sh("tar -C unpacked --compare -f there.tar")
        self.sh('tar -C unpacked --format=posix --sparse -czf "$native/back.tgz" . && mkdir "$native/back" && tar -C "$native/back" -xpzf "$native/back.tgz"')
        self.assert_same(f"{self.native}/tree", f"{self.native}/back")


class Coreutils(Trees):
    def test_cp_mv_find_and_du_agree_about_a_tree(self):
        self.make()
        self.sh('cp -a "$native/tree" one && cp -a one two')
        self.assert_same(f"{self.native}/tree", f"{self.here}/two")
        self.sh("mkdir moved && mv two moved/three && mv moved/three/deep moved/deep && mv moved/deep moved/three/")
        self.assert_same(f"{self.native}/tree", f"{self.here}/moved/three", LIST_MOVED)
        apparent = [self.sh(f'cd "{where}"; find . -type f -printf "%s %i\\n" | sort -u | awk "{{ sum += \\$1 }} END {{ print sum }}"').strip()
                    for where in (f"{self.native}/tree", "one", "moved/three")]
        self.assertEqual(len(set(apparent)), 1, apparent)
        used = int(self.sh("du -s --block-size=1 one").split()[0])
        self.assertGreater(used, 5_300_000)
        self.sh('mv one "$native/out" && test ! -e one')
        self.assert_same(f"{self.native}/tree", f"{self.native}/out")
        self.sh("rm -rf moved && test -z \"$(ls -A)\"")


class Fio(ProgramTest):
    needs = ("fio",)
    limit_s = 90

    def fio(self, *options):
        self.run_program("fio", "--name=job", f"--directory={self.here}", "--group_reporting", "--verify=crc32c", "--verify_fatal=1",
                         "--do_verify=1", "--randrepeat=0", "--fallocate=none", "--output-format=terse", *options)

    def test_fio_verifies_random_writes_by_pwrite(self):
        for size in ("4k", "64k", "1M"):
            self.fio("--rw=randwrite", f"--bs={size}", "--ioengine=psync", "--size=12M", "--numjobs=3", f"--filename_format=p{size}.$jobnum",
                     "--io_size=" + {"4k": "3M", "64k": "12M", "1M": "12M"}[size])

    def test_fio_verifies_random_writes_through_a_mapping(self):
        for size in ("4k", "64k", "1M"):
            self.fio("--rw=randwrite", f"--bs={size}", "--ioengine=mmap", "--size=12M", "--numjobs=2", f"--filename_format=m{size}.$jobnum",
                     "--io_size=" + {"4k": "3M", "64k": "12M", "1M": "12M"}[size])

    def test_fio_verifies_a_mix_of_reads_and_writes_with_fsync(self):
        self.fio("--rw=randrw", "--bsrange=4k-256k", "--blockalign=4k", "--ioengine=psync", "--size=12M", "--numjobs=3", "--fsync=16")
